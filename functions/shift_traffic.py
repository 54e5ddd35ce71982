"""Raise the canary's weight to the next step's."""

from rollout.core.target import Json
from rollout.entry import task
from rollout.ports import Ports
from rollout.tasks.next import Next
from rollout.tasks.shift_traffic import shift_traffic


@task
def handler(ports: Ports, event: Json) -> Next:
    """Event: `rolloutId`."""
    return shift_traffic(ports, event["rolloutId"])
