"""Living with infrastructure code: the stack owns the definition, rollouts own what the stage serves."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from rollout_cli.main import app
from rollout_simulator.embedded_aws import EmbeddedAws
from rollout_simulator.example_api import ExampleApi
from rollout_simulator.scenario import parse_scenario
from rollout_simulator.template import REGION, Deployment
from rollout_simulator.traffic import StageTraffic
from tests.examples.stack import ExampleStack

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "orders-api"

Json = dict[str, Any]


@dataclass
class Team:
    """A team with its own copy of the example, in an account where Rollout Pilot is deployed."""

    aws: EmbeddedAws
    folder: Path
    deployed: Deployment | None = None
    traffic: StageTraffic | None = None
    touched: list[str] = field(default_factory=list)

    def sam_deploy(self, **parameters: str) -> None:
        stack = ExampleStack(self.folder, self.aws.client, self.deployed, **parameters)
        self.deployed, self.touched = stack.deploy(), stack.touched
        if self.traffic is None:
            self._send_requests()

    def change(self, name: str, old: str, new: str) -> None:
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    @property
    def outputs(self) -> dict[str, str]:
        assert self.deployed
        return self.deployed.outputs

    def stage(self) -> Json:
        """What the stage serves."""
        stage = self.aws.client("apigateway").get_stage(restApiId=self.outputs["RestApiId"], stageName="prod")
        return {name: stage[name] for name in ("deploymentId", "variables", "canarySettings") if name in stage}

    def roll_out(self, tmp_path: Path) -> str:
        """What roll-out.sh asks for, carried out; the execution's status."""
        request = self.asked_by_the_script(tmp_path)
        workflow = self.aws.client("stepfunctions")
        machine = self.aws.deployment.outputs["StateMachineArn"]
        arn = workflow.start_execution(stateMachineArn=machine, name="orders-2", input=json.dumps(request))
        clock, executions = self.aws.clock, self.aws.executions
        clock.run_until(lambda: executions.status(arn["executionArn"]) != "RUNNING" and clock.is_settled())
        return executions.status(arn["executionArn"])

    def asked_by_the_script(self, tmp_path: Path) -> Json:
        """The request that roll-out.sh hands to `rollout start`; `aws` and `rollout` are played by two scripts."""
        bin_folder, asked = tmp_path / "bin", tmp_path / "asked.json"
        bin_folder.mkdir()
        answers = "".join(f"*\"'{name}'\"*) echo '{value}';; " for name, value in self.outputs.items())
        played = {"aws": f'case "$*" in {answers} *) exit 9;; esac', "rollout": f'echo "$@" >&2; cat > {asked}'}
        for name, script in played.items():
            (bin_folder / name).write_text(f"#!/usr/bin/env bash\n{script}\n", encoding="utf-8")
            (bin_folder / name).chmod(0o755)
        ran = subprocess.run(
            [self.folder / "roll-out.sh"],
            env={"PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert "start - --wait\n" == ran.stderr
        return dict(json.loads(asked.read_text(encoding="utf-8")))

    def _send_requests(self) -> None:
        scenario = parse_scenario(
            {"name": "orders", "api": {"name": "orders"}, "traffic": {"requests_per_second": 100}}, "orders"
        )
        live = self.stage()["deploymentId"]
        api = ExampleApi(rest_api_id=self.outputs["RestApiId"], stage="prod", base=live, candidate="")
        clock = self.aws.clock
        traffic = self.traffic = StageTraffic(scenario, self.aws.metrics, api, seed=1)
        self.aws.stages.listeners.append(lambda change: traffic.stage_changed(change.when, change.after))
        traffic.backfill(clock.now())
        traffic.begin(clock.now())
        clock.call_every(60, lambda: traffic.minute_passed(int(clock.timestamp()) // 60 - 1), name="traffic")


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    folder = tmp_path / "orders-api"
    shutil.copytree(EXAMPLE, folder)
    with EmbeddedAws() as aws:
        team = Team(aws, folder)
        team.sam_deploy()
        yield team


def typed(*words: str) -> Result:
    return CliRunner().invoke(app, [*words, "--region", REGION])


def handback(team: Team) -> Json:
    answer = typed("handback", f"{team.outputs['RestApiId']}/prod", "--json")
    assert answer.exit_code == 0, answer.output
    return dict(json.loads(answer.output))


def new_release(team: Team) -> None:
    team.change("orders/orders.py", '"items": 2', '"items": 3')
    team.change("template.yaml", "description: The orders", "description: All the orders")


def test_a_deploy_changes_the_definition_and_no_request_notices(team: Team) -> None:
    before = team.stage()
    new_release(team)
    team.sam_deploy()
    assert ["OrdersApi", "OrdersFunction"] == sorted(team.touched)
    assert "2" == team.outputs["OrdersVersion"]
    assert before == team.stage()
    assert {"ordersVersion": "1"} == before["variables"]


def test_deploy_roll_out_hand_back_and_the_next_deploy_agrees(team: Team, tmp_path: Path) -> None:
    before = team.stage()
    new_release(team)
    team.sam_deploy()
    assert "SUCCEEDED" == team.roll_out(tmp_path)
    live = team.stage()
    assert live["deploymentId"] != before["deploymentId"]
    assert ({"ordersVersion": "2"}, False) == (live["variables"], "canarySettings" in live)

    parameters = handback(team)["parameters"]
    assert {"LiveDeploymentId": live["deploymentId"], "LiveOrdersVersion": "2"} == parameters
    team.sam_deploy(**parameters)
    assert ["ProdStage"] == team.touched
    assert live == team.stage()

    team.change("orders/orders.py", '"items": 3', '"items": 4')
    team.sam_deploy(**parameters)
    assert ["OrdersFunction"] == team.touched
    assert live == team.stage()


def test_preflight_has_nothing_to_say_against_what_the_script_asks_for(team: Team, tmp_path: Path) -> None:
    new_release(team)
    team.sam_deploy()
    team.aws.clock.sleep(180)  # the alarm finds its state
    request = tmp_path / "request.json"
    request.write_text(json.dumps(team.asked_by_the_script(tmp_path)), encoding="utf-8")
    answer = typed("preflight", str(request), "--json")
    assert [] == json.loads(answer.output)["findings"]


def test_handback_prints_a_line_to_copy(team: Team) -> None:
    api = team.outputs["RestApiId"]
    answer = typed("handback", f"{api}/prod")
    deployment = team.stage()["deploymentId"]
    assert f"sam deploy --parameter-overrides LiveDeploymentId={deployment} LiveOrdersVersion=1" in answer.output
    assert 0 == answer.exit_code


def test_handback_waits_for_the_end_of_a_rollout(team: Team) -> None:
    api = team.outputs["RestApiId"]
    target = {"type": "apigateway-stage", "restApiId": api, "stageName": "prod"}
    machine = team.aws.deployment.outputs["StateMachineArn"]
    team.aws.client("stepfunctions").start_execution(
        stateMachineArn=machine, name="r-1", input=json.dumps({"target": target})
    )
    team.aws.clock.run_until(lambda: "canarySettings" in team.stage())
    answer = typed("handback", f"{api}/prod")
    assert 2 == answer.exit_code
    assert "is held by rollout r-1" in answer.output


def test_an_alias_is_handed_back_by_its_version(team: Team) -> None:
    assert team.deployed
    function = team.deployed.physical["OrdersFunction"]
    team.aws.client("lambda").create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    answer = typed("handback", f"{function}:live", "--json")
    assert {"LiveVersion": "1"} == json.loads(answer.output)["parameters"]


@pytest.mark.parametrize("name", ["prod", "a/b/c", "/prod", "orders:", ""])
def test_handback_says_how_a_target_is_named(name: str) -> None:
    answer = typed("handback", name)
    assert 2 == answer.exit_code
    assert "REST_API_ID/STAGE or FUNCTION:ALIAS" in answer.output


def test_a_stage_that_is_not_there_is_said_to_be_missing(team: Team) -> None:
    answer = typed("handback", "a1b2c3d4e5/prod")
    assert (2, True) == (answer.exit_code, "a1b2c3d4e5" in answer.output)


def test_the_template_never_says_what_a_canary_is() -> None:
    text = (EXAMPLE / "template.yaml").read_text(encoding="utf-8")
    assert "CanarySetting:" not in text
    assert "AWS::Serverless::Api\n" not in text


@pytest.mark.skipif(shutil.which("sam") is None, reason="sam is not on the PATH; `make test` puts it there")
def test_the_template_is_valid_for_sam_and_for_cfn_lint() -> None:
    ran = subprocess.run(
        ["sam", "validate", "--lint", "--template", str(EXAMPLE / "template.yaml")],
        env={**os.environ, "AWS_DEFAULT_REGION": "us-east-1", "SAM_CLI_TELEMETRY": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (0, True) == (ran.returncode, "is a valid SAM Template" in ran.stdout), ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("said", "canary"), [({"isCanaryRequest": "true"}, True), ({"isCanaryRequest": False}, False), ({}, None)]
)
def test_every_line_of_its_functions_says_which_version_answered_and_whether_as_the_canary(
    said: Json, canary: bool | None
) -> None:
    specification = importlib.util.spec_from_file_location("orders", EXAMPLE / "orders" / "orders.py")
    assert specification
    assert specification.loader
    orders = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(orders)

    class Context:
        function_version = "7"

    answer = orders.handler({"requestContext": said}, Context())
    assert 200 == answer["statusCode"]
    shown = orders.logger.get_current_keys()
    assert ("7", canary) == (shown["version"], shown["canary"])
