"""Faults at the boundary of AWS, below the clients' own retries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from random import Random
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError
from moto import mock_aws

from rollout_simulator import faults
from rollout_simulator.clients import client
from rollout_simulator.clock import DEFAULT_START, SimulatedClock
from rollout_simulator.embedded_aws import EmbeddedAws
from rollout_simulator.example_function import create_function
from rollout_simulator.faults import Fault, Faults, Mode
from rollout_simulator.moto_patches.invocations import invocation
from rollout_simulator.scenario import parse_scenario

REGION = "eu-central-1"


@contextmanager
def world(seed: int = 0) -> Iterator[tuple[SimulatedClock, Faults, Any]]:
    with mock_aws(), SimulatedClock() as clock, faults.patched(clock, Random(seed)) as injected:
        sqs = client("sqs", REGION)
        yield clock, injected, sqs


def test_a_call_is_refused_before_anything_is_done() -> None:
    with world() as (_, injected, sqs):
        injected.inject(Fault("sqs", "CreateQueue", error="AccessDeniedException", times=1))
        with pytest.raises(ClientError) as caught:
            sqs.create_queue(QueueName="q")
        assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
        assert "QueueUrls" not in sqs.list_queues()
        sqs.create_queue(QueueName="q")


def test_an_answer_is_lost_after_it_was_done() -> None:
    with world() as (_, injected, sqs):
        injected.inject(Fault("sqs", "CreateQueue", Mode.AFTER))
        with pytest.raises(ReadTimeoutError):
            sqs.create_queue(QueueName="q")
        assert len(sqs.list_queues()["QueueUrls"]) == 1


def test_a_slow_call_takes_simulated_time() -> None:
    with world() as (clock, injected, sqs):
        injected.inject(Fault("sqs", mode=Mode.SLOW, seconds=40))  # less than a client waits that is not told otherwise
        sqs.list_queues()
        assert clock.now() == DEFAULT_START + timedelta(seconds=40)


def impatient(seconds: float) -> Any:
    """A client that waits so long for an answer and does not try again."""
    config = Config(read_timeout=seconds, retries={"total_max_attempts": 1})
    return boto3.client("sqs", REGION, aws_access_key_id="a", aws_secret_access_key="b", config=config)


@pytest.mark.parametrize("mode", [Mode.LATE, Mode.SLOW])
def test_a_client_gives_up_before_its_late_call_is_done(mode: Mode) -> None:
    with world() as (clock, injected, sqs):
        injected.inject(Fault("sqs", "CreateQueue", mode, seconds=40))
        with pytest.raises(ReadTimeoutError):
            impatient(8).create_queue(QueueName="q")
        assert clock.now() == DEFAULT_START + timedelta(seconds=8)
        clock.run_until(DEFAULT_START + timedelta(seconds=39))
        assert "QueueUrls" not in sqs.list_queues()
        clock.run_until(DEFAULT_START + timedelta(seconds=41))
        assert len(sqs.list_queues()["QueueUrls"]) == 1


def test_a_call_that_is_made_twice_at_once_is_answered_once() -> None:
    with world() as (clock, injected, sqs):
        url = sqs.create_queue(QueueName="q")["QueueUrl"]
        injected.inject(Fault("sqs", "SendMessage", Mode.TWICE, times=1))
        sqs.send_message(QueueUrl=url, MessageBody="hello")
        clock.run_until_idle()
        count = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        assert count["ApproximateNumberOfMessages"] == "2"


def test_a_stale_read_of_a_stage_shows_what_it_was() -> None:
    with EmbeddedAws(template_file=None) as aws:
        client = aws.client("apigateway")
        api, where = stage_of(client)
        aws.clock.sleep(60)
        client.update_stage(**where, patchOperations=[{"op": "replace", "path": "/variables/a", "value": "2"}])
        aws.clock.sleep(10)
        aws.faults.inject(Fault("apigateway", "GetStage", Mode.STALE, seconds=20, times=1))
        aws.faults.inject(Fault("apigateway", "GetStage", Mode.STALE, seconds=5, times=1))
        seen = [client.get_stage(**where)["variables"] for _ in range(3)]
        assert seen == [{"a": "1"}, {"a": "2"}, {"a": "2"}]
        assert ["stale", "stale", ""] == [call.outcome for call in aws.faults.calls[-3:]]
        assert api


def test_a_stale_read_of_an_alias_shows_its_old_version_and_revision() -> None:
    with EmbeddedAws(template_file=None) as aws:
        function = create_function(aws.client, parse_scenario({"name": "one", "target": "lambda-alias"}, "one"))
        client, where = aws.client("lambda"), {"FunctionName": function.name, "Name": function.alias}
        before = client.get_alias(**where)
        aws.clock.sleep(60)
        client.update_alias(**where, RoutingConfig={"AdditionalVersionWeights": {function.candidate: 0.05}})
        aws.faults.inject(Fault("lambda", "GetAlias", Mode.STALE, seconds=1, times=1))
        stale, fresh = client.get_alias(**where), client.get_alias(**where)
        assert (before["RevisionId"], False) == (stale["RevisionId"], "RoutingConfig" in stale)
        assert "RoutingConfig" in fresh


def stage_of(client: Any) -> tuple[str, dict[str, str]]:
    """An API with a stage that has one variable."""
    api = client.create_rest_api(name="orders")["id"]
    root = client.get_resources(restApiId=api)["items"][0]["id"]
    client.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")
    client.put_integration(restApiId=api, resourceId=root, httpMethod="GET", type="MOCK")
    deployment = client.create_deployment(restApiId=api)["id"]
    client.create_stage(restApiId=api, stageName="prod", deploymentId=deployment, variables={"a": "1"})
    return api, {"restApiId": api, "stageName": "prod"}


def test_a_duplicate_is_done_twice() -> None:
    with world() as (_, injected, sqs):
        url = sqs.create_queue(QueueName="q")["QueueUrl"]
        injected.inject(Fault("sqs", "SendMessage", Mode.DUPLICATE, times=1))
        sqs.send_message(QueueUrl=url, MessageBody="hello")
        count = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        assert count["ApproximateNumberOfMessages"] == "2"


def test_faults_choose_by_caller_number_time_and_chance() -> None:
    with world() as (clock, injected, sqs):
        injected.inject(Fault("sqs", caller="analyze", times=1))
        injected.inject(Fault("sqs", caller="prepare", skip=1, times=1))
        injected.inject(Fault("sqs", caller="late", since=clock.now() + timedelta(minutes=1)))
        injected.inject(Fault("sqs", caller="unlucky", probability=0.5))

        def outcomes(caller: str, calls: int = 3) -> list[bool]:
            token = invocation.set(caller)
            results = []
            for _ in range(calls):
                try:
                    sqs.list_queues()
                    results.append(True)
                except ClientError:
                    results.append(False)
            invocation.reset(token)
            return results

        assert outcomes("nobody") == [True, True, True]
        assert outcomes("analyze") == [False, True, True]
        assert outcomes("prepare") == [True, False, True]
        assert outcomes("late") == [True, True, True]
        clock.sleep(60)
        assert outcomes("late") == [False, False, False]
        assert 5 < sum(outcomes("unlucky", 20)) < 15


def test_a_client_that_retries_gets_over_it_in_simulated_time() -> None:
    with world() as (clock, injected, _):
        config = Config(retries={"mode": "standard", "total_max_attempts": 3})
        retrying: Any = boto3.client("sqs", REGION, aws_access_key_id="a", aws_secret_access_key="b", config=config)
        injected.inject(Fault("sqs", error="ThrottlingException", times=2))
        retrying.list_queues()
        assert [call.outcome for call in injected.calls] == ["before", "before", ""]
        assert clock.now() > DEFAULT_START


def test_every_call_is_recorded() -> None:
    with world() as (clock, injected, sqs):
        sqs.list_queues()
        (call,) = injected.calls
        assert (call.at, call.caller, call.service, call.operation, call.outcome) == (
            clock.now(),
            "outside",
            "sqs",
            "ListQueues",
            "",
        )


def test_the_same_seed_fails_the_same_calls() -> None:
    def outcomes(seed: int) -> list[str]:
        with world(seed) as (_, injected, sqs):
            injected.inject(Fault("sqs", mode=Mode.DUPLICATE, probability=0.5))
            for _ in range(20):
                sqs.list_queues()
            return [call.outcome for call in injected.calls]

    assert outcomes(1) == outcomes(1) != outcomes(2)
