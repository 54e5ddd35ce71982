"""Understand the request, see that the rollout can be done, and take the target's lock."""

from datetime import datetime

from rollout.core.target import Json
from rollout.ports import Ports
from rollout.task_handler import task
from rollout.tasks.prepare import prepare
from rollout.tasks.task_result import TaskResult


@task
def handler(ports: Ports, event: Json) -> TaskResult:
    """Event: `request` (the JSON of a request), `rolloutId`, `execution` (its ARN), `startedAt` (ISO 8601)."""
    started_at = datetime.fromisoformat(event["startedAt"])
    return prepare(ports, event["request"], event["rolloutId"], event["execution"], started_at)
