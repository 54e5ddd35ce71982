"""Recover: finish what a dead execution left behind, and never race a live one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest

import recover
from rollout.core.rollout import Outcome
from rollout.core.signals import STOP_SIGNALS, SignalKind
from rollout.core.target import Json, Target
from rollout.errors import Unavailable
from rollout.tasks.recover import rollout_of
from rollout_simulator.fakes import Around, Disturbance, interposed
from rollout_simulator.template import load_template
from tests.functions.world import EXECUTION, FOUND, PROMOTED, ROLLOUT, TARGET, THEIRS, World, at_weight

SCHEDULED: Json = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
TEMPLATE = load_template()
LONGEST_TASK_SECONDS = max(
    resource["Properties"].get("Timeout", TEMPLATE["Globals"]["Function"]["Timeout"])
    for name, resource in TEMPLATE["Resources"].items()
    if resource["Type"] == "AWS::Serverless::Function" and name != "RecoverFunction"
)
"""For so long the template lets a function of the workflow run."""
HANDED_OVER_WITHIN_MINUTES = 10
OVER_MINUTES = 2
"""After so long no task of a dead execution can still be running."""
LANDED_MINUTES = 3
"""After so long a write that a dead task has begun can land no more."""


def sweep(world: World, event: Json = SCHEDULED, around: Around | None = None) -> list[str]:
    ports = world.fakes.ports if around is None else interposed(world.fakes.ports, around)
    with patch("recover.ports", lambda: ports):
        answer = recover.handler(event, SimpleNamespace(function_name="recover"))  # type: ignore[arg-type]
    return list(answer["recovered"])


def died(world: World, status: str = "ABORTED", cause: str = "") -> World:
    world.fakes.executions.end(EXECUTION, status, world.now, cause=cause)
    return world


def status_change(**detail: Any) -> Json:
    known = {"executionArn": EXECUTION, "name": ROLLOUT, "status": "ABORTED", "input": "{}"}
    return {"detail-type": "Step Functions Execution Status Change", "detail": known | detail}


def test_a_live_execution_is_left_alone() -> None:
    world = World().baking()
    world.fakes.executions.run(EXECUTION)
    stage = world.stage
    assert [] == sweep(world)
    assert (stage, "BAKING") == (world.stage, world.rollout.phase)


def test_an_execution_that_hands_over_while_recovery_looks_has_left_nothing_behind() -> None:
    world = World().baking()
    stage = world.stage

    def hand_over() -> None:
        store = world.fakes.ports.store
        store.save(world.rollout.handed_over())
        world.fakes.executions.end(EXECUTION, "SUCCEEDED", world.now)
        world.fakes.executions.run(world.rollout.execution)

    assert [] == sweep(world, around=Disturbance(only="executions.state", before=hand_over))
    assert (stage, None) == (world.stage, world.rollout.pending_decision)


def test_an_execution_that_ends_its_rollout_while_recovery_looks_has_left_nothing_behind() -> None:
    world = World().closing()

    def close() -> None:
        world.call("close")
        world.fakes.executions.end(EXECUTION, "FAILED", world.now)

    assert [] == sweep(world, around=Disturbance(only="executions.state", before=close))
    assert 1 == world.states_told.count("ROLLED_BACK")


@pytest.mark.parametrize("status", ["ABORTED", "FAILED", "TIMED_OUT"])
def test_the_target_is_brought_back_at_once_and_released_when_no_task_can_still_write(status: str) -> None:
    world = died(World().baking(), status, cause="a button")
    assert [ROLLOUT] == sweep(world)
    assert (FOUND, {"apigateway-stage/a1b2c3d4e5/prod": ROLLOUT}) == (world.stage, world.fakes.store.locks)
    world.fakes.clock.pass_time(minutes=OVER_MINUTES)
    assert [ROLLOUT] == sweep(world)
    assert ({}, Outcome.ROLLED_BACK) == (world.fakes.store.locks, world.rollout.outcome)
    assert "a button" in world.rollout.reason
    assert 1 == world.states_told.count("ROLLED_BACK")
    assert [] == sweep(world)


def test_the_target_is_not_released_while_a_task_of_the_dead_execution_may_still_run() -> None:
    """Step Functions stops no function when it stops an execution."""
    world = died(World().baking())
    world.fakes.clock.pass_time(seconds=LONGEST_TASK_SECONDS)
    sweep(world)
    assert {"apigateway-stage/a1b2c3d4e5/prod": ROLLOUT} == world.fakes.store.locks
    world.fakes.clock.pass_time(minutes=OVER_MINUTES)
    sweep(world)
    assert {} == world.fakes.store.locks


def test_a_rollout_whose_first_execution_does_not_exist_any_more_is_recovered_at_once() -> None:
    """Step Functions forgets an execution 90 days after its end; only one that is handed over to is still to come."""
    world = World().baking()
    assert "MISSING" == world.fakes.executions.state(EXECUTION).status
    assert [ROLLOUT] == sweep(world)
    assert (FOUND, Outcome.ROLLED_BACK, {}) == (world.stage, world.rollout.outcome, world.fakes.store.locks)


def test_an_execution_that_is_handed_over_to_is_waited_for_but_not_for_ever() -> None:
    world = World().baking()
    world.fakes.store.save(world.rollout.handed_over())
    stage = world.stage
    assert "MISSING" == world.fakes.executions.state(world.rollout.execution).status
    world.fakes.clock.pass_time(minutes=HANDED_OVER_WITHIN_MINUTES - 1)
    assert [] == sweep(world)
    assert (stage, None) == (world.stage, world.rollout.outcome)
    world.fakes.clock.pass_time(minutes=1)
    assert [ROLLOUT] == sweep(world)
    assert (FOUND, Outcome.ROLLED_BACK) == (world.stage, world.rollout.outcome)


def test_what_a_late_task_wrote_after_the_recovery_is_taken_away_again() -> None:
    world = World().baking()
    late = world.stage
    sweep(died(world))
    world.foreign(late)
    world.fakes.clock.pass_time(minutes=OVER_MINUTES)
    sweep(world)
    assert (FOUND, Outcome.ROLLED_BACK) == (world.stage, world.rollout.outcome)


def test_a_promoted_rollout_stays_promoted() -> None:
    world = died(World().watching())
    world.fakes.clock.pass_time(minutes=OVER_MINUTES)
    sweep(world)
    assert (PROMOTED, Outcome.PROMOTED, {}) == (world.stage, world.rollout.outcome, world.fakes.store.locks)


def broken_off_promotion(*, calls_made: int) -> World:
    """A promotion whose task died after so many of its two calls to AWS, and its execution with it."""
    world = World().promoting()
    if calls_made == 1:
        world.fakes.stage.breaks_off_promotions = True
    broken = Disturbance.failing_before(0) if calls_made == 0 else Disturbance.failing_after(0)
    broken.only = "shifter.change"
    with pytest.raises(Unavailable):
        world.call("promote", broken)
    died(world)
    world.fakes.clock.pass_time(minutes=LANDED_MINUTES)
    return world


def test_a_promotion_that_was_made_and_not_recorded_stays() -> None:
    world = broken_off_promotion(calls_made=2)
    assert [ROLLOUT] == sweep(world)
    assert (PROMOTED, Outcome.PROMOTED, {}) == (world.stage, world.rollout.outcome, world.fakes.store.locks)
    assert "promoted; the execution was aborted before the watch was over" == world.rollout.reason


@pytest.mark.parametrize("calls_made", [0, 1])
def test_a_promotion_that_was_not_made_or_half_made_is_undone(calls_made: int) -> None:
    world = broken_off_promotion(calls_made=calls_made)
    assert [ROLLOUT] == sweep(world)
    assert (FOUND, Outcome.ROLLED_BACK, {}) == (world.stage, world.rollout.outcome, world.fakes.store.locks)


@pytest.mark.parametrize("kind", sorted(STOP_SIGNALS))
@pytest.mark.parametrize("come_so_far", [World.watching, lambda _world: broken_off_promotion(calls_made=2)])
def test_a_promotion_is_undone_when_a_stop_signal_is_pending(
    come_so_far: Callable[[World], World], kind: SignalKind
) -> None:
    world = died(come_so_far(World()))
    world.signal(kind)
    world.fakes.clock.pass_time(minutes=OVER_MINUTES)
    sweep(world)
    assert (FOUND, Outcome.ROLLED_BACK, {}) == (world.stage, world.rollout.outcome, world.fakes.store.locks)


@pytest.mark.parametrize("come_so_far", [World.baking, World.promoting, World.watching])
def test_a_target_that_was_deleted_is_released(come_so_far: Callable[[World], World]) -> None:
    world = died(come_so_far(World()))
    expected = Outcome.PROMOTED if world.rollout.phase == "WATCHING" else Outcome.STOPPED
    world.fakes.stage.delete(TARGET)
    world.fakes.clock.pass_time(minutes=OVER_MINUTES)
    sweep(world)
    assert ({}, expected) == (world.fakes.store.locks, world.rollout.outcome)


def test_what_somebody_else_made_after_the_recovery_is_left_alone_and_said() -> None:
    world = died(World().baking())
    sweep(world)
    theirs = world.foreign(replace(FOUND, canary=THEIRS))
    world.fakes.clock.pass_time(minutes=LANDED_MINUTES)
    sweep(world)
    assert (theirs, Outcome.ROLLED_BACK, True) == (world.stage, world.rollout.outcome, bool(world.fakes.store.locks))
    world.fakes.clock.pass_time(minutes=5)
    sweep(world)
    assert (theirs, Outcome.STOPPED, {}) == (world.stage, world.rollout.outcome, world.fakes.store.locks)
    assert "after it had been rolled back" in world.rollout.reason


def test_a_foreign_target_is_left_alone_and_released() -> None:
    world = World().baking()
    stage = world.foreign(FOUND.__class__(FOUND.base, THEIRS, FOUND.variables))
    died(world)
    world.fakes.clock.pass_time(minutes=OVER_MINUTES)
    sweep(world)
    assert (stage, None) == (world.stage, world.rollout.outcome)
    world.fakes.clock.pass_time(minutes=5)
    sweep(world)
    assert (stage, Outcome.STOPPED, {}) == (world.stage, world.rollout.outcome, world.fakes.store.locks)


def test_what_may_land_yet_keeps_the_lock_until_a_later_sweep() -> None:
    world = World().advancing()
    with pytest.raises(Unavailable):
        world.call("shift_traffic", Disturbance.failing_after(3, Unavailable("the read timed out")))
    died(world)
    world.fakes.clock.pass_time(minutes=OVER_MINUTES)
    assert [ROLLOUT] == sweep(world)
    assert (FOUND, True) == (world.stage, bool(world.fakes.store.locks))
    world.foreign(at_weight(50))
    world.fakes.clock.pass_time(minutes=5)
    sweep(world)
    assert (FOUND, Outcome.ROLLED_BACK, {}) == (world.stage, world.rollout.outcome, world.fakes.store.locks)


def test_a_lock_without_a_record_is_swept() -> None:
    world = World()
    world.fakes.store.locks["apigateway-stage/a1b2c3d4e5/prod"] = "nobody"
    assert ["nobody"] == sweep(world)
    assert {} == world.fakes.store.locks


def test_a_sweep_ends_in_time_and_leaves_nobody_out_for_good() -> None:
    world, visited = World(), []

    def slowly(_ports: object, rollout_id: str) -> bool:
        world.fakes.clock.pass_time(minutes=1)
        visited.append(rollout_id)
        return False

    everybody = {f"rollout-{number}" for number in range(10)}
    sweeps = 0
    with (
        patch("rollout.tasks.recover.recover", slowly),
        patch.object(world.fakes.store, "unfinished", lambda: sorted(everybody)),
    ):
        while set(visited) != everybody:
            before, sweeps = len(visited), sweeps + 1
            sweep(world)
            assert 4 == len(visited) - before
            assert sweeps < 100


def test_what_goes_wrong_with_one_rollout_keeps_no_other_from_recovery_and_is_raised_in_the_end() -> None:
    world = died(World().baking())
    other = Target("apigateway-stage", {"restApiId": "a1b2c3d4e5", "stageName": "test"})
    world.fakes.stage.put(other, FOUND)
    world.fakes.stage.deploy(other, "dep-new")
    World(world.fakes, rollout_id="r-2").prepared(target=other.to_document())
    world.fakes.clock.pass_time(minutes=OVER_MINUTES)
    broken = Disturbance.failing_before(0)
    broken.only = "executions.state"
    with pytest.raises(Unavailable):
        sweep(world, around=broken)
    assert 1 == len(world.fakes.store.locks)
    assert 1 == len(sweep(world))
    assert {} == world.fakes.store.locks
    assert (FOUND, FOUND) == (world.stage, world.fakes.stage.state(other))


def test_the_event_of_a_dead_execution_names_its_rollout() -> None:
    world = died(World().baking())
    assert [ROLLOUT] == sweep(world, status_change())
    assert FOUND == world.stage


def test_an_execution_that_ended_by_itself_leaves_nothing_to_recover() -> None:
    assert [] == sweep(died(World().closed(), "FAILED"), status_change(status="FAILED"))


def test_an_execution_without_a_rollout_leaves_nothing_to_recover() -> None:
    assert [] == sweep(World(), status_change(name="somebody-else"))


@pytest.mark.parametrize(
    ("execution_input", "rollout_id"),
    [
        (None, "r-1-p2"),
        ("{}", "r-1-p2"),
        (json.dumps({"continue": "r-1"}), "r-1"),
        ("{cut", "r-1-p2"),
        ("[]", "r-1-p2"),
    ],
)
def test_the_rollout_of_an_execution(execution_input: str | None, rollout_id: str) -> None:
    assert rollout_id == rollout_of("r-1-p2", execution_input)
