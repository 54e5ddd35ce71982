"""Answer with the orders; every log line says which version answered, and whether as the canary."""

import json
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="orders")


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Event: an API Gateway proxy request."""
    logger.append_keys(version=context.function_version, canary=answers_as_canary(event))
    orders = [{"id": "1001", "items": 2}]
    logger.info("orders", extra={"count": len(orders)})
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(orders)}


def answers_as_canary(event: dict[str, Any]) -> bool | None:
    """Whether API Gateway chose the canary for this request; None when it does not say.

    Where the request's context has no `isCanaryRequest`, `version` tells the canary's lines from the base's.
    """
    said = event.get("requestContext", {}).get("isCanaryRequest")
    return None if said is None else str(said).lower() == "true"
