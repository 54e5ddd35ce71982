"""What a rollout costs in bad requests, and what it may cost."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import pytest

from rollout.core.judge import Count, Evidence, MinuteReading, Pair, begin
from rollout.core.judge.plan import Step
from rollout.core.spending import NOTHING_SPENT, ErrorBudget, Excess
from tests.rollouts import JUDGE

ERRORS = next(metric.name for metric in JUDGE.metrics)
EVIDENCE: Evidence = begin(JUDGE, (Step(Decimal(50), 10),), {ERRORS: Count(10_000, 50)})


def minute(canary: tuple[int, int], base: tuple[int, int] | None, number: int = 1) -> MinuteReading:
    return MinuteReading(number, 0, {ERRORS: Pair(Count(*canary), None if base is None else Count(*base))})


def spent(*minutes: MinuteReading) -> Excess:
    excess = NOTHING_SPENT
    for each in minutes:
        excess = excess.plus(each, EVIDENCE, JUDGE)
    return excess


def test_only_what_the_base_does_not_explain_is_spent() -> None:
    assert pytest.approx((30.0, 4.0)) == spent(minute((1_000, 70), (10_000, 400)))


def test_an_outage_that_both_share_costs_nothing() -> None:
    assert 0.0 == spent(minute((1_000, 1_000), (1_000, 1_000))).spent


def test_what_one_minute_saves_another_may_spend() -> None:
    assert 0.0 == spent(minute((1_000, 0), (1_000, 50)), minute((1_000, 100), (1_000, 50))).requests


def test_without_a_request_of_the_base_its_rate_so_far_stands_for_it() -> None:
    assert Excess(9.5, 0.0) == spent(minute((100, 10), (0, 0)))
    assert Excess(9.5, 0.0) == spent(minute((100, 10), None))


def test_a_minute_without_the_canary_costs_nothing() -> None:
    assert NOTHING_SPENT == spent(MinuteReading(1, 0, {ERRORS: Pair(None, Count(100, 1))}), MinuteReading(2, 0, {}))


def test_of_two_thousand_healthy_controls_hardly_any_spends_a_tenth_of_its_errors() -> None:
    """Five percent of the base are a poor estimate: the two standard errors are there for that."""
    random, found = Random(7), 0

    def bad_of(requests: int) -> int:
        return sum(random.random() < 0.005 for _ in range(requests))

    for _ in range(2_000):
        minutes = [minute((1_140, bad_of(1_140)), (60, bad_of(60))) for _ in range(10)]
        found += spent(*minutes).spent >= 6
    assert found <= 2_000 * 0.05


@pytest.mark.parametrize(
    ("budget", "per_minute", "requests"),
    [
        (ErrorBudget(99.9, 30, 0.05), 1_200, 2_592),
        (ErrorBudget(99.0, 1, 1.0), 100, 1_440),
        (ErrorBudget(99.9, 30, 0.05), 0, 0),
    ],
)
def test_an_error_budget_is_so_many_requests_at_the_traffic_of_the_base(
    budget: ErrorBudget, per_minute: float, requests: int
) -> None:
    assert requests == budget.requests(per_minute)
