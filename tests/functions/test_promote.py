"""Promote: make the canary the base."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from rollout.core.decision import Decision, Phase
from rollout.core.minutes import minute_of
from rollout.core.rollout import Outcome
from rollout.core.signals import SignalKind
from rollout.core.target import Json
from rollout.errors import NotAllowed, RecordChanged, RolloutError, Unavailable
from rollout_simulator.fakes import Around, Disturbance
from tests.functions.lost_answers import called_twice, disturbed
from tests.functions.world import FOREIGN, FOUND, PROMOTED, TARGET, World, at_weight, foreign_states, kept, request


def promote(world: World, around: Around | None = None) -> Json:
    return world.call("promote", around)


@pytest.fixture
def promoting(world: World) -> World:
    return world.promoting()


def fail(error: RolloutError) -> None:
    raise error


# --- what it does ------------------------------------------------------------------------------------------------


def test_the_canary_becomes_the_base_and_is_gone(promoting: World) -> None:
    promote(promoting)
    assert ("dep-new", None) == (promoting.stage.base, promoting.stage.canary)


def test_the_overrides_are_merged_and_the_other_variables_stay(promoting: World) -> None:
    promote(promoting)
    assert {"lambdaAlias": "next", "table": "orders"} == promoting.stage.variables


def test_variables_that_the_owner_changed_meanwhile_stay_as_the_owner_wants_them(promoting: World) -> None:
    theirs = {"lambdaAlias": "live", "table": "orders-2", "added": "by the owner"}
    promoting.foreign(replace(at_weight(50), variables=theirs))
    promote(promoting)
    assert {**theirs, "lambdaAlias": "next"} == promoting.stage.variables


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


def test_what_is_about_to_be_done_is_in_the_record_before_it_is_done(promoting: World) -> None:
    intended = []
    promote(
        promoting, Disturbance(only="shifter.change", before=lambda: intended.append(promoting.rollout.expected_states))
    )
    assert [kept(at_weight(50), replace(PROMOTED, canary=at_weight(50).canary), PROMOTED)] == intended


# --- foreign hands -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", FOREIGN)
def test_a_stage_that_somebody_else_changed_is_left_alone(promoting: World, what: str) -> None:
    theirs = promoting.foreign(foreign_states(at_weight(50))[what])
    assert "STOP" == promote(promoting)["decision"]
    assert theirs == promoting.stage
    assert Outcome.STOPPED is promoting.rollout.outcome


@pytest.mark.parametrize("what", [what for what in FOREIGN if "canary was removed" not in what])
def test_a_stage_that_somebody_else_changes_meanwhile_is_left_alone(promoting: World, what: str) -> None:
    theirs = foreign_states(PROMOTED)[what]
    answer = promote(promoting, Disturbance(only="shifter.change", after=lambda: promoting.foreign(theirs)))
    assert "STOP" == answer["decision"]
    assert theirs == promoting.stage


def test_a_canary_that_somebody_else_removes_meanwhile_is_not_promoted(promoting: World) -> None:
    removed = Disturbance(only="shifter.change", before=lambda: promoting.foreign(FOUND))
    assert "STOP" == promote(promoting, removed)["decision"]
    assert FOUND == promoting.stage


def test_a_stage_that_was_deleted_stops_the_rollout(promoting: World) -> None:
    promoting.fakes.stage.delete(TARGET)
    assert "STOP" == promote(promoting)["decision"]


# --- signals -----------------------------------------------------------------------------------------------------

STOPS = pytest.mark.parametrize("kind", [SignalKind.ABORT, SignalKind.ALARM])


@STOPS
def test_a_stop_signal_before_the_promotion_wins(promoting: World, kind: SignalKind) -> None:
    promoting.signal(kind)
    answer = promote(promoting)
    assert ("CONTINUE", 0) == (answer["decision"], answer["seen"])
    assert at_weight(50) == promoting.stage
    assert "ROLL_BACK" == promoting.call("analyze")["decision"]


@STOPS
def test_a_stop_signal_that_comes_before_the_intent_is_written_wins(promoting: World, kind: SignalKind) -> None:
    answer = promote(promoting, Disturbance(only="store.save", before=lambda: promoting.signal(kind)))
    assert ("CONTINUE", 0) == (answer["decision"], answer["seen"])
    assert at_weight(50) == promoting.stage


@STOPS
def test_a_stop_signal_that_comes_while_a_retry_begins_wins(promoting: World, kind: SignalKind) -> None:
    with pytest.raises(Unavailable):
        promote(promoting, Disturbance(only="shifter.change", before=lambda: fail(Unavailable("throttled"))))
    promote(promoting, Disturbance(only="store.load", after=lambda: promoting.signal(kind)))
    assert at_weight(50) == promoting.stage


@STOPS
@pytest.mark.parametrize("policy", ["rollback", "hold"])
def test_a_stop_signal_during_the_promotion_puts_the_base_back(world: World, kind: SignalKind, policy: str) -> None:
    world.promoting(onRegression=policy)
    promote(world, Disturbance(only="shifter.change", before=lambda: world.signal(kind)))
    assert "ROLL_BACK" == world.call("analyze")["decision"]
    world.roll_back()
    assert FOUND == world.stage


@STOPS
@pytest.mark.parametrize("policy", ["rollback", "hold"])
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


def test_a_pause_before_the_promotion_is_heeded(promoting: World) -> None:
    promoting.signal(SignalKind.PAUSE)
    promote(promoting)
    assert at_weight(50) == promoting.stage
    assert "PAUSE" == promoting.call("analyze")["decision"]


def test_a_signal_that_comes_while_the_intent_is_written_is_for_the_retry_to_consider(promoting: World) -> None:
    with pytest.raises(RecordChanged):
        promote(promoting, Disturbance(only="store.save", before=lambda: promoting.signal(SignalKind.APPROVE)))
    assert "CONTINUE" == promote(promoting)["decision"]
    assert PROMOTED == promoting.stage


# --- failures and retries ----------------------------------------------------------------------------------------


def test_a_promotion_that_broke_off_half_way_is_finished_by_the_retry(promoting: World) -> None:
    promoting.fakes.stage.breaks_off_promotions = True
    with pytest.raises(Unavailable):
        promote(promoting)
    assert replace(PROMOTED, canary=at_weight(50).canary) == promoting.stage
    assert "CONTINUE" == promote(promoting)["decision"]
    assert PROMOTED == promoting.stage


def test_a_promotion_whose_answer_was_lost_on_its_way_here_is_one(promoting: World) -> None:
    """The client tried again by itself, and the second try was refused because there is no canary any more."""

    def tried_twice(name: str, call: Callable[[], object]) -> object:
        answer = call()
        return call() if name == "shifter.change" else answer

    assert "CONTINUE" == promote(promoting, tried_twice)["decision"]
    assert PROMOTED == promoting.stage


def test_called_twice_it_promotes_once() -> None:
    answer, world = called_twice(lambda: World().promoting(), promote)
    assert "CONTINUE" == answer["decision"]
    half_way = replace(PROMOTED, canary=at_weight(50).canary)
    assert [FOUND, at_weight(5), at_weight(50), half_way, PROMOTED] == world.fakes.stage.history


def test_a_call_that_fails_anywhere_is_made_up_for_by_the_retry() -> None:
    _, undisturbed = called_twice(lambda: World().promoting(), promote)
    for failure, answer, world in disturbed(lambda: World().promoting(), promote):
        assert "CONTINUE" == answer["decision"], failure
        assert undisturbed.outcome() == world.outcome(), failure


@pytest.mark.parametrize("error", [Unavailable("throttled"), NotAllowed("UpdateStage: AccessDenied")])
def test_what_aws_denies_or_fails_is_for_the_workflow_to_retry(promoting: World, error: RolloutError) -> None:
    promoting.fakes.stage.trouble = error
    with pytest.raises(type(error)):
        promote(promoting)
    assert at_weight(50) == promoting.stage
    assert Decision.PROMOTE is promoting.rollout.pending_decision


@pytest.mark.parametrize(
    ("come_so_far", "expected"),
    [
        (World.prepared, "CREATE"),
        (World.baking, "CONTINUE"),
        (World.advancing, "ADVANCE"),
        (World.rolling_back, "ROLL_BACK"),
        (World.closed, "CLOSE"),
    ],
)
def test_called_out_of_turn_it_touches_nothing_and_tells_where_the_rollout_is(
    world: World, come_so_far: Callable[[World], World], expected: str
) -> None:
    come_so_far(world)
    before = list(world.fakes.stage.history)
    assert expected == promote(world)["decision"]
    assert before == world.fakes.stage.history
