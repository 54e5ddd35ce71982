"""Roll back: give all traffic back to the base, as it was found. What it shares with others: test_changes."""

from __future__ import annotations

import json

import pytest

from rollout.core.rollout import Outcome
from rollout.core.signals import SignalKind
from rollout.core.target import Json
from rollout.errors import Unavailable
from rollout_simulator.fakes import Around
from tests.functions.world import FOUND, PROMOTED, World, at_weight, foreign_states


def roll_back(world: World, around: Around | None = None) -> Json:
    return world.roll_back(around)


@pytest.fixture
def rolling_back(world: World) -> World:
    return world.rolling_back()


def rolling_back_the_promotion() -> World:
    world = World().watching()
    world.signal(SignalKind.ABORT)
    world.call("analyze")
    return world


# --- what it does ------------------------------------------------------------------------------------------------


def test_the_canary_is_removed_and_the_base_stays_as_it_is(rolling_back: World) -> None:
    assert "CLOSE" == roll_back(rolling_back)["decision"]
    assert FOUND == rolling_back.stage
    assert Outcome.ROLLED_BACK is rolling_back.rollout.outcome


def test_after_the_promotion_the_previous_deployment_and_its_variables_are_put_back() -> None:
    world = rolling_back_the_promotion()
    roll_back(world)
    assert FOUND == world.stage
    assert Outcome.ROLLED_BACK is world.rollout.outcome


def test_a_variable_that_the_promotion_had_added_is_removed_again(world: World) -> None:
    world.watching(candidate={"deploymentId": "dep-new", "stageVariables": {"added": "by-the-rollout"}})
    assert "by-the-rollout" == world.stage.variables["added"]
    world.signal(SignalKind.ABORT)
    world.call("analyze")
    roll_back(world)
    assert FOUND == world.stage


def test_a_promotion_that_broke_off_half_way_is_undone(world: World) -> None:
    world.promoting().fakes.stage.breaks_off_promotions = True
    with pytest.raises(Unavailable):
        world.call("promote")
    assert "CLOSE" == world.roll_back(failure="Promote failed: Unavailable: throttled")["decision"]
    assert FOUND == world.stage


def test_before_the_canary_there_is_nothing_to_undo(world: World) -> None:
    world.prepared().signal(SignalKind.ABORT)
    world.call("analyze")
    assert "CLOSE" == roll_back(world)["decision"]
    assert [FOUND] == world.fakes.stage.history
    assert Outcome.ROLLED_BACK is world.rollout.outcome


def test_the_world_is_told_that_and_why(rolling_back: World) -> None:
    roll_back(rolling_back)
    assert ["PREPARED", "BAKING", "ROLLING_BACK"] == rolling_back.states_told
    assert "abort by ada" == rolling_back.fakes.notifier.published[-1]["reason"]


# --- when a task has failed --------------------------------------------------------------------------------------


def lambda_error(kind: str, message: str) -> str:
    """What Step Functions gives as the cause when a Lambda function raises."""
    return json.dumps(
        {"errorMessage": message, "errorType": kind, "requestId": "3b1f", "stackTrace": ['  File "analyze.py", line 1']}
    )


@pytest.mark.parametrize(
    ("cause", "readable"),
    [
        (lambda_error("NotAllowed", "GetStage prod: AccessDenied"), "GetStage prod: AccessDenied"),
        (lambda_error("KeyError", "'{weight}'"), "'{weight}'"),
        ("Task timed out", "Task timed out"),
        ('{"errorMessage":"cut off in the mid', '{"errorMessage":"cut off in the mid'),
        ('{"unexpected": true}', '{"unexpected": true}'),
        ("{} [] {", "{} [] {"),
        ("", ""),
    ],
)
def test_the_failure_of_a_task_is_recorded_readably(world: World, cause: str, readable: str) -> None:
    world.baking().roll_back(failure=f"Analyze failed: NotAllowed: {cause}")
    assert f"Analyze failed: NotAllowed: {readable}" == world.rollout.reason


def test_the_failure_of_a_task_rolls_back(world: World) -> None:
    world.advancing()
    assert "CLOSE" == world.roll_back(failure="Shift traffic failed: NotAllowed: AccessDenied")["decision"]
    assert FOUND == world.stage
    assert Outcome.ROLLED_BACK is world.rollout.outcome
    assert "ROLLING_BACK" == world.states_told[-1]


def test_a_task_that_failed_before_anything_was_touched_fails_the_rollout(world: World) -> None:
    world.prepared().roll_back(failure="Create canary failed: NotAllowed: AccessDenied")
    assert [FOUND] == world.fakes.stage.history
    assert Outcome.FAILED is world.rollout.outcome


def test_the_first_reason_to_roll_back_stands(rolling_back: World) -> None:
    rolling_back.roll_back(failure="Roll back failed: Unavailable: throttled")
    assert "abort by ada" == rolling_back.rollout.reason


def test_a_target_that_somebody_else_changed_is_said_with_why_it_was_to_be_rolled_back(rolling_back: World) -> None:
    rolling_back.foreign(foreign_states(at_weight(5))["the weight was changed"])
    assert "STOP" == roll_back(rolling_back)["decision"]
    assert "while rolling back: abort by ada" in rolling_back.rollout.reason


def test_a_rollout_that_has_ended_is_not_rolled_back(world: World) -> None:
    world.watching().analyzed()
    world.call("close")
    assert "CLOSE" == world.roll_back(failure="Close failed: Unavailable: throttled")["decision"]
    assert PROMOTED == world.stage
    assert Outcome.PROMOTED is world.rollout.outcome
