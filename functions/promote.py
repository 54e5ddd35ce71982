"""Make the canary the base."""

from rollout.core.target import Json
from rollout.ports import Ports
from rollout.task_handler import task
from rollout.tasks.promote import promote
from rollout.tasks.task_result import TaskResult


@task
def handler(ports: Ports, event: Json) -> TaskResult:
    """Event: `rolloutId`."""
    return promote(ports, event["rolloutId"])
