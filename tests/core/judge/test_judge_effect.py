"""How large an effect is: the interval holds for all minutes at once."""

import numpy as np
import pytest

from rollout.core.judge import Count, Moments
from rollout.core.judge.effect import effect_of
from rollout.core.judge.explain import size


def test_the_interval_has_the_difference_at_all_times_in_nineteen_rollouts_of_twenty() -> None:
    rng = np.random.default_rng(11)
    rollouts, missed = 150, 0
    for _ in range(rollouts):
        canary = np.cumsum(rng.binomial(60, 0.03, 60))
        base = np.cumsum(rng.binomial(1140, 0.01, 60))
        for minute in range(5, 60):
            effect = effect_of(
                Count(60 * (minute + 1), int(canary[minute])), Count(1140 * (minute + 1), int(base[minute]))
            )
            assert effect is not None
            if not effect.low <= 0.02 <= effect.high:
                missed += 1
                break
    assert missed / rollouts <= 0.05 + 3 * (0.05 * 0.95 / rollouts) ** 0.5


def test_more_requests_make_it_narrower_and_clumps_wider() -> None:
    def width(times: int, dispersion: float = 1.0) -> float:
        effect = effect_of(Count(60 * times, 2 * times), Count(1140 * times, 12 * times), dispersion)
        assert effect is not None
        return effect.high - effect.low

    assert width(1) > width(10) > width(100)
    assert width(10, 3.0) == pytest.approx(width(10) * 3.0**0.5)


def test_no_bad_request_is_no_certainty() -> None:
    effect = effect_of(Count(60, 0), Count(1140, 0))
    assert effect is not None
    assert effect.low < 0 < effect.high


def test_where_higher_is_better_fewer_are_worse_by_as_much() -> None:
    more, fewer = Count(600, 90), Count(11_400, 1_140)
    worse = effect_of(fewer, more, higher_is_better=True)
    assert worse is not None
    assert worse == effect_of(more, fewer)
    assert worse.difference == pytest.approx(0.05)


def test_of_a_handful_of_requests_which_may_be_anything_there_is_none() -> None:
    assert effect_of(Count(4, 0), Count(102, 1)) is None
    assert effect_of(Count(40, 0), Count(760, 8)) is not None


def test_without_an_arm_or_of_a_value_there_is_none() -> None:
    assert effect_of(Count(60, 1), Count(0, 0)) is None
    assert effect_of(Moments(60, 1.0), Moments(60, 1.0)) is None


@pytest.mark.parametrize(
    ("effect", "words"),
    [
        ((0.031, 0.02, 0.044), "3.1 points worse (2.0 to 4.4)"),
        ((-0.031, -0.044, 0.002), "3.1 points better (-0.2 to 4.4)"),
        ((0.000048, -0.009, 0.009), "0.0 points worse (-0.9 to 0.9)"),
        ((0.0, -0.001, 0.001), "0.0 points worse (-0.1 to 0.1)"),
        ((0.00012, 0.00003, 0.0003), "0.012 points worse (0.003 to 0.030)"),
    ],
)
def test_it_is_said_in_points_of_a_hundred(effect: tuple[float, float, float], words: str) -> None:
    from rollout.core.judge import Effect  # noqa: PLC0415

    assert size(Effect(*effect)) == words
