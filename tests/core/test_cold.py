"""Who was not asked for a while starts cold: the latencies of that minute are not compared."""

from __future__ import annotations

import pytest

from rollout.core.cold import PAUSE_MINUTES, asked_in, comparable, each_comparable
from rollout.core.judge import Count, JudgeSettings, MetricSettings, MinuteReading, Moments, Pair
from rollout.core.judge.settings import LATENCY_TOLERANCE, MetricKind

JUDGE = JudgeSettings(
    alpha=0.01,
    metrics=(
        MetricSettings("5XXError"),
        MetricSettings("Latency.p99", MetricKind.LATENCY, LATENCY_TOLERANCE, required=False),
    ),
)


def minute(number: int, canary: int | None, base: int | None) -> MinuteReading:
    """So many requests of each arm; None: no point."""
    arms = (None if requests is None else Count(requests, 0) for requests in (canary, base))
    pair = Pair(*arms)
    return MinuteReading(number, 0, {"5XXError": pair, "Latency.p99": pair, "order value": Pair(Moments(1, 9), None)})


@pytest.mark.parametrize("arm", ["canary", "base"])
@pytest.mark.parametrize("pause", range(1, 8))
def test_latency_is_not_compared_in_the_minute_after_a_pause_of_an_arm(arm: str, pause: int) -> None:
    last_asked = {"canary": 109, "base": 109} | {arm: 109 - pause}
    reading = minute(110, 3, 30)
    found = comparable(reading, JUDGE, last_asked)
    assert reading.pairs["5XXError"] == found.pairs["5XXError"]
    latency = Pair(Count(0, 0), Count(0, 0)) if pause >= PAUSE_MINUTES else reading.pairs["Latency.p99"]
    assert latency == found.pairs["Latency.p99"]


def test_an_arm_that_was_never_asked_is_left_to_the_warm_up() -> None:
    reading = minute(110, 3, 30)
    assert reading == comparable(reading, JUDGE, {})


@pytest.mark.parametrize("silent", [0, None])
def test_a_minute_without_requests_of_an_arm_leaves_its_last_one_as_it_was(silent: int | None) -> None:
    last_asked = asked_in(minute(101, 1, 30), {})
    assert {"canary": 101, "base": 101} == last_asked
    assert {"canary": 101, "base": 102} == asked_in(minute(102, silent, 30), last_asked)


def test_of_minutes_in_a_row_each_is_compared_with_those_before_it() -> None:
    readings = [minute(101, 1, 30), minute(102, None, 30), minute(106, 1, 30), minute(107, 2, 30)]
    found = list(each_comparable(readings, JUDGE, {"canary": 99, "base": 100}))
    kept = [each.minute for each, reading in zip(found, readings, strict=True) if each == reading]
    assert [101, 102, 107] == kept
