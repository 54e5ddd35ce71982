"""Find in the logs why the candidate failed, so that the last message can say it."""

from rollout.core.target import Json
from rollout.ports import Ports
from rollout.task_handler import task
from rollout.tasks.explain import explain
from rollout.tasks.task_result import TaskResult


@task
def handler(ports: Ports, event: Json) -> TaskResult:
    """Event: `rolloutId`."""
    return explain(ports, event["rolloutId"])
