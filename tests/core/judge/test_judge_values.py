"""Business values: the sign of a difference, staked by its size."""

from math import exp, isclose, log, tanh

import numpy as np
import pytest

from rollout.core.judge import (
    Action,
    Judgement,
    JudgeSettings,
    MetricKind,
    MetricSettings,
    MinuteReading,
    Moments,
    Pair,
    Tolerance,
    begin,
    judge,
    observe,
)
from rollout.core.judge.evidence import Scale
from rollout.core.judge.values import sign_log_es, standardised
from tests.core.judge.builders import a_plan

VALUE = MetricSettings("OrderValue", MetricKind.BUSINESS_VALUE, Tolerance(0.9, 0.0))
PLAN = a_plan((50, 40), (60, 40))


def judged(differences: list[tuple[float, float]], alpha: float = 0.01) -> list[Judgement]:
    """The judgements of minutes of twenty samples each, of these means (canary, base)."""
    settings = JudgeSettings.of(metrics=[VALUE], alpha=alpha)
    evidence = begin(settings, PLAN, {})
    judgements = []
    for number, (canary, base) in enumerate(differences):
        pair = Pair(Moments(20, 20 * canary), Moments(20, 20 * base))
        evidence = observe(evidence, MinuteReading(number, 0, {VALUE.name: pair}), settings, PLAN)
        judgements.append(judge(evidence, settings, PLAN))
    return judgements


@pytest.mark.parametrize("z", [-1e9, -3.0, -1e-3, 0.0, 1e-3, 3.0, 1e9])
def test_given_the_size_the_two_signs_are_a_fair_game(z: float) -> None:
    scale = Scale(4, 10.0 + z * z)
    for up, down in zip(*(sign_log_es(each, scale, (0.1, 1.0, 4.0)) for each in (z, -z)), strict=True):
        assert isclose((exp(up) + exp(down)) / 2, 1.0)


def test_the_stake_is_the_likelihood_ratio_of_the_sign() -> None:
    (gain,) = sign_log_es(2.0, Scale(1, 4.0), (0.5,))
    assert gain == pytest.approx(log(1 + tanh(0.5)))


def test_very_unlikely_signs_stay_finite() -> None:
    assert sign_log_es(-100.0, Scale(10**6, 1.0), (4.0,))[0] < -1e5


def test_minutes_of_different_size_have_the_same_spread() -> None:
    assert standardised(Moments(4, 40.0), Moments(4, 80.0), Tolerance(1.0, 0.0)) == pytest.approx(-14.142136)
    assert standardised(Moments(400, 4000.0), Moments(4, 80.0), Tolerance(0.0, 9.0)) == pytest.approx(20.0)


def test_no_scale_is_needed() -> None:
    small = judged([(7.0, 10.0), (7.3, 10.0), (9.5, 10.0)])[-1]
    large = judged([(7e6, 1e7), (7.3e6, 1e7), (9.5e6, 1e7)])[-1]
    assert small.log_e == pytest.approx(large.log_e)


def test_a_collapse_is_rolled_back_in_ten_minutes_and_never_in_one() -> None:
    judgements = judged([(20.0, 40.0)] * 10)
    assert judgements[0].log_e < log(2)
    assert [each.action for each in judgements].index(Action.ROLL_BACK) <= 9
    assert "mean 20 (n=" in judgements[-1].reason
    assert "at least 36" in judgements[-1].reason


def test_one_outlier_in_either_arm_convicts_nobody() -> None:
    calm = [(40.0 + delta, 40.0 - delta) for delta in (1.0, -1.0, 0.5, -0.5)] * 3
    for outlier in ((0.0, 40.0), (40.0, 4e6)):
        assert all(each.action is not Action.ROLL_BACK for each in judged([*calm, outlier, *calm]))


def test_as_good_as_the_base_is_proven_safe() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(0.0, 2.0, (40, 2))
    last = judged([(40 + float(a), 40 + float(b)) for a, b in noise])[-1]
    assert last.action is Action.ADVANCE


def test_silence_of_an_arm_says_nothing() -> None:
    settings = JudgeSettings.of(metrics=[VALUE])
    evidence = begin(settings, PLAN, {})
    reading = MinuteReading(1, 0, {VALUE.name: Pair(None, Moments(10, 400.0))})
    judgement = judge(observe(evidence, reading, settings, PLAN), settings, PLAN)
    assert judgement.log_e == 0.0
    assert "samples in both arms (canary 0, base 0 samples)" in judgement.verdicts[0].reason


def test_equal_differences_of_nothing_say_nothing() -> None:
    assert judged([(36.0, 40.0)] * 5)[-1].log_e == pytest.approx(0.0, abs=1e-12)


def test_on_the_edge_of_the_tolerance_the_risk_is_kept() -> None:
    """200 rollouts of 40 minutes at α = 0.2, with spreads that differ: at most 0.2 + 3 standard errors."""
    rng = np.random.default_rng(2)
    rolled_back = 0
    for _ in range(200):
        spread = rng.uniform(0.5, 8.0, 40)
        canary = 36.0 + spread * rng.normal(0.0, 1.0, 40)
        judgements = judged([(float(each), 40.0) for each in canary], alpha=0.2)
        rolled_back += any(each.action is Action.ROLL_BACK for each in judgements)
    assert rolled_back / 200 <= 0.2 + 3 * (0.2 * 0.8 / 200) ** 0.5
