"""What one rollout teaches the next."""

from __future__ import annotations

import pytest

from rollout.core.judge import Evidence, JudgeSettings, MetricEvidence, MetricSettings, Spread
from rollout.core.judge.readings import Count
from rollout.core.learning import FADE, dispersion, remembered, with_learned

NOTHING = Count(0, 0)


def evidence(spread: Spread) -> Evidence:
    return Evidence({"5XXError": MetricEvidence.fresh(NOTHING)._replace(spread=spread)})


def test_a_promotion_adds_its_sums_to_what_fades_of_the_earlier_ones() -> None:
    first = remembered({}, evidence(Spread(30, 90.0, 30.0)))
    second = remembered(first, evidence(Spread(10, 10.0, 10.0)))
    assert {"minutes": 30 * FADE + 10, "squares": 90 * FADE + 10, "variance": 30 * FADE + 10} == second["5XXError"]


def test_a_rollout_without_errors_only_lets_fade() -> None:
    known = {"5XXError": {"minutes": 30.0, "squares": 90.0, "variance": 30.0}}
    assert {"minutes": 24.0, "squares": 72.0, "variance": 24.0} == remembered(known, evidence(Spread()))["5XXError"]


def test_rare_errors_add_up_until_there_is_enough_to_go_by() -> None:
    lessons = remembered({}, evidence(Spread(15, 60.0, 15.0)))
    assert dispersion(lessons["5XXError"]) is None
    lessons = remembered(lessons, evidence(Spread(15, 60.0, 15.0)))
    assert dispersion(lessons["5XXError"]) == pytest.approx(4.0)


def test_what_the_request_says_wins() -> None:
    known = {"5XXError": {"minutes": 40.0, "squares": 120.0, "variance": 40.0}}
    silent = JudgeSettings.of(metrics=[MetricSettings("5XXError")])
    outspoken = JudgeSettings.of(metrics=[MetricSettings("5XXError", dispersion=2.0)])
    assert [3.0, 2.0] == [with_learned(each, known).metrics[0].dispersion for each in (silent, outspoken)]


@pytest.mark.parametrize(("squares", "bounded"), [(1.0, 1.0), (4_000.0, 10.0)])
def test_what_is_learned_is_bounded(squares: float, bounded: float) -> None:
    assert bounded == dispersion({"minutes": 40.0, "squares": squares, "variance": 40.0})
