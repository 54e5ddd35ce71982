"""Equally strong metrics: which is named does not depend on the order in which the request has them."""

from __future__ import annotations

from itertools import permutations

import pytest

from rollout.core.judge import Action, Judgement, MinuteReading, begin, judge, observe
from tests.core.judge.builders import HEALTHY, Minute, a_pair, a_plan, some_settings

NAMES = ("4XXError", "5XXError", "Errors")
ALL_FAIL: Minute = (60, 60, 1140, 12)
SILENT: Minute = (0, 0, 1200, 12)
EVERY_ORDER = pytest.mark.parametrize("names", list(permutations(NAMES)), ids="-".join)


def judged(names: tuple[str, ...], minute: Minute, minutes: int) -> Judgement:
    """After so many minutes in which every metric shows the same."""
    settings, plan = some_settings(*names), a_plan()
    evidence = begin(settings, plan, {})
    for number in range(1, minutes + 1):
        reading = MinuteReading(number, 0, {name: a_pair(minute) for name in names})
        evidence = observe(evidence, reading, settings, plan)
    return judge(evidence, settings, plan)


def told_of(judgement: Judgement) -> list[str]:
    """The metrics of which the reason tells."""
    return [verdict.name for verdict in judgement.verdicts if verdict.reason in judgement.reason]


@EVERY_ORDER
def test_of_equally_harmful_metrics_the_first_by_name_is_named(names: tuple[str, ...]) -> None:
    judgement = judged(names, ALL_FAIL, minutes=3)
    assert (judgement.action, judgement.deciding_metric) == (Action.ROLL_BACK, NAMES[0])
    assert told_of(judgement) == [NAMES[0]]


@EVERY_ORDER
def test_of_metrics_equally_far_from_a_proof_the_first_by_name_is_named(names: tuple[str, ...]) -> None:
    judgement = judged(names, SILENT, minutes=30)
    assert (judgement.action, judgement.deciding_metric) == (Action.HOLD, NAMES[0])


@EVERY_ORDER
def test_of_metrics_equally_healthy_so_far_the_first_by_name_is_told_of(names: tuple[str, ...]) -> None:
    judgement = judged(names, HEALTHY, minutes=1)
    assert judgement.action is Action.CONTINUE
    assert told_of(judgement) == [NAMES[0]]
