"""Roll back: give all traffic back to the base, as it was found. What it shares with others: test_changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from rollout.core.certainty import UnansweredWrite
from rollout.core.decision import Decision
from rollout.core.rollout import Outcome
from rollout.core.signals import SignalKind
from rollout.core.target import Canary, Json, TargetState
from rollout.errors import NotAllowed, ReadBackDiffers, RolloutError, Throttled, Unavailable
from rollout_simulator.fakes import Around, Disturbance
from tests.functions.world import FOREIGN, FOUND, PROMOTED, TARGET, World, at_weight, foreign_states


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


def seeing(state: TargetState, times: int = 1) -> Around:
    """So many reads show this, which is the past."""
    left = times

    def around(name: str, call: Callable[[], object]) -> object:
        nonlocal left
        if name != "shifter.read" or left == 0:
            return call()
        left -= 1
        return state

    return around


@pytest.mark.parametrize("times", [1, 2, 5])
def test_a_canary_that_a_stale_read_does_not_show_is_removed(rolling_back: World, times: int) -> None:
    assert "LOOK_AGAIN" == rolling_back.once("roll_back", seeing(FOUND, times), failure="")["decision"]
    assert FOUND == rolling_back.stage
    assert ("CLOSE", Outcome.ROLLED_BACK) == (roll_back(rolling_back)["decision"], rolling_back.rollout.outcome)


def test_a_stale_read_of_the_step_before_is_acted_upon_at_once(world: World) -> None:
    world.advancing().call("shift_traffic")
    world.signal(SignalKind.ABORT)
    world.call("analyze")
    assert "CLOSE" == world.once("roll_back", seeing(at_weight(5)), failure="")["decision"]
    assert FOUND == world.stage


def test_a_promotion_is_undone_although_a_read_still_shows_the_canary(world: World) -> None:
    world.promoting().call("promote")
    world.signal(SignalKind.ABORT)
    world.call("analyze")
    with pytest.raises(ReadBackDiffers):
        world.once("roll_back", seeing(at_weight(50), times=2), failure="")
    assert "CLOSE" == roll_back(world)["decision"]
    assert FOUND == world.stage


def test_what_lands_after_the_rollback_is_removed_before_the_lock_goes(world: World) -> None:
    world.advancing()
    with pytest.raises(Unavailable):
        world.call("shift_traffic", Disturbance(only="shifter.change", before=lambda: fail(Unavailable("timed out"))))
    world.signal(SignalKind.ABORT)
    world.call("analyze")
    assert "LOOK_AGAIN" == world.once("roll_back", failure="")["decision"]
    assert FOUND == world.stage
    world.foreign(TargetState(FOUND.base, Canary(FOUND.base, Decimal(50)), FOUND.variables))
    world.fakes.clock.pass_time(seconds=140)
    assert "LOOK_AGAIN" == world.once("roll_back", failure="")["decision"]
    assert (FOUND, None) == (world.stage, world.rollout.outcome)
    assert ("CLOSE", Outcome.ROLLED_BACK) == (roll_back(world)["decision"], world.rollout.outcome)


def test_a_call_that_aws_refused_is_no_reason_to_wait(rolling_back: World) -> None:
    throttled = Disturbance(only="shifter.change", before=lambda: fail(Throttled("too many")))
    with pytest.raises(Throttled):
        roll_back(rolling_back, throttled)
    assert "CLOSE" == rolling_back.once("roll_back", failure="")["decision"]


def test_a_canary_that_is_exactly_ours_goes_at_once_whatever_else_was_changed(rolling_back: World) -> None:
    theirs = rolling_back.foreign(replace(at_weight(5), base="dep-theirs"))
    rolling_back.once("roll_back", failure="")
    assert theirs.without_canary() == rolling_back.stage


def fail(error: RolloutError) -> None:
    raise error


def test_a_canary_that_somebody_else_removed_is_rolled_back(rolling_back: World) -> None:
    rolling_back.foreign(FOUND)
    assert "CLOSE" == roll_back(rolling_back)["decision"]
    assert Outcome.ROLLED_BACK is rolling_back.rollout.outcome


def test_a_canary_that_somebody_else_removes_meanwhile_is_rolled_back(rolling_back: World) -> None:
    removed = Disturbance(only="shifter.change", before=lambda: rolling_back.foreign(FOUND))
    assert "CLOSE" == roll_back(rolling_back, removed)["decision"]
    assert FOUND == rolling_back.stage
    assert Outcome.ROLLED_BACK is rolling_back.rollout.outcome


@pytest.mark.parametrize("what", FOREIGN)
def test_a_promotion_that_somebody_else_changed_is_left_alone(what: str) -> None:
    world = rolling_back_the_promotion()
    theirs = world.foreign(foreign_states(PROMOTED)[what])
    if what == "a variable that we override was changed":
        theirs = world.foreign(replace(PROMOTED, variables={**PROMOTED.variables, "lambdaAlias": "theirs"}))
    assert "STOP" == roll_back(world)["decision"]
    assert theirs == world.stage


def test_a_stage_that_was_deleted_stops_the_rollout(rolling_back: World) -> None:
    rolling_back.fakes.stage.delete(TARGET)
    assert "STOP" == roll_back(rolling_back)["decision"]


def test_a_rollback_that_does_not_show_is_never_taken_for_one(rolling_back: World) -> None:
    def not_visible_yet(name: str, call: Callable[[], object]) -> object:
        return rolling_back.stage if name == "shifter.change" else call()

    with pytest.raises(ReadBackDiffers):
        roll_back(rolling_back, not_visible_yet)
    assert Decision.ROLL_BACK is rolling_back.rollout.pending_decision


def test_a_bus_that_is_down_does_not_keep_the_base_from_coming_back(rolling_back: World) -> None:
    rolling_back.fakes.notifier.trouble = NotAllowed("PutEvents: AccessDenied")
    assert "CLOSE" == roll_back(rolling_back)["decision"]
    assert FOUND == rolling_back.stage


def test_a_rollout_that_has_ended_is_not_rolled_back(world: World) -> None:
    world.watching().analyzed()
    world.call("close")
    assert "CLOSE" == world.roll_back(failure="Close failed: Unavailable: throttled")["decision"]
    assert PROMOTED == world.stage
    assert Outcome.PROMOTED is world.rollout.outcome


def test_the_spare_aliases_are_put_back_although_the_last_write_could_land_no_more_before_the_look_was_over() -> None:
    """Each call to the target takes a second, and what may land does so for a second and a half from the beginning."""
    world = World()
    world.fakes.stage.put(TARGET, replace(FOUND, aliases={"orders:next": "1", "orders:live": "1"}))
    spare = {"functionName": "orders", "aliasName": "next", "version": "2"}
    variables = {"lambdaAlias": "next"}
    world.rolling_back(candidate={"deploymentId": "dep-new", "stageVariables": variables, "functions": [spare]})
    lost = UnansweredWrite(0, world.now + timedelta(seconds=1.5))
    world.fakes.store.save(replace(world.rollout, unanswered=(lost,)))

    def slowly(name: str, call: Callable[[], object]) -> object:
        if name.startswith("shifter."):
            world.fakes.clock.pass_time(seconds=1)
        return call()

    assert "LOOK_AGAIN" == world.once("roll_back", slowly, failure="")["decision"]
    world.fakes.clock.pass_time(seconds=10)
    assert "CLOSE" == roll_back(world, slowly)["decision"]
    assert {"orders:next": "1"} == world.fakes.stage.read(world.rollout.settings.target).aliases
