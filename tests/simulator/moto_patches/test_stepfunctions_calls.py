"""The AWS calls of a state machine: spelling, errors, children."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.endpoint import Endpoint
from botocore.exceptions import ReadTimeoutError

from tests.simulator.moto_patches.world import World, bake, call, opened

PASS = {"Pass": {"Type": "Pass", "End": True}}


def raising(world: World, error: Exception) -> str:
    def handler(event: Any, context: Any) -> None:
        raise error

    return world.function("raises", handler)


def test_a_failed_condition_has_its_name() -> None:
    with opened() as world:
        world.table()
        world.client("dynamodb").put_item(TableName="things", Item={"id": {"S": "x"}, "signalled": {"BOOL": True}})
        described = world.run({"Bake": bake(60)})
        assert described["error"] == "DynamoDb.ConditionalCheckFailedException"


def test_what_a_function_raises_is_the_error() -> None:
    class ForeignChange(Exception):
        pass

    with opened() as world:
        described = world.run({"Call": call(raising(world, ForeignChange("somebody moved the stage")))})
        assert (described["status"], described["error"]) == ("FAILED", "ForeignChange")
        assert "somebody moved the stage" in described["cause"]


def test_a_function_without_time_is_sandbox_timedout() -> None:
    with opened() as world:
        slow = world.function("slow", lambda event, context: world.clock.sleep(100), timeout=10)
        described = world.run({"Call": call(slow)})
        assert described["error"] == "Sandbox.Timedout"
        assert "Task timed out after 10.00 seconds" in described["cause"]
        assert (described["stopDate"] - described["startDate"]).total_seconds() == 10


def test_a_missing_function_has_lambdas_name_for_it() -> None:
    with opened() as world:
        assert world.run({"Call": call("nobody")})["error"] == "Lambda.ResourceNotFoundException"


def test_a_call_without_an_answer_can_be_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    with opened() as world:
        function = world.function("echo", lambda event, context: event)

        def lost(endpoint: Any, request: Any, *others: Any) -> Any:
            return None, ReadTimeoutError(endpoint_url=request.url)

        states = {
            "Call": call(function, Catch=[{"ErrorEquals": ["Lambda.SdkClientException"], "Next": "Caught"}]),
            "Caught": {"Type": "Pass", "Output": "caught", "End": True},
        }
        execution = world.start(states)
        with monkeypatch.context() as patch:
            patch.setattr(Endpoint, "_do_get_response", lost)
            world.clock.run_until_idle()
        assert world.described(execution)["output"] == '"caught"'


def test_all_does_not_match_a_runtime_error() -> None:
    with opened() as world:
        states = {
            "Call": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:sqs:noSuchOperation",
                "Arguments": {},
                "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}],
                "End": True,
            },
            "Caught": {"Type": "Succeed"},
        }
        assert world.run(states)["error"] == "States.Runtime"


@pytest.mark.parametrize(
    ("resource", "input_", "arn_of"),
    [
        ("arn:aws:states:::states:startExecution", {"a": 1}, "ExecutionArn"),
        ("arn:aws:states:::aws-sdk:sfn:startExecution", '{"a": 1}', "ExecutionArn"),
    ],
)
def test_a_state_machine_starts_another(resource: str, input_: Any, arn_of: str) -> None:
    with opened() as world:
        child = world.machine(PASS, name="child")
        start = {
            "Type": "Task",
            "Resource": resource,
            "Arguments": {"StateMachineArn": child, "Name": "run", "Input": input_},
            "Output": f"{{% $states.result.{arn_of} %}}",
            "End": True,
        }
        execution = world.result({"Start": start})
        assert world.described(execution)["status"] == "SUCCEEDED"
        assert world.described(execution)["input"].replace(" ", "") == '{"a":1}'


def test_the_tag_service_and_the_like_are_spelled_for_their_clients() -> None:
    with opened() as world:
        states = {
            "Put": {
                "Type": "Task",
                "Resource": "arn:aws:states:::events:putEvents",
                "Arguments": {
                    "Entries": [
                        {"Source": "me", "DetailType": "Done", "Detail": {"a": 'b "c"'}, "EventBusName": "default"}
                    ]
                },
                "Output": "{% $states.result.FailedEntryCount %}",
                "End": True,
            }
        }
        assert world.result(states) == 0
        event = next(event for event in world.events.put if event["source"] == "me")
        assert event["detail"] == {"a": 'b "c"'}


@pytest.mark.parametrize(("characters", "error"), [(80_000, None), (88_000, "States.DataLimitExceeded")])
def test_results_are_counted_in_utf_8_and_not_by_their_escapes(characters: int, error: str | None) -> None:
    with opened() as world:
        function = world.function("talk", lambda *_: {"said": "待" * characters})
        talk = {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": {"FunctionName": function},
            "Output": "{% $length($states.result.Payload.said) %}",
            "End": True,
        }
        assert error == world.run({"Talk": talk}).get("error")
