"""The promise itself: at most α of the rollouts within tolerance are rolled back. Seeded, with stated error.

Small enough for every run; the full grid is in the benchmarks.
"""

import numpy as np
import pytest

from rollout.core.judge import Action, Count, Pair, replay
from rollout.core.judge.harm import stake, stake_left
from tests.core.judge.builders import NAME, a_plan, some_settings

ROLLOUTS = 200


def outcomes(requests: int, base_rate: float, canary_rate: float, alpha: float, seed: int) -> list[Action]:
    """What becomes of 200 rollouts, under traffic and a base rate that wander together."""
    rng = np.random.default_rng(seed)
    settings, plan = some_settings(alpha=alpha), a_plan()
    verdicts = []
    for _ in range(ROLLOUTS):
        history = Count(30 * requests, int(rng.binomial(30 * requests, base_rate)))
        rate = base_rate * np.exp(rng.normal(0.0, 0.2, 40))
        ratio = canary_rate / base_rate
        minutes = []
        for minute in range(40):
            weight = (0.05, 0.1, 0.25, 0.5)[minute // 10]
            canary, base = int(rng.poisson(requests * weight)), int(rng.poisson(requests * (1 - weight)))
            canary_bad = int(rng.binomial(canary, min(1.0, rate[minute] * ratio)))
            minutes.append({NAME: Pair(Count(canary, canary_bad), Count(base, int(rng.binomial(base, rate[minute]))))})
        verdicts.append(replay(settings, plan, {NAME: history}, minutes).verdict)
    return verdicts


@pytest.mark.parametrize(("requests", "base_rate"), [(1200, 0.01), (12000, 0.002)])
def test_on_the_edge_of_the_tolerance_at_most_alpha_are_rolled_back(requests: int, base_rate: float) -> None:
    """At α = 0.1, so that 200 rollouts can tell: at most 0.1 + 3 standard errors."""
    alpha, edge = 0.1, 1.25 * base_rate + 0.0002
    rolled_back = outcomes(requests, base_rate, edge, alpha, seed=21).count(Action.ROLL_BACK)
    assert rolled_back / ROLLOUTS <= alpha + 3 * (alpha * (1 - alpha) / ROLLOUTS) ** 0.5


def test_healthy_releases_are_promoted_in_the_planned_time() -> None:
    """None of 200 rolled back: below 1.5 % with 95 % confidence."""
    assert outcomes(1200, 0.01, 0.01, 0.01, seed=22) == [Action.PROMOTE] * ROLLOUTS


def test_a_threefold_error_rate_is_always_caught() -> None:
    assert outcomes(1200, 0.01, 0.03, 0.01, seed=23) == [Action.ROLL_BACK] * ROLLOUTS


@pytest.mark.parametrize("steps", [1, 4])
def test_the_stake_is_spread_and_never_exceeds_one(steps: int) -> None:
    """What was put in and what is left add up to 1 after every minute, whatever the steps did."""
    put_in, step_starts = 0.0, 0
    for minute in range(2000):
        starts = 0 < minute <= 10 * (steps - 1) and minute % 10 == 0
        put_in += stake(minute, starts_step=starts, later_starts=steps - 1)
        step_starts += starts
        assert put_in + stake_left(minute + 1, step_starts, steps - 1) == pytest.approx(1.0)
