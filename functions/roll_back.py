"""Give all traffic back to the base, as it was found."""

from rollout.core.target import Json
from rollout.entry import task
from rollout.ports import Ports
from rollout.tasks.next import Next
from rollout.tasks.roll_back import roll_back


@task
def handler(ports: Ports, event: Json) -> Next:
    """Event: `rolloutId`, and `failure` ("" or which task failed, and how)."""
    return roll_back(ports, event["rolloutId"], event["failure"])
