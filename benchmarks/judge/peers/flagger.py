"""Flagger's threshold count: five failed checks since the analysis began roll the canary back.

A check is one minute (`interval: 1m`) and fails if the canary's success rate is below 99 %
(`request-success-rate`, `thresholdRange.min: 99`, `threshold: 5`: the values of its documentation). The base is
not looked at. Failed checks also halt the weight; that delay is left out here.
"""

from __future__ import annotations

from benchmarks.judge.peers.alarms import first_minute, rates
from benchmarks.judge.traffic import Ints, Rollouts

HIGHEST_ERROR_RATE = 0.01
THRESHOLD = 5


def rolls_back(rollouts: Rollouts) -> Ints:
    """The fifth minute above 1 %."""
    failed = rates(rollouts.canary_bad, rollouts.canary_requests) > HIGHEST_ERROR_RATE
    return first_minute(failed.cumsum(axis=1) >= THRESHOLD)
