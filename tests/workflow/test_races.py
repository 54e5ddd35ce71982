"""Path, and races: what people, alarms, consoles and pipelines do to a rollout, at any moment."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rollout_simulator.chaos.plan import Act, What
from rollout_simulator.chaos.recorded import Recorded
from rollout_simulator.chaos.states import State
from tests.workflow.trouble import (
    ALARM,
    after,
    answers,
    at,
    before,
    command,
    final,
    is_base,
    is_promoted,
    outcome,
    ran,
    reason,
    statuses,
    weights,
)

EVENT: dict[str, Any] = {"name": ALARM, "state": "ALARM", "before": "OK"}
RAISING = [("CreateCanary", 5.0), ("ShiftTraffic", 25.0)]


# --- path --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_it_climbs_is_promoted_and_leaves_the_variables_merged() -> None:
    recorded = ran()
    assert ("PROMOTED", [0.0, 5.0, 25.0, 50.0, 0.0]) == (outcome(recorded), weights(recorded))
    assert is_promoted(final(recorded), recorded)
    assert ("SUCCEEDED", "") == statuses(recorded)["first"]


@pytest.mark.slow
def test_the_deployment_that_is_live_already_leaves_nothing_to_do() -> None:
    promoted = ran(at(900, What.REQUEST, onConflict="reject"))
    assert ("PROMOTED", 5) == (outcome(promoted, "again-1"), len(weights(promoted)))
    assert "nothing to do" in reason(promoted, "again-1")


def test_paused_it_waits_until_it_is_resumed() -> None:
    recorded = ran(at(30, What.COMMAND, **command("pause")), at(280, What.COMMAND, **command("resume")))
    shifted = next(one.at for one in recorded.target_writes if "Shift" in one.caller)
    assert "PROMOTED" == outcome(recorded)
    assert 280 <= (shifted - recorded.started).total_seconds()


def test_paused_and_forgotten_it_is_rolled_back() -> None:
    recorded = ran(at(30, What.COMMAND, **command("pause")))
    assert ("ROLLED_BACK", True) == (outcome(recorded), "nobody answered" in reason(recorded))


def test_held_it_waits_until_the_step_is_approved() -> None:
    silent = {"traffic": {"requests_per_second": 0}}
    approvals = [at(800 + 800 * nth, What.COMMAND, **command("approve", namesStep=True)) for nth in range(3)]
    recorded = ran(*approvals, scenario=silent, holdMinutes=60)
    assert "PROMOTED" == outcome(recorded)
    assert 800 <= (recorded.target_writes[1].at - recorded.started).total_seconds()


def test_advance_skips_the_wait() -> None:
    recorded = ran(at(30, What.COMMAND, **command("advance")))
    raised = recorded.target_writes[1]
    assert ("PROMOTED", 30) == (outcome(recorded), int((raised.at - recorded.started).total_seconds()))


def test_promote_promotes_at_once() -> None:
    recorded = ran(at(30, What.COMMAND, **command("promote")))
    assert ("PROMOTED", [0.0, 5.0, 0.0]) == (outcome(recorded), weights(recorded))


@pytest.mark.parametrize(("minute", "most"), [(1, 5.0), (4, 25.0), (7, 50.0)])
def test_abort_rolls_back_at_each_step(minute: int, most: float) -> None:
    recorded = ran(at(minute * 60, What.COMMAND, **command("abort")))
    assert ("ROLLED_BACK", most, True) == (
        outcome(recorded),
        max(weights(recorded)),
        is_base(final(recorded), recorded),
    )


def test_abort_with_nothing_running_is_a_no_op() -> None:
    recorded = ran(at(3_600, What.COMMAND, **command("abort", byTarget=True)))
    assert "PROMOTED" == outcome(recorded)
    assert [(False, True)] == [(accepted, "no rollout is running" in text) for accepted, text in answers(recorded)]


@pytest.mark.parametrize("watch_minutes", [0, 2])
@pytest.mark.parametrize(
    "moment",
    [("GetStage", 1, False), ("UpdateStage", 1, False), ("UpdateStage", 1, True), ("UpdateStage", 2, True)],
    ids=["before its read", "before its write", "half-way", "after its write"],
)
def test_abort_during_promote_wins(moment: tuple[str, int, bool], watch_minutes: int) -> None:
    operation, nth, late = moment
    act = (after if late else before)("Promote", operation, What.COMMAND, nth, **command("abort"))
    plan = {"steps": [{"weightPercent": 5, "bakeMinutes": 1}], "watchMinutes": watch_minutes, "control": 0}
    recorded = ran(act, plan=plan)
    assert ("ROLLED_BACK", True) == (outcome(recorded), is_base(final(recorded), recorded))


def test_an_approval_of_a_step_that_has_passed_is_refused() -> None:
    recorded = ran(at(330, What.COMMAND, **command("approve", namesStep=True, off=-1)))
    assert "PROMOTED" == outcome(recorded)
    assert not answers(recorded)[0][0]


def test_an_approval_that_comes_too_late_for_its_step_raises_nothing() -> None:
    recorded = ran(
        after("Analyze", "TransactWriteItems", What.COMMAND, **command("advance", namesStep=True)),
        scenario={"traffic": {"requests_per_second": 3_000, "stops_at_minute": 2}},
    )
    assert max(weights(recorded)) < 50


# --- an alarm while the weight is being raised -------------------------------------------------------------------


@pytest.mark.parametrize(("caller", "weight"), RAISING)
@pytest.mark.parametrize(
    ("operation", "late"),
    [("UpdateItem", False), ("UpdateItem", True), ("GetStage", True), ("UpdateStage", True)],
    ids=["before the intent", "between intent and read", "between read and write", "after the write"],
)
def test_an_alarm_while_the_weight_is_being_raised(caller: str, weight: float, operation: str, late: bool) -> None:
    act = (after if late else before)(caller, operation, What.ALARM_EVENT, **EVENT)
    # An alarm of the very instant in which the rollout began is not for it: here calls take time.
    recorded = ran(act, alarms=[ALARM], latency_ms=20)
    assert ("ROLLED_BACK", True) == (outcome(recorded), is_base(final(recorded), recorded))
    assert max(weights(recorded)) <= weight


def test_before_the_intent_the_alarm_keeps_the_weight_where_it_is() -> None:
    recorded = ran(before("ShiftTraffic", "UpdateItem", What.ALARM_EVENT, **EVENT), alarms=[ALARM])
    assert ([0.0, 5.0, 0.0], 0) == (weights(recorded), len([w for w in recorded.target_writes if "Shift" in w.caller]))


def test_a_rollback_starts_within_a_second_of_the_alarm() -> None:
    recorded = ran(at(100, What.ALARM_EVENT, **EVENT), alarms=[ALARM])
    removed = recorded.target_writes[-1]
    assert 1 > (removed.at - recorded.started).total_seconds() - 100


# --- alarms at other moments -------------------------------------------------------------------------------------


def test_an_alarm_before_the_first_step_creates_no_canary() -> None:
    recorded = ran(
        after("Prepare", "UpdateItem", What.ALARM_EVENT, **EVENT),
        before("CreateCanary", "GetItem", What.CRASH),
        alarms=[ALARM],
        latency_ms=20,
    )
    assert ("ROLLED_BACK", []) == (outcome(recorded), list(recorded.target_writes))


def test_an_alarm_in_alarm_at_the_start_rejects() -> None:
    firing = {"alarms": [{"name": ALARM, "threshold": 0.9, "firing_at_start": True}]}
    recorded = ran(scenario=firing, alarms=[ALARM])
    assert "REJECTED" == outcome(recorded)
    assert "firing" in recorded.executions[0].cause


def test_an_alarm_in_alarm_at_the_start_counts_from_the_next_time_if_asked() -> None:
    firing = {"alarms": [{"name": ALARM, "threshold": 0.9, "firing_at_start": True}]}
    recorded = ran(scenario=firing, alarms=[ALARM], ignoreAlarmsAlreadyFiring=True)
    assert "PROMOTED" == outcome(recorded)


def test_a_flapping_alarm_rolls_back_once() -> None:
    flaps = [at(90 + 7 * nth, What.ALARM, name=ALARM) for nth in range(4)]
    recorded = ran(*flaps, alarms=[ALARM])
    assert ("ROLLED_BACK", [0.0, 5.0, 0.0]) == (outcome(recorded), weights(recorded))


def test_a_duplicated_alarm_event_is_recorded_once() -> None:
    recorded = ran(at(90, What.ALARM_EVENT, **EVENT, copies=3, apartSeconds=0), alarms=[ALARM])
    signals = recorded.records["first"]["signals"]["L"]
    assert ("ROLLED_BACK", 1) == (outcome(recorded), len(signals))


def test_an_alarm_event_that_comes_late_still_counts() -> None:
    recorded = ran(at(200, What.ALARM_EVENT, **EVENT, lateSeconds=150), alarms=[ALARM])
    assert "ROLLED_BACK" == outcome(recorded)


def test_an_alarm_event_from_before_the_rollout_does_not_count() -> None:
    recorded = ran(at(60, What.ALARM_EVENT, **EVENT, lateSeconds=300), alarms=[ALARM])
    assert "PROMOTED" == outcome(recorded)


def test_an_alarm_of_another_stage_is_not_heard() -> None:
    recorded = ran(at(60, What.ALARM_EVENT, name="payments-5xx", state="ALARM", before="OK"), alarms=[ALARM])
    assert ("PROMOTED", 0) == (outcome(recorded), len(recorded.records["first"]["signals"]["L"]))


@pytest.mark.slow
def test_an_alarm_for_an_older_rollout_does_not_touch_the_next() -> None:
    recorded = ran(
        at(30, What.COMMAND, **command("abort")),
        at(60, What.REQUEST, onConflict="reject"),
        at(90, What.ALARM_EVENT, **EVENT, lateSeconds=80),
        alarms=[ALARM],
    )
    assert ("ROLLED_BACK", "PROMOTED") == (outcome(recorded), outcome(recorded, "again-1"))


def test_when_the_alarms_event_is_lost_the_next_analysis_sees_the_alarm() -> None:
    """It is set, and nobody hears: the function that should have heard dies each time."""
    deaths = [before("OnAlarm", "Query", What.CRASH, nth) for nth in range(1, 40)]
    bad = {"candidate": {"error_percent": 50.0}, "alarms": [{"name": ALARM, "threshold": 0.02}]}
    tolerant = {"metrics": [{"name": "5XXError", "tolerance": {"relative": 1.0, "absolute": 0.8}, "maxExcess": 1}]}
    recorded = ran(*deaths, scenario=bad, alarms=[ALARM], judge=tolerant)
    assert ("ROLLED_BACK", True) == (outcome(recorded), ALARM in reason(recorded))


def test_when_the_base_burns_as_much_the_reason_says_so() -> None:
    burning = {"base": {"error_percent": 20.0}, "candidate": {"error_percent": 20.0}}
    plan = {"steps": [{"weightPercent": 5, "bakeMinutes": 9}]}
    recorded = ran(at(290, What.ALARM_EVENT, **EVENT), scenario=burning, alarms=[ALARM], plan=plan)
    assert "ROLLED_BACK" == outcome(recorded)
    assert "the canary is not shown to be worse than the base: 5XX canary" in reason(recorded)


# --- holding instead of rolling back -----------------------------------------------------------------------------


def test_a_regression_is_held_at_its_weight() -> None:
    bad = {"candidate": {"error_percent": 100.0}}
    recorded = ran(scenario=bad, onRegression="hold")
    assert ("ROLLED_BACK", [0.0, 5.0, 0.0]) == (outcome(recorded), weights(recorded))
    assert "nobody answered" in reason(recorded)


def test_a_regression_is_held_at_nothing() -> None:
    bad = {"candidate": {"error_percent": 100.0}}
    recorded = ran(scenario=bad, onRegression="holdAtZero")
    lowered, removed = recorded.target_writes[-2:]
    assert lowered.after is not None
    assert lowered.after.canary is not None
    assert 0 == lowered.after.canary.weight
    assert 300 <= (removed.at - lowered.at).total_seconds()
    assert "ROLLED_BACK" == outcome(recorded)


def test_held_at_nothing_a_person_may_go_on_all_the_same() -> None:
    alarm = at(100, What.ALARM_EVENT, **EVENT)
    recorded = ran(
        alarm, at(200, What.COMMAND, **command("approve", namesStep=True)), alarms=[ALARM], onRegression="holdAtZero"
    )
    assert ("PROMOTED", [0.0, 5.0, 0.0, 25.0, 50.0, 0.0]) == (outcome(recorded), weights(recorded))


# --- somebody else -----------------------------------------------------------------------------------------------

FOREIGN = [
    "weight",
    "weight to nothing",
    "canary's deployment",
    "override",
    "another override",
    "variable",
    "base",
    "canary removed",
    "promoted by hand",
    "stage deleted",
]
LEAVES_OUR_CANARY = ("base", "variable")
"""What somebody changes there is not the canary."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", FOREIGN)
def test_what_somebody_changes_while_it_bakes_stops_it_and_is_left_alone(kind: str) -> None:
    recorded = ran(at(90, What.FOREIGN_CHANGE, kind=kind))
    assert ("STOPPED", left_by_others(recorded, kind)) == (outcome(recorded), final(recorded))
    assert reason(recorded)


def left_by_others(recorded: Recorded, kind: str) -> State | None:
    """The stage as somebody made it, without the canary that is exactly ours, where there was one."""
    theirs = [write.after for write in recorded.target_writes if write.caller == "outside"][-1]
    return replace(theirs, canary=None) if theirs and kind in LEAVES_OUR_CANARY else theirs


def test_a_weight_that_somebody_else_set_is_left_and_its_removal_told() -> None:
    recorded = ran(at(90, What.FOREIGN_CHANGE, kind="weight"))
    assert "at 77 %" in reason(recorded)
    assert "still serves, and nobody watches it; to remove it: aws apigateway update-stage" in reason(recorded)


def test_of_a_base_that_somebody_deployed_over_only_our_canary_is_taken_away() -> None:
    recorded = ran(at(90, What.FOREIGN_CHANGE, kind="base"))
    assert "which was ours" in reason(recorded)
    assert "still serves" not in reason(recorded)


def test_a_variable_that_the_rollout_does_not_touch_is_its_owners_to_change() -> None:
    recorded = ran(at(90, What.FOREIGN_CHANGE, kind="unwatched variable"))
    state = final(recorded)
    assert state is not None
    assert ("PROMOTED", "theirs") == (outcome(recorded), dict(state.variables)["tableName"])


def test_a_plain_deployment_is_refused_by_aws_while_there_is_a_canary() -> None:
    recorded = ran(at(90, What.FOREIGN_CHANGE, kind="plain deployment"))
    assert "PROMOTED" == outcome(recorded)


@pytest.mark.parametrize("caller", ["CreateCanary", "ShiftTraffic", "Promote"])
@pytest.mark.parametrize("kind", ["base", "variable", "stage deleted"])
def test_what_somebody_changes_before_a_tasks_read_stops_it(caller: str, kind: str) -> None:
    recorded = ran(before(caller, "GetStage", What.FOREIGN_CHANGE, kind=kind))
    assert ("STOPPED", left_by_others(recorded, kind)) == (outcome(recorded), final(recorded))


@pytest.mark.parametrize("caller", ["ShiftTraffic", "Promote"])
def test_a_canary_removed_between_read_and_write_stays_removed(caller: str) -> None:
    recorded = ran(before(caller, "UpdateStage", What.FOREIGN_CHANGE, kind="canary removed"))
    state = final(recorded)
    assert state is not None
    assert ("STOPPED", None) == (outcome(recorded), state.canary)


def test_a_canary_brought_back_by_a_task_that_dies_is_taken_away_by_the_next() -> None:
    recorded = ran(
        before("ShiftTraffic", "UpdateStage", What.FOREIGN_CHANGE, kind="canary removed"),
        after("ShiftTraffic", "UpdateStage", What.CRASH),
    )
    state = final(recorded)
    assert state is not None
    assert ("STOPPED", None) == (outcome(recorded), state.canary)


def test_a_canary_removed_before_it_was_read_back_is_not_made_again() -> None:
    recorded = ran(after("CreateCanary", "UpdateStage", What.FOREIGN_CHANGE, kind="canary removed"))
    assert ("STOPPED", [0.0, 5.0, 0.0]) == (outcome(recorded), weights(recorded))
    assert "there is no canary" in reason(recorded)


# --- several at once ---------------------------------------------------------------------------------------------


def test_of_two_starts_on_one_stage_the_second_is_refused() -> None:
    recorded = ran(at(0, What.REQUEST, onConflict="reject"))
    assert ["PROMOTED", "REJECTED"] == sorted([outcome(recorded), outcome(recorded, "again-1")])


@pytest.mark.parametrize(
    "act",
    [
        at(90, What.REQUEST, onConflict="supersede", other=True),
        before("ShiftTraffic", "UpdateStage", What.REQUEST, onConflict="supersede", other=True),
        before("Promote", "UpdateStage", What.REQUEST, onConflict="supersede", other=True),
    ],
    ids=["in a bake", "in a shift", "in a promotion"],
)
def test_a_rollout_that_is_superseded_is_cleaned_up_first(act: Act) -> None:
    recorded = ran(act)
    assert ("ROLLED_BACK", "PROMOTED") == (outcome(recorded), outcome(recorded, "again-1"))


def test_a_rollout_that_is_superseded_while_it_is_watched_stays_promoted() -> None:
    recorded = ran(
        at(560, What.REQUEST, onConflict="supersede", other=True),
        plan={"steps": [{"weightPercent": 50, "bakeMinutes": 1}], "watchMinutes": 30, "control": 0},
    )
    assert ("PROMOTED", "PROMOTED") == (outcome(recorded), outcome(recorded, "again-1"))


def test_the_same_request_twice_is_one_rollout() -> None:
    recorded = ran(at(60, What.REQUEST, onConflict="reject", sameRequestId=True), requestId="release-7")
    assert ["first"] == list(recorded.records)
    assert ("SUCCEEDED", "") == statuses(recorded)["again-1"]


def test_after_an_undo_the_stage_is_as_at_the_start() -> None:
    recorded = ran(at(900, What.COMMAND, **command("rollback")))
    assert ("PROMOTED", "ROLLED_BACK") == (outcome(recorded), outcome(recorded, "first-undo"))
    assert is_base(final(recorded), recorded)


def test_an_undo_that_comes_twice_is_done_once() -> None:
    recorded = ran(at(900, What.COMMAND, **command("rollback")), at(900, What.COMMAND, **command("rollback")))
    assert {"first", "first-undo"} == set(recorded.records)
    assert is_base(final(recorded), recorded)


def test_a_command_by_event_that_is_delivered_again_is_obeyed_once() -> None:
    """Its function dies after it has woken the rollout, and is tried again a minute later."""
    recorded = ran(
        at(30, What.COMMAND, **command("advance", byEvent=True)),
        after("OnCommand", "SendTaskSuccess", What.CRASH),
        at(240, What.COMMAND, **command("abort")),
        plan={"steps": [{"weightPercent": weight, "bakeMinutes": 10} for weight in (5, 25, 50)]},
    )
    assert [0.0, 5.0, 25.0, 0.0] == weights(recorded)
