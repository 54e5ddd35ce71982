"""mSPRT: the mixture sequential probability ratio test (Robbins 1970; Johari, Pekelis and Walsh 2015).

Always valid for the null "canary and base have the same rate", which stays the same over time. The likelihood
ratio of the difference of two proportions is averaged over N(0, τ²), by the normal approximation; α = 1 %, and
only a positive difference rolls back. τ is the base's rate before the rollout: a doubling is what one looks for.
"""

from __future__ import annotations

import numpy as np

from benchmarks.judge.peers.alarms import difference, first_minute, rates
from benchmarks.judge.traffic import Ints, Rollouts

ALPHA = 0.01


def rolls_back(rollouts: Rollouts) -> Ints:
    """The first minute with a mixture likelihood ratio of 1/α."""
    seen = difference(rollouts)
    spread = (
        np.maximum(1e-6, rates(rollouts.history_bad.sum(axis=1), rollouts.history_requests.sum(axis=1)))[:, np.newaxis]
        ** 2
    )
    known = seen.variance > 0.0
    variance = np.where(known, seen.variance, 1.0)
    log_ratio = 0.5 * np.log(variance / (variance + spread))
    log_ratio += seen.estimate**2 * spread / (2.0 * variance * (variance + spread))
    return first_minute(known & (seen.estimate > 0.0) & (log_ratio >= -np.log(ALPHA)))
