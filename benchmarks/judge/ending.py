"""How a simulated rollout ended."""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.judge.traffic import CLOCK_MINUTES_PER_STEP
from rollout.core.judge import Action


class Ending(NamedTuple):
    """How one rollout ended: the judged minutes of each step that it began, all bad canary requests from the first to
    the effect of its last decision, and the dispersion that it taught, if any.
    """

    action: Action
    step_minutes: tuple[int, ...]
    bad: int = 0
    dispersion: float | None = None

    @property
    def minutes(self) -> int:
        """The judged minutes."""
        return sum(self.step_minutes)

    @property
    def clock_minutes(self) -> int:
        """Minutes by the clock: with the settling of each step, and with the metrics' lag before its last decision."""
        return self.minutes + CLOCK_MINUTES_PER_STEP * len(self.step_minutes)
