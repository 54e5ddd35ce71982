"""The controller tells of itself in numbers: each of its metrics is told by some rollout, and is true."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from rollout.core.controller_metrics import CONTROLLER_METRICS
from rollout_simulator.scenario import SCENARIOS, load_scenario
from rollout_simulator.simulation import opened
from rollout_simulator.template import load_template
from tests.workflow.world import logged, metrics_of, world

Json = dict[str, Any]


def values(told: Sequence[Json], name: str, **dimensions: str) -> list[float]:
    """The values of one metric in the order they were printed by each function."""
    return [
        line[name][0] for line in told if name in line and all(line[key] == value for key, value in dimensions.items())
    ]


def test_a_regression_is_told_with_its_cost_and_how_fast_it_was_found() -> None:
    with opened(load_scenario(SCENARIOS / "all-fail.toml")) as simulation:
        result = simulation.run()
        told = metrics_of(simulation.aws)
    assert [1.0] == values(told, "RolloutsEnded", outcome="ROLLED_BACK")
    (seconds,) = values(told, "RolloutDuration", outcome="ROLLED_BACK")
    assert values(told, "DetectionTime") == [seconds]
    assert seconds == result.simulated_minutes * 60
    (bad,) = values(told, "BadRequestsServed")
    assert 0 < bad <= result.bad_requests
    assert {5.0, 0.0} == set(values(told, "CandidateWeight"))
    assert [1.0] == values(told, "RollbacksDecided")


def test_an_abort_is_no_detection() -> None:
    with world(request={"plan": {"steps": [{"weightPercent": 5, "bakeMinutes": 60}]}}) as at:
        execution = at.start(at.request())
        at.until_canary()
        at.put("Rollout Command", {"rolloutId": "r-1", "command": "abort"})
        at.ended(execution)
        told = metrics_of(at.simulation.aws)
    assert ([1.0], []) == (values(told, "RollbacksDecided"), values(told, "DetectionTime"))


def test_a_promotion_ends_at_a_hundred_percent() -> None:
    with world() as at:
        at.ended(at.start(at.request()))
        told = metrics_of(at.simulation.aws)
    assert [1.0] == values(told, "RolloutsEnded", outcome="PROMOTED")
    assert {5.0, 100.0} <= set(values(told, "CandidateWeight", target="/".join(at.target().values())))


@pytest.mark.slow
def test_silence_a_dead_execution_and_a_rejected_request_are_told() -> None:
    with world(traffic={"requests_per_second": 0}) as at:
        at.ended(at.start({"plan": {}}, name="r-0"))
        execution = at.start(at.request())
        at.simulation.clock.sleep(12 * 60)
        at.client("stepfunctions").stop_execution(executionArn=execution)
        at.simulation.clock.sleep(12 * 60)
        told = metrics_of(at.simulation.aws)
        assert at.holder() is None
    assert [1.0] == values(told, "RolloutsEnded", outcome="REJECTED")
    assert values(told, "UnmeasuredAnalyses")
    assert values(told, "Recoveries")
    assert [1.0] == values(told, "RolloutsEnded", outcome="ROLLED_BACK")


@pytest.mark.slow
def test_every_documented_metric_is_told_by_some_rollout() -> None:
    told: list[Json] = []
    for name in ("all-fail", "execution-stopped", "no-traffic"):
        with opened(load_scenario(SCENARIOS / f"{name}.toml")) as simulation:
            simulation.run()
            told.extend(metrics_of(simulation.aws))
    names = {name for line in told for name in line if name in CONTROLLER_METRICS}
    assert CONTROLLER_METRICS.keys() == names


TRACE = "1-58406520-a006649127e371903a2de979"


def test_every_log_line_about_a_rollout_carries_its_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={TRACE};Parent=4c721bf33e3caf8f;Sampled=1")
    with world() as at:
        at.ended(at.start({"plan": {}}, name="r-0"))
        execution = at.start(at.request(), name="r-1")
        at.until_canary()
        at.put("Rollout Command", {"rolloutId": "r-1", "command": "pause"})
        at.client("stepfunctions").stop_execution(executionArn=execution)
        at.simulation.clock.sleep(12 * 60)
        lines = logged(at.simulation.aws)
    about = {line["rollout_id"] for line in lines}
    assert about == {"r-0", "r-1"}
    assert {"decided", "command", "recovered"} <= {line["message"] for line in lines}
    assert {TRACE} == {line["xray_trace_id"] for line in lines}


def test_the_workflow_and_all_its_functions_are_traced() -> None:
    template = load_template()
    assert "Active" == template["Globals"]["Function"]["Tracing"]
    functions = [each for each in template["Resources"].values() if each["Type"] == "AWS::Serverless::Function"]
    assert [each for each in functions if "Tracing" in each["Properties"]] == []
    assert template["Resources"]["RolloutStateMachine"]["Properties"]["Tracing"] == {"Enabled": True}
