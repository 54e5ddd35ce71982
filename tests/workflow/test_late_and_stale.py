"""Writes that land after their client has given up, reads that show the past, tasks that run twice at once.

Whatever AWS does to a call, the target is in the end what the record says, and nothing of ours appears after the lock
is gone.
"""

from __future__ import annotations

import pytest

from rollout_simulator.chaos.plan import What
from rollout_simulator.chaos.recorded import Recorded
from tests.workflow.trouble import (
    ALARM,
    after,
    at,
    before,
    command,
    fault,
    final,
    is_base,
    is_promoted,
    outcome,
    ran,
    reason,
    weights,
)

pytestmark = pytest.mark.slow

EVENT = {"name": ALARM, "state": "ALARM", "before": "OK"}


def released(recorded: Recorded) -> float:
    """The second at which the lock was given back, from the start."""
    gone = next(write for write in recorded.item_writes if write.sk == "LOCK" and write.item is None)
    return (gone.at - recorded.started).total_seconds()


def at_rest(recorded: Recorded) -> tuple[str, bool]:
    return outcome(recorded), is_base(final(recorded), recorded)


# --- late writes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [9, 20, 40, 70])
@pytest.mark.parametrize("moment", [4, 12, 30])
def test_a_canary_that_is_made_after_the_rollback_is_removed_before_the_lock_goes(seconds: float, moment: int) -> None:
    late = fault("apigateway", "UpdateStage", mode="late", seconds=seconds, times=1)
    recorded = ran(at(moment, What.COMMAND, **command("abort")), faults=[late])
    assert ("ROLLED_BACK", True) == at_rest(recorded)
    assert seconds < released(recorded)


@pytest.mark.parametrize("nth", [1, 2])
def test_a_shift_that_lands_after_the_rollback_brings_no_canary_back(nth: int) -> None:
    late = fault("apigateway", "UpdateStage", mode="late", seconds=30.0, caller="ShiftTraffic", skip=nth - 1, times=1)
    recorded = ran(
        after("ShiftTraffic", "GetStage", What.ALARM_EVENT, nth, **EVENT), faults=[late], alarms=[ALARM], latency_ms=20
    )
    assert ("ROLLED_BACK", True) == at_rest(recorded)


def test_a_rollback_of_a_promotion_that_lands_late_does_not_meet_the_next_rollout() -> None:
    late = fault("apigateway", "UpdateStage", mode="late", seconds=40.0, caller="RollBack", times=1)
    recorded = ran(
        at(460, What.COMMAND, **command("abort")), at(480, What.REQUEST, onConflict="supersede"), faults=[late]
    )
    assert ("ROLLED_BACK", "PROMOTED") == (outcome(recorded), outcome(recorded, "again-1"))
    assert is_promoted(final(recorded), recorded)


def test_a_promotion_that_lands_late_does_not_meet_the_next_rollout() -> None:
    late = fault("apigateway", "UpdateStage", mode="late", seconds=40.0, caller="Promote", times=1)
    recorded = ran(faults=[late], plan={"steps": [{"weightPercent": 5, "bakeMinutes": 1}], "watchMinutes": 0})
    assert "PROMOTED" == outcome(recorded)
    landed = max(write.at for write in recorded.target_writes)
    assert (landed - recorded.started).total_seconds() < released(recorded)


def test_the_next_step_waits_until_the_last_one_can_land_no_more() -> None:
    late = fault("apigateway", "UpdateStage", mode="late", seconds=40.0, caller="ShiftTraffic", times=1)
    recorded = ran(after("ShiftTraffic", "TransactWriteItems", What.COMMAND, **command("advance")), faults=[late])
    assert ("PROMOTED", [0.0, 5.0, 25.0, 50.0, 0.0]) == (outcome(recorded), weights(recorded))


def test_a_stop_signal_does_not_wait_for_what_may_land_yet() -> None:
    late = fault("apigateway", "UpdateStage", mode="late", seconds=40.0, caller="ShiftTraffic", times=1)
    recorded = ran(
        after("ShiftTraffic", "TransactWriteItems", What.COMMAND, **command("advance")),
        at(200, What.ALARM_EVENT, **EVENT),
        faults=[late],
        alarms=[ALARM],
        latency_ms=20,
    )
    removed = next(w for w in recorded.target_writes if w.after and not w.after.canary)
    assert "ROLLED_BACK" == outcome(recorded)
    assert 1 > (removed.at - recorded.started).total_seconds() - 200


def test_stopped_with_a_write_under_way_recovery_waits_for_it_too() -> None:
    late = fault("apigateway", "UpdateStage", mode="late", seconds=70.0, caller="ShiftTraffic", times=1)
    recorded = ran(after("ShiftTraffic", "GetStage", What.STOP_EXECUTION), faults=[late], latency_ms=20)
    assert ("ROLLED_BACK", True) == at_rest(recorded)


def test_what_lands_late_serves_for_half_a_minute_at_most() -> None:
    late = fault("apigateway", "UpdateStage", mode="late", seconds=40.0, times=1)
    recorded = ran(at(12, What.COMMAND, **command("abort")), faults=[late])
    landed, removed = recorded.target_writes[-2:]
    assert (True, True) == (bool(landed.after and landed.after.canary), is_base(removed.after, recorded))
    assert 30 >= (removed.at - landed.at).total_seconds()


@pytest.mark.parametrize("seconds", [40, 70])
def test_a_raise_that_lands_while_the_canary_is_held_at_zero_is_lowered_again(seconds: float) -> None:
    late = fault("apigateway", "UpdateStage", mode="late", seconds=seconds, caller="ShiftTraffic", times=1)
    recorded = ran(
        after("ShiftTraffic", "TransactWriteItems", What.ALARM_EVENT, 1, **EVENT),
        faults=[late],
        alarms=[ALARM],
        onRegression="holdAtZero",
        holdMinutes=10,
    )
    assert [0.0, 5.0, 25.0, 0.0, 25.0, 0.0] == weights(recorded)
    landed, lowered = recorded.target_writes[-3:-1]
    assert 30 >= (lowered.at - landed.at).total_seconds()
    assert lowered.after is not None
    assert lowered.after.canary is not None


def test_a_rollout_whose_canary_was_lowered_again_waits_no_longer_for_a_person() -> None:
    alarm = after("ShiftTraffic", "TransactWriteItems", What.ALARM_EVENT, 1, **EVENT)
    late = fault("apigateway", "UpdateStage", mode="late", seconds=70.0, caller="ShiftTraffic", times=1)
    recorded = ran(alarm, faults=[late], alarms=[ALARM], onRegression="holdAtZero", holdMinutes=10)
    lowered, *_, removed = [write for write in recorded.target_writes if write.caller.endswith("Function")][3:]
    assert ("ROLLED_BACK", True) == at_rest(recorded)
    assert 11 * 60 >= (removed.at - lowered.at).total_seconds() >= 9 * 60


def test_a_function_that_dies_while_its_late_call_is_under_way_ends_no_simulation() -> None:
    late = fault("apigateway", "GetStage", mode="late", seconds=50.0, caller="Analyze", times=1)
    recorded = ran(before("Analyze", "GetStage", What.CRASH), faults=[late])
    assert ("PROMOTED", True) == (outcome(recorded), is_promoted(final(recorded), recorded))


def test_where_no_answer_is_lost_nobody_waits() -> None:
    recorded = ran(at(100, What.COMMAND, **command("abort")))
    assert 101 > released(recorded)


def test_the_base_serves_everybody_at_once_although_the_lock_is_kept() -> None:
    late = fault("apigateway", "UpdateStage", mode="late", seconds=30.0, caller="CreateCanary", times=1)
    recorded = ran(at(20, What.COMMAND, **command("abort")), faults=[late])
    assert 30 >= max(
        (w.at - recorded.started).total_seconds() for w in recorded.target_writes if w.after and w.after.canary
    )
    assert ("ROLLED_BACK", True) == at_rest(recorded)


@pytest.mark.parametrize("caller", ["CreateCanary", "ShiftTraffic", "Promote", "RollBack"])
@pytest.mark.parametrize("signalled", [False, True])
def test_a_task_that_runs_twice_at_once_ends_the_same(caller: str, signalled: bool) -> None:
    twice = fault("lambda", "Invoke", mode="twice", caller=caller)
    acts = [at(150, What.COMMAND, **command("abort"))] if signalled or caller == "RollBack" else []
    recorded = ran(*acts, faults=[twice], latency_ms=300)
    if acts:
        assert ("ROLLED_BACK", True) == at_rest(recorded)
    else:
        assert ("PROMOTED", True) == (outcome(recorded), is_promoted(final(recorded), recorded))


# --- stale reads -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [5.0, 30.0])
def test_an_abort_moments_after_creation_removes_the_canary_that_no_read_shows(seconds: float) -> None:
    stale = fault("apigateway", "GetStage", mode="stale", seconds=seconds)
    recorded = ran(at(3, What.COMMAND, **command("abort")), faults=[stale])
    assert ("ROLLED_BACK", True) == at_rest(recorded)


def test_an_alarm_moments_after_a_raise_rolls_back_whatever_a_stale_read_says() -> None:
    stale = fault("apigateway", "GetStage", mode="stale", seconds=60.0, since_seconds=200.0)
    recorded = ran(
        after("ShiftTraffic", "TransactWriteItems", What.ALARM_EVENT, 2, **EVENT),
        faults=[stale],
        alarms=[ALARM],
        latency_ms=20,
    )
    assert ("ROLLED_BACK", True) == at_rest(recorded)


@pytest.mark.parametrize("seconds", [5.0, 40.0])
def test_where_every_read_lags_it_is_promoted_and_says_so(seconds: float) -> None:
    recorded = ran(faults=[fault("apigateway", "GetStage", mode="stale", seconds=seconds)])
    assert ("PROMOTED", True) == (outcome(recorded), is_promoted(final(recorded), recorded))


def test_a_promotion_is_undone_whatever_a_stale_read_says() -> None:
    stale = fault("apigateway", "GetStage", mode="stale", seconds=20.0)
    recorded = ran(after("Promote", "TransactWriteItems", What.COMMAND, **command("abort")), faults=[stale])
    assert ("ROLLED_BACK", True) == at_rest(recorded)


@pytest.mark.parametrize("seconds", [200, 900])
def test_a_stage_of_a_minute_ago_beside_aliases_of_now_is_nobodys_change(seconds: int) -> None:
    """Also when nothing was changed for a long time before."""
    stale = fault("apigateway", "GetStage", mode="stale", seconds=60.0)
    recorded = ran(
        at(seconds, What.COMMAND, **command("abort")),
        faults=[stale],
        scenario={"api": {"functions": 2, "on_promotion": "mergeVariables"}},
        plan={"steps": [{"weightPercent": 5, "bakeMinutes": 30}]},
    )
    assert ("ROLLED_BACK", True) == at_rest(recorded)


@pytest.mark.parametrize("late", [0, 90])
def test_somebodys_change_is_foreign_when_it_is_seen_twice(late: int) -> None:
    recorded = ran(at(60 + late, What.FOREIGN_CHANGE, kind="weight"))
    assert ("STOPPED", "outside") == (outcome(recorded), recorded.target_writes[-1].caller)
    assert "77" in reason(recorded)
