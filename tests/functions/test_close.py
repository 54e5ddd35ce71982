"""Close: record how the rollout ended and release its target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rollout.core.decision import Phase
from rollout.core.rollout import Outcome
from rollout.core.signals import SignalKind
from rollout.core.target import Json
from rollout.errors import NotAllowed, RecordChanged, Refused, RolloutError, Unavailable
from rollout_simulator.fakes import Around, Disturbance
from tests.functions.lost_answers import called_twice, disturbed
from tests.functions.world import EXECUTION, FOUND, ROLLOUT, WATCHED, World


def close(world: World, around: Around | None = None) -> Json:
    return world.call("close", around)


def promoted() -> World:
    world = World().watching(alarms=[WATCHED])
    world.analyzed()
    return world


def rolled_back() -> World:
    return World().closing(alarms=[WATCHED])


def stopped() -> World:
    world = World().baking(alarms=[WATCHED])
    world.foreign(FOUND)
    world.analyzed()
    return world


def failed() -> World:
    world = World().prepared(alarms=[WATCHED])
    world.roll_back(failure="Create canary failed: NotAllowed: AccessDenied")
    return world


ENDINGS: dict[str, Callable[[], World]] = {
    "PROMOTED": promoted,
    "ROLLED_BACK": rolled_back,
    "STOPPED": stopped,
    "FAILED": failed,
}
EVERY_ENDING = pytest.mark.parametrize("outcome", ENDINGS)


@EVERY_ENDING
def test_the_answer_tells_the_truth_about_how_it_ended(outcome: str) -> None:
    world = ENDINGS[outcome]()
    answer = close(world)
    assert ("CLOSE", outcome, world.rollout.reason) == (answer["decision"], answer["outcome"], answer["reason"])


@EVERY_ENDING
def test_the_record_is_over(outcome: str) -> None:
    world = ENDINGS[outcome]()
    close(world)
    rollout = world.rollout
    assert (Phase.ENDED, Outcome(outcome), world.now) == (rollout.phase, rollout.outcome, rollout.ended_at)
    assert outcome == rollout.state


@EVERY_ENDING
def test_the_target_and_the_alarms_are_released(outcome: str) -> None:
    world = ENDINGS[outcome]()
    close(world)
    assert {} == world.fakes.store.locks
    assert [] == list(world.fakes.store.watchers(WATCHED))


@EVERY_ENDING
def test_the_target_is_left_as_it_is(outcome: str) -> None:
    world = ENDINGS[outcome]()
    before = list(world.fakes.stage.history)
    close(world)
    assert before == world.fakes.stage.history


@EVERY_ENDING
def test_the_world_is_told_exactly_once_how_it_ended(outcome: str) -> None:
    _, world = called_twice(ENDINGS[outcome], close)
    ended = [state for state in world.states_told if state in {each.value for each in Outcome}]
    assert [outcome] == ended


@pytest.mark.parametrize(("outcome", "weight"), [("PROMOTED", 100.0), ("ROLLED_BACK", 0.0), ("FAILED", 0.0)])
def test_the_last_event_tells_the_candidates_share(outcome: str, weight: float) -> None:
    world = ENDINGS[outcome]()
    close(world)
    assert weight == world.fakes.notifier.published[-1]["weightPercent"]
    assert weight == world.last_line["weightPercent"]


def test_every_transition_has_an_event_id_of_its_own() -> None:
    world = promoted()
    close(world)
    assert len(world.fakes.notifier.published) == len(world.fakes.notifier.told) == 5


def test_a_rollout_that_was_never_stored_has_failed_and_touched_nothing(world: World) -> None:
    answer = close(world)
    assert ("CLOSE", "FAILED") == (answer["decision"], answer["outcome"])
    assert ([FOUND], []) == (world.fakes.stage.history, world.states_told)


def test_a_signal_after_the_end_is_refused() -> None:
    world = rolled_back()
    close(world)
    with pytest.raises(Refused):
        world.signal(SignalKind.ABORT)


def test_a_signal_just_before_the_end_changes_nothing() -> None:
    world = promoted()
    close(world, Disturbance(only="store.close", before=lambda: world.signal(SignalKind.ABORT)))
    assert Outcome.PROMOTED is world.rollout.outcome


# --- failures and retries ----------------------------------------------------------------------------------------


@EVERY_ENDING
def test_called_twice_it_closes_once(outcome: str) -> None:
    answer, world = called_twice(ENDINGS[outcome], close)
    assert outcome == answer["outcome"]
    assert 1 == [line["state"] for line in world.fakes.store.history(ROLLOUT)].count("Close")


@EVERY_ENDING
def test_a_call_that_fails_anywhere_is_made_up_for_by_the_retry(outcome: str) -> None:
    _, undisturbed = called_twice(ENDINGS[outcome], close)
    for failure, answer, world in disturbed(ENDINGS[outcome], close):
        assert outcome == answer["outcome"], failure
        assert undisturbed.outcome() == world.outcome(), failure


@pytest.mark.parametrize("error", [Unavailable("throttled"), NotAllowed("AccessDenied")])
def test_a_store_that_cannot_be_written_keeps_the_lock_for_the_retry(error: RolloutError) -> None:
    world = rolled_back()
    world.fakes.store.trouble = error
    with pytest.raises(type(error)):
        close(world)
    world.fakes.store.trouble = None
    assert [ROLLOUT] == list(world.fakes.store.unfinished())


def test_another_writer_makes_it_try_again() -> None:
    world = rolled_back()
    meanwhile = Disturbance(only="store.close", before=lambda: world.fakes.store.save(world.rollout))
    with pytest.raises(RecordChanged):
        close(world, meanwhile)
    assert "ROLLED_BACK" == close(world)["outcome"]


def test_a_bus_that_is_down_is_told_by_the_retry() -> None:
    world = rolled_back()
    world.fakes.notifier.trouble = Unavailable("the bus is down")
    with pytest.raises(Unavailable):
        close(world)
    assert {} == world.fakes.store.locks
    world.fakes.notifier.trouble = None
    assert "ROLLED_BACK" == close(world)["outcome"]
    assert "ROLLED_BACK" == world.states_told[-1]


def test_a_rejection_that_cannot_be_told_is_in_the_end_a_rejection_all_the_same() -> None:
    world = World()
    world.fakes.notifier.trouble = Unavailable("the bus is down")
    with pytest.raises(Unavailable):
        world.prepare(plan={"steps": []})
    event: dict[str, Any] = {"request": {}, "execution": EXECUTION, "failure": "Prepare failed"}
    with pytest.raises(Unavailable):
        world.call("close", **event)
    assert "REJECTED" == world.call("close", **event, lastTry=True)["outcome"]
