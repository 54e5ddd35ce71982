"""Words for people: short, and with the numbers that matter."""

from decimal import Decimal
from math import log

import pytest

from rollout.core.judge import JudgeSettings, judge
from rollout.core.judge.explain import display_name, odds, percent, weight
from tests.core.judge.builders import HEALTHY, NAME, a_plan, evidence_of, orders, some_settings


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.034, "0.03:1"),
        (1.0, "1.0:1"),
        (3.44, "3.4:1"),
        (20.0, "20:1"),
        (1900.7, "1,901:1"),
        (2e9, "over 1,000,000,000:1"),
    ],
)
def test_odds(value: float, text: str) -> None:
    assert odds(log(value)) == text


def test_odds_beyond_all_floats() -> None:
    assert odds(1e6) == "over 1,000,000,000:1"
    assert odds(-1e6) == "0.00:1"


@pytest.mark.parametrize(
    ("rate", "text"),
    [(0.0, "0.00%"), (1.0, "100.00%"), (0.0347, "3.47%"), (0.0002, "0.020%"), (0.0000123, "0.0012%")],
)
def test_percent_shows_two_digits_of_a_small_rate(rate: float, text: str) -> None:
    assert percent(rate) == text


@pytest.mark.parametrize(("percent_", "text"), [("10", "10%"), ("5.0", "5%"), ("0.10", "0.1%"), ("1E+1", "10%")])
def test_weights_are_written_as_people_do(percent_: str, text: str) -> None:
    assert weight(Decimal(percent_)) == text


@pytest.mark.parametrize(
    ("name", "text"),
    [("5XXError", "5XX"), ("Latency.p99", "Latency p99"), ("OrdersPlaced", "OrdersPlaced"), ("Errors", "Errors")],
)
def test_display_names(name: str, text: str) -> None:
    assert display_name(name) == text


def test_every_action_says_where_it_stands() -> None:
    settings, plan = some_settings(), a_plan()

    def reason(minutes: int) -> str:
        return judge(evidence_of([HEALTHY] * minutes), settings, plan).reason

    assert reason(3).startswith("baking at 5%, 3 of 10 min; 5XX: canary 3/180 (1.67%) vs base 36/3420 (1.05%)")
    assert reason(10).startswith("5XX: canary 10/600 (1.67%)")
    assert "safe enough for the next step, " in reason(10)
    sparse = judge(evidence_of([(3, 0, 57, 0)] * 12), settings, plan).reason
    assert sparse.startswith("no proof of safety at 5% yet, 12 of at most 30 min; 5XX: canary 0/36 (0.00%)")
    assert "(needs 20:1)" in sparse


def test_where_more_is_better_the_limit_is_a_floor() -> None:
    settings = JudgeSettings.of(metrics=[orders()])
    evidence = evidence_of([(60, 6, 1140, 114)], settings, name="OrdersPlaced")
    assert "vs base 114/1140 (10.00%), at least 9.00%;" in judge(evidence, settings, a_plan()).reason


def test_a_silent_base_allows_nothing_known() -> None:
    verdict = judge(evidence_of([(60, 1, 0, 0)]), some_settings(), a_plan()).verdicts[0]
    assert verdict.allowed_rate is None
    assert verdict.reason == (
        "5XX: not measured, not enough requests in both arms (canary 60, base 0 requests) at 5% after 1 min"
    )
    assert verdict.name == NAME
