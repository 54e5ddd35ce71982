"""What may be the past, and what may still come."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from rollout.core.certainty import MOST_KEPT, QUIET, STALE_FOR, StateAt, is_stale
from rollout.core.target import Canary, TargetState
from tests.rollouts import NOON, rollout

NAMES = frozenset({"lambdaAlias"})
ON_1, ON_2 = {"orders:next": "1", "stock:next": "1"}, {"orders:next": "2", "stock:next": "2"}
CANARY = Canary("dep-new", Decimal(25), {"lambdaAlias": "next"})
BASE = TargetState("dep-old", None, {"lambdaAlias": "live"}, ON_1)
AT_25 = replace(BASE, canary=CANARY, aliases=ON_2)
LEFT = (StateAt(AT_25, NOON),)


def stale(seen: TargetState, *, left: tuple[StateAt, ...] = LEFT, after: timedelta = timedelta(seconds=5)) -> bool:
    return is_stale(left, seen, (BASE,), NOON + after, NAMES)


def test_what_was_left_a_short_while_ago_is_stale() -> None:
    assert stale(AT_25)


@pytest.mark.parametrize(
    "aliases", [ON_1, {**ON_1, "orders:next": "2"}, {**ON_2, "orders:next": "1"}], ids=["both", "one", "other"]
)
def test_a_stage_of_a_moment_ago_with_aliases_of_now_is_stale(aliases: dict[str, str]) -> None:
    assert stale(replace(AT_25, aliases=aliases))


def test_a_stage_of_now_with_an_alias_of_a_moment_ago_is_stale() -> None:
    assert stale(replace(BASE, aliases={**ON_1, "orders:next": "2"}))


@pytest.mark.parametrize(
    "seen",
    [
        replace(AT_25, aliases={**ON_1, "orders:next": "3"}),
        replace(AT_25, canary=replace(CANARY, weight_percent=Decimal(33)), aliases=ON_1),
        replace(AT_25, base="dep-theirs", aliases=ON_1),
        replace(BASE, variables={"lambdaAlias": "theirs"}),
    ],
    ids=["an alias", "the weight", "the base", "a variable"],
)
def test_what_somebody_else_has_set_is_not_stale(seen: TargetState) -> None:
    assert not stale(seen)


def test_what_is_expected_is_not_stale() -> None:
    assert not stale(BASE)


@pytest.mark.parametrize("seen", [AT_25, replace(AT_25, aliases=ON_1)], ids=["whole", "mixed"])
def test_what_was_left_long_ago_is_not_stale(seen: TargetState) -> None:
    assert not stale(seen, after=STALE_FOR)


def test_states_that_are_only_expected_make_no_mixture() -> None:
    assert not is_stale((), replace(AT_25, aliases=ON_1), (BASE, AT_25), NOON, NAMES)


def test_a_rollback_under_way_leaves_a_mixture_of_what_is_expected() -> None:
    mixture = replace(AT_25, aliases=ON_1)
    assert is_stale((), mixture, (BASE, AT_25), NOON, NAMES, under_way=True)
    assert not is_stale((), replace(AT_25, base="theirs"), (BASE, AT_25), NOON, NAMES, under_way=True)


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
        state: TargetState = AT_25.with_weight(Decimal(nth))
        busy = busy.confirmed(state, NOON)
        busy = replace(busy.write_begun(NOON), revision=busy.revision + 1)
    assert (MOST_KEPT, MOST_KEPT) == (len(busy.unanswered), len(busy.left))
