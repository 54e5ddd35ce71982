"""A CloudWatch alarm on the canary's 5XXError: average above 1 % in 3 of 3 one-minute periods.

What SAM and CodeDeploy users attach to a deployment. Missing data is treated as missing: a minute without requests
is not breaching. The base is not looked at.
"""

from __future__ import annotations

import numpy as np

from benchmarks.judge.peers.alarms import first_minute, rates
from benchmarks.judge.traffic import Ints, Rollouts

HIGHEST_ERROR_RATE = 0.01
PERIODS = 3


def rolls_back(rollouts: Rollouts) -> Ints:
    """The third minute in a row above 1 %."""
    breaching = rates(rollouts.canary_bad, rollouts.canary_requests) > HIGHEST_ERROR_RATE
    in_a_row = breaching.copy()
    for back in range(1, PERIODS):
        in_a_row[:, back:] &= breaching[:, :-back]
    in_a_row[:, : PERIODS - 1] = np.False_
    return first_minute(in_a_row)
