"""`rollout preflight` over the embedded AWS: what is found is shown with its remedy, and decides the exit code."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from rollout_cli.main import app
from rollout_simulator.local import SAMPLE_ALARMS
from rollout_simulator.scenario import Scenario
from rollout_simulator.simulation import opened
from rollout_simulator.template import REGION
from tests.workflow.world import World

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A sound API under 20 requests a second, as `rollout local` serves it."""
    with opened(Scenario(name="local", alarms=[SAMPLE_ALARMS["apigateway-stage"]])) as simulation:
        simulation.prepare_alarms()
        yield World(simulation)


def preflight(document: object, *options: str) -> Result:
    environment = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "COLUMNS": "80"}
    return CliRunner().invoke(
        app, ["preflight", "-", "--region", REGION, *options], input=json.dumps(document), env=environment
    )


def sample(world: World) -> Any:
    """events/request.json, with the ids of the API that there is."""
    document = json.loads((ROOT / "events" / "request.json").read_text())
    document["target"] = world.target()
    document["candidate"]["deploymentId"] = world.simulation.api.candidate
    return document


def codes(result: Result) -> list[str]:
    return [finding["code"] for finding in json.loads(result.stdout)["findings"]]


def test_nothing_speaks_against_the_sample_request_on_a_sound_api(world: World) -> None:
    assert sample(world)["alarms"] == [SAMPLE_ALARMS["apigateway-stage"].name]
    result = preflight(sample(world))
    assert result.exit_code == 0
    assert "the request would be accepted" in " ".join(result.stdout.split())
    assert "Nothing speaks against it." in result.stdout


def test_as_json_it_is_one_object(world: World) -> None:
    result = preflight(sample(world), "--json")
    shown = json.loads(result.stdout)
    assert (result.exit_code, shown["accepted"], shown["findings"]) == (0, True, [])
    assert shown["measured"] == "measured by CloudWatch's own series"
    assert [step["step"] for step in shown["steps"]] == [0, 1, 2, 3, 4]
    assert shown["course"].startswith("if all goes well 5 → 10 → 25 → 50 → 95 → 100 %, in about 82 min; ")


def test_everything_that_is_wrong_is_shown_with_its_reason_and_remedy(world: World) -> None:
    document = sample(world) | {"alarms": ["gone"], "candidate": {"deploymentId": "nowhere"}}
    result = preflight(document)
    words = " ".join(result.stdout.split())
    assert result.exit_code == 2
    assert "error: candidate.deploymentId: nowhere is not a deployment of API" in words
    assert "error: alarms: gone is not found in this account and region" in words
    assert "An alarm that is not there stops nothing." in words
    assert "Fix: create it, or name one of those that there are:" in words
    commands = [line for line in result.stdout.splitlines() if line.startswith("aws ")]
    assert commands[-1] == "aws cloudwatch describe-alarms --query '*[].AlarmName' --output text"
    assert max(len(line) for line in result.stdout.splitlines() if line not in commands) <= 80


def test_an_alias_that_the_api_may_not_invoke_is_found(world: World) -> None:
    name = f"orders-{world.simulation.api.rest_api_id}"
    world.client("lambda").create_alias(FunctionName=name, Name="forbidden", FunctionVersion="2")
    document = sample(world)
    document["candidate"]["stageVariables"] = {"lambdaAlias": "forbidden"}
    assert codes(preflight(document, "--json")) == ["may-not-invoke"]
    answered = world.ended(world.start(document, "forbidden"))
    assert (answered["status"], answered["error"]) == ("FAILED", "Rejected")
    assert f"may not invoke {name}:forbidden" in answered["cause"]


def test_a_command_stands_in_a_line_of_its_own_however_long(world: World) -> None:
    document = sample(world)
    document["candidate"]["stageVariables"] = {"lambdaAlias": "nowhere"}
    (command,) = [line for line in preflight(document).stdout.splitlines() if line.startswith("aws ")]
    assert len(command) > 80
    assert shlex.split(command)[:3] == ["aws", "lambda", "create-alias"]


def test_an_alias_that_does_not_exist_is_found(world: World) -> None:
    document = sample(world)
    document["candidate"]["stageVariables"] = {"lambdaAlias": "nowhere"}
    assert codes(preflight(document, "--json")) == ["function-missing"]


def test_a_misspelt_variable_is_found(world: World) -> None:
    document = sample(world)
    document["candidate"]["stageVariables"] = {"lambdaAlais": "next"}
    result = preflight(document, "--json")
    assert (result.exit_code, codes(result)) == (0, ["override-unused"])


def test_what_is_no_request_is_one_line(world: World) -> None:
    result = preflight({"target": world.target(), "colour": "green"})
    assert (result.exit_code, result.stdout) == (2, "")
    assert "colour: unknown field" in result.stderr
