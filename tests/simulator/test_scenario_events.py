"""What a scenario lets happen around a rollout, in the embedded AWS, and what the simulation says of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from rollout_simulator.expectations import unmet
from rollout_simulator.scenario import Expected
from rollout_simulator.simulation import PAGED, Result, Simulation, opened
from tests.workflow.world import scenario

Json = dict[str, Any]
FAILS = {"candidate": {"error_percent": 100.0}}
STEPS = {"plan": {"steps": [{"weightPercent": 5, "bakeMinutes": 30}], "watchMinutes": 0}}


@contextmanager
def begun(minutes: float, **fields: Any) -> Iterator[Simulation]:
    """The scenario, so many minutes after its rollout began."""
    with opened(scenario(request=STEPS, **fields)) as simulation:
        simulation.prepare_alarms()
        simulation.start("r-1")
        simulation.clock.run_until(simulation.clock.now() + timedelta(minutes=minutes))
        yield simulation


def run(**fields: Any) -> Result:
    with opened(scenario(**fields)) as simulation:
        return simulation.run()


def test_a_pipeline_points_the_stage_to_a_deployment_that_behaves_like_the_base() -> None:
    with begun(4, foreign_changes=[{"at_minute": 2, "deploy": True}]) as simulation:
        shown = simulation.subject.show()
        assert shown is not None
        api = simulation.api
        assert shown["deploymentId"] not in (api.base, api.candidate)
        assert simulation.traffic.most_weight_percent == 5


def test_a_pipeline_moves_the_alias_to_a_version_that_behaves_like_the_base() -> None:
    foreign = [{"at_minute": 2, "deploy": True}]
    with begun(4, target="lambda-alias", foreign_changes=foreign) as simulation:
        shown = simulation.subject.show()
        assert shown is not None
        assert shown["FunctionVersion"] == "4"
        assert simulation.traffic.most_weight_percent == 5


@pytest.mark.parametrize(("target", "key"), [("apigateway-stage", "canarySettings"), ("lambda-alias", "RoutingConfig")])
def test_somebody_takes_the_canary_away(target: str, key: str) -> None:
    with begun(2.5, target=target, foreign_changes=[{"at_minute": 2.2, "remove_canary": True}]) as simulation:
        assert key not in (simulation.subject.show() or {})
        assert simulation.traffic.weight_percent == 0


def test_somebody_tags_the_stage_or_the_function() -> None:
    change = {"at_minute": 1, "tag": {"aws-owner": "stack"}}
    with begun(2, foreign_changes=[change]) as simulation:
        assert (simulation.subject.show() or {})["tags"]["aws-owner"] == "stack"
    with begun(2, target="lambda-alias", foreign_changes=[change]) as simulation:
        tags = simulation.aws.client("lambda").get_function(FunctionName="orders")["Tags"]
        assert tags["aws-owner"] == "stack"


def test_a_namesake_is_an_api_with_a_stage_of_the_same_name() -> None:
    with opened(scenario(namesakes=[{}])) as simulation:
        client = simulation.aws.client("apigateway")
        apis = [api["id"] for api in client.get_rest_apis()["items"] if api["name"] == "orders"]
        stages = [stage["stageName"] for api in apis for stage in client.get_stages(restApiId=api)["item"]]
        assert stages == ["prod", "prod"]


def test_routes_are_methods_of_the_api_with_detailed_metrics_and_fields_of_the_access_log() -> None:
    routes = [{"name": "POST /orders/{id}", "share_percent": 30}, {"name": "GET /orders", "share_percent": 70}]
    with opened(scenario(routes=routes, api={"access_log": True})) as simulation:
        resources = simulation.aws.client("apigateway").get_resources(restApiId=simulation.api.rest_api_id)["items"]
        methods = {each["path"]: sorted(each.get("resourceMethods", {})) for each in resources}
        shown = simulation.subject.show() or {}
    assert methods == {"/": ["GET"], "/orders": ["GET"], "/orders/{id}": ["POST"]}
    assert shown["methodSettings"]["*/*"]["metricsEnabled"] is True
    assert {"httpMethod", "resourcePath"} <= json.loads(
        shown["accessLogSettings"]["format"]
        .replace(":$", ':"$')
        .replace("status,", 'status",')
        .replace("Latency,", 'Latency",')
    ).keys()


def test_a_rollout_on_an_api_with_routes_is_promoted() -> None:
    routes = [{"name": "POST /orders", "share_percent": 30}]
    assert run(routes=routes).outcome == "PROMOTED"


def test_states_of_an_alarm_are_set_by_hand_at_their_minutes() -> None:
    states = [{"at_minute": 2, "state": "INSUFFICIENT_DATA"}, {"at_minute": 3, "state": "ALARM"}]
    alarm = {"name": "a", "states": states, "named_in_request": False}
    with begun(4, alarms=[alarm]) as simulation:
        began = simulation.aws.clock.now() - timedelta(minutes=4)
        seen = [
            (event["detail"]["state"]["timestamp"][:16], event["detail"]["state"]["value"])
            for event in simulation.aws.events.put
            if event["source"] == "aws.cloudwatch" and event["detail"]["alarmName"] == "a"
        ]
    for minute, state in ((2, "INSUFFICIENT_DATA"), (3, "ALARM")):
        assert (f"{began + timedelta(minutes=minute):%Y-%m-%dT%H:%M}", state) in seen


def test_an_alarm_is_deleted_at_its_minute() -> None:
    alarm = {"name": "a", "deleted_at_minute": 2, "named_in_request": False}
    with begun(1.5, alarms=[alarm]) as simulation:
        assert alarm_names(simulation) == ["a"]
        simulation.clock.run_until(simulation.clock.now() + timedelta(minutes=1))
        assert alarm_names(simulation) == []


def alarm_names(simulation: Simulation) -> list[str]:
    shown = simulation.aws.client("cloudwatch").describe_alarms(AlarmNames=["a"])
    return [each["AlarmName"] for each in shown["MetricAlarms"]]


@pytest.mark.parametrize(("missing", "state"), [("breaching", "ALARM"), ("notBreaching", "OK")])
def test_an_alarm_treats_missing_data_as_it_says(missing: str, state: str) -> None:
    alarm = {"name": "a", "treat_missing_data": missing, "named_in_request": False}
    with opened(scenario(alarms=[alarm], traffic={"requests_per_second": 0})) as simulation:
        simulation.prepare_alarms()
        (shown,) = simulation.aws.client("cloudwatch").describe_alarms(AlarmNames=["a"])["MetricAlarms"]
        assert shown["StateValue"] == state


def test_an_alarm_of_another_account_is_only_an_event_with_its_arn() -> None:
    states = [{"at_minute": 2, "state": "ALARM"}]
    alarm = {"name": "a", "account": "210987654321", "region": "eu-west-1", "states": states}
    with begun(5, alarms=[alarm]) as simulation:
        assert simulation.subject.request().get("alarms") is None
        assert alarm_names(simulation) == []
        events = [event for event in simulation.aws.events.put if event["source"] == "aws.cloudwatch"]
    (event,) = [event for event in events if event["detail"]["alarmName"] == "a"]
    assert event["resources"] == ["arn:aws:cloudwatch:eu-west-1:210987654321:alarm:a"]
    assert (event["account"], event["region"], event["detail"]["state"]["value"]) == (
        "210987654321",
        "eu-west-1",
        "ALARM",
    )


def test_a_command_is_given_again_and_again_by_whom_it_says() -> None:
    storm = {"at_minute": 1, "command": "pause", "actor": "anna", "repeat": 5, "every_seconds": 12}
    with begun(3, signals=[storm]) as simulation:
        rollout = simulation.store.load("r-1")
        assert len(simulation.answers) == 5
        assert rollout is not None
        assert {signal.source for signal in rollout.signals} == {"anna"}
    assert [round(minute, 1) for minute in scenario(signals=[storm]).signals[0].minutes()] == [1, 1.2, 1.4, 1.6, 1.8]


def test_a_further_request_has_a_candidate_of_its_own_and_the_firsts_fields() -> None:
    further = {"at_minute": 3, "onConflict": "supersede"}
    for target in ("apigateway-stage", "lambda-alias"):
        fields = {"requestId": "deploy-1", "onInconclusive": "rollback"}
        with opened(scenario(target=target, requests=[further], request=fields)) as simulation:
            first, second = simulation.subject.request(), simulation.subject.request(0)
        assert first["candidate"] != second["candidate"]
        assert second == {
            **{name: value for name, value in first.items() if name != "requestId"},
            "candidate": second["candidate"],
            "onConflict": "supersede",
        }


def test_the_outcome_is_that_of_the_rollout_that_superseded_the_first() -> None:
    with opened(scenario(requests=[{"at_minute": 3, "onConflict": "supersede"}], request=STEPS)) as simulation:
        result = simulation.run()
    assert result.outcome == "PROMOTED"
    assert result.rollout is not None
    assert result.rollout.rollout_id == "test-rollout-2"
    assert [message.state for message in result.messages] == ["ROLLED_BACK", "PROMOTED"]
    assert (result.final_stage or {})["deploymentId"] == result.rollout.settings.candidate.revision


def test_a_further_request_that_is_refused_leaves_the_outcome_to_the_first() -> None:
    result = run(requests=[{"at_minute": 3}], request=STEPS)
    assert result.rollout is not None
    assert (result.outcome, result.rollout.rollout_id) == ("PROMOTED", "test-rollout")
    assert [message.state for message in result.messages] == ["REJECTED", "PROMOTED"]


def test_messages_are_what_the_topic_got_at_their_minute() -> None:
    with opened(scenario(**FAILS)) as simulation:
        queue = subscribed(simulation, "NotificationTopicArn")
        result = simulation.run()
        received = bodies(simulation, queue)
    (message,) = result.messages
    assert (message.state, message.minute) == ("ROLLED_BACK", result.timeline[-1].minute)
    assert [(each["Subject"], each["Message"]) for each in received] == [(message.subject, message.text)]
    assert result.pages == 0


def test_pages_are_what_the_operations_topic_got() -> None:
    denied = {"service": "apigateway", "operation": "UpdateStage", "error": "AccessDeniedException", "from_minute": 3}
    with opened(scenario(**FAILS, faults=[denied], horizon_minutes=30)) as simulation:
        queue = subscribed(simulation, "OperationsTopicArn")
        result = simulation.run()
        received = bodies(simulation, queue)
    assert result.pages == len(received)
    subjects = [message.subject for message in result.messages if message.state == PAGED]
    assert subjects == [each["Subject"] for each in received]
    for called in ("Rollout Pilot needs help", "RollbackErrorsAlarm", "RecoverErrorsAlarm"):
        assert [subject for subject in subjects if called in subject]
    assert (result.final_weight_percent, result.lock_held) == (5, True)


def test_a_recovery_pages_by_its_alarm() -> None:
    stopped = [{"at_minute": 2, "command": "stop-execution"}]
    result = run(signals=stopped, request=STEPS)
    assert result.outcome == "ROLLED_BACK"
    paged = [message for message in result.messages if message.state == PAGED]
    assert ["RecoveryAlarm" in message.subject for message in paged] == [True]
    assert "A recovery was needed" in paged[0].text


@pytest.mark.parametrize("target", ["apigateway-stage", "lambda-alias"])
@pytest.mark.parametrize(("fields", "weight"), [({}, 100), (FAILS, 0)])
def test_the_final_weight_is_the_candidates_share(target: str, fields: Json, weight: float) -> None:
    assert run(target=target, **fields).final_weight_percent == weight


def test_simulated_minutes_end_with_the_rollout_whatever_comes_later() -> None:
    late = {"at_minute": 60, "command": "pause"}
    plain, with_signal = run(), run(signals=[late])
    assert plain.simulated_minutes == with_signal.simulated_minutes == plain.timeline[-1].minute


def test_every_expectation_is_checked() -> None:
    result = run(**FAILS)
    met = {
        "outcome": "ROLLED_BACK",
        "reason_contains": "5XX",
        "most_weight_percent": 5,
        "most_bad_requests": result.bad_requests,
        "told": ["rolled back", "the base serves everybody again"],
        "not_told": ["promoted"],
        "final_weight_percent": 0,
        "lock_free": True,
        "pages": 0,
    }
    assert list(unmet(Expected(**met), result)) == []
    for field, wrong in {
        "outcome": "PROMOTED",
        "reason_contains": "latency",
        "most_weight_percent": 4,
        "most_bad_requests": result.bad_requests - 1,
        "told": ["promoted"],
        "not_told": ["rolled back"],
        "final_weight_percent": 100,
        "lock_free": False,
        "pages": 1,
    }.items():
        (problem,) = unmet(Expected(**{**met, field: wrong}), result)
        assert problem.startswith(f"{field}: ")


def subscribed(simulation: Simulation, topic: str) -> str:
    """The URL of a queue that gets what comes to this topic of the stack."""
    client = simulation.aws.client("sqs")
    queue = str(client.create_queue(QueueName="people")["QueueUrl"])
    arn = client.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic_arn = simulation.aws.deployment.outputs[topic]
    simulation.aws.client("sns").subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=arn)
    return queue


def bodies(simulation: Simulation, queue: str) -> list[Json]:
    answer = simulation.aws.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
    return [json.loads(message["Body"]) for message in answer.get("Messages", [])]
