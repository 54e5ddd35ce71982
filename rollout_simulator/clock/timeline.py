"""Simulated time and the timers on it."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable


class Timer:
    """A call at a moment (seconds since the epoch). `cancel` takes it back."""

    __slots__ = ("_timeline", "action", "background", "cancelled", "pending", "when")

    def __init__(self, timeline: Timeline, action: Callable[[], None], *, background: bool) -> None:
        self._timeline = timeline
        self.when = 0.0
        self.action = action
        self.background = background
        self.pending = False
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True
        self._timeline.settle(self)


class Timeline:
    """The present moment, and the timers to come in the order of their moments, then of their making.

    A timer in the background, such as a periodic one, does not keep the simulation busy.
    """

    def __init__(self, start: float) -> None:
        self.now = start
        self._timers: list[tuple[float, int, Timer]] = []
        self._foreground = 0
        self._numbers = itertools.count()

    @property
    def is_busy(self) -> bool:
        """Whether a timer in the foreground is to come."""
        return self._foreground > 0

    def timer(self, when: float, action: Callable[[], None], *, background: bool = False) -> Timer:
        """Make a timer for `when`, or for now if that has passed."""
        timer = Timer(self, action, background=background)
        self.set(timer, max(when, self.now))
        return timer

    def set(self, timer: Timer, when: float) -> None:
        """Let a timer that is not pending fire at `when`."""
        timer.when = when
        timer.pending = True
        self._foreground += not timer.background
        heapq.heappush(self._timers, (when, next(self._numbers), timer))

    def settle(self, timer: Timer) -> None:
        """Note that a timer fired or was cancelled, and keeps the simulation busy no longer."""
        if timer.pending:
            timer.pending = False
            self._foreground -= not timer.background

    def next_moment(self) -> float | None:
        """When the next timer fires; None if there is none."""
        while self._timers and self._timers[0][2].cancelled:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def take(self, limit: float) -> Timer | None:
        """Take the next timer that fires up to `limit`; None if there is none."""
        next_moment = self.next_moment()
        if next_moment is None or next_moment > limit:
            return None
        _, _, timer = heapq.heappop(self._timers)
        self.settle(timer)
        return timer

    def clear(self) -> None:
        """Forget all timers."""
        self._timers.clear()
