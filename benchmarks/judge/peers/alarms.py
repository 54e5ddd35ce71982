"""What the rules share: when something first happens, and cumulative rates."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.judge.traffic import Floats, Ints, Rollouts


def first_minute(alarms: npt.NDArray[np.bool_]) -> Ints:
    """The first minute (from 1) of each row with an alarm; 0 for a row without."""
    return np.where(alarms.any(axis=1), alarms.argmax(axis=1) + 1, 0)


def rates(bad: Ints, requests: Ints) -> Floats:
    """Bad / requests; 0 where there were none."""
    return bad / np.maximum(1, requests)


class Difference(NamedTuple):
    """Canary's rate less the base's since the rollout began, and the variance of that if both were the same."""

    estimate: Floats
    variance: Floats

    @property
    def z(self) -> Floats:
        """In standard errors; 0 while nothing bad has happened."""
        known = self.variance > 0.0
        return np.where(known, self.estimate, 0.0) / np.sqrt(np.where(known, self.variance, 1.0))


def difference(rollouts: Rollouts) -> Difference:
    """After every minute, by the pooled estimate of two proportions."""
    canary, base = rollouts.canary_requests.cumsum(axis=1), rollouts.base_requests.cumsum(axis=1)
    canary_bad, base_bad = rollouts.canary_bad.cumsum(axis=1), rollouts.base_bad.cumsum(axis=1)
    pooled = rates(canary_bad + base_bad, canary + base)
    both = (canary > 0) & (base > 0)
    variance = pooled * (1.0 - pooled) * (1.0 / np.maximum(1, canary) + 1.0 / np.maximum(1, base))
    return Difference(rates(canary_bad, canary) - rates(base_bad, base), np.where(both, variance, 0.0))
