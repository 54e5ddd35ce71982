"""What every task's Lambda handler has in common: the ports, one structured log line, and the answer as JSON."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from aws_lambda_powertools.utilities.typing import LambdaContext

from rollout.core.decision import Decision
from rollout.core.target import Json
from rollout.ports import Ports
from rollout.tasks.next import Next
from rollout.telemetry import count, logger
from rollout.wiring import ports

Handler = Callable[[Json, LambdaContext], Json]

_COUNTED = {Decision.ROLL_BACK: "RollbacksDecided", Decision.HOLD: "RolloutsHeld"}
"""Decisions that are metrics of the controller; an alarm watches how often somebody is waited for."""


def task(call: Callable[[Ports, Json], Next]) -> Handler:
    """A Lambda handler that makes this one call and answers the workflow with what comes next."""

    @wraps(call)
    def handler(event: Json, context: LambdaContext) -> Json:
        answer = call(ports(), event)
        logger.info(
            "decided",
            extra={
                "rollout_id": answer.rollout_id,
                "task": context.function_name,
                "decision": answer.decision.value,
                "reason": answer.reason,
            },
        )
        if answer.outcome:
            count("RolloutsEnded", outcome=answer.outcome)
        elif answer.decision in _COUNTED:
            count(_COUNTED[answer.decision])
        return answer.to_document()

    return handler
