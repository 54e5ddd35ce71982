"""What every task promises that changes the target: Create canary, Shift traffic, Promote and Roll back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from rollout.cockpit.history import change as done
from rollout.core.decision import Decision, Policy
from rollout.core.rollout import Outcome
from rollout.core.signals import STOP_SIGNALS, SignalKind
from rollout.core.target import TargetState
from rollout.errors import NotAllowed, ReadBackDiffers, RecordChanged, RolloutError, Unavailable
from rollout.tasks.recover import recover
from rollout_simulator.fakes import Disturbance
from tests.functions.changes import (
    CHANGES,
    CREATE,
    LOWER,
    PROMOTE,
    RISES,
    ROLL_BACK,
    ROLL_BACK_AFTER_FAILURE,
    ROLL_BACK_PROMOTION,
    SHIFT,
    Change,
)
from tests.functions.lost_answers import called_twice, disturbed
from tests.functions.world import EXECUTION, FOREIGN, FOUND, TARGET, World, foreign_states, kept
from tests.rollouts import POLICIES

REMOVED = "the canary was removed or made"
EVERY_CHANGE = pytest.mark.parametrize("change", CHANGES, ids=str)
EVERY_RISE = pytest.mark.parametrize("change", RISES, ids=str)
EVERY_STOP = pytest.mark.parametrize("kind", sorted(STOP_SIGNALS))
EVERY_POLICY = pytest.mark.parametrize("policy", POLICIES, ids=str)


def fail(error: RolloutError) -> None:
    raise error


def asking(policy: Policy) -> dict[str, str]:
    """The fields of a request that ask for this policy."""
    return {"onInconclusive": policy.on_inconclusive, "onRegression": policy.on_regression}


# --- the change --------------------------------------------------------------------------------------------------


@EVERY_CHANGE
def test_the_target_goes_where_it_is_meant_to_and_nowhere_else(change: Change) -> None:
    world = change.arrange()
    before = list(world.fakes.stage.history)
    assert change.answer == change.task(world, None)["decision"]
    assert (change.before, [*before, *change.steps]) == (before[-1], world.fakes.stage.history)


@EVERY_CHANGE
def test_what_is_about_to_be_done_is_in_the_record_before_it_is_done(change: Change) -> None:
    world = change.arrange()
    intended: list[tuple[TargetState, ...]] = []
    change.task(
        world, Disturbance(only="shifter.change", before=lambda: intended.append(world.rollout.expected_states))
    )
    assert [kept(change.before, *change.steps)] == intended


@EVERY_CHANGE
def test_the_history_tells_what_was_done_and_by_which_state(change: Change) -> None:
    world = change.arrange()
    change.task(world, None)
    assert (f"set {change.after}", change.state) == (done(world.last_line), world.last_line["state"])


@EVERY_CHANGE
def test_the_change_is_what_the_record_then_expects_first(change: Change) -> None:
    world = change.arrange()
    change.task(world, None)
    assert kept(change.after) == (world.rollout.last_confirmed,)


@EVERY_CHANGE
def test_each_transition_has_an_event_id_of_its_own(change: Change) -> None:
    world = change.arrange()
    change.task(world, None)
    ids = [event["eventId"] for event in world.fakes.notifier.published]
    assert len(set(ids)) == len(ids) > 1


@EVERY_CHANGE
def test_variables_that_the_rollout_does_not_override_are_the_owners_to_change(change: Change) -> None:
    world = change.arrange()
    theirs = {"table": "orders-2", "added": "by the owner"}
    world.foreign(replace(change.before, variables={**change.before.variables, **theirs}))
    assert change.answer == change.task(world, None)["decision"]
    assert replace(change.after, variables={**change.after.variables, **theirs}) == world.stage


# --- foreign hands -----------------------------------------------------------------------------------------------


@EVERY_CHANGE
@pytest.mark.parametrize("what", FOREIGN)
def test_what_somebody_else_changed_is_left_alone_and_a_canary_that_is_ours_does_not_outlive_a_rollback(
    change: Change, what: str
) -> None:
    theirs = foreign_states(change.before)[what]
    if theirs == change.after:  # somebody else has rolled back already, see below
        return
    world = change.arrange()
    world.foreign(theirs)
    assert "STOP" == change.task(world, None)["decision"]
    removed = change.pending is Decision.ROLL_BACK and theirs.canary == change.before.canary
    left = theirs.without_canary() if removed else theirs
    assert (left, Outcome.STOPPED) == (world.stage, world.rollout.outcome)
    assert "somebody else changed the target" in world.rollout.reason


@EVERY_CHANGE
@pytest.mark.parametrize("what", FOREIGN)
def test_a_target_that_somebody_else_changes_meanwhile_is_left_alone(change: Change, what: str) -> None:
    theirs = foreign_states(change.after)[what]
    if theirs in (change.before, *change.steps) or (what, change) in ((REMOVED, CREATE), (REMOVED, LOWER)):
        return  # as the rollout itself left it a short while ago: it may be the past, until it has been so for long
    world = change.arrange()
    answer = change.task(world, Disturbance(only="shifter.change", after=lambda: world.foreign(theirs)))
    assert ("STOP", theirs) == (answer["decision"], world.stage)


@pytest.mark.parametrize("change", [SHIFT, PROMOTE, LOWER], ids=str)
def test_a_canary_that_somebody_else_removes_meanwhile_is_neither_resurrected_nor_promoted(change: Change) -> None:
    world = change.arrange()
    removed = Disturbance(only="shifter.change", before=lambda: world.foreign(FOUND))
    with suppress(ReadBackDiffers):  # FOUND was there a short while ago: a read of it may show the past
        assert "STOP" == change.task(world, removed)["decision"]
    assert FOUND == world.stage


@pytest.mark.parametrize("change", [ROLL_BACK, ROLL_BACK_AFTER_FAILURE], ids=str)
def test_a_canary_that_somebody_else_removed_is_rolled_back(change: Change) -> None:
    world = change.arrange()
    world.foreign(FOUND)
    assert "CLOSE" == change.task(world, None)["decision"]
    assert (FOUND, Outcome.ROLLED_BACK) == (world.stage, world.rollout.outcome)


@pytest.mark.parametrize("change", [ROLL_BACK, ROLL_BACK_AFTER_FAILURE], ids=str)
def test_a_canary_that_somebody_else_removes_meanwhile_is_rolled_back(change: Change) -> None:
    world = change.arrange()
    removed = Disturbance(only="shifter.change", before=lambda: world.foreign(FOUND))
    assert "CLOSE" == change.task(world, removed)["decision"]
    assert (FOUND, Outcome.ROLLED_BACK) == (world.stage, world.rollout.outcome)


@EVERY_CHANGE
def test_a_target_that_was_deleted_stops_the_rollout(change: Change) -> None:
    world = change.arrange()
    world.fakes.stage.delete(TARGET)
    answer = change.task(world, None)
    assert ("STOP", Outcome.STOPPED) == (answer["decision"], world.rollout.outcome)
    assert "apigateway-stage/a1b2c3d4e5/prod does not exist" in answer["reason"]


# --- stop signals ------------------------------------------------------------------------------------------------


@EVERY_RISE
@EVERY_STOP
@EVERY_POLICY
def test_a_stop_signal_before_a_rise_comes_before_it(change: Change, kind: SignalKind, policy: Policy) -> None:
    world = change.arrange(**asking(policy))
    world.signal(kind)
    answer = change.task(world, None)
    assert ("CONTINUE", 0) == (answer["decision"], answer["seen"])
    assert change.untouched == world.fakes.stage.history
    assert world.call("analyze")["decision"] in ("ROLL_BACK", "HOLD", "LOWER")


@EVERY_RISE
@EVERY_STOP
def test_a_stop_signal_that_comes_before_the_intent_is_written_comes_before_the_rise(
    change: Change, kind: SignalKind
) -> None:
    world = change.arrange()
    answer = change.task(world, Disturbance(only="store.save", before=lambda: world.signal(kind)))
    assert ("CONTINUE", 0) == (answer["decision"], answer["seen"])
    assert change.untouched == world.fakes.stage.history


@EVERY_RISE
@EVERY_STOP
def test_a_stop_signal_that_comes_while_a_retry_begins_comes_before_the_rise(change: Change, kind: SignalKind) -> None:
    """The first try wrote its intent and was then throttled; the signal comes after the retry has read the record."""
    world = change.arrange()
    throttled = Disturbance(only="shifter.change", before=lambda: fail(Unavailable("throttled")))
    with pytest.raises(Unavailable):
        change.task(world, throttled)
    answer = change.task(world, Disturbance(only="store.load", after=lambda: world.signal(kind)))
    assert "CONTINUE" == answer["decision"]
    assert change.untouched == world.fakes.stage.history


@EVERY_RISE
@EVERY_STOP
@EVERY_POLICY
def test_a_stop_signal_that_comes_after_the_intent_finds_it_and_is_obeyed(
    change: Change, kind: SignalKind, policy: Policy
) -> None:
    """A promotion cannot be held any more: there is no canary."""
    world = change.arrange(**asking(policy))
    change.task(world, Disturbance(only="shifter.change", before=lambda: world.signal(kind)))
    held = {"hold": "HOLD", "holdAtZero": "LOWER"} if kind is SignalKind.ALARM and change is not PROMOTE else {}
    expected = held.get(policy.on_regression, "ROLL_BACK")
    assert expected == world.call("analyze")["decision"]
    if expected == "ROLL_BACK":
        world.roll_back()
        assert FOUND == world.stage


@EVERY_RISE
@EVERY_STOP
@EVERY_POLICY
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_rise_that_is_half_done_is_not_held_but_rolled_back(
    change: Change, kind: SignalKind, policy: Policy, when: str
) -> None:
    """Nobody knows for sure which weight is live, so no minute could be counted."""
    world = change.arrange(**asking(policy))
    broken = Disturbance.failing_before(0) if when == "before" else Disturbance.failing_after(0)
    broken.only = "shifter.change"
    with pytest.raises(Unavailable):
        change.task(world, broken)
    world.signal(kind)
    change.task(world, None)
    assert "ROLL_BACK" == world.call("analyze")["decision"]
    world.roll_back()
    assert FOUND == world.stage


# --- other signals -----------------------------------------------------------------------------------------------


@EVERY_RISE
@pytest.mark.parametrize("kind", sorted(set(SignalKind) - STOP_SIGNALS - {SignalKind.PAUSE}))
def test_no_other_signal_but_a_pause_hinders_a_rise(change: Change, kind: SignalKind) -> None:
    world = change.arrange()
    world.signal(kind)
    assert ("CONTINUE", change.after) == (change.task(world, None)["decision"], world.stage)


@pytest.mark.parametrize("change", [SHIFT, PROMOTE], ids=str)
def test_a_pause_before_a_rise_is_obeyed(change: Change) -> None:
    world = change.arrange()
    world.signal(SignalKind.PAUSE)
    assert "CONTINUE" == change.task(world, None)["decision"]
    assert change.untouched == world.fakes.stage.history
    assert ("PAUSE", "PAUSED") == (world.call("analyze")["decision"], world.rollout.phase)


@pytest.mark.parametrize(("change", "decision"), [(SHIFT, "PAUSE"), (PROMOTE, "CONTINUE")], ids=str)
def test_a_pause_that_comes_when_a_rise_is_half_done_comes_after_it(change: Change, decision: str) -> None:
    world = change.arrange()
    with pytest.raises(Unavailable):
        change.task(world, Disturbance(only="shifter.change", after=lambda: fail(Unavailable("the connection broke"))))
    world.signal(SignalKind.PAUSE)
    answer = change.task(world, None)
    assert change.after == world.stage
    assert not world.fakes.store.bake(world.rollout_id, "t-1", answer["seen"])
    assert decision == world.call("analyze")["decision"]


@EVERY_RISE
@pytest.mark.parametrize("kind", sorted(set(SignalKind) - STOP_SIGNALS - {SignalKind.PAUSE}))
def test_a_signal_that_comes_while_the_intent_is_written_is_for_the_retry_to_consider(
    change: Change, kind: SignalKind
) -> None:
    world = change.arrange()
    with pytest.raises(RecordChanged):
        change.task(world, Disturbance(only="store.save", before=lambda: world.signal(kind)))
    assert change.before == world.stage
    assert ("CONTINUE", change.after) == (change.task(world, None)["decision"], world.stage)


@pytest.mark.parametrize("change", [change for change in CHANGES if change not in RISES], ids=str)
@pytest.mark.parametrize("kind", SignalKind)
def test_no_signal_hinders_a_fall(change: Change, kind: SignalKind) -> None:
    world = change.arrange()
    world.signal(kind, source="bob")
    assert (change.answer, change.after) == (change.task(world, None)["decision"], world.stage)


# --- failures and retries ----------------------------------------------------------------------------------------


@EVERY_CHANGE
def test_called_twice_it_changes_the_target_once(change: Change) -> None:
    once = change.arrange()
    change.task(once, None)
    answer, twice = called_twice(change.arrange, change.task)
    assert change.leads_on(answer)
    assert (once.outcome(), once.fakes.stage.history) == (twice.outcome(), twice.fakes.stage.history)
    assert once.states_told == twice.states_told


@EVERY_CHANGE
def test_a_call_that_fails_anywhere_is_made_up_for_by_the_retry(change: Change) -> None:
    _made_up_for(change)


def test_a_call_that_fails_anywhere_while_the_candidate_is_made_is_made_up_for() -> None:
    fields = {"candidate": {"stageVariables": {"lambdaAlias": "next"}}}
    _made_up_for(replace(CREATE, arrange=lambda **_: CREATE.arrange(**fields)))


def _made_up_for(change: Change) -> None:
    undisturbed = change.arrange()
    change.task(undisturbed, None)
    for failure, answer, world in disturbed(change.arrange, change.task):
        assert change.leads_on(answer), failure
        assert undisturbed.outcome() == world.outcome(), failure
        assert undisturbed.fakes.stage.history == world.fakes.stage.history, failure


@EVERY_CHANGE
def test_a_change_whose_answer_was_lost_on_its_way_here_is_one(change: Change) -> None:
    """The client tried again by itself, and the second try may be refused: what it was to change is changed already."""

    def tried_twice(name: str, call: Callable[[], object]) -> object:
        answer = call()
        return call() if name == "shifter.change" else answer

    world = change.arrange()
    assert (change.answer, change.after) == (change.task(world, tried_twice)["decision"], world.stage)


@EVERY_CHANGE
@pytest.mark.parametrize("error", [Unavailable("throttled"), NotAllowed("UpdateStage: AccessDenied")])
def test_what_aws_denies_or_fails_is_never_swallowed_but_for_the_workflow_to_retry(
    change: Change, error: RolloutError
) -> None:
    world = change.arrange()
    world.fakes.stage.trouble = error
    with pytest.raises(type(error)):
        change.task(world, None)
    assert change.untouched == world.fakes.stage.history
    assert (change.pending, None) == (world.rollout.pending_decision, world.rollout.outcome)


@EVERY_CHANGE
def test_a_change_that_does_not_show_is_never_taken_for_one(change: Change) -> None:
    def not_visible_yet(name: str, call: Callable[[], object]) -> object:
        return world.stage if name == "shifter.change" else call()

    world = change.arrange()
    with pytest.raises(ReadBackDiffers):
        change.task(world, not_visible_yet)
    assert (change.pending, None) == (world.rollout.pending_decision, world.rollout.outcome)


@EVERY_CHANGE
def test_a_change_that_a_read_does_not_show_yet_is_there_by_the_answer_to_it(change: Change) -> None:
    world, reads = change.arrange(), 0
    before = list(world.fakes.stage.history)

    def shown_late(name: str, call: Callable[[], object]) -> object:
        nonlocal reads
        reads += name == "shifter.read"
        return change.before if name == "shifter.read" and reads == 2 else call()

    assert (change.answer, change.after) == (change.task(world, shown_late)["decision"], world.stage)
    if change.pending is not Decision.ROLL_BACK:  # which remembers where its target may be yet
        assert kept(change.after) == world.rollout.expected_states
    assert [*before, *change.steps] == world.fakes.stage.history


@EVERY_CHANGE
def test_a_bus_that_is_down_keeps_no_change_from_being_made(change: Change) -> None:
    world = change.arrange()
    world.fakes.notifier.trouble = NotAllowed("PutEvents: AccessDenied")
    assert (change.answer, change.after) == (change.task(world, None)["decision"], world.stage)


# --- out of turn -------------------------------------------------------------------------------------------------

STAGES: dict[Callable[[World], World], Decision | str] = {
    World.prepared: Decision.CREATE,
    World.baking: "CONTINUE",
    World.advancing: Decision.ADVANCE,
    World.promoting: Decision.PROMOTE,
    World.watching: "CONTINUE",
    World.rolling_back: Decision.ROLL_BACK,
    World.closing: Decision.CLOSE,
    World.closed: Decision.CLOSE,
}
"""A rollout that has come so far, and the decision that it stands at."""


@EVERY_RISE
@pytest.mark.parametrize("come_so_far", STAGES, ids=lambda come_so_far: come_so_far.__name__)
def test_called_out_of_turn_it_touches_nothing_and_tells_where_the_rollout_is(
    world: World, change: Change, come_so_far: Callable[[World], World]
) -> None:
    if STAGES[come_so_far] is change.pending:
        return
    come_so_far(world)
    before = list(world.fakes.stage.history)
    assert STAGES[come_so_far] == change.task(world, None)["decision"]
    assert before == world.fakes.stage.history


# --- a task that recovery did not wait for -----------------------------------------------------------------------


def recovered(world: World) -> None:
    """Its execution is stopped, and recovery comes at once, while a task still runs."""
    world.fakes.executions.end(EXECUTION, "ABORTED", world.now)
    recover(world.fakes.ports, world.rollout_id)


def test_a_canary_that_is_made_after_recovery_has_rolled_back_is_taken_away_by_the_task_that_made_it() -> None:
    """Its execution is dead, and nobody comes after it: it must not leave the canary until the next sweep."""
    world = CREATE.arrange()
    with pytest.raises(RecordChanged):
        CREATE.task(world, Disturbance(only="shifter.change", before=lambda: recovered(world)))
    assert (FOUND, Decision.ROLL_BACK) == (world.stage, world.rollout.pending_decision)
    assert [*CREATE.steps, FOUND] == world.fakes.stage.history[-2:]


def test_a_canary_that_is_made_while_recovery_rolls_back_is_taken_away_by_the_task_that_made_it() -> None:
    """Recovery has recorded that it rolls back, and AWS throttles it before it has done so."""
    world = CREATE.arrange()

    def throttled_recovery() -> None:
        world.fakes.stage.trouble = Unavailable("throttled")
        with pytest.raises(Unavailable):
            recovered(world)
        world.fakes.stage.trouble = None

    with pytest.raises(RecordChanged):
        CREATE.task(world, Disturbance(only="shifter.change", before=throttled_recovery))
    assert (FOUND, Decision.ROLL_BACK) == (world.stage, world.rollout.pending_decision)
    assert [*CREATE.steps, FOUND] == world.fakes.stage.history[-2:]


def test_a_canary_whose_record_was_written_by_the_same_task_tried_twice_stays() -> None:
    world = CREATE.arrange()
    twice = Disturbance(nth=1, only="store.save", before=lambda: CREATE.task(world, None))
    with pytest.raises(RecordChanged):
        CREATE.task(world, twice)
    assert CREATE.after == world.stage


def test_the_changes_of_the_promotion_are_those_of_the_rollback_backwards() -> None:
    assert (PROMOTE.after, FOUND) == (ROLL_BACK_PROMOTION.before, ROLL_BACK_PROMOTION.after)
