"""A clock that moves only when a test moves it."""

from __future__ import annotations

from datetime import datetime, timedelta


class FakeClock:
    """Implements `Clock`."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        """The moment it was last moved to."""
        return self._now

    def pass_time(self, *, minutes: float = 0, seconds: float = 0) -> None:
        """Move the clock forward."""
        self._now += timedelta(minutes=minutes, seconds=seconds)
