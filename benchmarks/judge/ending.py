"""How a simulated rollout ended."""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.judge.traffic import CLOCK_MINUTES_PER_STEP, Rollouts
from rollout.core.judge import Action


class Ending(NamedTuple):
    """How one rollout ended: the judged minutes of each step that it began, all bad canary requests from the first to
    the effect of its last decision, those of the judged minutes alone, and the dispersion that it taught, if any.
    """

    action: Action
    step_minutes: tuple[int, ...]
    bad: int = 0
    judged_bad: int = 0
    dispersion: float | None = None

    def counted(self, rollouts: Rollouts, index: int) -> Ending:
        """The same, with the bad requests of this rollout."""
        judged = rollouts.bad_served(index, self.step_minutes, judged_only=True)
        return self._replace(bad=rollouts.bad_served(index, self.step_minutes), judged_bad=judged)

    @property
    def minutes(self) -> int:
        """The judged minutes."""
        return sum(self.step_minutes)

    @property
    def clock_minutes(self) -> int:
        """Minutes by the clock: with the settling of each step, and with the metrics' lag before its last decision."""
        return self.minutes + CLOCK_MINUTES_PER_STEP * len(self.step_minutes)
