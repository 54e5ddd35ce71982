"""Events in memory: what would have been sent."""

from __future__ import annotations

from collections.abc import Sequence

from rollout.core.target import Json
from rollout_simulator.fakes.trouble import Troubled


class FakeNotifier(Troubled):
    """Implements `Notifier`. `published` has every event sent, in order, however often."""

    def __init__(self) -> None:
        super().__init__()
        self.published: list[Json] = []

    def publish(self, events: Sequence[Json]) -> None:
        """Keep the events.

        Raises: the `trouble`, such as Unavailable.
        """
        self._called()
        self.published.extend(events)

    @property
    def told(self) -> dict[str, Json]:
        """What a listener knows who drops repeated events: the last of each `eventId`, in order of their first."""
        return {event["eventId"]: event for event in self.published}
