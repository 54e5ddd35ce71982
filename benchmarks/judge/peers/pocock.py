"""Group-sequential: the same z at every one of 40 looks, with one critical value for all of them (Pocock 1977).

The value is chosen so that the probability of ever crossing it is 1 % while canary and base are equal, by the
recursion of Armitage, McPherson and Rowe (1969) for looks at equal distances of information, as designs assume.
Here information does not come evenly, the weight rises, and the base's rate wanders: that is the point.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from benchmarks.judge.peers.alarms import difference, first_minute
from benchmarks.judge.traffic import PLANNED_MINUTES, Ints, Rollouts

ALPHA = 0.01
_GRID = 0.02
_LOWEST = -12.0


def rolls_back(rollouts: Rollouts) -> Ints:
    """The first look above the critical value."""
    return first_minute(difference(rollouts).z > critical_value(PLANNED_MINUTES, ALPHA))


@cache
def critical_value(looks: int, alpha: float) -> float:
    """z such that a standard random walk exceeds z·√k at any look k ≤ `looks` with probability `alpha`."""
    low, high = 1.0, 6.0
    while high - low > 1e-3:
        middle = (low + high) / 2
        low, high = (middle, high) if crossing_probability(middle, looks) > alpha else (low, middle)
    return high


def crossing_probability(z: float, looks: int) -> float:
    """Of a walk of `looks` standard normal steps, ever to be above z·√k."""
    walk = np.arange(_LOWEST * looks**0.5, z * looks**0.5 + _GRID, _GRID)
    offsets = np.arange(-6.0, 6.0 + _GRID, _GRID)
    step = np.exp(-(offsets**2) / 2)
    step /= step.sum()
    alive = np.zeros_like(walk)
    alive[np.abs(walk).argmin()] = 1.0
    for look in range(1, looks + 1):
        alive = np.convolve(alive, step, mode="same")
        alive[walk > z * look**0.5] = 0.0
    return 1.0 - float(alive.sum())
