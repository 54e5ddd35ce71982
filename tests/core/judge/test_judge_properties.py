"""What holds for any rollout, whatever was measured."""

import json
from math import isfinite

from hypothesis import given, settings
from hypothesis import strategies as st

from rollout.core.judge import (
    Count,
    Evidence,
    Judgement,
    JudgeSettings,
    MetricKind,
    MetricSettings,
    MinuteReading,
    Moments,
    Pair,
    Tolerance,
    begin,
    begin_step,
    judge,
    observe,
)
from tests.core.judge.builders import NAME, Minute, a_plan, a_reading, evidence_of, orders, some_settings

PLAN = a_plan((5, 3), (50, 3))
VALUE = MetricSettings("OrderValue", MetricKind.BUSINESS_VALUE, Tolerance(0.9, 0.0), required=False)
METRICS = (MetricSettings(NAME), MetricSettings("Latency.p90", MetricKind.LATENCY), orders(), VALUE)


@st.composite
def counts(draw: st.DrawFn, requests: int = 3000) -> Count:
    size = draw(st.one_of(st.integers(0, requests), st.sampled_from([1, 10**9])))
    return Count(size, draw(st.integers(0, size)))


moments = st.builds(Moments, st.integers(1, 500), st.floats(-1e6, 1e6))
count_pairs = st.builds(Pair, st.none() | counts(), st.none() | counts())
value_pairs = st.builds(Pair, st.none() | moments, st.none() | moments)
minutes = st.fixed_dictionaries(
    {},
    optional={
        metric.name: value_pairs if metric.kind is MetricKind.BUSINESS_VALUE else count_pairs for metric in METRICS
    },
)
rollouts = st.lists(minutes, max_size=8)
plain_minutes = st.builds(lambda canary, base: (*canary, *base), counts(), counts())


def run(judge_settings: JudgeSettings, rollout: list[dict[str, Pair]]) -> tuple[Evidence, Judgement]:
    """Three minutes in the first step, and the rest in the second, whatever the judge says."""
    evidence = begin(judge_settings, PLAN, {})
    for number, pairs in enumerate(rollout):
        if number == 3:
            evidence = begin_step(evidence, 1, judge_settings, PLAN)
        reading = MinuteReading(number, evidence.step, pairs)
        evidence = observe(evidence, reading, judge_settings, PLAN)
    return evidence, judge(evidence, judge_settings, PLAN)


@given(rollouts)
@settings(max_examples=60, deadline=None)
def test_all_numbers_are_finite_and_all_evidence_survives_json(rollout: list[dict[str, Pair]]) -> None:
    evidence, judgement = run(JudgeSettings.of(metrics=METRICS), rollout)
    for verdict in judgement.verdicts:
        assert all(map(isfinite, (verdict.log_e, verdict.log_e_capped, verdict.log_s)))
        assert verdict.log_e_capped <= verdict.log_e + 1e-9
    assert evidence == Evidence.from_dict(json.loads(json.dumps(evidence.to_dict(), allow_nan=False)))


@given(rollouts, st.permutations(METRICS))
@settings(max_examples=60, deadline=None)
def test_the_order_of_the_metrics_does_not_matter(
    rollout: list[dict[str, Pair]], shuffled: list[MetricSettings]
) -> None:
    _, one = run(JudgeSettings.of(metrics=METRICS), rollout)
    _, other = run(JudgeSettings.of(metrics=shuffled), rollout)
    assert (one.action, one.deciding_metric) == (other.action, other.deciding_metric)
    assert abs(one.log_e - other.log_e) <= 1e-12 * max(1.0, abs(one.log_e))
    assert sorted(one.verdicts) == sorted(other.verdicts)


@given(st.lists(plain_minutes, min_size=1, max_size=6), st.integers(0, 6), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_empty_minutes_are_neutral(rollout: list[Minute], where: int, how_many: int) -> None:
    """They move the clock of the prior, and no evidence: what E was before them it is after them."""
    with_gap = evidence_of(rollout[:where])
    before = judge(with_gap, some_settings(), a_plan())
    for number in range(how_many):
        empty = MinuteReading(100 + number, 0, {})
        with_gap = observe(with_gap, empty, some_settings(), a_plan())
    after = judge(with_gap, some_settings(), a_plan())
    assert abs(before.log_e - after.log_e) <= 1e-9 * max(1.0, abs(before.log_e))
    assert before.verdicts[0].log_s == after.verdicts[0].log_s


@given(st.lists(plain_minutes, min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_the_same_minute_twice_changes_nothing(rollout: list[Minute]) -> None:
    evidence = evidence_of(rollout)
    for number in range(1, len(rollout) + 1):
        again = a_reading(number, (9, 9, 9, 0))
        assert observe(evidence, again, some_settings(), a_plan()) is evidence


@given(st.lists(plain_minutes, min_size=1, max_size=6), st.data())
@settings(max_examples=60, deadline=None)
def test_more_canary_errors_never_look_better(rollout: list[Minute], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(rollout) - 1))
    requests, bad, *base = rollout[index]
    worse = list(rollout)
    worse[index] = (requests, data.draw(st.integers(bad, requests)), base[0], base[1])
    one = judge(evidence_of(rollout), some_settings(), a_plan()).verdicts[0]
    other = judge(evidence_of(worse), some_settings(), a_plan()).verdicts[0]
    assert other.log_e >= one.log_e - 1e-9 * abs(one.log_e) - 1e-12
    assert other.log_e_capped >= one.log_e_capped - 1e-9 * abs(one.log_e_capped) - 1e-12
    assert other.log_s <= one.log_s + 1e-9 * abs(one.log_s) + 1e-12


def test_evidence_does_not_grow_with_time() -> None:
    def size(minutes: int) -> int:
        return len(json.dumps(evidence_of([(60, 1, 1140, 12)] * minutes, plan=a_plan((5, 1000))).to_dict()))

    assert size(400) < 1.1 * size(5)
