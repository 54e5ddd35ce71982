"""Shift traffic: give the canary the next step's weight, or none. What it shares with others: test_changes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rollout.core.decision import Phase
from rollout.core.minutes import minute_of
from rollout.core.signals import SignalKind
from rollout.core.target import Json
from rollout_simulator.fakes import Around
from tests.functions.world import World, at_weight, kept


def shift(world: World, around: Around | None = None) -> Json:
    return world.call("shift_traffic", around)


@pytest.fixture
def advancing(world: World) -> World:
    return world.advancing()


# --- what it does ------------------------------------------------------------------------------------------------


def test_the_next_step_begins_to_bake(advancing: World) -> None:
    shift(advancing)
    rollout = advancing.rollout
    assert (1, Phase.BAKING, None, kept(at_weight(50))) == (
        rollout.step,
        rollout.phase,
        rollout.pending_decision,
        rollout.expected_states,
    )
    assert Decimal(50) == rollout.weight_percent
    assert "canary at 50 %, step 2 of 2, baking 2 min" == rollout.reason


def test_safety_is_proven_afresh_and_harm_is_remembered(advancing: World) -> None:
    harm = advancing.rollout.evidence.metrics["5XXError"].harm
    shift(advancing)
    evidence = advancing.rollout.evidence
    assert (1, 0) == (evidence.step, evidence.step_minutes)
    assert (False, harm) == (evidence.metrics["5XXError"].proven, evidence.metrics["5XXError"].harm)


def test_no_minute_is_judged_that_spans_the_change(advancing: World) -> None:
    advancing.fakes.clock.pass_time(seconds=25)
    shift(advancing)
    assert minute_of(advancing.now) + 1 == advancing.rollout.next_minute


def test_the_world_is_told_of_the_new_weight(advancing: World) -> None:
    shift(advancing)
    told = advancing.fakes.notifier.published[-1]
    assert ("BAKING", 1, 50.0) == (told["state"], told["step"], told["weightPercent"])


# --- lowering ----------------------------------------------------------------------------------------------------


@pytest.fixture
def lowered(world: World) -> World:
    """A rollout whose canary was lowered to nothing for an alarm, 25 seconds after the minute."""
    world.baking(onRegression="holdAtZero").signal(SignalKind.ALARM, source="orders-5xx")
    assert world.call("analyze")["decision"] == "LOWER"
    world.fakes.clock.pass_time(seconds=25)
    assert shift(world)["decision"] == "HOLD"
    return world


def test_a_lowered_canary_is_held_for_a_person_from_now_on(lowered: World) -> None:
    rollout = lowered.rollout
    assert (0, Phase.HELD, None, kept(at_weight(0))) == (
        rollout.step,
        rollout.phase,
        rollout.pending_decision,
        rollout.expected_states,
    )
    assert (lowered.now, lowered.now) == (rollout.phase_since, rollout.changed_at)


def test_no_minute_is_judged_that_spans_the_lowering(lowered: World) -> None:
    assert minute_of(lowered.now) + 1 == lowered.rollout.next_minute


def test_the_world_is_told_that_no_request_goes_to_the_canary_any_more(lowered: World) -> None:
    told = lowered.fakes.notifier.published[-1]
    assert ("HELD", 0, 0.0) == (told["state"], told["step"], told["weightPercent"])


def test_a_lowered_canary_gets_the_next_steps_weight_if_a_person_says_so(lowered: World) -> None:
    lowered.signal(SignalKind.ADVANCE)
    assert "ADVANCE" == lowered.call("analyze")["decision"]
    shift(lowered)
    assert (at_weight(50), 1) == (lowered.stage, lowered.rollout.step)


def test_a_rollout_that_has_ended_is_not_lowered(lowered: World) -> None:
    lowered.signal(SignalKind.ABORT)
    lowered.call("analyze")
    lowered.roll_back()
    lowered.call("close")
    before = list(lowered.fakes.stage.history)
    assert "CLOSE" == shift(lowered)["decision"]
    assert before == lowered.fakes.stage.history
