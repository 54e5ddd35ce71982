"""Create canary: give the candidate its first share of the traffic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from rollout.core.decision import Decision, Phase
from rollout.core.minutes import minute_of
from rollout.core.rollout import Outcome
from rollout.core.signals import SignalKind
from rollout.core.target import Canary, Json
from rollout.errors import NotAllowed, RolloutError, Unavailable
from rollout_simulator.fakes import Around, Disturbance
from tests.functions.lost_answers import called_twice, disturbed
from tests.functions.world import FOREIGN, FOUND, ROLLOUT, TARGET, World, at_weight, foreign_states, kept


def create(world: World, around: Around | None = None) -> Json:
    return world.call("create_canary", around)


@pytest.fixture
def prepared(world: World) -> World:
    return world.prepared()


# --- what it does ------------------------------------------------------------------------------------------------


def test_the_canary_gets_the_first_steps_weight_and_the_base_stays_as_it_is(prepared: World) -> None:
    assert "CONTINUE" == create(prepared)["decision"]
    assert at_weight(5) == prepared.stage
    assert [FOUND, at_weight(5)] == prepared.fakes.stage.history


def test_the_first_step_begins_to_bake(prepared: World) -> None:
    create(prepared)
    rollout = prepared.rollout
    assert (0, Phase.BAKING, None, kept(at_weight(5))) == (
        rollout.step,
        rollout.phase,
        rollout.pending_decision,
        rollout.expected_states,
    )
    assert Decimal(5) == rollout.weight_percent


def test_no_minute_is_judged_that_began_before_the_canary_had_settled(prepared: World) -> None:
    prepared.fakes.clock.pass_time(seconds=10)
    create(prepared)
    assert minute_of(prepared.now) + 1 == prepared.rollout.next_minute


def test_the_bake_lasts_until_the_first_minute_can_be_judged(prepared: World) -> None:
    answer = create(prepared)
    first = prepared.rollout.next_minute
    closed = (first + 1 + prepared.rollout.settings.calendar.lag_minutes) * 60
    assert closed - int(prepared.now.timestamp()) == answer["seconds"]


def test_without_a_deployment_the_api_is_deployed_as_now_defined(world: World) -> None:
    world.prepared(candidate={"stageVariables": {"lambdaAlias": "next"}})
    create(world)
    assert Canary("made-1", Decimal(5), {"lambdaAlias": "next"}) == world.stage.canary


def test_the_world_is_told_that_the_canary_bakes(prepared: World) -> None:
    create(prepared)
    assert ["PREPARED", "BAKING"] == prepared.states_told
    told = prepared.fakes.notifier.published[-1]
    assert (0, 2, 5.0, "CONTINUE") == (told["step"], told["steps"], told["weightPercent"], told["decision"])


def test_the_history_tells_what_was_done(prepared: World) -> None:
    create(prepared)
    assert "set base dep-old, canary dep-new at 5 %, lambdaAlias=next" == prepared.last_line["change"]


def test_what_is_about_to_be_done_is_in_the_record_before_it_is_done(prepared: World) -> None:
    intended = []
    create(
        prepared, Disturbance(only="shifter.change", before=lambda: intended.append(prepared.rollout.expected_states))
    )
    assert [kept(FOUND, at_weight(5))] == intended


def test_variables_that_the_rollout_does_not_override_are_the_owners_to_change(prepared: World) -> None:
    theirs = prepared.foreign(replace(FOUND, variables={**FOUND.variables, "table": "orders-2"}))
    assert "CONTINUE" == create(prepared)["decision"]
    assert theirs.variables == prepared.stage.variables


# --- foreign hands -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", FOREIGN)
def test_a_stage_that_somebody_else_changed_is_left_alone(prepared: World, what: str) -> None:
    theirs = prepared.foreign(foreign_states(FOUND)[what])
    assert "STOP" == create(prepared)["decision"]
    assert theirs == prepared.stage
    assert Outcome.STOPPED is prepared.rollout.outcome
    assert "somebody else changed the target" in prepared.rollout.reason


@pytest.mark.parametrize("what", [what for what in FOREIGN if what != "the canary was removed or made"])
def test_a_stage_that_somebody_else_changes_meanwhile_is_left_alone(prepared: World, what: str) -> None:
    theirs = foreign_states(at_weight(5))[what]
    answer = create(prepared, Disturbance(only="shifter.change", after=lambda: prepared.foreign(theirs)))
    assert "STOP" == answer["decision"]
    assert theirs == prepared.stage


def test_a_stage_that_was_deleted_stops_the_rollout(prepared: World) -> None:
    prepared.fakes.stage.delete(TARGET)
    answer = create(prepared)
    assert ("STOP", "apigateway-stage/a1b2c3d4e5/prod does not exist") == (answer["decision"], answer["reason"])


def test_an_api_that_was_deleted_stops_the_rollout(world: World) -> None:
    world.prepared(candidate={})
    world.fakes.stage.delete(TARGET)
    assert "STOP" == create(world)["decision"]


# --- signals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [SignalKind.ABORT, SignalKind.ALARM])
def test_after_a_stop_signal_no_canary_is_made(prepared: World, kind: SignalKind) -> None:
    prepared.signal(kind)
    answer = create(prepared)
    assert ("CONTINUE", 0) == (answer["decision"], answer["seen"])
    assert [FOUND] == prepared.fakes.stage.history


@pytest.mark.parametrize("kind", [SignalKind.ABORT, SignalKind.ALARM])
@pytest.mark.parametrize("policy", ["rollback", "hold"])
def test_a_stop_signal_before_the_canary_ends_the_rollout_whatever_the_policy(
    world: World, kind: SignalKind, policy: str
) -> None:
    """There is nothing yet that could be held."""
    world.prepared(onRegression=policy).signal(kind)
    create(world)
    assert "ROLL_BACK" == world.call("analyze")["decision"]
    world.roll_back()
    assert "ROLLED_BACK" == world.call("close")["outcome"]
    assert [FOUND] == world.fakes.stage.history


def test_a_stop_signal_that_comes_before_the_intent_is_written_keeps_the_canary_away(prepared: World) -> None:
    answer = create(prepared, Disturbance(only="store.save", before=lambda: prepared.signal(SignalKind.ABORT)))
    assert ("CONTINUE", 0) == (answer["decision"], answer["seen"])
    assert [FOUND] == prepared.fakes.stage.history


@pytest.mark.parametrize("kind", [SignalKind.PAUSE, SignalKind.APPROVE, SignalKind.RESUME])
def test_any_other_signal_waits_until_the_canary_bakes(prepared: World, kind: SignalKind) -> None:
    prepared.signal(kind)
    answer = create(prepared)
    assert ("CONTINUE", 0) == (answer["decision"], answer["seen"])
    assert at_weight(5) == prepared.stage
    assert not prepared.fakes.store.bake(ROLLOUT, "t-1", answer["seen"])


# --- failures and retries ----------------------------------------------------------------------------------------


def test_called_twice_it_makes_one_canary() -> None:
    answer, world = called_twice(lambda: World().prepared(), create)
    assert "CONTINUE" == answer["decision"]
    assert [FOUND, at_weight(5)] == world.fakes.stage.history
    assert ["PREPARED", "BAKING"] == world.states_told


@pytest.mark.parametrize("fields", [{}, {"candidate": {"stageVariables": {"lambdaAlias": "next"}}}])
def test_a_call_that_fails_anywhere_is_made_up_for_by_the_retry(fields: Json) -> None:
    def arrange() -> World:
        return World().prepared(**fields)

    _, undisturbed = called_twice(arrange, create)
    for failure, answer, world in disturbed(arrange, create):
        assert "CONTINUE" == answer["decision"], failure
        assert undisturbed.outcome() == world.outcome(), failure
        assert undisturbed.fakes.stage.history == world.fakes.stage.history, failure


@pytest.mark.parametrize("error", [Unavailable("throttled"), NotAllowed("UpdateStage: AccessDenied")])
def test_what_aws_denies_or_fails_is_for_the_workflow_to_retry(prepared: World, error: RolloutError) -> None:
    prepared.fakes.stage.trouble = error
    with pytest.raises(type(error)):
        create(prepared)
    assert FOUND == prepared.stage
    assert Decision.CREATE is prepared.rollout.pending_decision


def test_a_canary_that_a_read_does_not_show_yet_is_there_by_the_answer_to_its_making(prepared: World) -> None:
    reads = 0

    def shown_late(name: str, call: Callable[[], object]) -> object:
        nonlocal reads
        reads += name == "shifter.read"
        return FOUND if name == "shifter.read" and reads == 2 else call()

    assert "CONTINUE" == create(prepared, shown_late)["decision"]
    assert [FOUND, at_weight(5)] == prepared.fakes.stage.history
    assert kept(at_weight(5)) == prepared.rollout.expected_states


def test_a_canary_that_was_removed_before_it_was_read_back_is_not_made_again(prepared: World) -> None:
    removed = Disturbance(only="shifter.change", after=lambda: prepared.fakes.stage.put(TARGET, FOUND))
    create(prepared, removed)
    create(prepared)
    assert FOUND == prepared.stage
    assert "STOP" == prepared.analyzed(minutes=6)["decision"]
    assert "there is no canary" in prepared.rollout.reason
    assert "CLOSE" == prepared.roll_back()["decision"]
    assert [FOUND, at_weight(5), FOUND] == prepared.fakes.stage.history


def test_a_retry_makes_no_canary_of_another_deployment(prepared: World) -> None:
    """A CreateDeployment that landed late has made a second one of the same stamp."""
    with pytest.raises(Unavailable):
        create(prepared, Disturbance(only="shifter.change", before=lambda: fail(Unavailable("the connection broke"))))
    other = Disturbance(only="shifter.materialize", before=lambda: fail(AssertionError("it is made already")))
    create(prepared, other)
    assert at_weight(5) == prepared.stage


@pytest.mark.parametrize(
    ("come_so_far", "expected"),
    [
        (World.baking, "CONTINUE"),
        (World.advancing, "ADVANCE"),
        (World.rolling_back, "ROLL_BACK"),
        (World.closing, "CLOSE"),
        (World.closed, "CLOSE"),
    ],
)
def test_called_out_of_turn_it_touches_nothing_and_tells_where_the_rollout_is(
    world: World, come_so_far: Callable[[World], World], expected: str
) -> None:
    come_so_far(world)
    before = list(world.fakes.stage.history)
    assert expected == create(world)["decision"]
    assert before == world.fakes.stage.history


def fail(error: Exception) -> None:
    raise error
