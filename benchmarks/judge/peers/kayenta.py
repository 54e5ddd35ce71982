"""Kayenta's rank test (Spinnaker): Mann-Whitney between the minutes of the canary and those of the baseline.

The judge classifies a metric as High, and a critical one fails the canary, if the lower end of the 98 %
confidence interval of the shift between the two samples of one-minute rates is above a quarter of the
estimated shift (Hodges and Lehmann). Defaults: confidence 0.98, tolerance 0.25. The lookback grows from the
start of the rollout. Once per step is how it is meant; each minute, from the fifth, is how it is tempting.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from benchmarks.judge.peers.alarms import rates
from benchmarks.judge.traffic import BAKE, PLANNED_MINUTES, Ints, Rollouts

Z_98 = 2.3263
TOLERANCE = 0.25
FEWEST_POINTS = 5
_AT_ONCE = 500


def once_per_step(rollouts: Rollouts) -> Ints:
    """At the end of each step."""
    return _rolls_back(rollouts, range(BAKE, PLANNED_MINUTES + 1, BAKE))


def each_minute(rollouts: Rollouts) -> Ints:
    """Again every minute."""
    return _rolls_back(rollouts, range(FEWEST_POINTS, PLANNED_MINUTES + 1))


def _rolls_back(rollouts: Rollouts, looks: Iterable[int]) -> Ints:
    canary = rates(rollouts.canary_bad, rollouts.canary_requests)
    base = rates(rollouts.base_bad, rollouts.base_requests)
    alarm = np.zeros(len(canary), dtype=np.int64)
    for look in looks:
        open_rows = np.flatnonzero(alarm == 0)
        for rows in np.array_split(open_rows, len(open_rows) // _AT_ONCE + 1):
            shifts = (canary[rows, :look, np.newaxis] - base[rows, np.newaxis, :look]).reshape(len(rows), look * look)
            lowest = round(look * look / 2 - Z_98 * (look * look * (2 * look + 1) / 12) ** 0.5)
            middle = look * look // 2
            lowest = max(0, lowest)
            shifts.partition((lowest, middle), axis=1)
            high = shifts[:, lowest] > TOLERANCE * np.abs(shifts[:, middle])
            alarm[rows[high]] = look
    return alarm
