"""What is said before a rollout starts turns out to be true."""

import numpy as np
import pytest

from rollout.core.judge import (
    Action,
    BaseTraffic,
    Count,
    JudgeSettings,
    MetricSettings,
    MinuteReading,
    Pair,
    Ramp,
    StepPreview,
    begin,
    judge,
    observe,
    preview,
)
from rollout.core.judge.ramp import rungs
from tests.core.judge.builders import NAME, a_plan, orders, some_settings


def looks(requests_per_minute: float, bad_rate: float) -> tuple[StepPreview, ...]:
    return preview(some_settings(), a_plan(), {NAME: BaseTraffic(requests_per_minute, bad_rate)})


@pytest.mark.parametrize(("requests", "rate"), [(120, 0.01), (1200, 0.01), (12000, 0.0005), (120000, 0.001)])
def test_the_smallest_regression_is_seen_four_times_out_of_five(requests: int, rate: float) -> None:
    """100 rollouts at the rate it names: 80 % give or take 15 points (3 standard errors and the
    approximation)."""
    smallest = looks(requests, rate)[0].metrics[0].smallest_rate
    assert smallest is not None
    rng = np.random.default_rng(11)
    settings, plan, seen = some_settings(), a_plan(), 0
    for _ in range(100):
        history = Count(30 * requests, int(rng.binomial(30 * requests, rate)))
        evidence = begin(settings, plan, {NAME: history})
        for minute in range(10):
            canary, base = int(rng.poisson(requests * 0.05)), int(rng.poisson(requests * 0.95))
            pair = Pair(Count(canary, int(rng.binomial(canary, smallest))), Count(base, int(rng.binomial(base, rate))))
            evidence = observe(evidence, MinuteReading(minute, 0, {NAME: pair}), settings, plan)
            if judge(evidence, settings, plan).action is Action.ROLL_BACK:
                seen += 1
                break
    assert 0.65 <= seen / 100 <= 0.95


def test_sparse_traffic_is_told_that_it_will_hold() -> None:
    first = looks(20, 0.001)[0]
    assert first.warnings[0] == (
        "at 20 requests a minute this step will hold: 5XX needs 75 canary requests, all good, to be proven safe, "
        "and 30 min bring 30 at 5%"
    )
    assert first.metrics[0].proof_minutes is None


def test_the_rung_of_a_ramp_takes_as_long_as_it_takes_and_warns_of_nothing() -> None:
    plan = rungs(Ramp(20.0, 3, 20))
    shown = preview(JudgeSettings.of(metrics=[MetricSettings(NAME)]), plan, {NAME: BaseTraffic(1_200, 0.01)})
    late = [look for look in shown if (look.metrics[0].proof_minutes or 0) > plan[look.step].bake_minutes]
    assert late
    assert [()] * len(late) == [look.warnings for look in late]


def test_a_base_that_fails_itself_is_told_to_need_more_than_its_traffic() -> None:
    last = looks(20, 0.05)[3]
    assert last.warnings[0] == (
        "at 20 requests a minute this step will hold: where 5% of the base's requests count as bad, the 300 canary and "
        "300 base requests of 30 min are too few to prove 5XX safe at 50%"
    )
    assert last.metrics[0].proof_minutes is None


def test_a_bake_that_is_too_short_is_told_how_long_it_takes() -> None:
    last = looks(120, 0.01)[3]
    assert last.warnings == (
        "at 120 requests a minute this step will take longer: a proof of safety of 5XX needs about 25 min at 50%, "
        "its bake is 10 min",
    )


def test_enough_traffic_is_not_warned() -> None:
    assert all(step.warnings == () for step in looks(120_000, 0.001))


def test_no_traffic_at_all_is_blind() -> None:
    first = looks(0.01, 0.001)[0]
    assert first.metrics[0].smallest_rate is None
    assert "is blind: no regression of 5XX can be seen at 5% in 10 min" in first.warnings[1]


def test_a_perfect_base_has_no_factor() -> None:
    metric = looks(1200, 0.0)[0].metrics[0]
    assert metric.smallest_factor is None
    assert metric.smallest_rate is not None


def test_more_traffic_sees_more() -> None:
    rates = [looks(requests, 0.01)[0].metrics[0].smallest_rate or 1.0 for requests in (60, 600, 6000, 60000)]
    assert rates == sorted(rates, reverse=True)


def test_for_business_counts_the_smallest_regression_is_a_fall() -> None:
    settings = JudgeSettings.of(metrics=[orders()])
    (step, *_) = preview(settings, a_plan(), {"OrdersPlaced": BaseTraffic(12000, 0.05)})
    (metric,) = step.metrics
    assert metric.smallest_rate is not None
    assert 0.0 < metric.smallest_rate < 0.045
    assert metric.clean_proof_requests is not None
    (nothing, *_) = preview(settings, a_plan(), {"OrdersPlaced": BaseTraffic(12000, 0.0)})
    assert "will hold: the base has too little of OrdersPlaced" in nothing.warnings[0]


def test_metrics_that_decide_nothing_or_are_unknown_are_left_out() -> None:
    settings = JudgeSettings.of(metrics=[MetricSettings(NAME), MetricSettings("4XXError", dry_run=True)])
    traffic = {"4XXError": BaseTraffic(1200, 0.01)}
    assert [step.metrics for step in preview(settings, a_plan(), traffic)] == [()] * 4
