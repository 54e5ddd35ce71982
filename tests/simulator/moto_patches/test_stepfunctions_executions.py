"""Executions begin, stop, and tell of it."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from rollout_simulator.clock import DEFAULT_START
from tests.simulator.moto_patches.world import ACCOUNT, REGION, World, bake, opened

WAIT = {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}


def told(world: World) -> list[dict[str, Any]]:
    return [event["detail"] for event in world.events.put if event["source"] == "aws.states"]


def code(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


def test_the_same_name_and_input_is_the_same_execution_while_it_runs() -> None:
    with opened() as world:
        machine = world.machine(WAIT)
        start = world.client("stepfunctions").start_execution
        first = start(stateMachineArn=machine, name="run", input='{"a": 1}')
        assert start(stateMachineArn=machine, name="run", input='{"a": 1}')["executionArn"] == first["executionArn"]
        other = code(start, stateMachineArn=machine, name="run", input='{"a": 2}')
        assert other == "ExecutionAlreadyExists"
        world.clock.run_until_idle()
        assert code(start, stateMachineArn=machine, name="run", input='{"a": 1}') == "ExecutionAlreadyExists"
        assert [detail["status"] for detail in told(world)] == ["RUNNING", "SUCCEEDED"]


def test_names_are_given_and_bounded() -> None:
    with opened() as world:
        machine = world.machine(WAIT)
        start = world.client("stepfunctions").start_execution
        names = {start(stateMachineArn=machine)["executionArn"].rpartition(":")[2] for _ in range(2)}
        assert len(names) == 2
        assert "None" not in names
        start(stateMachineArn=machine, name="a" * 80)
        assert code(start, stateMachineArn=machine, name="a" * 81) == "ValidationException"


def test_stop_ends_a_token_wait_at_once_and_keeps_why() -> None:
    with opened() as world:
        world.table()
        states = {
            "Bake": bake(600, Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]),
            "Caught": {"Type": "Succeed"},
        }
        execution = world.start(states)
        world.clock.sleep(30)
        world.client("stepfunctions").stop_execution(executionArn=execution, error="Mine", cause="because")
        described = world.described(execution)
        assert (described["status"], described["error"], described["cause"]) == ("ABORTED", "Mine", "because")
        world.clock.run_until_idle()
        assert (world.clock.now() - DEFAULT_START).total_seconds() == 30
        assert world.described(execution) | {"ResponseMetadata": None} == described | {"ResponseMetadata": None}
        assert [detail["status"] for detail in told(world)] == ["RUNNING", "ABORTED"]
        last = world.client("stepfunctions").get_execution_history(executionArn=execution)["events"][-1]
        assert last["executionAbortedEventDetails"] == {"error": "Mine", "cause": "because"}


def test_stopping_what_has_ended_changes_nothing() -> None:
    with opened() as world:
        described = world.run(WAIT)
        world.client("stepfunctions").stop_execution(executionArn=described["executionArn"], error="late")
        assert world.described(described["executionArn"])["status"] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("states", "top", "status", "error"),
    [
        (WAIT, {}, "SUCCEEDED", None),
        ({"Fail": {"Type": "Fail", "Error": "Mine", "Cause": "because"}}, {}, "FAILED", "Mine"),
        (WAIT, {"TimeoutSeconds": 5}, "TIMED_OUT", None),
    ],
)
def test_each_end_is_an_event(states: dict[str, Any], top: dict[str, Any], status: str, error: str | None) -> None:
    with opened() as world:
        described = world.run(states, {"a": 'a "b"'}, **top)
        event = next(one for one in reversed(world.events.put) if one["source"] == "aws.states")
        machine = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:machine"
        assert event["detail-type"] == "Step Functions Execution Status Change"
        assert event["resources"] == [described["executionArn"]]
        assert event["detail"] == {
            "executionArn": described["executionArn"],
            "stateMachineArn": machine,
            "name": "run",
            "status": status,
            "startDate": round(described["startDate"].timestamp() * 1000),
            "stopDate": round(described["stopDate"].timestamp() * 1000),
            "input": '{"a": "a \\"b\\""}',
            "output": '{"a":"a \\"b\\""}' if status == "SUCCEEDED" else None,
            "inputDetails": {"included": True},
            "outputDetails": {"included": True} if status == "SUCCEEDED" else None,
            "error": error,
            "cause": "because" if error else None,
        }
