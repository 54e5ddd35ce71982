"""Minutes that grow after they were counted: by invocations that took minutes, and then failed."""

from __future__ import annotations

import pytest

from rollout.core.judge import (
    Count,
    Evidence,
    MinuteReading,
    begin,
    begin_step,
    is_harmful,
    observe,
    observe_grown,
)
from rollout.core.judge.safety import log_evidence
from tests.core.judge.builders import NAME, Minute, a_plan, a_reading, evidence_of, some_settings

SETTINGS, PLAN = some_settings(), a_plan()
SURVIVORS: Minute = (48, 0, 1_140, 6)
"""One in five of the canary's requests hangs, and is not in the minute's points yet."""
ALL: Minute = (60, 12, 1_140, 6)


def seen(minutes: int, minute: Minute = SURVIVORS) -> Evidence:
    return evidence_of([minute] * minutes, SETTINGS, PLAN)


def grown(evidence: Evidence, *numbers: int, step: int = 0, before: Minute = SURVIVORS, now: Minute = ALL) -> Evidence:
    minutes = [(a_reading(number, before, step), a_reading(number, now, step)) for number in numbers]
    return observe_grown(evidence, minutes, SETTINGS, PLAN)


def test_those_that_survived_do_not_convict_and_all_of_them_do() -> None:
    survivors = seen(5)
    assert not is_harmful(survivors, SETTINGS, PLAN)
    assert is_harmful(grown(survivors, 1, 2, 3), SETTINGS, PLAN)


def test_a_minute_that_grew_never_weighs_more_than_if_it_had_been_counted_now() -> None:
    """The newest minute: its bets were placed by nearly the same past."""
    for before, now in (
        (SURVIVORS, ALL),
        ((54, 2, 1_026, 10), (60, 3, 1_140, 11)),
        ((54, 0, 1_026, 10), (60, 0, 1_140, 11)),
    ):
        first = seen(3)
        late = grown(observe(first, a_reading(4, before), SETTINGS, PLAN), 4, before=before, now=now).metrics[NAME]
        at_once = observe(first, a_reading(4, now), SETTINGS, PLAN).metrics[NAME]
        assert (at_once.canary, at_once.past_canary, at_once.past_base) == (
            late.canary,
            late.past_canary,
            late.past_base,
        )
        for most, found in zip(at_once.harm[:8], late.harm[:8], strict=True):  # the grid's bets do not learn
            assert found <= most + 0.3


def test_a_minute_of_a_step_that_has_ended_is_weighed_for_harm_and_not_shown() -> None:
    evidence = begin_step(seen(10), 1, SETTINGS, PLAN)
    after = grown(evidence, 8, 9, 10)
    assert is_harmful(after, SETTINGS, PLAN)
    assert ((0, 0), ()) == (after.metrics[NAME].canary, after.metrics[NAME].safety)


def test_a_proof_that_no_longer_holds_is_taken_back() -> None:
    proven = seen(30)
    assert proven.metrics[NAME].proven
    after = grown(proven, *range(1, 31), now=ALL)
    assert not after.metrics[NAME].proven


def test_a_proof_that_was_taken_back_must_be_reached_again() -> None:
    """Healthy minutes bring it back when its evidence is there, and not the next block by itself."""
    proven = next(each for each in map(seen, range(1, 60)) if each.metrics[NAME].proven)
    last = proven.last_minute or 0
    after = grown(proven, *range(1, last + 1), now=(56, 1, 1_140, 6))
    assert not after.metrics[NAME].proven
    assert after.metrics[NAME].rungs == 0
    for number in range(last + 1, last + 40):
        after = observe(after, a_reading(number, SURVIVORS), SETTINGS, PLAN)
        metric = after.metrics[NAME]
        reached = log_evidence(metric.safety) >= SETTINGS.log_proof
        assert metric.proven == reached
        if reached:
            return
    pytest.fail("it is never proven again")


@pytest.mark.parametrize(
    "now", [SURVIVORS, (47, 0, 1_140, 6), (48, 0, 1_139, 6)], ids=["the same", "fewer", "fewer of the base"]
)
def test_what_did_not_grow_changes_nothing(now: Minute) -> None:
    evidence = seen(3)
    assert evidence == grown(evidence, 2, now=now)


def test_what_comes_to_a_minute_of_few_requests_waits_for_a_block() -> None:
    few: Minute = (0, 0, 5, 0)
    evidence = seen(1, few)
    after = grown(evidence, 1, before=few, now=(2, 2, 5, 0))
    assert (Count(2, 2), Count(5, 0)) == (after.metrics[NAME].pending_canary, after.metrics[NAME].pending_base)
    assert evidence.metrics[NAME].harm == after.metrics[NAME].harm


def test_healthy_requests_that_come_late_convict_nobody() -> None:
    evidence = seen(20, (54, 0, 1_026, 10))
    after = grown(evidence, *range(1, 21), before=(54, 0, 1_026, 10), now=(60, 1, 1_140, 11))
    assert not is_harmful(after, SETTINGS, PLAN)


def test_a_minute_of_a_step_that_is_not_known_is_left() -> None:
    evidence = begin(SETTINGS, PLAN, {})
    nothing = MinuteReading(1, 3, {})
    assert evidence == observe_grown(evidence, [(nothing, a_reading(1, ALL, 3))], SETTINGS, PLAN)
