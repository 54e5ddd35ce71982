"""Is what was measured what was sent? The share of the canary's requests against its weight."""

import numpy as np
import pytest

from rollout.core.judge import (
    Action,
    Count,
    JudgeSettings,
    MetricSettings,
    MinuteReading,
    Pair,
    Standing,
    begin,
    begin_step,
    judge,
    observe,
)
from rollout.core.judge.split import Split
from tests.core.judge.builders import NAME, a_plan, a_reading, evidence_of, some_settings


def split_after(minutes: int, canary: int, base: int, weight: float) -> Split:
    split = Split()
    for _ in range(minutes):
        split = split.after(canary, base, weight, weight)
    return split


@pytest.mark.parametrize(("canary", "base", "weight"), [(12, 1140, 0.05), (240, 960, 0.05), (1140, 12, 0.95)])
def test_three_minutes_of_another_share_are_doubted_and_one_never_is(canary: int, base: int, weight: float) -> None:
    assert [split_after(n, canary, base, weight).doubted for n in (1, 2, 3)] == [False, False, True]


@pytest.mark.parametrize("weight", [0.001, 0.05, 0.5, 0.95])
@pytest.mark.parametrize("off", [0.9, 1.0, 1.1])
def test_a_share_within_a_tenth_of_the_weight_is_doubted_in_at_most_one_of_a_thousand(
    weight: float, off: float
) -> None:
    rng = np.random.default_rng(7)
    smaller = min(weight, 1 - weight)
    doubted = 0
    for _ in range(60):
        split = Split()
        for _ in range(40):
            n = int(rng.binomial(2000, smaller * off))
            canary = n if weight <= 0.5 else 2000 - n
            split = split.after(canary, 2000 - canary, weight, weight)
        doubted += split.doubted
    assert doubted <= 1


def test_in_the_minute_of_a_raise_any_share_between_the_weights_is_as_it_should_be() -> None:
    for canary in (50, 100, 250):
        split = Split()
        for _ in range(20):
            split = split.after(canary, 1000 - canary, 0.05, 0.25)
        assert not split.doubted


@pytest.mark.parametrize("before", [0.0, 0.001, 0.05, 0.1, 0.25, 0.34, 0.5, 0.75])
@pytest.mark.parametrize("after", [0.05, 0.25, 0.51, 0.6, 0.75, 0.95, 0.99, 0.999])
def test_a_raise_of_any_size_can_be_tested_and_what_lies_between_is_never_doubted(before: float, after: float) -> None:
    """A plan may go from 25 % to the control's 95 %: its minute has any share between the two."""
    if before >= after:
        return
    for share in np.linspace(before, after, 9):
        split = Split()
        for _ in range(30):
            canary = round(1_000 * float(share))
            split = split.after(canary, 1_000 - canary, before, after)
        assert not split.doubted


def test_a_source_in_doubt_neither_convicts_nor_proves_until_the_step_ends() -> None:
    plan = a_plan((5, 4), (50, 4))
    evidence = evidence_of([(12, 12, 1140, 1)] * 2, plan=plan, history=Count(36000, 30))
    doubted = observe(evidence, a_reading(3, (12, 12, 1140, 1)), some_settings(), plan)
    after = observe(doubted, a_reading(4, (60, 60, 1140, 1)), some_settings(), plan)
    assert after.metrics[NAME].blocks == 2
    verdict = judge(after, some_settings(), plan).verdicts[0]
    if verdict.verdict is not Standing.HARMFUL:
        assert verdict.verdict is Standing.UNMEASURED
    fresh = begin_step(after, 1, some_settings(), plan)
    assert fresh.splits == {}


def test_it_says_what_was_measured_and_what_was_sent() -> None:
    plan = a_plan((5, 4), (50, 4))
    judgement = judge(evidence_of([(12, 0, 1140, 1)] * 12, plan=plan), some_settings(), plan)
    assert judgement.action is Action.HOLD
    assert "the canary's series has 1% of the requests, 5% were sent" in judgement.reason


def test_a_throttled_request_is_in_no_invocation_and_was_sent_all_the_same() -> None:
    """Half of the canary's requests are throttled: its invocations alone would look like another split."""
    metrics = [MetricSettings("Errors"), MetricSettings("Throttles", required=False)]
    settings, plan = JudgeSettings.of(metrics=metrics, alpha=1e-9), a_plan((10, 10))
    evidence = begin(settings, plan, {})
    for number in range(6):
        pairs = {"Errors": Pair(Count(50, 0), Count(900, 0)), "Throttles": Pair(Count(100, 50), Count(900, 0))}
        evidence = observe(evidence, MinuteReading(number, 0, pairs), settings, plan)
    assert not evidence.splits[""].doubted
    alone = begin(settings, plan, {})
    for number in range(6):
        pairs = {"Errors": Pair(Count(50, 0), Count(900, 0))}
        alone = observe(alone, MinuteReading(number, 0, pairs, sent={"": (100, 900)}), settings, plan)
    assert not alone.splits[""].doubted


def test_each_source_is_tested_by_itself() -> None:
    metrics = [MetricSettings(NAME), MetricSettings("checkout-errors", required=False)]
    settings, plan = JudgeSettings.of(metrics=metrics), a_plan((5, 10))
    evidence = begin(settings, plan, {})
    for number in range(5):
        pairs = {NAME: Pair(Count(60, 0), Count(1140, 1)), "checkout-errors": Pair(Count(12, 0), Count(1140, 1))}
        evidence = observe(evidence, MinuteReading(number, 0, pairs), settings, plan)
    own, custom = judge(evidence, settings, plan).verdicts
    assert own.verdict is not Standing.UNMEASURED
    assert custom.verdict is Standing.UNMEASURED
