"""A small AWS on a simulated clock, for the tests of what runs on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from moto import mock_aws

from rollout_simulator.clients import client
from rollout_simulator.clock import SimulatedClock
from rollout_simulator.moto_patches import eventbridge_targets, lambda_in_process, stepfunctions
from rollout_simulator.moto_patches.lambda_code import zipped
from rollout_simulator.moto_patches.lambda_in_process import Handler

ACCOUNT = "123456789012"
REGION = "eu-central-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/test"

Json = dict[str, Any]


class World:
    """The clock, clients, and short ways to make what a test is about."""

    def __init__(
        self, clock: SimulatedClock, bridge: eventbridge_targets.EventBridge, handlers: dict[str, Handler]
    ) -> None:
        self.clock = clock
        self.events = bridge
        self._handlers = handlers
        self.output: Any = None

    def client(self, service: str) -> Any:
        return client(service, REGION)

    def table(self, name: str = "things") -> None:
        self.client("dynamodb").create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )

    def item(self) -> Json:
        found: Json = self.client("dynamodb").get_item(TableName="things", Key={"id": {"S": "x"}}).get("Item", {})
        return found

    def token(self) -> str:
        return str(self.item()["token"]["S"])

    def function(self, name: str, handler: Callable[..., Any], timeout: int = 3, **settings: Any) -> str:
        self._handlers[f"{name}.handler"] = handler
        answer = self.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=ROLE,
            Handler=f"{name}.handler",
            Code={"ZipFile": zipped()},
            Timeout=timeout,
            **settings,
        )
        return str(answer["FunctionArn"])

    def machine(self, states: Json, name: str = "machine", **top: Any) -> str:
        definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states, **top}
        answer = self.client("stepfunctions").create_state_machine(
            name=name, definition=json.dumps(definition), roleArn=ROLE
        )
        return str(answer["stateMachineArn"])

    def start(self, states: Json, given: Any = None, **top: Any) -> str:
        """Start an execution of a machine with these states."""
        machine = self.machine(states, **top)
        answer = self.client("stepfunctions").start_execution(
            stateMachineArn=machine, name="run", input=json.dumps(given or {})
        )
        return str(answer["executionArn"])

    def run(self, states: Json, given: Any = None, **top: Any) -> Json:
        """Run an execution of a machine with these states to its end; DescribeExecution's answer."""
        execution = self.start(states, given, **top)
        self.clock.run_until_idle()
        return self.described(execution)

    def described(self, execution: str) -> Json:
        answer: Json = self.client("stepfunctions").describe_execution(executionArn=execution)
        return answer

    def result(self, states: Json, given: Any = None, **top: Any) -> Any:
        """The output of an execution that must succeed."""
        described = self.run(states, given, **top)
        assert described["status"] == "SUCCEEDED", described
        return json.loads(described["output"])

    def queue(self, name: str) -> str:
        self.client("sqs").create_queue(QueueName=name)
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"

    def messages(self, name: str) -> list[Json]:
        url = self.client("sqs").get_queue_url(QueueName=name)["QueueUrl"]
        answer = self.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        return list(answer.get("Messages", []))

    def bodies(self, name: str) -> list[Any]:
        return [json.loads(message["Body"]) for message in self.messages(name)]


@contextmanager
def opened(functions: Path = Path("/nowhere"), **settings: Any) -> Iterator[World]:
    """A world with Step Functions, Lambda and EventBridge patched; `settings` are those of Step Functions."""
    handlers: dict[str, Handler] = {}
    with ExitStack() as stack:
        stack.enter_context(mock_aws(config=stepfunctions.MOTO_CONFIG))
        clock = stack.enter_context(SimulatedClock())
        bridge = stack.enter_context(eventbridge_targets.patched(clock, ACCOUNT, REGION))
        world = World(clock, bridge, handlers)
        world.output = stack.enter_context(lambda_in_process.patched(clock, functions, handlers))
        stack.enter_context(stepfunctions.patched(clock, bridge.emit, **settings))
        stack.callback(clock.unwind)
        world.client("iam").create_role(RoleName="test", AssumeRolePolicyDocument="{}")
        yield world


def bake(seconds: Any = 60, **others: Any) -> Json:
    """A state that stores its task token and waits for the answer."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:dynamodb:updateItem.waitForTaskToken",
        "TimeoutSeconds": seconds,
        "Arguments": {
            "TableName": "things",
            "Key": {"id": {"S": "x"}},
            "UpdateExpression": "SET #t = :token",
            "ConditionExpression": "attribute_not_exists(signalled)",
            "ExpressionAttributeNames": {"#t": "token"},
            "ExpressionAttributeValues": {":token": {"S": "{% $states.context.Task.Token %}"}},
        },
        "End": True,
        **others,
    }


def call(function: str, **others: Any) -> Json:
    """A state that invokes a function and gives its answer."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": function, "Payload": "{% $states.input %}"},
        "Output": "{% $states.result.Payload %}",
        "End": True,
        **others,
    }
