"""Argo Rollouts' failureLimit: an analysis fails when more than three measurements have.

As in its documentation: `successCondition: result[0] >= 0.95`, `failureLimit: 3`, here measured each minute on the
canary's success rate. The base is not looked at.
"""

from __future__ import annotations

from benchmarks.judge.peers.alarms import first_minute, rates
from benchmarks.judge.traffic import Ints, Rollouts

LOWEST_SUCCESS_RATE = 0.95
FAILURE_LIMIT = 3


def rolls_back(rollouts: Rollouts) -> Ints:
    """The fourth minute below 95 %."""
    failed = 1.0 - rates(rollouts.canary_bad, rollouts.canary_requests) < LOWEST_SUCCESS_RATE
    return first_minute(failed.cumsum(axis=1) > FAILURE_LIMIT)
