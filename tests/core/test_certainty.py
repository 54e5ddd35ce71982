"""What may be the past, and what may still come."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from rollout.core.certainty import MOST_KEPT, QUIET, STALE_FOR, StateAt, is_stale
from rollout.core.target import Canary, TargetState
from tests.rollouts import FOUND, NOON, rollout

NAMES = frozenset({"lambdaAlias"})
FIVE = replace(FOUND, canary=Canary("dep-new", Decimal(5), {"lambdaAlias": "next"}))
FIFTY = FIVE.with_weight(Decimal(50))


@pytest.mark.parametrize(("after", "stale"), [(timedelta(0), True), (STALE_FOR, False)])
def test_what_we_left_is_stale_for_five_minutes(after: timedelta, *, stale: bool) -> None:
    left = (StateAt(FIVE, NOON),)
    assert stale == is_stale(left, FIVE, (FIFTY,), NOON + after, NAMES)


def test_what_we_never_left_is_not_stale() -> None:
    assert not is_stale((StateAt(FIVE, NOON),), FIFTY, (), NOON, NAMES)


def test_a_stage_as_it_was_with_aliases_as_they_are_is_stale() -> None:
    was, now_is = replace(FIFTY, aliases={"orders:next": "2"}), replace(FOUND, aliases={"orders:next": "1"})
    mixture = replace(was, aliases=now_is.aliases)
    assert is_stale((StateAt(was, NOON),), mixture, (now_is,), NOON, NAMES)
    assert not is_stale((StateAt(was, NOON),), replace(mixture, aliases={"orders:next": "9"}), (now_is,), NOON, NAMES)


def test_a_write_can_land_until_it_is_answered_or_its_time_is_over() -> None:
    announced = replace(rollout().write_begun(NOON), revision=1)
    assert QUIET.total_seconds() == announced.quiet_seconds(NOON)
    assert 0 == announced.write_answered().quiet_seconds(NOON)
    assert 0 == announced.quiet_seconds(NOON + QUIET)


def test_an_answer_says_nothing_of_the_tries_before() -> None:
    second = replace(replace(rollout().write_begun(NOON), revision=1).write_begun(NOON), revision=2)
    assert QUIET.total_seconds() == second.write_answered().quiet_seconds(NOON)


def test_however_much_happens_the_record_keeps_an_end() -> None:
    busy = rollout()
    for nth in range(100):
        busy = replace(busy.write_begun(NOON), revision=busy.revision + 1)
        state: TargetState = FIVE.with_weight(Decimal(nth))
        busy = busy.confirmed(state, NOON)
        busy = replace(busy.write_begun(NOON), revision=busy.revision + 1)
    assert (MOST_KEPT, MOST_KEPT) == (len(busy.unanswered), len(busy.left))
