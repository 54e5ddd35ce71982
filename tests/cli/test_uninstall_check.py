"""`rollout uninstall-check`, and what becomes of a rollout when the stack is deleted in the middle of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from rollout_cli.main import app
from tests.workflow.world import World, world

ID = "r-1"
SAFE, NOT_YET = 0, 5


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--region", "us-east-1"])


def checked() -> tuple[int, dict[str, str]]:
    """The exit code, and the name of each leftover by its kind."""
    result = run("uninstall-check", "--json")
    document = json.loads(result.stdout)
    assert document["safe"] is (result.exit_code == SAFE)
    return result.exit_code, {each["what"]: each["name"] for each in document["leftovers"]}


def running(at: World) -> str:
    """A rollout whose canary serves."""
    execution = at.start(at.request(), ID)
    at.until_canary()
    return execution


def key(at: World) -> str:
    return "/".join(at.target().values())


def test_a_controller_that_nobody_has_used_can_be_deleted() -> None:
    with world():
        assert checked() == (SAFE, {})
        assert (
            run("uninstall-check").stdout
            == "rollout-pilot can be deleted: nothing runs, no target is held, no canary serves\n"
        )


def test_a_running_rollout_its_lock_and_its_canary_are_listed_and_gone_once_it_has_ended() -> None:
    with world() as at:
        execution = running(at)
        assert checked() == (
            NOT_YET,
            {"running execution": ID, "unfinished rollout": ID, "serving canary": key(at)},
        )
        words = run("uninstall-check").stdout
        assert f"rollout abort {ID}" in words
        assert words.endswith("rollout-pilot cannot be deleted yet\n")
        assert run("abort", ID).exit_code == 0
        assert at.ended(execution)["error"] == "RolledBack"
        assert checked() == (SAFE, {})


def test_a_lock_that_a_dead_execution_has_left_is_listed() -> None:
    with world() as at:
        execution = running(at)
        at.simulation.aws.permissions.roles["RecoverFunction"] = []
        at.client("stepfunctions").stop_execution(executionArn=execution)
        at.simulation.clock.sleep(60)
        assert checked() == (NOT_YET, {"unfinished rollout": ID, "serving canary": key(at)})


def test_a_canary_is_listed_by_whomever_it_was_made_and_with_the_command_that_removes_it() -> None:
    with world() as at:
        at.ended(at.start(at.request(), ID))
        target = at.target()
        named = {"restApiId": target["restApiId"], "stageName": target["stageName"]}
        deployment = at.client("apigateway").create_deployment(restApiId=target["restApiId"])["id"]
        settings = {"deploymentId": deployment, "percentTraffic": "10.0"}
        operations = [
            {"op": "replace", "path": f"/canarySettings/{name}", "value": value} for name, value in settings.items()
        ]
        at.client("apigateway").update_stage(**named, patchOperations=operations)
        assert checked() == (NOT_YET, {"serving canary": key(at)})
        assert "--patch-operations op=remove,path=/canarySettings" in run("uninstall-check").stdout
        at.client("apigateway").update_stage(**named, patchOperations=[{"op": "remove", "path": "/canarySettings"}])
        assert checked() == (SAFE, {})


def test_the_weights_of_an_alias_are_listed() -> None:
    with world(target="lambda-alias") as at:
        at.simulation.start(ID)
        at.until_canary()
        code, found = checked()
        assert (code, found["serving canary"]) == (NOT_YET, "lambda-alias/orders/live")
        assert """--routing-config '{"AdditionalVersionWeights":{}}'""" in run("uninstall-check").stdout
        assert run("abort", ID).exit_code == 0
        at.ended(at.simulation.execution)
        assert checked() == (SAFE, {})


def test_a_target_that_is_gone_does_not_keep_the_stack() -> None:
    with world() as at:
        at.ended(at.start(at.request(), ID))
        target = at.target()
        at.client("apigateway").delete_stage(restApiId=target["restApiId"], stageName=target["stageName"])
        assert checked() == (SAFE, {})


@pytest.mark.parametrize("minutes", [0, 3])
def test_a_stack_that_is_deleted_in_mid_rollout_takes_its_canary_back_while_recovery_is_there(
    minutes: int,
) -> None:
    """As CloudFormation deletes it: the workflow first, which ends its executions, then what the workflow depends on.

    That the order is so, the template's own test shows.
    """
    with world(request={"plan": {"steps": [{"weightPercent": 5, "bakeMinutes": 30}]}}) as at:
        before = at.stage()
        execution = running(at)
        at.simulation.clock.sleep(60 * minutes)
        assert "canarySettings" in at.stage()
        deleted(at, execution)
        at.simulation.clock.sleep(6 * 60)
        assert (at.stage(), at.holder()) == (before, None)
        assert [each["state"] for each in at.told(ID)][-1] == "ROLLED_BACK"


def deleted(at: World, execution: str) -> None:
    """What the deletion of a state machine does: requests start nothing any more, and its executions are aborted."""
    outputs: dict[str, Any] = dict(at.simulation.aws.deployment.outputs)
    at.client("stepfunctions").stop_execution(executionArn=execution)
    at.client("stepfunctions").delete_state_machine(stateMachineArn=outputs["StateMachineArn"])
