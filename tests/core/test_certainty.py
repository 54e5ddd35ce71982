"""What our own hand has left a short while ago is the past, whole or in parts; anything else is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from rollout.core.certainty import STALE_FOR, StateAt, is_stale
from rollout.core.target import Canary, TargetState
from tests.rollouts import NOON

NAMES = frozenset({"lambdaAlias"})
ON_1, ON_2 = {"orders:next": "1", "stock:next": "1"}, {"orders:next": "2", "stock:next": "2"}
CANARY = Canary("dep-new", Decimal(25), {"lambdaAlias": "next"})
BASE = TargetState("dep-old", None, {"lambdaAlias": "live"}, ON_1)
AT_25 = replace(BASE, canary=CANARY, aliases=ON_2)
LEFT = (StateAt(AT_25, NOON),)


def stale(seen: TargetState, *, left: tuple[StateAt, ...] = LEFT, after: timedelta = timedelta(seconds=5)) -> bool:
    return is_stale(left, (BASE,), seen, NOON + after, NAMES)


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
    assert not is_stale((), (BASE, AT_25), replace(AT_25, aliases=ON_1), NOON, NAMES)
