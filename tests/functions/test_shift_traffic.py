"""Shift traffic: raise the canary's weight to the next step's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from rollout.core.decision import Decision, Phase
from rollout.core.minutes import minute_of
from rollout.core.rollout import Outcome
from rollout.core.signals import SignalKind
from rollout.core.target import Json
from rollout.errors import NotAllowed, RecordChanged, RolloutError, Unavailable
from rollout_simulator.fakes import Around, Disturbance
from tests.functions.lost_answers import called_twice, disturbed
from tests.functions.world import FOREIGN, FOUND, ROLLOUT, TARGET, World, at_weight, foreign_states, kept


def shift(world: World, around: Around | None = None) -> Json:
    return world.call("shift_traffic", around)


@pytest.fixture
def advancing(world: World) -> World:
    return world.advancing()


RAISED = [FOUND, at_weight(5), at_weight(50)]
NOT_RAISED = [FOUND, at_weight(5)]


# --- what it does ------------------------------------------------------------------------------------------------


def test_the_canary_gets_the_next_steps_weight_and_nothing_else_changes(advancing: World) -> None:
    assert "CONTINUE" == shift(advancing)["decision"]
    assert at_weight(50) == advancing.stage
    assert RAISED == advancing.fakes.stage.history


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


def test_each_transition_has_an_event_id_of_its_own(advancing: World) -> None:
    shift(advancing)
    ids = [event["eventId"] for event in advancing.fakes.notifier.published]
    assert len(set(ids)) == len(ids) == 3


def test_what_is_about_to_be_done_is_in_the_record_before_it_is_done(advancing: World) -> None:
    intended = []
    shift(
        advancing, Disturbance(only="shifter.change", before=lambda: intended.append(advancing.rollout.expected_states))
    )
    assert [kept(at_weight(5), at_weight(50))] == intended


# --- foreign hands -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", FOREIGN)
def test_a_stage_that_somebody_else_changed_is_left_alone(advancing: World, what: str) -> None:
    theirs = advancing.foreign(foreign_states(at_weight(5))[what])
    assert "STOP" == shift(advancing)["decision"]
    assert theirs == advancing.stage
    assert Outcome.STOPPED is advancing.rollout.outcome


@pytest.mark.parametrize("what", FOREIGN)
def test_a_stage_that_somebody_else_changes_meanwhile_is_left_alone(advancing: World, what: str) -> None:
    theirs = foreign_states(at_weight(50))[what]
    answer = shift(advancing, Disturbance(only="shifter.change", after=lambda: advancing.foreign(theirs)))
    assert "STOP" == answer["decision"]
    assert theirs == advancing.stage


def test_a_canary_that_somebody_else_removes_meanwhile_is_not_resurrected(advancing: World) -> None:
    removed = Disturbance(only="shifter.change", before=lambda: advancing.foreign(FOUND))
    assert "STOP" == shift(advancing, removed)["decision"]
    assert FOUND == advancing.stage


def test_variables_that_the_rollout_does_not_override_are_the_owners_to_change(advancing: World) -> None:
    theirs = replace(at_weight(5), variables={**FOUND.variables, "table": "orders-2"})
    advancing.foreign(theirs)
    shift(advancing)
    assert theirs.with_weight(Decimal(50)) == advancing.stage


def test_a_stage_that_was_deleted_stops_the_rollout(advancing: World) -> None:
    advancing.fakes.stage.delete(TARGET)
    assert "STOP" == shift(advancing)["decision"]


# --- signals -----------------------------------------------------------------------------------------------------

STOPS = pytest.mark.parametrize("kind", [SignalKind.ABORT, SignalKind.ALARM])


@STOPS
def test_after_a_stop_signal_the_weight_does_not_rise(advancing: World, kind: SignalKind) -> None:
    advancing.signal(kind)
    answer = shift(advancing)
    assert ("CONTINUE", 0) == (answer["decision"], answer["seen"])
    assert NOT_RAISED == advancing.fakes.stage.history
    assert "ROLL_BACK" == advancing.call("analyze")["decision"]


@STOPS
def test_a_stop_signal_that_comes_before_the_intent_is_written_keeps_the_weight(
    advancing: World, kind: SignalKind
) -> None:
    answer = shift(advancing, Disturbance(only="store.save", before=lambda: advancing.signal(kind)))
    assert ("CONTINUE", 0) == (answer["decision"], answer["seen"])
    assert NOT_RAISED == advancing.fakes.stage.history


@STOPS
def test_a_stop_signal_that_comes_while_a_retry_begins_keeps_the_weight(advancing: World, kind: SignalKind) -> None:
    """The first try wrote its intent and was then throttled; the signal comes after the retry has read the record."""
    throttled = Disturbance(only="shifter.change", before=lambda: fail(Unavailable("throttled")))
    with pytest.raises(Unavailable):
        shift(advancing, throttled)
    answer = shift(advancing, Disturbance(only="store.load", after=lambda: advancing.signal(kind)))
    assert "CONTINUE" == answer["decision"]
    assert NOT_RAISED == advancing.fakes.stage.history


@STOPS
def test_a_stop_signal_that_comes_after_the_intent_finds_it_and_rolls_back(advancing: World, kind: SignalKind) -> None:
    shift(advancing, Disturbance(only="shifter.change", before=lambda: advancing.signal(kind)))
    assert "ROLL_BACK" == advancing.call("analyze")["decision"]
    advancing.roll_back()
    assert FOUND == advancing.stage


@STOPS
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_raise_that_is_half_done_is_not_held_but_rolled_back(world: World, kind: SignalKind, when: str) -> None:
    """Nobody knows for sure which weight is live, so no minute could be counted."""
    world.advancing(onRegression="hold")
    broken = Disturbance.failing_before(0) if when == "before" else Disturbance.failing_after(0)
    broken.only = "shifter.change"
    with pytest.raises(Unavailable):
        shift(world, broken)
    world.signal(kind)
    shift(world)
    assert "ROLL_BACK" == world.call("analyze")["decision"]
    world.roll_back()
    assert FOUND == world.stage


def test_a_pause_that_comes_before_the_raise_is_heeded(advancing: World) -> None:
    advancing.signal(SignalKind.PAUSE)
    assert "CONTINUE" == shift(advancing)["decision"]
    assert NOT_RAISED == advancing.fakes.stage.history
    assert "PAUSE" == advancing.call("analyze")["decision"]
    assert Phase.PAUSED is advancing.rollout.phase


def test_a_pause_that_comes_when_the_raise_is_half_done_comes_after_it(advancing: World) -> None:
    with pytest.raises(Unavailable):
        shift(advancing, Disturbance(only="shifter.change", after=lambda: fail(Unavailable("the connection broke"))))
    advancing.signal(SignalKind.PAUSE)
    answer = shift(advancing)
    assert RAISED == advancing.fakes.stage.history
    assert not advancing.fakes.store.bake(ROLLOUT, "t-1", answer["seen"])
    assert "PAUSE" == advancing.call("analyze")["decision"]


@pytest.mark.parametrize("kind", [SignalKind.APPROVE, SignalKind.RESUME])
def test_any_other_signal_does_not_hinder_the_raise(advancing: World, kind: SignalKind) -> None:
    advancing.signal(kind)
    assert "CONTINUE" == shift(advancing)["decision"]
    assert RAISED == advancing.fakes.stage.history


def test_a_signal_that_comes_while_the_intent_is_written_is_for_the_retry_to_consider(advancing: World) -> None:
    with pytest.raises(RecordChanged):
        shift(advancing, Disturbance(only="store.save", before=lambda: advancing.signal(SignalKind.APPROVE)))
    assert "CONTINUE" == shift(advancing)["decision"]
    assert RAISED == advancing.fakes.stage.history


# --- failures and retries ----------------------------------------------------------------------------------------


def fail(error: RolloutError) -> None:
    raise error


def test_called_twice_it_raises_once() -> None:
    answer, world = called_twice(lambda: World().advancing(), shift)
    assert "CONTINUE" == answer["decision"]
    assert RAISED == world.fakes.stage.history
    assert 1 == world.rollout.step


def test_a_call_that_fails_anywhere_is_made_up_for_by_the_retry() -> None:
    _, undisturbed = called_twice(lambda: World().advancing(), shift)
    for failure, answer, world in disturbed(lambda: World().advancing(), shift):
        assert "CONTINUE" == answer["decision"], failure
        assert undisturbed.outcome() == world.outcome(), failure
        assert RAISED == world.fakes.stage.history, failure


@pytest.mark.parametrize("error", [Unavailable("throttled"), NotAllowed("UpdateStage: AccessDenied")])
def test_what_aws_denies_or_fails_is_for_the_workflow_to_retry(advancing: World, error: RolloutError) -> None:
    advancing.fakes.stage.trouble = error
    with pytest.raises(type(error)):
        shift(advancing)
    assert NOT_RAISED == advancing.fakes.stage.history
    assert Decision.ADVANCE is advancing.rollout.pending_decision


@pytest.mark.parametrize(
    ("come_so_far", "expected"),
    [
        (World.prepared, "CREATE"),
        (World.baking, "CONTINUE"),
        (World.promoting, "PROMOTE"),
        (World.rolling_back, "ROLL_BACK"),
        (World.closed, "CLOSE"),
    ],
)
def test_called_out_of_turn_it_touches_nothing_and_tells_where_the_rollout_is(
    world: World, come_so_far: Callable[[World], World], expected: str
) -> None:
    come_so_far(world)
    before = list(world.fakes.stage.history)
    assert expected == shift(world)["decision"]
    assert before == world.fakes.stage.history
