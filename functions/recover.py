"""Finish what a dead execution left behind; by schedule, look for such executions."""

from aws_lambda_powertools.utilities.typing import LambdaContext

from rollout.core.target import Json
from rollout.task_handler import log_recovery
from rollout.tasks.recover import recover, recover_all, rollout_of
from rollout.wiring import ports


def handler(event: Json, _context: LambdaContext) -> Json:
    """Event: a `Step Functions Execution Status Change`, or a schedule's."""
    execution = event.get("detail", {})
    if "executionArn" in execution:
        rollout_id = rollout_of(execution["name"], execution.get("input"))
        recovered = [rollout_id] if recover(ports(), rollout_id) else []
    else:
        recovered = list(recover_all(ports()))
    for rollout_id in recovered:
        log_recovery(ports(), rollout_id)
    return {"recovered": recovered}
