"""The examples for continuous integration: what they run exists, and they fail when a rollout is not promoted."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from rollout_simulator.embedded_aws import EmbeddedAws
from rollout_simulator.template import load_template
from tests.cli.command import understood

ROOT = Path(__file__).resolve().parents[2]
CI = ROOT / "examples" / "ci"
SCRIPT = ROOT / "examples" / "orders-api" / "roll-out.sh"


def workflow() -> Any:
    # "on" is a truth value to YAML 1.1.
    return yaml.load((CI / "github-actions.yml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)


def buildspec() -> Any:
    return yaml.safe_load((CI / "buildspec.yml").read_text(encoding="utf-8"))


def github_commands() -> list[str]:
    steps = workflow()["jobs"]["roll-out"]["steps"]
    return [line for step in steps for line in step.get("run", "").splitlines()]


def codebuild_commands() -> list[str]:
    return [command for phase in buildspec()["phases"].values() for command in phase["commands"]]


def rollout_commands() -> list[str]:
    script = SCRIPT.read_text(encoding="utf-8").splitlines()
    lines = [*github_commands(), *codebuild_commands(), *script]
    return sorted({line.strip() for line in lines if line.strip().startswith("rollout ")})


def test_they_use_the_rollout_command() -> None:
    assert {"start", "status", "abort"} == {command.split()[1] for command in rollout_commands()}


@pytest.mark.parametrize("command", rollout_commands())
def test_every_rollout_command_in_them_is_one_that_the_command_line_understands(command: str) -> None:
    understood(command)


@pytest.mark.parametrize("commands", [github_commands(), codebuild_commands()], ids=["github", "codebuild"])
def test_they_deploy_first_and_then_wait_for_the_rollout(commands: list[str]) -> None:
    deploys = next(index for index, line in enumerate(commands) if line.startswith("sam deploy"))
    rolls_out = next(index for index, line in enumerate(commands) if line.startswith("./roll-out.sh orders --name "))
    assert deploys < rolls_out
    assert "--wait" in SCRIPT.read_text(encoding="utf-8")


def test_codebuild_says_why_even_when_the_rollout_failed() -> None:
    # post_build runs after a failed build phase unless the phase says on-failure: ABORT (documented)
    phases = buildspec()["phases"]
    assert "on-failure" not in phases["build"]
    assert [command.split()[1] for command in phases["post_build"]["commands"]] == ["status"]


def test_a_pipeline_has_one_rollout_at_a_time_and_outlasts_it() -> None:
    job = workflow()
    assert "false" == job["concurrency"]["cancel-in-progress"]
    steps = {step.get("uses", step.get("name", "")).split("@")[0]: step for step in job["jobs"]["roll-out"]["steps"]}
    seconds = int(steps["aws-actions/configure-aws-credentials"]["with"]["role-duration-seconds"])
    assert int(job["jobs"]["roll-out"]["timeout-minutes"]) * 60 <= seconds


@pytest.mark.parametrize("commands", [github_commands(), SCRIPT.read_text(encoding="utf-8").splitlines()])
def test_the_shell_understands_them(commands: list[str]) -> None:
    subprocess.run(["bash", "-n"], input="\n".join(commands), text=True, check=True)


def test_the_script_ends_as_the_rollout_does(tmp_path: Path) -> None:
    for name, script in (("aws", "echo a1b2c3d4e5"), ("rollout", "cat >&2; exit 3")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    ran = subprocess.run(
        [SCRIPT, "orders", "--name", "r-1"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (3, True) == (ran.returncode, '"restApiId": "a1b2c3d4e5"' in ran.stderr)


def test_the_projects_role_names_the_controller_as_it_names_itself() -> None:
    with EmbeddedAws() as aws:
        outputs, physical = aws.deployment.outputs, aws.deployment.physical
        named = [
            outputs["StateMachineArn"],
            f"table/{outputs['TableName']}",
            f"parameter{physical['ControllerParameter']}",
        ]
    (policy,) = load_template(CI / "codebuild.yaml")["Resources"]["RollOutRole"]["Properties"]["Policies"]
    allowed = [statement["Resource"]["Fn::Sub"] for statement in policy["PolicyDocument"]["Statement"]]
    values = {"${ControllerStack}": "rollout-pilot", "${RolloutTableName}": outputs["TableName"]}
    for placeholder, value in values.items():
        allowed = [arn.replace(placeholder, value) for arn in allowed]
    for name in named:
        assert any(arn.endswith(name.rpartition("stateMachine:")[2]) for arn in allowed), name
