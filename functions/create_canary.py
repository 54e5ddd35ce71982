"""Give the candidate its first share of the traffic."""

from rollout.core.target import Json
from rollout.ports import Ports
from rollout.task_handler import task
from rollout.tasks.create_canary import create_canary
from rollout.tasks.task_result import TaskResult


@task
def handler(ports: Ports, event: Json) -> TaskResult:
    """Event: `rolloutId`."""
    return create_canary(ports, event["rolloutId"])
