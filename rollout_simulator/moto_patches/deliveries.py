"""Delivers a message to a target by its ARN, as AWS services do among themselves: without a client or permissions."""

from __future__ import annotations

import json
from typing import Any

from moto.awslambda.utils import get_backend as lambda_backend
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends


class UndeliverableError(Exception):
    """There is no such target, or it is not of a kind that is known here."""


def send(arn: str, body: str, attributes: dict[str, str] | None = None) -> None:
    """Send `body` to a queue, a topic or, asynchronously, a function.

    Raises:
        UndeliverableError: the target does not exist or cannot be sent to.
    """
    _, _, service, region, account, resource = arn.split(":", 5)
    unknown = False
    try:
        match service:
            case "sqs":
                given = {
                    name: {"data_type": "String", "string_value": value, "DataType": "String", "StringValue": value}
                    for name, value in (attributes or {}).items()
                }
                sqs_backends[account][region].send_message(resource, body, message_attributes=given)
            case "sns":
                sns_backends[account][region].publish(body, arn=arn)
            case "lambda":
                invoke_later(arn, body)
            case _:
                unknown = True
    except Exception as error:
        raise UndeliverableError(f"cannot deliver to {arn}: {error}") from error
    if unknown:
        raise UndeliverableError(f"cannot deliver to {arn}: unknown kind of target")


def invoke_later(arn: str, body: str) -> None:
    """Put an asynchronous invocation of a function into its queue."""
    _, _, _, region, account, _, name, *qualifier = arn.split(":")
    headers = {"x-amz-invocation-type": "Event"}
    response: dict[str, Any] = {}
    lambda_backend(account, region).invoke(name, next(iter(qualifier), None), body, headers, response)


def as_json(value: Any) -> str:
    """JSON without spaces, as services send it."""
    return json.dumps(value, separators=(",", ":"))
