"""A rollout goes from one execution to the next before the first one's history is full."""

from __future__ import annotations

import pytest

from rollout.core.execution_names import LONGEST_EXECUTION_NAME, handed_over_name
from rollout.core.signals import SignalKind
from rollout.core.target import Json
from tests.functions.lost_answers import called_twice
from tests.functions.world import EXECUTION, ROLLOUT, World

SECOND_NAME = handed_over_name(ROLLOUT, EXECUTION, 2)
SECOND = f"{EXECUTION.rpartition(':')[0]}:{SECOND_NAME}"


@pytest.fixture(autouse=True)
def _two_analyses_fill_an_execution(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rollout.tasks.analyze.MOST_ANALYSES", 2)


def analyzed_once() -> World:
    """A rollout that bakes, and has been analysed once less than its execution takes."""
    world = World().baking()
    assert world.analyzed(minutes=1)["decision"] == "CONTINUE"
    world.fakes.clock.pass_time(minutes=1)
    return world


def handed_over() -> World:
    world = analyzed_once()
    assert world.call("analyze")["decision"] == "HAND_OVER"
    return world


def carried_on(world: World, execution: str = SECOND) -> Json:
    """The answer of Prepare in an execution that is handed the rollout."""
    return world.call(
        "prepare",
        rolloutId=execution.rpartition(":")[2],
        request={"continue": ROLLOUT},
        execution=execution,
        startedAt=world.now.isoformat(),
    )


def test_when_its_execution_is_full_the_rollout_is_handed_to_a_next_one_that_the_record_names() -> None:
    world = analyzed_once()
    answer = world.call("analyze")
    assert ("HAND_OVER", SECOND_NAME) == (answer["decision"], answer["execution"])
    rollout = world.rollout
    assert (SECOND, 2, 0) == (rollout.execution, rollout.execution_number, rollout.analyses)


def test_a_decision_that_acts_is_carried_out_by_the_full_execution_itself() -> None:
    world = analyzed_once()
    world.signal(SignalKind.ABORT)
    assert "ROLL_BACK" == world.call("analyze")["decision"]
    assert EXECUTION == world.rollout.execution


def test_the_next_execution_goes_on_where_the_first_one_stopped() -> None:
    world = handed_over()
    before = world.rollout
    answer = carried_on(world)
    assert ("CONTINUE", ROLLOUT) == (answer["decision"], answer["rolloutId"])
    assert before == world.rollout
    assert "ADVANCE" == world.analyzed(minutes=10)["decision"]


@pytest.mark.parametrize(
    ("execution", "name", "reason"),
    [
        (EXECUTION, SECOND_NAME, "has not been handed over to this execution"),
        (EXECUTION.replace("r-1", "r-1-p3"), "r-1-p3", "only the workflow itself says that"),
    ],
)
def test_an_execution_that_was_not_handed_the_rollout_touches_nothing(execution: str, name: str, reason: str) -> None:
    world = handed_over()
    before, history = world.rollout, list(world.fakes.stage.history)
    answer = world.call(
        "prepare",
        rolloutId=name,
        request={"continue": ROLLOUT},
        execution=execution,
        startedAt=world.now.isoformat(),
    )
    assert "REJECT" == answer["decision"]
    assert reason in answer["reason"]
    assert (before, history) == (world.rollout, world.fakes.stage.history)


def test_a_hand_over_whose_answer_was_lost_is_answered_again() -> None:
    answer, world = called_twice(
        analyzed_once, lambda world, around: world.call("analyze", around, execution=EXECUTION)
    )
    assert ("HAND_OVER", SECOND_NAME) == (answer["decision"], answer["execution"])
    assert 2 == world.rollout.execution_number


def test_the_name_of_an_execution_is_never_longer_than_step_functions_takes() -> None:
    world = World(rollout_id="r" * LONGEST_EXECUTION_NAME).baking()
    for number in (2, 3):
        name = world.fakes.store.save(world.rollout.handed_over()).execution_name
        assert f"-p{number}-" in name
        assert len(name) <= LONGEST_EXECUTION_NAME
