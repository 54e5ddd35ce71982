"""Decide what the rollout does next."""

from rollout.core.target import Json
from rollout.ports import Ports
from rollout.task_handler import task
from rollout.tasks.analyze import analyze
from rollout.tasks.task_result import TaskResult


@task
def handler(ports: Ports, event: Json) -> TaskResult:
    """Event: `rolloutId`, `execution`."""
    return analyze(ports, event["rolloutId"], event.get("execution", ""))
