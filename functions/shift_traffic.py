"""Raise the canary's weight to the next step's."""

from rollout.core.target import Json
from rollout.ports import Ports
from rollout.task_handler import task
from rollout.tasks.shift_traffic import shift_traffic
from rollout.tasks.task_result import TaskResult


@task
def handler(ports: Ports, event: Json) -> TaskResult:
    """Event: `rolloutId`."""
    return shift_traffic(ports, event["rolloutId"])
