"""φ is learned from what the canary's share of the errors does from minute to minute."""

import numpy as np
import pytest

from rollout.core.judge import Count, MetricSettings, learned
from rollout.core.judge.dispersion import LARGEST, Spread, estimate, spread_after
from tests.core.judge.builders import HEALTHY, NAME, Minute, evidence_of


def simulated(clump: int, canary_factor: float, minutes: int = 400, seed: int = 5) -> float | None:
    """φ estimated from minutes with clumps of exactly this size, and a base whose rate wanders."""
    rng = np.random.default_rng(seed)
    spread = Spread()
    for _ in range(minutes):
        rate = 0.01 * rng.uniform(0.5, 2.0)
        canary, base = int(rng.integers(200, 2000)), int(rng.integers(1000, 3000))
        canary_bad = clump * int(rng.poisson(canary * rate * canary_factor / clump))
        base_bad = clump * int(rng.poisson(base * rate / clump))
        spread = spread_after(spread, Count(canary, min(canary, canary_bad)), Count(base, base_bad))
    return estimate(spread)


@pytest.mark.parametrize("clump", [1, 2, 4])
@pytest.mark.parametrize("canary_factor", [0.8, 1.0, 1.25])
def test_the_size_of_clumps_is_found_even_if_the_arms_differ(clump: int, canary_factor: float) -> None:
    assert simulated(clump, canary_factor) == pytest.approx(clump, rel=0.25)


def test_it_is_kept_within_bounds() -> None:
    assert simulated(60, 1.0) == LARGEST
    calm = Spread(minutes=50, squares=1.0, variance=100.0)
    assert estimate(calm) == 1.0


def test_high_rates_do_not_look_calm() -> None:
    """A tenth of all requests is above the base's p90: the finite total matters."""
    rng = np.random.default_rng(6)
    spread = Spread()
    for _ in range(400):
        canary, base = (Count(300, int(rng.binomial(300, 0.5))) for _ in range(2))
        spread = spread_after(spread, canary, base)
    assert spread.squares / spread.variance == pytest.approx(1.0, abs=0.25)


def test_too_little_is_nothing_learned() -> None:
    assert learned(evidence_of([HEALTHY] * 19)) == {}
    assert set(learned(evidence_of([HEALTHY] * 20))) == {NAME}


@pytest.mark.parametrize("minute", [(60, 0, 1140, 0), (60, 60, 40, 40), (0, 0, 1140, 12), (60, 1, 0, 0)])
def test_minutes_that_cannot_tell_add_nothing(minute: Minute) -> None:
    assert evidence_of([minute] * 30).metrics[NAME].spread == Spread()


def test_what_is_learned_fits_the_settings() -> None:
    phi = learned(evidence_of([HEALTHY, (60, 4, 1140, 10)] * 20))[NAME]
    assert MetricSettings(NAME, dispersion=phi).phi >= 1.0
