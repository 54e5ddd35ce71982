"""Sending the rollout's events to an EventBridge bus."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rollout.adapters.faults import translated
from rollout.core.target import Json
from rollout.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

SOURCE = "rollout.pilot"
DETAIL_TYPE = "Rollout State Changed"
MOST_ENTRIES = 10


class EventBridgeNotifier:
    """Implements `Notifier`."""

    def __init__(self, client: EventBridgeClient, bus: str) -> None:
        self._client = client
        self._bus = bus

    def publish(self, events: Sequence[Json]) -> None:
        """Ten events a call. Raises: NotAllowed, Unavailable."""
        for start in range(0, len(events), MOST_ENTRIES):
            with translated("PutEvents"):
                answer = self._client.put_events(
                    Entries=[
                        {
                            "EventBusName": self._bus,
                            "Source": SOURCE,
                            "DetailType": DETAIL_TYPE,
                            "Detail": json.dumps(event),
                            "Resources": [event["execution"]],
                        }
                        for event in events[start : start + MOST_ENTRIES]
                    ]
                )
            if answer["FailedEntryCount"]:
                codes = {entry.get("ErrorCode", "") for entry in answer["Entries"]} - {""}
                raise Unavailable(f"PutEvents: {answer['FailedEntryCount']} events failed: {', '.join(codes)}")
