"""A deployment of the controller itself while rollouts run: they keep their code, and their records stay readable."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rollout.core.decision import Decision
from rollout.tasks.task_result import TaskResult
from rollout_simulator.template import load_template
from tests.workflow.world import World, world

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
PLAN = {
    "steps": [{"weightPercent": 5, "bakeMinutes": 10}, {"weightPercent": 25, "bakeMinutes": 10}],
    "watchMinutes": 10,
}
METRICS = {"metrics": [{"name": "5XXError"}, {"name": "Latency", "quantiles": [90, 99]}]}
ROLLOUT = "orders-2026-03-02"

Json = dict[str, Any]


def command(at: World, name: str) -> Json:
    function = at.simulation.aws.deployment.outputs["OnCommandFunctionName"]
    document = {"rolloutId": ROLLOUT, "command": name, "actor": "ada", "reason": "customer demo"}
    answer = at.client("lambda").invoke(FunctionName=function, Payload=json.dumps(document))
    return dict(json.loads(answer["Payload"].read()))


def recorded_by(version: str, at: World) -> list[Json]:
    """The items that a controller of this version wrote, for this world's API."""
    text = (GOLDEN / f"paused-{version}.json").read_text(encoding="utf-8")
    api = at.simulation.api
    for written, here in {"a1b2c3d4e5": api.rest_api_id, "abc123": api.candidate, "def456": api.base}.items():
        text = text.replace(written, here)
    return list(json.loads(text))


@pytest.mark.slow
@pytest.mark.parametrize("version", sorted(path.stem.partition("-")[2] for path in GOLDEN.glob("paused-*.json")))
def test_a_rollout_begun_by_an_older_controller_is_carried_on_and_promoted(version: str) -> None:
    alarms = [{"name": "orders-5xx", "threshold": 0.9}]
    with world(alarms=alarms, request={"plan": PLAN, "judge": METRICS, "requestId": "release-42"}) as at:
        execution = at.start(at.request(), ROLLOUT)
        clock, table = at.simulation.clock, at.simulation.aws.deployment.outputs["TableName"]
        clock.run_until(clock.now() + timedelta(minutes=9))
        assert command(at, "pause")["accepted"]
        clock.run_until(clock.now() + timedelta(minutes=1))
        for item in recorded_by(version, at):
            key = {"pk": item["pk"], "sk": item["sk"]}
            now = at.client("dynamodb").get_item(TableName=table, Key=key)["Item"]
            kept = {"taskToken": now["taskToken"]} if "taskToken" in now else {}
            at.client("dynamodb").put_item(TableName=table, Item={**item, **kept})
        assert command(at, "resume")["accepted"]
        assert at.ended(execution)["status"] == "SUCCEEDED"
        assert at.stage()["deploymentId"] == at.simulation.api.candidate


def test_what_a_task_answers_has_all_that_older_workflows_read() -> None:
    # An execution keeps its definition for up to a year. Fields may be added; none of these may go.
    answered = TaskResult(Decision.CONTINUE, "r-1").to_document()
    assert answered.keys() >= {"decision", "rolloutId", "seconds", "seen", "reason", "outcome", "execution"}


def test_the_workflow_invokes_versions_so_that_a_running_rollout_keeps_its_code() -> None:
    machine = load_template()["Resources"]["RolloutStateMachine"]["Properties"]
    functions = {
        name: value for name, value in machine["DefinitionSubstitutions"].items() if name.endswith("FunctionArn")
    }
    assert functions == {name: {"Ref": f"{name.removesuffix('Arn')}.Version"} for name in functions}
    with world() as at:
        definition = json.loads(
            at.client("stepfunctions").describe_state_machine(stateMachineArn=at.machine)["definition"]
        )
        invoked = definition["States"]["Analyze"]["Arguments"]["FunctionName"]
        assert invoked.endswith(f"{at.simulation.aws.deployment.physical['AnalyzeFunction']}:1")
