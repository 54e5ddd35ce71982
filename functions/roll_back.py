"""Give all traffic back to the base, as it was found."""

from rollout.core.target import Json
from rollout.ports import Ports
from rollout.task_handler import task
from rollout.tasks.roll_back import roll_back
from rollout.tasks.task_result import TaskResult


@task
def handler(ports: Ports, event: Json) -> TaskResult:
    """Event: `rolloutId`, and `failure` ("" or which task failed, and how)."""
    return roll_back(ports, event["rolloutId"], event["failure"])
