"""Faults: crashes, time-outs, throttling, denied calls, stopped executions, and rollouts longer than an execution.

Whatever fails, the rollout comes to an end of which record, events, execution and stage say the same.
"""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from rollout_simulator.chaos.plan import What
from rollout_simulator.chaos.recorded import Recorded
from rollout_simulator.example_api import create_api
from rollout_simulator.faults import Mode
from rollout_simulator.simulation import opened
from tests.workflow.trouble import (
    ALARM,
    after,
    at,
    before,
    calls,
    command,
    fault,
    final,
    is_base,
    is_promoted,
    outcome,
    ran,
    reason,
    statuses,
    weights,
)
from tests.workflow.world import ROOT, scenario

STATES = json.loads((ROOT / "statemachine" / "rollout.asl.json").read_text(encoding="utf-8"))["States"]
TASKS = ("Prepare", "CreateCanary", "Analyze", "ShiftTraffic", "Promote", "Close")
MOVERS = ("CreateCanary", "ShiftTraffic", "Promote")
PROMOTED = ("PROMOTED", [0.0, 5.0, 25.0, 50.0, 0.0])
STOPPED_BY_HAND = ("ABORTED", "Stopped")


def summary(recorded: Recorded) -> tuple[str, list[float]]:
    return outcome(recorded), weights(recorded)


# --- crashes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("caller", MOVERS)
@pytest.mark.parametrize("what", [What.CRASH, What.HANG])
def test_a_task_that_dies_between_its_api_call_and_its_record_is_made_up_for(caller: str, what: What) -> None:
    recorded = ran(after(caller, "UpdateStage", what))
    assert PROMOTED == summary(recorded)
    assert is_promoted(final(recorded), recorded)


@pytest.mark.parametrize("what", [What.CRASH, What.HANG])
def test_a_rollback_that_dies_between_its_api_call_and_its_record_is_made_up_for(what: What) -> None:
    recorded = ran(at(90, What.COMMAND, **command("abort")), after("RollBack", "UpdateStage", what))
    assert ("ROLLED_BACK", True) == (outcome(recorded), is_base(final(recorded), recorded))


@pytest.mark.slow
@pytest.mark.parametrize("caller", TASKS)
@pytest.mark.parametrize("nth", [1, 2, 3, 5])
def test_a_task_that_dies_after_any_of_its_calls_ends_the_same(caller: str, nth: int) -> None:
    recorded = ran(after(caller, "*", What.CRASH, nth))
    assert PROMOTED == summary(recorded)


@pytest.mark.parametrize("mode", ["after", "duplicate"])
def test_each_task_done_twice_gives_the_same_end(mode: str) -> None:
    """The answer of the function is lost and it is tried again, or it runs twice at once, every single time."""
    recorded = ran(faults=[fault("lambda", "Invoke", mode=mode, caller="state machine", probability=0.5)])
    assert PROMOTED == summary(recorded)


@pytest.mark.parametrize("mode", ["after", "duplicate"])
def test_each_task_of_a_rollback_done_twice_gives_the_same_end(mode: str) -> None:
    twice = fault("lambda", "Invoke", mode=mode, caller="state machine", probability=0.5)
    recorded = ran(at(150, What.COMMAND, **command("abort")), faults=[twice])
    assert ("ROLLED_BACK", True) == (outcome(recorded), is_base(final(recorded), recorded))


def test_a_preparation_that_never_succeeds_is_told_as_failed() -> None:
    [retry] = [rule for rule in STATES["Prepare"]["Retry"] if rule["ErrorEquals"] == ["States.ALL"]]
    attempts = 1 + retry["MaxAttempts"]
    recorded = ran(*(before("Prepare", "*", What.CRASH, nth) for nth in range(1, attempts + 1)))
    assert ("FAILED", ("FAILED", "Failed")) == (outcome(recorded), statuses(recorded)["first"])
    assert "before anything was recorded" in reason(recorded)
    assert [] == list(recorded.target_writes)


def test_a_rejection_that_could_not_be_told_is_told_in_the_end() -> None:
    bus = fault("events", "PutEvents", for_seconds=45)
    recorded = ran(faults=[bus], plan={"steps": []})
    assert ("REJECTED", ("FAILED", "Rejected")) == (outcome(recorded), statuses(recorded)["first"])


def test_an_end_that_could_not_be_told_for_an_hour_is_told_by_the_sweep() -> None:
    recorded = ran(faults=[fault("events", "PutEvents", since_seconds=400.0, for_seconds=3_600)])
    assert PROMOTED == summary(recorded)
    assert "SUCCEEDED" == statuses(recorded)["first"][0]


# --- rates -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_more_rollouts_than_the_account_may_deploy_at_once_wait_for_their_turn() -> None:
    """API Gateway admits one CreateDeployment in five seconds, and ten calls a second in all."""
    plans = [{"name": f"orders-{number}"} for number in range(12)]
    with opened(scenario(traffic={"requests_per_second": 0}), seed=1) as simulation:
        apis = [create_api(simulation.aws.client, scenario(api=api)) for api in plans]
        simulation.aws.limits.enforced = True
        machine = simulation.aws.deployment.outputs["StateMachineArn"]
        for api in apis:
            request = {"target": {"type": "apigateway-stage", "restApiId": api.rest_api_id, "stageName": api.stage}}
            simulation.aws.client("stepfunctions").start_execution(stateMachineArn=machine, input=json.dumps(request))
        simulation.clock.run_until(simulation.clock.now() + timedelta(minutes=4))
        simulation.aws.limits.enforced = False
        stages = [
            simulation.aws.client("apigateway").get_stage(restApiId=api.rest_api_id, stageName=api.stage)
            for api in apis
        ]
        refused = simulation.aws.limits.refused["apigateway", "CreateDeployment"]
    assert [5.0] * 12 == [stage["canarySettings"]["percentTraffic"] for stage in stages]
    assert refused > 0


# --- stopped executions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("caller", ["Prepare", "CreateCanary", "Analyze", "ShiftTraffic", "RollBack"])
@pytest.mark.parametrize("late", [False, True])
def test_stopped_in_any_state_it_is_rolled_back_by_recovery(caller: str, late: bool) -> None:
    abort = [at(150, What.COMMAND, **command("abort"))] if caller == "RollBack" else []
    operation = {"Prepare": "UpdateItem", "Analyze": "TransactWriteItems"}.get(caller, "UpdateStage")
    act = (after if late else before)(caller, operation, What.STOP_EXECUTION)
    recorded = ran(*abort, act, latency_ms=20)
    ends = "FAILED" if caller == "Prepare" else "ROLLED_BACK"  # nothing was begun yet
    assert (ends, STOPPED_BY_HAND) == (outcome(recorded), statuses(recorded)["first"])


def test_stopped_in_a_bake_it_is_rolled_back_by_recovery() -> None:
    recorded = ran(at(90, What.STOP_EXECUTION))
    assert ("ROLLED_BACK", True) == (outcome(recorded), is_base(final(recorded), recorded))
    assert "aborted" in reason(recorded)


@pytest.mark.slow
@pytest.mark.parametrize(("nth", "late", "ends"), [(1, False, "ROLLED_BACK"), (2, True, "PROMOTED")])
def test_stopped_in_a_promotion_it_is_what_the_stage_says(nth: int, late: bool, ends: str) -> None:
    act = (after if late else before)("Promote", "UpdateStage", What.STOP_EXECUTION, nth)
    recorded = ran(act, before("Promote", "UpdateStage", What.CRASH, 1) if nth == 1 else at(1, What.SWEEP))
    assert ends == outcome(recorded)


def test_stopped_while_it_is_watched_it_stays_promoted() -> None:
    recorded = ran(at(460, What.STOP_EXECUTION), plan=short(watch_minutes=20))
    assert ("PROMOTED", STOPPED_BY_HAND) == (outcome(recorded), statuses(recorded)["first"])


def test_stopped_while_it_is_watched_with_an_alarm_pending_it_is_rolled_back() -> None:
    recorded = ran(
        at(460, What.STOP_EXECUTION),
        at(459, What.ALARM_EVENT, name=ALARM, state="ALARM", before="OK"),
        # The alarm is recorded, and nobody is woken before the execution is stopped.
        *(before("OnAlarm", "SendTaskSuccess", What.CRASH, nth) for nth in (1, 2, 3)),
        plan=short(watch_minutes=20),
        alarms=[ALARM],
    )
    assert ("ROLLED_BACK", True) == (outcome(recorded), is_base(final(recorded), recorded))


@pytest.mark.slow
def test_stopped_while_it_closes_it_is_closed_by_recovery() -> None:
    recorded = ran(before("Close", "TransactWriteItems", What.STOP_EXECUTION), latency_ms=20)
    assert ("PROMOTED", STOPPED_BY_HAND) == (outcome(recorded), statuses(recorded)["first"])


def test_a_task_that_goes_on_after_its_execution_was_stopped_leaves_no_canary() -> None:
    """It is stopped in the middle of raising the weight; recovery comes first, the task's write after it."""
    slow = fault("apigateway", "UpdateStage", mode="slow", seconds=40.0, caller=None, skip=1, times=1)
    recorded = ran(after("ShiftTraffic", "GetStage", What.STOP_EXECUTION), faults=[slow], latency_ms=20)
    assert ("ROLLED_BACK", True) == (outcome(recorded), is_base(final(recorded), recorded))


def test_what_somebody_changes_between_rollback_and_release_is_left_alone() -> None:
    recorded = ran(at(90, What.STOP_EXECUTION), at(100, What.FOREIGN_CHANGE, kind="variable"))
    assert ("STOPPED", "outside") == (outcome(recorded), recorded.target_writes[-1].caller)


# --- AWS fails ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("service", ["dynamodb", "apigateway", "cloudwatch", "events", "lambda", "stepfunctions"])
def test_throttled_now_and_then_it_is_promoted_all_the_same(service: str) -> None:
    recorded = ran(faults=[fault(service, "*", probability=0.1)])
    assert PROMOTED == summary(recorded)


@pytest.mark.parametrize("mode", [mode.value for mode in Mode if mode is not Mode.BEFORE])
@pytest.mark.parametrize("service", ["dynamodb", "apigateway"])
def test_answers_lost_late_or_calls_doubled_change_nothing(service: str, mode: str) -> None:
    recorded = ran(faults=[fault(service, "*", mode=mode, probability=0.15, seconds=2.0)])
    assert PROMOTED == summary(recorded)


@pytest.mark.parametrize("caller", ["ShiftTraffic", "Promote"])
def test_denied_half_way_it_is_rolled_back(caller: str) -> None:
    name = f"rollout-pilot-{caller}Function"
    denied = fault("apigateway", "UpdateStage", error="AccessDeniedException", caller=name)
    recorded = ran(faults=[denied])
    assert ("ROLLED_BACK", True) == (outcome(recorded), is_base(final(recorded), recorded))
    assert "AccessDenied" in reason(recorded)


def test_denied_at_the_first_change_nothing_is_changed() -> None:
    denied = fault("apigateway", "UpdateStage", error="AccessDeniedException")
    recorded = ran(faults=[denied])
    assert ("ROLLED_BACK", []) == (outcome(recorded), list(recorded.target_writes))


def test_while_cloudwatch_is_down_nothing_is_proven_and_nothing_rises() -> None:
    down = fault("cloudwatch", "GetMetricData", since_seconds=60, for_seconds=300, error="InternalServiceFault")
    recorded = ran(faults=[down])
    raised = recorded.target_writes[1]
    assert "PROMOTED" == outcome(recorded)
    assert 360 <= (raised.at - recorded.started).total_seconds()


def test_with_cloudwatch_down_for_good_it_is_held_and_rolled_back() -> None:
    recorded = ran(faults=[fault("cloudwatch", "GetMetricData", since_seconds=30, error="InternalServiceFault")])
    assert ("ROLLED_BACK", [0.0, 5.0, 0.0]) == summary(recorded)


def test_a_rollback_that_fails_is_tried_again_until_it_succeeds() -> None:
    failing = fault("apigateway", "UpdateStage", since_seconds=60, for_seconds=90)
    recorded = ran(at(90, What.COMMAND, **command("abort")), faults=[failing])
    assert ("ROLLED_BACK", ("FAILED", "RolledBack")) == (outcome(recorded), statuses(recorded)["first"])
    assert 0 == calls(recorded, "state machine", "Publish")


@pytest.mark.slow
def test_a_rollback_that_is_throttled_for_long_waits_for_its_turn() -> None:
    throttled = fault(
        "apigateway", "UpdateStage", since_seconds=60, for_seconds=1_800, error="TooManyRequestsException"
    )
    recorded = ran(at(90, What.COMMAND, **command("abort")), faults=[throttled])
    assert ("ROLLED_BACK", ("FAILED", "RolledBack")) == (outcome(recorded), statuses(recorded)["first"])


@pytest.mark.slow
def test_a_rollback_that_fails_for_long_is_paged_and_then_recovered() -> None:
    failing = fault("apigateway", "UpdateStage", since_seconds=60, for_seconds=1_800, error="InternalServiceFault")
    recorded = ran(at(90, What.COMMAND, **command("abort")), faults=[failing])
    assert ("ROLLED_BACK", True) == (outcome(recorded), is_base(final(recorded), recorded))
    assert (("FAILED", "RollbackFailed"), 1) == (
        statuses(recorded)["first"],
        calls(recorded, "state machine", "Publish"),
    )


def test_a_bus_that_is_down_at_the_end_hears_of_it_later() -> None:
    down = fault("events", "PutEvents", since_seconds=400, for_seconds=200)
    recorded = ran(faults=[down], plan=short(watch_minutes=0))
    assert "PROMOTED" == outcome(recorded)


# --- long and many-stepped rollouts ------------------------------------------------------------------------------


def many_steps(count: int) -> None:
    """Steps of a tenth of a percent, a person skipping every wait."""
    steps = [{"weightPercent": round(0.1 * nth, 1), "bakeMinutes": 1} for nth in range(1, count + 1)]
    advances = [at(2 + 2 * nth, What.COMMAND, **command("advance")) for nth in range(count)]
    recorded = ran(*advances, plan={"steps": steps, "watchMinutes": 0})
    assert ("PROMOTED", count / 10, count + 2) == (outcome(recorded), max(weights(recorded)), len(weights(recorded)))


@pytest.mark.slow
def test_a_rollout_of_twenty_steps_of_a_tenth_of_a_percent() -> None:
    many_steps(20)


@pytest.mark.slow
def test_a_rollout_of_two_hundred_steps_of_a_tenth_of_a_percent() -> None:
    many_steps(200)


@pytest.mark.slow
def test_a_pause_longer_than_an_execution_is_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rollout.tasks.analyze.MOST_ANALYSES", 5)
    pause, resume = at(30, What.COMMAND, **command("pause")), at(2_000, What.COMMAND, **command("resume"))
    recorded = ran(pause, resume, holdMinutes=60, pauseMinutes=60)
    assert "PROMOTED" == outcome(recorded)
    assert len(recorded.executions) > 5
    assert {("SUCCEEDED", "")} == set(statuses(recorded).values())


@pytest.mark.slow
@pytest.mark.parametrize("caller", ["Analyze", "Prepare"])
def test_a_hand_over_that_is_disturbed_loses_nothing(caller: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rollout.tasks.analyze.MOST_ANALYSES", 2)
    crashes = [after(caller, "*", What.CRASH, nth) for nth in (6, 9, 12)]
    lost = fault("stepfunctions", "StartExecution", mode="after", times=3, caller="state machine")
    recorded = ran(*crashes, faults=[lost])
    assert PROMOTED == summary(recorded)


def test_stopped_between_two_executions_it_is_recovered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rollout.tasks.analyze.MOST_ANALYSES", 1)
    recorded = ran(after("Analyze", "TransactWriteItems", What.STOP_EXECUTION), latency_ms=20, plan=short(2))
    assert ("ROLLED_BACK", True) == (outcome(recorded), is_base(final(recorded), recorded))


def long_rollout(days: int) -> None:
    """Days of baking with an analysis each minute: handed over, whole in the end, every minute counted."""
    minutes = days * 1_440
    request = {
        "plan": {"steps": [{"weightPercent": 5, "bakeMinutes": minutes}], "watchMinutes": 0},
        "measurement": {"mostMinutesBetweenAnalyses": 1},
    }
    chosen = scenario(request=request, horizon_minutes=minutes + 120)
    with opened(chosen) as simulation:
        result = simulation.run()
        executions = simulation.aws.executions.all()
        counted = [
            minute["minute"] for line in result.timeline for minute in line.entry.get("analysis", {}).get("minutes", ())
        ]
    assert "PROMOTED" == result.outcome
    assert list(range(counted[0], counted[0] + minutes)) == counted
    assert 1 + minutes // 1_500 <= len(executions)


@pytest.mark.slow
def test_two_days_of_analyses_each_minute() -> None:
    long_rollout(2)


@pytest.mark.slow
def test_fourteen_days_of_analyses_each_minute() -> None:
    long_rollout(14)


def short(watch_minutes: int) -> dict[str, object]:
    return {"steps": [{"weightPercent": 50, "bakeMinutes": 1}], "watchMinutes": watch_minutes, "control": 0}
