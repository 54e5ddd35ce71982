"""EventBridge delivers to its targets."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rollout_simulator.clock import DEFAULT_START
from rollout_simulator.moto_patches.eventbridge_targets import shaped
from tests.simulator.moto_patches.world import ACCOUNT, REGION, World, opened

Json = dict[str, Any]
MINE = {"source": ["mine"]}


def rule(world: World, target: Json, pattern: Json | None = None, **settings: Any) -> None:
    given = settings if "ScheduleExpression" in settings else {"EventPattern": json.dumps(pattern or MINE), **settings}
    world.client("events").put_rule(Name="rule", **given)
    world.client("events").put_targets(Rule="rule", Targets=[{"Id": "1", **target}])


def put(world: World, detail: Json | None = None, source: str = "mine") -> None:
    entry = {"Source": source, "DetailType": "Done", "Detail": json.dumps(detail or {}), "Resources": ["r"]}
    answer = world.client("events").put_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 0


def test_a_matching_event_reaches_a_function() -> None:
    got: list[Json] = []
    with opened() as world:
        rule(
            world,
            {"Arn": world.function("takes", lambda event, context: got.append(event))},
            {**MINE, "detail": {"n": [{"numeric": [">", 1]}]}},
        )
        put(world, {"n": 1})
        put(world, {"n": 2}, source="another's")
        put(world, {"n": 2})
        world.clock.run_until_idle()
    assert [event["detail"] for event in got] == [{"n": 2}]
    assert {name: got[0][name] for name in got[0] if name != "id"} == {
        "version": "0",
        "account": ACCOUNT,
        "time": "2026-03-02T12:00:00Z",
        "region": REGION,
        "resources": ["r"],
        "source": "mine",
        "detail-type": "Done",
        "detail": {"n": 2},
    }


def test_a_state_machine_is_started_with_the_part_it_wants() -> None:
    with opened() as world:
        machine = world.machine({"Pass": {"Type": "Pass", "End": True}})
        rule(world, {"Arn": machine, "RoleArn": "arn:aws:iam::123456789012:role/test", "InputPath": "$.detail"})
        put(world, {"a": 1})
        world.clock.run_until_idle()
        (execution,) = world.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
        assert world.described(execution["executionArn"])["input"] == '{"a":1}'


def test_queues_topics_and_log_groups_get_it_too() -> None:
    with opened() as world:
        queue = world.queue("direct")
        topic = world.client("sns").create_topic(Name="topic")["TopicArn"]
        world.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=world.queue("by-topic"))
        world.client("logs").create_log_group(logGroupName="/group")
        world.client("events").put_rule(Name="rule", EventPattern=json.dumps(MINE))
        arns = [queue, topic, f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/group"]
        targets = [{"Id": str(number), "Arn": arn} for number, arn in enumerate(arns)]
        world.client("events").put_targets(Rule="rule", Targets=targets)
        put(world, {"a": 1})
        world.clock.run_until_idle()
        assert world.bodies("direct")[0]["detail"] == {"a": 1}
        assert json.loads(world.bodies("by-topic")[0]["Message"])["detail"] == {"a": 1}
        logged = world.client("logs").filter_log_events(logGroupName="/group")["events"]
        assert json.loads(logged[0]["message"])["detail"] == {"a": 1}


def test_a_function_that_a_topic_calls_is_not_waited_for() -> None:
    got: list[str] = []
    with opened() as world:
        topic = world.client("sns").create_topic(Name="topic")["TopicArn"]
        function = world.function("takes", lambda event, context: got.append(event["Records"][0]["Sns"]["Message"]))
        world.client("sns").subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function)
        world.client("sns").publish(TopicArn=topic, Message="hello")
        assert got == []
        world.clock.run_until_idle()
        assert got == ["hello"]


def test_what_cannot_be_delivered_is_tried_again_then_buried() -> None:
    with opened() as world:
        nobody = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:nobody"
        policy = {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 3600}
        rule(world, {"Arn": nobody, "DeadLetterConfig": {"Arn": world.queue("dead")}, "RetryPolicy": policy})
        put(world, {"a": 1})
        world.clock.run_until_idle()
        assert world.clock.now() == DEFAULT_START + timedelta(seconds=1 + 2 + 4)
        dead = world.messages("dead")[0]
        assert json.loads(dead["Body"])["detail"] == {"a": 1}
        assert dead["MessageAttributes"]["TARGET_ARN"]["StringValue"] == nobody
        assert dead["MessageAttributes"]["RETRY_ATTEMPTS"]["StringValue"] == "3"


def test_a_target_that_comes_back_gets_the_event_late() -> None:
    got: list[Json] = []
    with opened() as world:
        rule(world, {"Arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:takes"})
        put(world)
        world.clock.call_later(5, lambda: world.function("takes", lambda event, context: got.append(event)))
        world.clock.run_until_idle()
    assert len(got) == 1


def test_a_rate_fires_by_the_clock() -> None:
    fired: list[float] = []
    with opened() as world:
        function = world.function("sweeps", lambda event, context: fired.append(world.clock.timestamp()))
        rule(world, {"Arn": function}, ScheduleExpression="rate(15 minutes)")
        world.clock.sleep(3600)
        world.client("events").disable_rule(Name="rule")
        world.clock.sleep(3600)
    assert [moment - DEFAULT_START.timestamp() for moment in fired] == [900, 1800, 2700, 3600]


def test_an_event_of_a_service_comes_by_emit() -> None:
    with opened() as world:
        rule(world, {"Arn": world.queue("q")}, {"source": ["aws.cloudwatch"]})
        detail = {"state": "ALARM"}
        world.events.emit(
            {"source": "aws.cloudwatch", "detail-type": "CloudWatch Alarm State Change", "detail": detail}
        )
        detail["state"] = "OK"
        world.clock.run_until_idle()
        assert world.bodies("q")[0]["detail"] == {"state": "ALARM"}


def test_an_event_for_an_unknown_bus_is_refused() -> None:
    with opened() as world, pytest.raises(ClientError):
        world.client("events").put_events(
            Entries=[{"Source": "a", "DetailType": "b", "Detail": "{}", "EventBusName": "nowhere"}]
        )


EVENT: Json = {
    "detail-type": "Done",
    "time": "2026-03-02T12:00:00Z",
    "detail": {"text": 'a "b"', "n": 1, "list": ["x"]},
}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({}, EVENT),
        ({"Input": '{"fixed": true}'}, {"fixed": True}),
        ({"InputPath": "$.detail.list[0]"}, "x"),
        ({"InputPath": "$.detail-type"}, "Done"),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"t": "$.detail.text", "n": "$.detail.n", "l": "$.detail.list", "m": "$.missing"},
                    "InputTemplate": (
                        '{"says": "it says <t>", "t": <t>, "n": <n>, '
                        '"l": <l>, "m": <m>, "rule": <aws.events.rule-name>}'
                    ),
                }
            },
            {"says": 'it says a "b"', "t": 'a "b"', "n": 1, "l": ["x"], "m": None, "rule": "mine"},
        ),
        ({"InputTransformer": {"InputTemplate": "<aws.events.event.json>"}}, EVENT),
    ],
)
def test_targets_get_what_they_asked_for(target: Json, expected: object) -> None:
    assert json.loads(shaped(target, f"arn:aws:events:{REGION}:{ACCOUNT}:rule/mine", EVENT)) == expected
