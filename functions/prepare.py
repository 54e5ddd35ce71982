"""Understand the request, see that the rollout can be done, and take the target's lock."""

from datetime import datetime

from rollout.core.target import Json
from rollout.ports import Ports
from rollout.request.delivered import delivered
from rollout.task_handler import task
from rollout.tasks.prepare import prepare
from rollout.tasks.task_result import TaskResult


@task
def handler(ports: Ports, event: Json) -> TaskResult:
    """Event: `request` (the JSON of a request, or an event with one as its detail), `rolloutId`, `execution` (its ARN),
    `startedAt` (ISO 8601).
    """
    asked = delivered(event["request"])
    started_at = datetime.fromisoformat(event["startedAt"])
    return prepare(ports, asked.document, event["rolloutId"], event["execution"], started_at, by_event=asked.by_event)
