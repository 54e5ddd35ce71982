"""A z-test each minute: two proportions, pooled, one-sided, p < 0.05, on all requests so far.

What a dashboard with a "significant" badge does to who looks at it every minute.
"""

from __future__ import annotations

from benchmarks.judge.peers.alarms import difference, first_minute
from benchmarks.judge.traffic import Ints, Rollouts

Z_95 = 1.6449


def rolls_back(rollouts: Rollouts) -> Ints:
    """The first minute with p < 0.05."""
    return first_minute(difference(rollouts).z > Z_95)
