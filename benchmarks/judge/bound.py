"""The minute before which no rule with the same bound on false rollbacks can know, on average."""

from __future__ import annotations

from math import inf, log

import numpy as np

from benchmarks.judge.traffic import BAKE, LONGEST, PLAN, STEPS, Cell, canary_rate
from rollout.core.judge.information import kl_to_null
from rollout.core.judge.settings import ALPHA_PER_METRIC, BALANCED


def first_possible_minute(cell: Cell) -> float:
    """The first minute at which the information reaches ln(1/α), under the mean traffic of the plan; infinite
    if the plan is over before."""
    rates = canary_rate(cell, np.full((STEPS, LONGEST), cell.base_rate))
    nats, minutes = 0.0, 0
    for step, each in enumerate(PLAN):
        canary, base = 60.0 * cell.rps * each.weight, 60.0 * cell.rps * (1.0 - each.weight)
        for minute in range(BAKE):
            nats += kl_to_null(float(rates[step, minute]), cell.base_rate, canary, base, BALANCED)
            minutes += 1
            if nats >= -log(ALPHA_PER_METRIC):
                return float(minutes)
    return inf
