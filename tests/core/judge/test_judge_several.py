"""Several metrics, several minutes at once: harm in one of them is not outvoted by the health of the others."""

from __future__ import annotations

import pytest

from rollout.core.judge import Action, MinuteReading, begin, observe_all
from tests.core.judge.builders import HEALTHY, Minute, a_pair, a_plan, some_settings

ALL_FAIL: Minute = (60, 60, 1140, 12)
NAMES = ("4XXError", "5XXError", "Errors")


@pytest.mark.parametrize("harmed", NAMES)
def test_harm_to_one_metric_in_the_midst_of_minutes_that_have_piled_up_ends_it(harmed: str) -> None:
    """By the last of the minutes all is well again: the judge must not look at that one alone."""
    settings, plan = some_settings(*NAMES), a_plan()
    readings = [
        MinuteReading(
            number,
            0,
            {name: a_pair(ALL_FAIL if name == harmed and 10 <= number < 13 else HEALTHY) for name in NAMES},
        )
        for number in range(1, 61)
    ]
    evidence, judgement = observe_all(begin(settings, plan, {}), readings, settings, plan)
    assert (Action.ROLL_BACK, harmed) == (judgement.action, judgement.deciding_metric)
    assert evidence.last_minute is not None
    assert 10 <= evidence.last_minute < 13
