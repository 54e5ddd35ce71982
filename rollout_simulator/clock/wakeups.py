"""Events that wake whoever waits for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from rollout_simulator.clock.timeline import Timer


class Clock(Protocol):
    """What a `WakeUp` needs of its clock."""

    def wait(self, *signals: WakeUp, timeout: float | None = None) -> WakeUp | None: ...


class WakeUp:
    """An event on the clock: `set` wakes, at the present simulated moment, everyone who waits for it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._set = False
        self.waiters: list[Waiter] = []

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        self._set = True
        for waiter in list(self.waiters):
            waiter.wake(self)

    def clear(self) -> None:
        self._set = False

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until set, at most `timeout` simulated seconds; whether it was set."""
        return self._clock.wait(self, timeout=timeout) is self


class Waiter:
    """One wait for the first of several events; `on_wake` is called once, when it is over.

    `woken_by` is the event, or None if the wait ended by its timer.
    """

    __slots__ = ("done", "on_wake", "signals", "timer", "woken_by")

    def __init__(self, signals: tuple[WakeUp, ...], on_wake: Callable[[], None]) -> None:
        self.signals = signals
        self.on_wake = on_wake
        self.timer: Timer | None = None
        self.woken_by: WakeUp | None = None
        self.done = False
        for signal in signals:
            signal.waiters.append(self)

    def wake(self, signal: WakeUp | None) -> None:
        """End the wait, by an event or by its timer."""
        if self.done:
            return
        self.done = True
        self.woken_by = signal
        if signal is not None and self.timer is not None:
            self.timer.cancel()
        for other in self.signals:
            if self in other.waiters:
                other.waiters.remove(self)
        self.on_wake()
