"""Sending messages to an SNS topic, one for each event."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.typing import LambdaContext

from rollout.adapters.faults import translated
from rollout.core.notification import Notification

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sns import SNSClient

KEY = "NOTIFIED"
SECONDS_REMEMBERED = 24 * 60 * 60
"""EventBridge and Lambda deliver again within hours; after a day an event id is forgotten."""
FORMATS = ("text", "chat")


class SnsMessenger:
    """Publishes notifications, and remembers in the rollouts' table which ones.

    With the format `chat` e-mail still gets the text; every other subscriber gets a custom notification of Amazon Q
    Developer in chat applications.
    """

    def __init__(self, sns: SNSClient, topic: str, message_format: str, dynamodb: DynamoDBClient, table: str) -> None:
        if message_format not in FORMATS:
            raise ValueError(f"format {message_format!r}: must be one of {', '.join(FORMATS)}")
        self._sns = sns
        self._topic = topic
        self._format = message_format
        self._once = IdempotencyConfig(expires_after_seconds=SECONDS_REMEMBERED, hash_function="sha256")
        self._publish_once = idempotent_function(
            self._publish,
            data_keyword_argument="event_id",
            persistence_store=DynamoDBPersistenceLayer(
                table, "pk", static_pk_value=KEY, sort_key_attr="sk", expiry_attr="expiresAt", boto3_client=dynamodb
            ),
            config=self._once,
            key_prefix="notify",
        )

    def send(self, notification: Notification, context: LambdaContext) -> None:
        """Publish it, unless it has been published before.

        Raises: Unavailable, NotAllowed; it may then be sent again.
        """
        self._once.register_lambda_context(context)
        self._publish_once(event_id=notification.event_id, notification=notification)

    def _publish(self, *, event_id: str, notification: Notification) -> str:  # noqa: ARG002
        topic, subject, text = self._topic, notification.subject, notification.text
        by_protocol = json.dumps({"default": json.dumps(notification.chat), "email": text})
        with translated("Publish"):
            if self._format == "text":
                answer = self._sns.publish(TopicArn=topic, Subject=subject, Message=text)
            else:
                answer = self._sns.publish(
                    TopicArn=topic, Subject=subject, Message=by_protocol, MessageStructure="json"
                )
        return answer["MessageId"]
