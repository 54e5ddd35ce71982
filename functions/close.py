"""Record how the rollout ended and release its target."""

from rollout.core.target import Json
from rollout.entry import task
from rollout.ports import Ports
from rollout.tasks.close import close
from rollout.tasks.next import Next


@task
def handler(ports: Ports, event: Json) -> Next:
    """Event: `rolloutId`."""
    return close(ports, event["rolloutId"])
