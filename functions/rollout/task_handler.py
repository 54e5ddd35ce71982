"""What every task's Lambda handler has in common: the ports, structured log lines, metrics, and the answer as JSON."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.typing import LambdaContext

from rollout.adapters.throttling import repeated_by_the_workflow
from rollout.core.controller_metrics import MetricPoint, metric_points, never_begun
from rollout.core.decision import Decision
from rollout.core.target import Json
from rollout.logs import about, as_it_stands, logger
from rollout.telemetry import emit
from rollout.wiring import ports

if TYPE_CHECKING:
    from rollout.ports import Ports
    from rollout.tasks.task_result import TaskResult

Handler = Callable[[Json, LambdaContext], Json]


def task(call: Callable[[Ports, Json], TaskResult]) -> Handler:
    """A Lambda handler that makes this one call and answers the workflow with what comes next."""

    @wraps(call)
    def handler(event: Json, context: LambdaContext) -> Json:
        at = ports()
        try:
            with repeated_by_the_workflow():
                answer = call(at, event)
        except Exception:
            known = about(event["rolloutId"], as_it_stands(at, event["rolloutId"]))
            logger.exception("failed", extra={**known, "task": context.function_name})
            raise
        logger.info(
            "decided",
            extra={
                **about(answer.rollout_id, answer.rollout),
                "task": context.function_name,
                "decision": answer.decision.value,
                "reason": answer.reason,
            },
        )
        if answer.rollout is not None:
            emit(at.controllers.own.name, metric_points(answer.rollout, answer.decision, at.clock.now()))
        elif answer.outcome:
            emit(at.controllers.own.name, never_begun(answer.outcome))
        return answer.to_document()

    return handler


def log_recovery(at: Ports, rollout_id: str) -> None:
    """A recovery is logged and counted, and so is the end that it brought about."""
    rollout = as_it_stands(at, rollout_id)
    logger.info("recovered", extra=about(rollout_id, rollout))
    ended = metric_points(rollout, Decision.CLOSE, at.clock.now()) if rollout else ()
    emit(at.controllers.own.name, [MetricPoint("Recoveries", 1), *ended])
