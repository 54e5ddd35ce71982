"""The way of a stage whose functions are reached by alias: one call at a time, and never a mix of old and new."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise, product

import pytest

from rollout.adapters.stage_transition_path import transition_path
from rollout.core.target import NOTHING_BEHIND, Behind, Canary, TargetState

OLD, NEW, STALE = "6", "7", "5"
FUNCTIONS = ("orders", "stock")
SPARE = {f"{name}:next": NEW for name in FUNCTIONS}
LIVE = {f"{name}:live": NEW for name in FUNCTIONS}
MERGES = Behind({"lambdaAlias": "next"}, SPARE)
MOVES = Behind({"lambdaAlias": "next"}, SPARE, LIVE)
MODES = [MERGES, MOVES]


def found(behind: Behind, deployment: str = "dep-old") -> TargetState:
    aliases = {**dict.fromkeys(behind.spare, STALE), **dict.fromkeys(behind.live, OLD)}
    return TargetState(deployment, None, {"lambdaAlias": "live", "table": "orders"}, aliases)


def with_canary(behind: Behind, weight: int = 5, deployment: str = "dep-new") -> TargetState:
    canary = Canary(deployment, Decimal(weight), {"lambdaAlias": "next", "table": "orders-2"})
    return replace(found(behind), canary=canary, aliases={**found(behind).aliases, **behind.spare})


def promoted(behind: Behind) -> TargetState:
    return with_canary(behind).promoted(behind)


def left_behind(behind: Behind) -> list[TargetState]:
    """Every state in which a task that died may have left the stage."""
    here, there, beyond = found(behind), with_canary(behind), promoted(behind)
    states = [here, there, with_canary(behind, 50)]
    for state in states:  # it grows
        states += [each for end in (here, beyond) for each in transition_path(behind, state, end) if each not in states]
    states += [each for each in transition_path(behind, here, there) if each not in states]
    return states


def served(state: TargetState) -> Iterator[tuple[str, str, str]]:
    """Deployment, version and table of each request that somebody may make now."""
    arms = [(state.base, state.variables)]
    if state.canary is not None:
        arms.append((state.canary.revision, {**state.variables, **state.canary.overrides}))
    for (deployment, variables), function in product(arms, FUNCTIONS):
        alias = f"{function}:{variables['lambdaAlias']}"
        yield deployment, state.aliases.get(alias, OLD), variables["table"]


@pytest.mark.parametrize("behind", MODES, ids=["merges", "moves"])
def test_no_request_ever_meets_a_mix_of_old_and_new(behind: Behind) -> None:
    ends = [found(behind), with_canary(behind), promoted(behind)]
    for start, end in product(left_behind(behind), ends):
        if end.canary is not None and start != found(behind):
            continue
        for state in (start, *transition_path(behind, start, end)):
            assert set(served(state)) <= {("dep-old", OLD, "orders"), ("dep-new", NEW, "orders-2")}, (start, end)


@pytest.mark.parametrize("behind", MODES, ids=["merges", "moves"])
def test_every_step_is_one_call_and_the_last_one_arrives(behind: Behind) -> None:
    for start, end in product(left_behind(behind), [found(behind), promoted(behind)]):
        states = [start, *transition_path(behind, start, end)]
        assert end == states[-1]
        for before, after in pairwise(states):
            moved = [name for name in before.aliases if before.aliases[name] != after.aliases[name]]
            pointer = (before.base, before.variables) != (after.base, after.variables)
            assert 1 == len(moved) + pointer + (before.canary != after.canary)


@pytest.mark.parametrize(("behind", "most"), [(MERGES, 10), (MOVES, 24)], ids=["merges", "moves"])
def test_however_often_one_stops_half_way_there_are_few_states_to_be_in(behind: Behind, most: int) -> None:
    assert most >= len(left_behind(behind))


def test_a_merge_takes_two_calls_and_leaves_the_spare_aliases_where_they_serve() -> None:
    states = transition_path(MERGES, with_canary(MERGES), promoted(MERGES))
    assert [promoted(MERGES).variables] * 2 == [state.variables for state in states]
    assert SPARE == states[-1].aliases


def test_a_move_sends_everybody_around_the_live_aliases_while_they_are_moved() -> None:
    states = transition_path(MOVES, with_canary(MOVES), promoted(MOVES))
    assert ["next", "next", "next", "live", "live"] == [state.variables["lambdaAlias"] for state in states]
    assert {**SPARE, **LIVE} == states[-1].aliases


def test_a_rollback_puts_the_spare_aliases_back_once_the_canary_is_gone() -> None:
    first, *others = transition_path(MERGES, with_canary(MERGES), found(MERGES))
    assert (None, SPARE) == (first.canary, first.aliases)
    assert found(MERGES) == others[-1]


def test_a_stage_without_aliases_behind_it_is_promoted_in_two_calls_and_all_else_is_one() -> None:
    here = TargetState("dep-old", None, {"table": "orders"})
    there = replace(here, canary=Canary("dep-new", Decimal(5), {"table": "orders-2"}))
    beyond = there.promoted()
    assert [1, 1, 2, 1] == [
        len(transition_path(NOTHING_BEHIND, *pair))
        for pair in ((here, there), (there, here), (there, beyond), (beyond, here))
    ]
