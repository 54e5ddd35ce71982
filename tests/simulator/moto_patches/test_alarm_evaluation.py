"""The state a metric alarm takes, with every treatment of missing data."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from rollout_simulator.moto_patches.alarm_evaluation import Datapoint, Watch, evaluate
from tests.simulator.moto_patches.conftest import NOW

WATCH = Watch(
    comparison="GreaterThanThreshold",
    threshold=5,
    evaluation_periods=3,
    datapoints_to_alarm=3,
    treat_missing="missing",
    statistic="Sum",
    period_seconds=60,
)
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")


def points(drawn: str) -> list[Datapoint]:
    """Datapoints from a drawing, oldest first: `0` within the threshold, `X` breaching, `-` missing."""
    marks = drawn.split()
    return [
        Datapoint(NOW - timedelta(minutes=ago), {"0": 1.0, "X": 9.0}[mark], 10)
        for ago, mark in enumerate(reversed(marks), 1)
        if mark != "-"
    ]


def state(watch: Watch, drawn: str, current: str = "kept") -> str:
    """The state after evaluation; a state that stays is `current`."""
    verdict = evaluate(watch, points(drawn), current, NOW)
    return current if verdict is None else verdict.state


@pytest.mark.parametrize(
    ("drawn", "states"),
    [
        ("0 - X - X", ("OK", "OK", "OK", "OK")),
        ("0 - - - -", ("OK", "OK", "OK", "OK")),
        ("- - - - -", ("INSUFFICIENT_DATA", "kept", "ALARM", "OK")),
        ("0 X X - X", ("ALARM", "ALARM", "ALARM", "ALARM")),
        ("- - X - -", ("ALARM", "kept", "ALARM", "OK")),
    ],
)
def test_three_out_of_three(drawn: str, states: tuple[str, ...]) -> None:
    assert tuple(state(replace(WATCH, treat_missing=how), drawn) for how in TREATMENTS) == states


@pytest.mark.parametrize(
    ("drawn", "states"),
    [
        ("0 - X - X", ("ALARM", "ALARM", "ALARM", "ALARM")),
        ("0 0 X 0 X", ("ALARM", "ALARM", "ALARM", "ALARM")),
        ("0 - X - -", ("OK", "OK", "ALARM", "OK")),
        ("- - - - 0", ("OK", "OK", "ALARM", "OK")),
        ("- - - - X", ("ALARM", "kept", "ALARM", "OK")),
    ],
)
def test_two_out_of_three(drawn: str, states: tuple[str, ...]) -> None:
    watch = replace(WATCH, datapoints_to_alarm=2)

    assert tuple(state(replace(watch, treat_missing=how), drawn) for how in TREATMENTS) == states


@pytest.mark.parametrize(
    ("comparison", "breaching"),
    [
        ("GreaterThanThreshold", [False, False, True]),
        ("GreaterThanOrEqualToThreshold", [False, True, True]),
        ("LessThanThreshold", [True, False, False]),
        ("LessThanOrEqualToThreshold", [True, True, False]),
    ],
)
def test_the_comparison_decides_what_breaches(comparison: str, breaching: list[bool]) -> None:
    watch = replace(WATCH, comparison=comparison, evaluation_periods=1, datapoints_to_alarm=1)
    verdicts = [evaluate(watch, [Datapoint(NOW, value, 1)], "kept", NOW) for value in (4.0, 5.0, 6.0)]

    assert [verdict is not None and verdict.state == "ALARM" for verdict in verdicts] == breaching


def test_a_state_that_stays_is_no_verdict() -> None:
    assert evaluate(WATCH, points("X X X"), "ALARM", NOW) is None


@pytest.mark.parametrize(
    ("drawn", "how", "reason"),
    [
        (
            "X X X",
            "missing",
            "Threshold Crossed: 3 out of the last 3 datapoints [9.0 (02/03/26 11:59:00), "
            "9.0 (02/03/26 11:58:00), 9.0 (02/03/26 11:57:00)] were greater than the threshold (5.0) "
            "(minimum 3 datapoints for OLD -> ALARM transition).",
        ),
        (
            "0",
            "missing",
            "Threshold Crossed: 1 out of the last 3 datapoints [1.0 (02/03/26 11:59:00)] was not greater "
            "than the threshold (5.0) (minimum 3 datapoints for OLD -> OK transition).",
        ),
        ("-", "missing", "Insufficient Data: 3 datapoints were unknown."),
        (
            "-",
            "breaching",
            "Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints were "
            "treated as [Breaching].",
        ),
    ],
)
def test_the_reason_says_what_was_seen(drawn: str, how: str, reason: str) -> None:
    verdict = evaluate(replace(WATCH, treat_missing=how), points(drawn), "OLD", NOW)

    assert verdict is not None
    assert verdict.reason == reason


def test_the_reason_data_carries_the_numbers() -> None:
    verdict = evaluate(WATCH, points("0 X X X"), "OK", NOW)

    assert verdict is not None
    numbers = json.loads(verdict.reason_data)
    assert (numbers["startDate"], numbers["recentDatapoints"], numbers["threshold"]) == (
        "2026-03-02T11:57:00.000+0000",
        [9.0, 9.0, 9.0],
        5.0,
    )
