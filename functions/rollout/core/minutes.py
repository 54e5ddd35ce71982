"""Which minutes may be counted.

Law: every minute is counted exactly once, only when it is closed and past the metric lag, and never across a
weight change. A minute is named by its number since the epoch; CloudWatch publishes one point per minute.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil

MINUTE_SECONDS = 60
MOST_LAG_MINUTES = 30
"""However late the points come."""


def minute_of(moment: datetime) -> int:
    """The number of the minute that holds this moment."""
    return int(moment.timestamp()) // MINUTE_SECONDS


def start_of(minute: int) -> datetime:
    """When this minute begins."""
    return datetime.fromtimestamp(minute * MINUTE_SECONDS, UTC)


def utc(moment: datetime) -> str:
    """The moment to the minute, as every sentence has it: `2026-03-02 12:05 UTC`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def minutes_more(seconds: float) -> int:
    """How many minutes more than others the points of a minute need, whose invocations take so long.

    Lambda stamps a point with the start of an invocation, and it is there from its end on (documented). What takes up
    to half a minute is within the lag of the others.
    """
    return ceil(seconds / MINUTE_SECONDS) if seconds > MINUTE_SECONDS / 2 else 0


@dataclass(frozen=True, slots=True)
class Calendar:
    """How long data takes to be trusted.

    lag_minutes: how late CloudWatch publishes. grace_minutes: how much longer a minute in which an arm is silent
    is waited for. outage_minutes: how much longer a minute that could not be read at all is waited for.
    settle_seconds: how long a weight change takes to reach every request.
    """

    lag_minutes: int = 3
    grace_minutes: int = 2
    outage_minutes: int = 15
    settle_seconds: int = 30

    def first_countable(self, changed_at: datetime) -> int:
        """The first minute that lies wholly under the weight set at `changed_at`."""
        settled = changed_at + timedelta(seconds=self.settle_seconds)
        minute = minute_of(settled)
        return minute if start_of(minute) == settled else minute + 1

    def last_early(self, now: datetime) -> int:
        """The last minute that ended a minute ago: its points may be there, and may still change."""
        return minute_of(now) - 2

    def seconds_until_early(self, changed_at: datetime, now: datetime) -> int:
        """How long from `now` until one minute more since the change has ended a minute ago; rounded up."""
        minute = max(minute_of(changed_at), self.last_early(now) + 1)
        return max(1, -(-(start_of(minute + 2) - now) // timedelta(seconds=1)))

    def last_closed(self, now: datetime) -> int:
        """The last minute that is over and past the lag at `now`."""
        return minute_of(now) - 1 - self.lag_minutes

    def last_overdue(self, now: datetime, *, readable: bool = True) -> int:
        """The last minute that is no longer waited for, whoever was silent in it."""
        return self.last_closed(now) - (self.grace_minutes if readable else self.outage_minutes)

    def seconds_until_closed(self, minute: int, now: datetime) -> int:
        """How long from `now` until this minute may be counted; at least one second, rounded up."""
        closed = start_of(minute + 1 + self.lag_minutes)
        remaining = closed - now
        return max(1, -(-remaining // timedelta(seconds=1)))
