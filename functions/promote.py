"""Make the canary the base."""

from rollout.core.target import Json
from rollout.entry import task
from rollout.ports import Ports
from rollout.tasks.next import Next
from rollout.tasks.promote import promote


@task
def handler(ports: Ports, event: Json) -> Next:
    """Event: `rolloutId`."""
    return promote(ports, event["rolloutId"])
