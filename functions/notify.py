"""Tell people what has become of a rollout, once."""

from aws_lambda_powertools.utilities.typing import LambdaContext

from rollout.core.notification import notification
from rollout.core.target import Json
from rollout.logs import about_event, logger
from rollout.wiring import messenger, place


def handler(event: Json, context: LambdaContext) -> Json:
    """Event: a `Rollout State Changed` as EventBridge delivers it."""
    told = notification(event["detail"], place())
    messenger().send(told, context)
    logger.info("notified", extra={**about_event(event["detail"]), "event_id": told.event_id})
    return {"eventId": told.event_id}
