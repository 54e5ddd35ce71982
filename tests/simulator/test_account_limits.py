"""The rates of an account, shared by all who call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws

from rollout.adapters.throttling import repeated_by_the_workflow, wait_out_throttling
from rollout_simulator import account_limits
from rollout_simulator.account_limits import AccountLimits, Rate
from rollout_simulator.clients import client
from rollout_simulator.clock import SimulatedClock

REGION = "eu-central-1"


@pytest.fixture
def limits() -> Iterator[AccountLimits]:
    with mock_aws(), SimulatedClock() as clock, account_limits.patched(clock) as limits:
        yield limits


def patient() -> Any:
    """A client of its own, as the functions that change targets have one."""
    config = Config(retries={"mode": "standard", "total_max_attempts": 1})
    made: Any = boto3.client("sqs", REGION, aws_access_key_id="a", aws_secret_access_key="b", config=config)
    return wait_out_throttling(made)


def admitted(limits: AccountLimits, service: str, operation: str, calls: int) -> int:
    return sum(limits.refuses(service, operation) is None for _ in range(calls))


def test_nothing_is_refused_before_the_limits_are_enforced(limits: AccountLimits) -> None:
    assert 100 == admitted(limits, "apigateway", "CreateDeployment", 100)


@pytest.mark.parametrize(
    ("service", "operation", "at_once", "in_ten_seconds"),
    [
        ("apigateway", "GetStage", 40, 100),
        ("apigateway", "CreateDeployment", 1, 2),
        ("cloudwatch", "GetMetricData", 50, 500),
        ("cloudwatch", "DescribeAlarms", 9, 90),
        ("lambda", "UpdateAlias", 15, 150),
    ],
)
def test_a_burst_is_admitted_and_then_so_many_a_second(
    limits: AccountLimits, service: str, operation: str, at_once: int, in_ten_seconds: int
) -> None:
    limits.enforced = True
    assert at_once == admitted(limits, service, operation, 1_000)
    later = 0
    for _ in range(100):
        limits.clock.sleep(0.1)
        later += admitted(limits, service, operation, 1_000)
    assert in_ten_seconds == pytest.approx(later, abs=1)


def test_invocations_are_not_the_control_plane(limits: AccountLimits) -> None:
    limits.enforced = True
    assert 1_000 == admitted(limits, "lambda", "Invoke", 1_000)


def test_a_deployment_takes_its_share_of_the_whole_control_planes_rate(limits: AccountLimits) -> None:
    limits.enforced = True
    limits.refuses("apigateway", "CreateDeployment")
    assert 39 == admitted(limits, "apigateway", "GetStage", 100)


def test_a_refused_call_does_not_reach_the_service_and_is_told_so(limits: AccountLimits) -> None:
    limits.enforced, limits.rates = True, {("sqs", "*"): Rate(1, 1, "ThrottlingException")}
    queues = client("sqs", REGION)
    queues.create_queue(QueueName="one")
    with pytest.raises(ClientError, match=r"ThrottlingException.*Rate exceeded"):
        queues.create_queue(QueueName="two")
    limits.enforced = False
    assert 1 == len(queues.list_queues()["QueueUrls"])


# --- the clients that wait it out --------------------------------------------------------------------------------


def test_a_client_that_waits_out_throttling_gets_through(limits: AccountLimits) -> None:
    limits.enforced, limits.rates = True, {("sqs", "*"): Rate(1, 1, "ThrottlingException")}
    queues = patient()
    for number in range(3):
        queues.create_queue(QueueName=f"q{number}")
    assert limits.refused["sqs", "CreateQueue"] > 0


def test_it_gives_up_before_a_functions_time_is_over(limits: AccountLimits) -> None:
    limits.enforced, limits.rates = True, {("sqs", "*"): Rate(0, 0, "ThrottlingException")}
    began = limits.clock.timestamp()
    with pytest.raises(ClientError, match="ThrottlingException"):
        patient().list_queues()
    assert 20 < limits.clock.timestamp() - began < 40


def test_a_task_that_has_not_begun_leaves_the_waiting_to_the_workflow(limits: AccountLimits) -> None:
    limits.enforced, limits.rates = True, {("sqs", "*"): Rate(1, 0, "ThrottlingException")}
    with pytest.raises(ClientError, match="ThrottlingException"), repeated_by_the_workflow():
        patient().list_queues()
    assert 1 == limits.refused["sqs", "ListQueues"]


def test_a_task_that_has_begun_waits_for_its_further_calls_but_not_beyond_its_time(limits: AccountLimits) -> None:
    limits.enforced, limits.rates = True, {("sqs", "*"): Rate(0.04, 1, "ThrottlingException")}
    queues, began = patient(), limits.clock.timestamp()
    with repeated_by_the_workflow():
        queues.list_queues()
        queues.list_queues()
        assert 25 <= limits.clock.timestamp() - began < 26
        with pytest.raises(ClientError, match="ThrottlingException"):
            queues.list_queues()
    assert 40 < limits.clock.timestamp() - began < 41


def test_each_task_begins_anew(limits: AccountLimits) -> None:
    limits.enforced, limits.rates = True, {("sqs", "*"): Rate(0.05, 1, "ThrottlingException")}
    queues = patient()
    with repeated_by_the_workflow():
        queues.list_queues()
    with pytest.raises(ClientError, match="ThrottlingException"), repeated_by_the_workflow():
        queues.list_queues()


def test_nothing_but_throttling_is_repeated(limits: AccountLimits) -> None:
    limits.enforced, limits.rates = True, {("sqs", "*"): Rate(0, 0, "ServiceUnavailable")}
    with pytest.raises(ClientError, match="ServiceUnavailable"):
        patient().list_queues()
    assert 1 == limits.refused["sqs", "ListQueues"]
