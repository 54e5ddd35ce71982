"""Readings that cannot have happened are refused by name; the rest is counted once."""

import json
from math import inf, nan
from typing import Any

import pytest

from rollout.core.judge import (
    Count,
    Evidence,
    InvalidEvidence,
    InvalidReading,
    InvalidSettings,
    JudgeSettings,
    MetricKind,
    MetricSettings,
    MinuteReading,
    Moments,
    Pair,
    Tolerance,
    begin,
    observe,
)
from tests.core.judge.builders import HEALTHY, NAME, a_plan, a_reading, evidence_of, orders, some_settings

VALUE = MetricSettings("OrderValue", MetricKind.BUSINESS_VALUE, Tolerance(0.9, 0.0))


def count(requests: Any, bad: Any) -> Count:
    return Count(requests, bad)


@pytest.mark.parametrize(
    ("measure", "problem"),
    [
        (count(-1, 0), "requests must not be negative, found -1"),
        (count(10, -2), "bad must not be negative, found -2"),
        (count(10, 12), "12 bad of only 10 requests"),
        (count(10.0, 1), "requests must be a whole number, found 10.0"),
        (count(10, nan), "bad must be a whole number, found nan"),
        (count(inf, 0), "requests must be a whole number, found inf"),
        (count(True, 0), "requests must be a whole number, found True"),
        (count("10", 0), "requests must be a whole number, found '10'"),
        (count(None, 0), "requests must be a whole number, found None"),
        (count(10**16, 0), "more than 1000000000000000 requests in a minute"),
        ((10, 1), "expected requests and bad, found (10, 1)"),
        (Moments(10, 1.0), "expected requests and bad, found Moments(samples=10, total=1.0)"),
    ],
)
@pytest.mark.parametrize("arm", ["canary", "base"])
def test_a_count_that_cannot_have_happened(measure: Any, problem: str, arm: str) -> None:
    pair = Pair(**{"canary": Count(1, 0), "base": Count(1, 0)} | {arm: measure})
    evidence = evidence_of([])
    with pytest.raises(InvalidReading) as raised:
        observe(evidence, MinuteReading(17, 0, {NAME: pair}), some_settings(), a_plan())
    assert str(raised.value) == f"minute 17, {NAME}, {arm}: {problem}"


@pytest.mark.parametrize(
    "measure",
    [
        Moments(-1, 0.0),
        Moments(1, nan),
        Moments(1, inf),
        Moments(1, True),
        Moments(0, 5.0),
        Moments(1, 1e200),
        Count(3, 1),
    ],
)
def test_moments_that_cannot_have_happened(measure: Any) -> None:
    settings = JudgeSettings.of(metrics=[VALUE])
    reading = MinuteReading(1, 0, {VALUE.name: Pair(measure, Moments(3, 10.0))})
    with pytest.raises(InvalidReading, match="minute 1, OrderValue, canary: expected samples"):
        observe(begin(settings, a_plan(), {}), reading, settings, a_plan())


def test_a_history_that_cannot_have_happened() -> None:
    with pytest.raises(InvalidReading, match="base history, 5XXError: 2 bad of only 1 requests"):
        begin(some_settings(), a_plan(), {NAME: Count(1, 2)})
    with pytest.raises(InvalidReading, match="base history: nobody asked for 'Errors'"):
        begin(some_settings(), a_plan(), {"Errors": Count(1, 0)})


def test_a_metric_nobody_asked_for_is_refused() -> None:
    with pytest.raises(InvalidReading, match=r"minute 1: nobody asked for 'Errors' \(known: 5XXError\)"):
        observe(evidence_of([]), a_reading(1, HEALTHY, name="Errors"), some_settings(), a_plan())


@pytest.mark.parametrize("step", [1, -1])
def test_a_minute_of_another_step_is_refused(step: int) -> None:
    with pytest.raises(InvalidReading, match="the rollout is in step 0"):
        observe(evidence_of([]), a_reading(1, HEALTHY, step), some_settings(), a_plan())


def test_a_minute_has_a_number_and_a_metric_a_pair() -> None:
    anything: Any = "12:01"
    with pytest.raises(InvalidReading, match="expected a whole number, found '12:01'"):
        observe(evidence_of([]), MinuteReading(anything, 0, {}), some_settings(), a_plan())
    anything = Count(1, 0)
    with pytest.raises(InvalidReading, match="expected a Pair"):
        observe(evidence_of([]), MinuteReading(1, 0, {NAME: anything}), some_settings(), a_plan())


def test_older_minutes_change_nothing_whatever_they_say() -> None:
    evidence = evidence_of([HEALTHY] * 5)
    for number in (5, 4, -3):
        assert observe(evidence, a_reading(number, (9, 9, 9, 9)), some_settings(), a_plan()) is evidence


def test_the_base_is_learned_from_strictly_before_the_minute() -> None:
    """p̂ of a minute must not have seen it: two minutes that differ in the base's errors bet alike."""
    one, other = (evidence_of([(60, 0, 0, 0), (60, 3, 1140, bad)]) for bad in (5, 6))
    assert one.metrics[NAME].past_base == Count(1140, 5)
    slopes = [b - a for a, b in zip(one.metrics[NAME].harm, other.metrics[NAME].harm, strict=True)]
    longer = evidence_of([(60, 0, 0, 0), (60, 3, 1140, 7)]).metrics[NAME].harm
    assert [b - a for a, b in zip(other.metrics[NAME].harm, longer, strict=True)] == pytest.approx(slopes)


def test_begin_refuses_settings_and_plans_that_cannot_be_meant() -> None:
    with pytest.raises(InvalidSettings, match=r"judge\.beta"):
        begin(some_settings()._replace(beta=0.0), a_plan(), {})
    with pytest.raises(InvalidSettings, match=r"plan\.steps\[1\]\.weightPercent"):
        begin(some_settings(), a_plan((10, 5), (10, 5)), {})


def test_a_record_of_another_version_or_a_damaged_one_is_refused() -> None:
    good = json.loads(json.dumps(evidence_of([HEALTHY]).to_dict()))
    assert Evidence.from_dict(good) == evidence_of([HEALTHY])
    with pytest.raises(InvalidEvidence, match="version"):
        Evidence.from_dict(good | {"version": 99})
    with pytest.raises(InvalidEvidence, match="damaged"):
        Evidence.from_dict({key: value for key, value in good.items() if key != "minutes"})
    good["metrics"][NAME]["harm"] = "nan"
    with pytest.raises(InvalidEvidence, match="not finite"):
        Evidence.from_dict(good)


def test_values_and_orders_have_evidence_that_round_trips() -> None:
    settings = JudgeSettings.of(metrics=[VALUE, orders()])
    reading = MinuteReading(
        1,
        0,
        {
            VALUE.name: Pair(Moments(3, 100.5), Moments(70, 2100.25)),
            "OrdersPlaced": Pair(Count(60, 6), Count(1140, 110)),
        },
    )
    evidence = observe(begin(settings, a_plan(), {}), reading, settings, a_plan())
    assert Evidence.from_dict(json.loads(json.dumps(evidence.to_dict()))) == evidence
