"""Tell the rollouts that watch an alarm that it fires, and wake them."""

from datetime import datetime

from aws_lambda_powertools.utilities.typing import LambdaContext

from rollout.core.alarm_names import names_of
from rollout.core.target import Json
from rollout.logs import log_about
from rollout.tasks.on_alarm import AlarmEvent, on_alarm
from rollout.wiring import controller_arn, ports


def handler(event: Json, _context: LambdaContext) -> Json:
    """Event: a `CloudWatch Alarm State Change` as EventBridge delivers it, perhaps from another account or region."""
    detail = event["detail"]
    alarm = AlarmEvent(
        names=names_of(event["resources"][0], controller_arn()),
        state=detail["state"]["value"],
        previous_state=detail.get("previousState", {}).get("value", ""),
        at=datetime.fromisoformat(detail["state"]["timestamp"]),
        reason=detail["state"].get("reason", ""),
    )
    signalled = list(on_alarm(ports(), alarm))
    for rollout_id in signalled:
        log_about(ports(), rollout_id, "alarm", alarm=detail["alarmName"], reason=alarm.reason)
    return {"signalled": signalled}
