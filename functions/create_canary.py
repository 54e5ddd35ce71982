"""Give the candidate its first share of the traffic."""

from rollout.core.target import Json
from rollout.entry import task
from rollout.ports import Ports
from rollout.tasks.create_canary import create_canary
from rollout.tasks.next import Next


@task
def handler(ports: Ports, event: Json) -> Next:
    """Event: `rolloutId`."""
    return create_canary(ports, event["rolloutId"])
