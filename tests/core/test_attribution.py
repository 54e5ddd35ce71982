"""Whose fault an alarm is: what the reason of a rollback says of canary and base."""

from __future__ import annotations

import pytest

from rollout.core.attribution import attribution, candidate_adds
from rollout.core.judge import MetricKind, MetricSettings, MinuteReading, begin, observe
from rollout.core.judge.settings import JudgeSettings
from tests.core.judge.builders import HEALTHY, NAME, Minute, a_pair, a_plan, evidence_of, orders, some_settings

CANARY_ALONE: Minute = (50, 5, 950, 10)
BOTH: Minute = (50, 5, 950, 95)
NO_BASE: Minute = (50, 5, 0, 0)
NO_CANARY: Minute = (0, 0, 950, 10)


def said_of(*minutes: Minute) -> str:
    return attribution(evidence_of(minutes), some_settings(), a_plan())


def test_a_canary_whose_odds_are_high_enough_fares_worse_than_the_base() -> None:
    said = said_of(CANARY_ALONE)
    assert said.startswith(
        "the canary fares worse than the base: 5XX canary 5/50 (10.00%) vs base 10/950 (1.05%), odds "
    )


def test_when_the_base_burns_as_much_the_cause_is_not_in_the_candidate() -> None:
    said = said_of(BOTH)
    expected = "the canary is not shown to be worse than the base: 5XX canary 5/50 (10.00%) vs base 95/950 (10.00%), "
    assert said.startswith(expected)


def test_a_rate_that_chance_alone_explains_is_not_called_worse() -> None:
    said = said_of((407, 3, 7733, 38))
    assert said.startswith("the canary is not shown to be worse than the base: 5XX canary 3/407 (0.74%)")


def test_the_minutes_of_the_step_are_taken_together() -> None:
    assert "canary 7/170 (4.12%) vs base 34/3230 (1.05%)" in said_of(CANARY_ALONE, HEALTHY, HEALTHY)


def test_the_candidate_adds_something_from_ten_to_one_on() -> None:
    settings, plan = some_settings(), a_plan()
    assert candidate_adds(evidence_of([CANARY_ALONE]), settings, plan)
    assert not candidate_adds(evidence_of([BOTH]), settings, plan)
    assert not candidate_adds(begin(settings, plan, {}), settings, plan)


@pytest.mark.parametrize("minutes", [[], [NO_BASE], [NO_CANARY], [(0, 0, 0, 0)]])
def test_nothing_is_said_while_one_of_them_has_had_no_request(minutes: list[Minute]) -> None:
    assert "" == said_of(*minutes)


def of_all(settings: JudgeSettings, minutes: dict[str, Minute]) -> str:
    plan = a_plan()
    reading = MinuteReading(1, 0, {name: a_pair(minute) for name, minute in minutes.items()})
    return attribution(observe(begin(settings, plan, {}), reading, settings, plan), settings, plan)


def test_only_the_metrics_that_fare_worse_are_named_when_there_are_any() -> None:
    said = of_all(some_settings("4XXError", NAME), {"4XXError": BOTH, NAME: CANARY_ALONE})
    assert said.startswith("the canary fares worse than the base: 5XX canary")
    assert "4XX" not in said


def test_every_metric_that_fares_worse_is_named() -> None:
    said = of_all(some_settings("4XXError", NAME), {"4XXError": CANARY_ALONE, NAME: CANARY_ALONE})
    assert "4XX canary 5/50" in said
    assert "; 5XX canary 5/50" in said


@pytest.mark.parametrize(
    "other",
    [
        MetricSettings("Latency.p90", MetricKind.LATENCY),
        orders(),
        MetricSettings("4XXError", dry_run=True),
    ],
    ids=["latency", "orders", "dry run"],
)
def test_of_what_does_not_decide_or_counts_no_errors_nothing_is_said(other: MetricSettings) -> None:
    settings = JudgeSettings.of(metrics=[other, MetricSettings(NAME)])
    said = of_all(settings, {other.name: CANARY_ALONE, NAME: BOTH})
    assert said.startswith("the canary is not shown to be worse than the base: 5XX canary 5/50")
    assert said.count("canary 5/50") == 1
