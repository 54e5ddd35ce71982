"""What was published to SNS topics, and when.

moto keeps a topic's notifications without their time and publisher; here each one is kept with both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moto.sns.models import SNSBackend

from rollout_simulator.moto_patches.invocations import handled_event, invocation
from rollout_simulator.moto_patches.patching import replacements

_BACKEND = replacements(SNSBackend, publish="keeps a notification without its time and its publisher")


@dataclass(frozen=True, slots=True)
class Publication:
    """One message to a topic. `event` is what the function that published it was invoked with, if one did."""

    at: datetime
    topic_arn: str
    subject: str
    text: str
    caller: str
    event: Mapping[str, Any] | None


@contextmanager
def patched() -> Iterator[list[Publication]]:
    """Keep what is published for as long as this is open; yields the list, oldest first."""
    published: list[Publication] = []
    publish_in_moto: Any = SNSBackend.publish

    def publish(
        backend: Any, message: str, arn: str | None, phone_number: Any = None, subject: Any = None, **others: Any
    ) -> str:
        answer: str = publish_in_moto(backend, message, arn, phone_number, subject, **others)
        if arn is not None:
            event = handled_event.get()
            published.append(Publication(datetime.now(UTC), arn, subject or "", message, invocation.get(), event))
        return answer

    with _BACKEND(publish=publish):
        yield published
