"""Two controllers hear one bus: each target is rolled out by one of them, and nobody is told of it twice."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from rollout.adapters.dynamodb_store import DynamoDbStore
from rollout_simulator.template import Deployment
from tests.workflow.world import World, world

SHORT = {"plan": {"steps": [{"weightPercent": 5, "bakeMinutes": 1}], "watchMinutes": 0}}
FIRST, SECOND = "rollout-pilot", "stock"
SPACE = "RolloutPilot"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Two:
    """The world of the first controller, and the second's deployment beside it."""

    at: World
    second: Deployment

    def tag(self, value: str | None) -> None:
        """Give the API, and so its stage, this tag; None takes every tag away."""
        target = self.at.target()
        api = f"arn:aws:apigateway:us-east-1::/restapis/{target['restApiId']}"
        client = self.at.client("apigateway")
        client.untag_resource(resourceArn=f"{api}/stages/{target['stageName']}", tagKeys=["rollout-pilot"])
        client.untag_resource(resourceArn=api, tagKeys=["rollout-pilot"])
        if value is not None:
            client.tag_resource(resourceArn=api, tags={"rollout-pilot": value})

    def asked(self, **fields: Any) -> dict[str, Json]:
        """Ask on the bus; both executions once they are over, by controller."""
        self.at.put("Rollout Requested", self.at.request(**fields))
        clock = self.at.simulation.clock
        clock.run_until(lambda: len(self.at.executions()) == 2)
        return {machine_of(each): self.at.ended(each["executionArn"]) for each in self.at.executions()}

    def by_hand(self, controller: str) -> Json:
        """Start an execution of this controller, as a person does in the console."""
        machine = f"arn:aws:states:us-east-1:123456789012:stateMachine:{controller}"
        answer = self.at.client("stepfunctions").start_execution(
            stateMachineArn=machine, name="by-hand", input=json.dumps(self.at.request())
        )
        return self.at.ended(answer["executionArn"])

    def announced(self) -> set[tuple[str, str]]:
        """Which controller announced which end."""
        ends = {"PROMOTED", "ROLLED_BACK", "STOPPED", "REJECTED", "FAILED"}
        return {(each["execution"].split(":")[6], each["state"]) for each in self.at.told() if each["state"] in ends}

    def topics(self) -> Sequence[str]:
        """The topics that people were told on, by their names."""
        return [each.topic_arn.rpartition(":")[2] for each in self.at.simulation.aws.published]

    def records(self, controller: str) -> Sequence[Json]:
        """What the controller's table lists."""
        table = (self.second if controller == SECOND else self.at.simulation.aws.deployment).outputs["TableName"]
        return DynamoDbStore(self.at.client("dynamodb"), table, 90).recent(10)


def machine_of(execution: Json) -> str:
    return str(execution["stateMachineArn"].rpartition(":")[2])


@contextmanager
def two(**parameters: str) -> Iterator[Two]:
    """`parameters` are the second controller's; the first takes what has opted in by its tag."""
    with world(request=SHORT) as at:
        chosen = {name: at.target()["restApiId"] if value == "the api" else value for name, value in parameters.items()}
        yield Two(at, at.simulation.aws.deploy(SECOND, chosen))


@pytest.mark.parametrize(("owner", "other"), [(FIRST, SECOND), (SECOND, FIRST)])
def test_the_controller_that_the_tag_names_rolls_out_and_the_other_says_nothing(owner: str, other: str) -> None:
    with two() as both:
        both.tag(owner)
        ended = both.asked()
        assert {name: each["status"] for name, each in ended.items()} == dict.fromkeys((owner, other), "SUCCEEDED")
        assert json.loads(ended[other]["output"])["decision"] == "PASS_OVER"
        assert both.announced() == {(owner, "PROMOTED")}
        assert both.topics() == [f"{owner}-NotificationTopic"]
        assert (len(both.records(owner)), both.records(other)) == (1, [])


def test_the_controller_whose_parameter_names_the_api_rolls_it_out_without_a_tag() -> None:
    with two(RestApiId="the api") as both:
        both.tag(None)
        ended = both.asked()
        assert json.loads(ended[FIRST]["output"])["decision"] == "PASS_OVER"
        assert both.announced() == {(SECOND, "PROMOTED")}
        assert both.topics() == [f"{SECOND}-NotificationTopic"]


def test_a_controller_that_may_not_touch_the_api_leaves_it_to_the_one_that_may() -> None:
    with two(RestApiId="f6g7h8i9j0") as both:
        ended = both.asked()
        assert json.loads(ended[SECOND]["output"])["decision"] == "PASS_OVER"
        assert both.announced() == {(FIRST, "PROMOTED")}
        refused = [role for role, _ in both.at.simulation.aws.permissions.refused]
        assert refused == [], "it does not even try to read what its role may not"


def test_a_request_with_a_mistake_is_rejected_once_by_the_one_whose_target_it_names() -> None:
    with two() as both:
        both.tag(SECOND)
        both.asked(plan={"steps": [{"weightPercent": 500, "bakeMinutes": 1}]})
        assert both.announced() == {(SECOND, "REJECTED")}
        assert both.topics() == [f"{SECOND}-NotificationTopic"]


def test_a_target_that_has_opted_in_to_nobody_is_rejected_with_the_reason() -> None:
    with two() as both:
        both.tag(None)
        ended = both.asked()
        assert {each["error"] for each in ended.values()} == {"Rejected"}
        assert all("does not carry the tag rollout-pilot=managed" in each["cause"] for each in ended.values())


def test_by_hand_anothers_target_is_rejected_with_the_reason() -> None:
    with two() as both:
        both.tag(SECOND)
        ended = both.by_hand(FIRST)
        assert ended["error"] == "Rejected"
        assert f"is for the controller {SECOND}" in ended["cause"]
        assert both.by_hand(SECOND)["status"] == "SUCCEEDED"


def test_a_controller_cannot_change_what_is_tagged_for_another_even_if_it_tried() -> None:
    with two() as both:
        both.tag(SECOND)
        permissions = both.at.simulation.aws.permissions
        statements = permissions.roles["CreateCanaryFunction"], permissions.roles[f"{SECOND}/CreateCanaryFunction"]
        values = [
            {
                condition.key: condition.patterns
                for each in own
                for condition in each.conditions
                if "Tag/" in condition.key
            }
            for own in statements
        ]
        key = "aws:ResourceTag/rollout-pilot"
        assert values == [{key: ("managed", FIRST)}, {key: ("managed", SECOND)}]


def test_metrics_and_alarms_tell_the_controllers_apart() -> None:
    with two() as both:
        both.tag(SECOND)
        both.asked()
        aws = both.at.simulation.aws
        printed = [
            json.loads(line)
            for name in both.second.physical.values()
            if name.endswith("Function")
            for line in aws.output.lines(name)
            if '"_aws"' in line
        ]
        assert {each["service"] for each in printed} == {SECOND}
        alarms = {each["AlarmName"]: each for each in aws.client("cloudwatch").describe_alarms()["MetricAlarms"]}
        for stack in (FIRST, SECOND):
            for name in ("RecoveryAlarm", "UnmeasuredAlarm"):
                assert alarms[f"{stack}-{name}"]["Dimensions"] == [{"Name": "service", "Value": stack}]
            errors = alarms[f"{stack}-RecoverErrorsAlarm"]["Dimensions"]
            assert errors == [{"Name": "FunctionName", "Value": f"{stack}-RecoverFunction"}]
