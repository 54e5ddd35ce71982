"""A new step begins with nothing of the last one but what was learned about harm."""

from __future__ import annotations

import pytest

from rollout.core.judge import (
    Action,
    Evidence,
    JudgeSettings,
    MinuteReading,
    Standing,
    begin,
    begin_step,
    judge,
    observe,
)
from tests.core.judge.builders import HEALTHY, Minute, a_plan, a_reading, evidence_of, some_settings

ALL_FAIL: Minute = (60, 60, 1140, 12)
SILENT: Minute = (0, 0, 1200, 12)
HEALTHY_AT_10: Minute = (120, 1, 1080, 12)
"""With the share of the second step, or the split would be doubted."""
SETTINGS: JudgeSettings = some_settings()


def in_next_step(evidence: Evidence, *minutes: Minute) -> Evidence:
    """The evidence after the second step has begun and had these minutes."""
    evidence = begin_step(evidence, 1, SETTINGS, a_plan())
    first = (evidence.last_minute or 0) + 1
    for number, minute in enumerate(minutes, start=first):
        evidence = observe(evidence, a_reading(number, minute, step=1), SETTINGS, a_plan())
    return evidence


def convicted_by_its_newest_minute() -> Evidence:
    """Healthy for long, and then a minute in which everything fails: only the fast lane sees harm in it."""
    evidence = evidence_of([*[HEALTHY] * 8, ALL_FAIL], SETTINGS)
    judgement = judge(evidence, SETTINGS, a_plan())
    assert judgement.action is Action.ROLL_BACK
    assert judgement.log_e_capped < judgement.log_e_limit
    return evidence


def test_the_worst_minute_of_the_last_step_is_not_the_newest_of_the_next() -> None:
    """A person who goes on after it has seen it: the fast lane is for what has come since."""
    judgement = judge(in_next_step(convicted_by_its_newest_minute()), SETTINGS, a_plan())
    assert judgement.action is Action.CONTINUE


def test_a_minute_like_it_in_the_next_step_rolls_back() -> None:
    judgement = judge(in_next_step(convicted_by_its_newest_minute(), ALL_FAIL), SETTINGS, a_plan())
    assert judgement.action is Action.ROLL_BACK


def test_points_missing_at_the_end_of_a_step_are_not_counted_in_the_next() -> None:
    """Two newest minutes without points make a metric unmeasured; one of the last step and one of this one do not."""
    evidence = without_points(in_next_step(without_points(evidence_of([HEALTHY] * 7, SETTINGS))))
    assert judge(evidence, SETTINGS, a_plan()).verdicts[0].verdict is Standing.UNMEASURED  # no block of this step
    healthy = in_next_step(without_points(evidence_of([HEALTHY] * 7, SETTINGS)), *[HEALTHY_AT_10] * 7)
    assert judge(without_points(healthy), SETTINGS, a_plan()).verdicts[0].verdict is not Standing.UNMEASURED
    twice = without_points(without_points(healthy))
    assert judge(twice, SETTINGS, a_plan()).verdicts[0].verdict is Standing.UNMEASURED


def without_points(evidence: Evidence) -> Evidence:
    """The evidence after a minute that neither arm has a point of."""
    reading = MinuteReading((evidence.last_minute or 0) + 1, evidence.step, {})
    return observe(evidence, reading, SETTINGS, a_plan())


@pytest.mark.parametrize("silent", [1, 2, 3])
def test_a_step_that_begins_in_silence_after_a_silent_one_is_judged_like_a_first_one(silent: int) -> None:
    earlier = evidence_of([*[HEALTHY] * 7, *[SILENT] * 3], SETTINGS)
    later = judge(in_next_step(earlier, *[SILENT] * silent), SETTINGS, a_plan()).verdicts[0]
    first = judge(evidence_of([SILENT] * silent, SETTINGS), SETTINGS, a_plan()).verdicts[0]
    assert (first.verdict, later.verdict) == (Standing.UNMEASURED, Standing.UNMEASURED)
    assert first.canary == later.canary


def test_a_new_step_counts_its_own_requests_and_has_proven_nothing() -> None:
    earlier = evidence_of([HEALTHY] * 30, SETTINGS)
    assert judge(earlier, SETTINGS, a_plan()).action is Action.ADVANCE
    before = judge(earlier, SETTINGS, a_plan()).verdicts[0]
    after = judge(begin_step(earlier, 1, SETTINGS, a_plan()), SETTINGS, a_plan()).verdicts[0]
    assert (before.verdict, after.verdict) == (Standing.SAFE, Standing.UNMEASURED)
    assert after.canary == judge(begin(SETTINGS, a_plan(), {}), SETTINGS, a_plan()).verdicts[0].canary


def test_harm_is_remembered_from_step_to_step() -> None:
    earlier = evidence_of([HEALTHY, ALL_FAIL], SETTINGS)
    limit = judge(earlier, SETTINGS, a_plan())
    assert judge(begin_step(earlier, 1, SETTINGS, a_plan()), SETTINGS, a_plan()).log_e_capped == limit.log_e_capped


def of_this_step(evidence: Evidence) -> dict[str, object]:
    """What is remembered of each metric, but for the harm of the whole rollout."""
    metrics = evidence.to_dict()["metrics"]
    return {
        name: {key: value for key, value in metric.items() if not key.startswith("harm")}
        for name, metric in metrics.items()
    }


def test_silence_at_the_end_of_a_step_leaves_no_trace_in_the_next() -> None:
    nothing: Minute = (0, 0, 0, 0)
    talked = begin_step(evidence_of([HEALTHY] * 7, SETTINGS), 1, SETTINGS, a_plan())
    fell_silent = begin_step(evidence_of([*[HEALTHY] * 7, *[nothing] * 3], SETTINGS), 1, SETTINGS, a_plan())
    assert of_this_step(talked) == of_this_step(fell_silent)
