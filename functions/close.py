"""Record how the rollout ended and release its target."""

from rollout.core.target import Json
from rollout.ports import Ports
from rollout.request.delivered import delivered
from rollout.task_handler import task
from rollout.tasks.close import close
from rollout.tasks.task_result import TaskResult


@task
def handler(ports: Ports, event: Json) -> TaskResult:
    """Event: `rolloutId`; `request`, `execution` and `failure` for one that could not even be prepared; `lastTry`."""
    return close(
        ports,
        event["rolloutId"],
        request=delivered(event.get("request")).document,
        execution=event.get("execution", ""),
        failure=event.get("failure", ""),
        last_try=event.get("lastTry", False),
    )
