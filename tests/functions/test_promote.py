"""Promote: make the canary the base. What it shares with the other tasks that change a target: test_changes."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from rollout.core.decision import OnRegression, Phase
from rollout.core.minutes import minute_of
from rollout.core.rollout import Outcome
from rollout.core.signals import STOP_SIGNALS, SignalKind
from rollout.core.target import Json
from rollout.errors import RecordChanged, Unavailable
from rollout_simulator.fakes import Around, Disturbance
from tests.functions.world import FOUND, PROMOTED, World, at_weight, request


def promote(world: World, around: Around | None = None) -> Json:
    return world.call("promote", around)


@pytest.fixture
def promoting(world: World) -> World:
    return world.promoting()


# --- what it does ------------------------------------------------------------------------------------------------


def test_the_canary_becomes_the_base_and_is_gone(promoting: World) -> None:
    promote(promoting)
    assert ("dep-new", None) == (promoting.stage.base, promoting.stage.canary)


def test_the_overrides_are_merged_and_the_other_variables_stay(promoting: World) -> None:
    promote(promoting)
    assert {"lambdaAlias": "next", "table": "orders"} == promoting.stage.variables


def test_a_rollout_of_variables_alone_is_promoted(world: World) -> None:
    world.promoting(candidate={"deploymentId": "dep-old", "stageVariables": {"lambdaAlias": "next"}})
    assert "CONTINUE" == promote(world)["decision"]
    assert replace(PROMOTED, base="dep-old") == world.stage


def test_the_watch_begins(promoting: World) -> None:
    assert "CONTINUE" == promote(promoting)["decision"]
    rollout = promoting.rollout
    assert (Phase.WATCHING, None, None, (PROMOTED,)) == (
        rollout.phase,
        rollout.pending_decision,
        rollout.outcome,
        tuple(replace(state, variables=PROMOTED.variables) for state in rollout.expected_states),
    )
    assert "promoted; watching for 5 min" == rollout.reason
    assert ("WATCHING", 100.0) == (promoting.states_told[-1], promoting.fakes.notifier.published[-1]["weightPercent"])


def test_without_a_watch_it_closes_at_once(world: World) -> None:
    world.promoting(
        plan={
            "steps": [{"weightPercent": 5, "bakeMinutes": 2}, {"weightPercent": 50, "bakeMinutes": 2}],
            "watchMinutes": 0,
        }
    )
    assert "CLOSE" == promote(world)["decision"]
    assert Outcome.PROMOTED is world.rollout.outcome


def test_no_minute_of_the_watch_began_before_the_promotion(promoting: World) -> None:
    promoting.fakes.clock.pass_time(seconds=20)
    promote(promoting)
    assert minute_of(promoting.now) < promoting.rollout.next_minute


def test_it_may_promote_from_any_step(world: World) -> None:
    world.baking().signal(SignalKind.PROMOTE)
    world.call("analyze")
    promote(world)
    assert PROMOTED == world.stage


# --- signals -----------------------------------------------------------------------------------------------------

STOPS = pytest.mark.parametrize("kind", sorted(STOP_SIGNALS))


@STOPS
@pytest.mark.parametrize("policy", get_args(OnRegression))
def test_a_stop_signal_after_a_promotion_broke_off_puts_the_base_back(
    world: World, kind: SignalKind, policy: str
) -> None:
    world.promoting(onRegression=policy).fakes.stage.breaks_off_promotions = True
    with pytest.raises(Unavailable):
        promote(world)
    world.signal(kind)
    promote(world)
    assert "ROLL_BACK" == world.call("analyze")["decision"]
    world.roll_back()
    assert FOUND == world.stage


@STOPS
def test_a_stop_signal_during_a_promotion_without_a_watch_puts_the_base_back(world: World, kind: SignalKind) -> None:
    world.promoting(plan={**request()["plan"], "watchMinutes": 0})
    with pytest.raises(RecordChanged):
        promote(world, Disturbance(only="shifter.change", before=lambda: world.signal(kind)))
    promote(world)
    assert "ROLL_BACK" == world.call("analyze")["decision"]
    world.roll_back()
    assert FOUND == world.stage


# --- failures and retries ----------------------------------------------------------------------------------------


def test_a_promotion_that_broke_off_half_way_is_finished_by_the_retry(promoting: World) -> None:
    promoting.fakes.stage.breaks_off_promotions = True
    with pytest.raises(Unavailable):
        promote(promoting)
    assert replace(PROMOTED, canary=at_weight(50).canary) == promoting.stage
    assert "CONTINUE" == promote(promoting)["decision"]
    assert PROMOTED == promoting.stage
