"""What `Alarms` promises, kept by the CloudWatch adapter and by its fake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Protocol

import pytest

from rollout.adapters.cloudwatch_alarms import CloudWatchAlarms
from rollout.core.inspection import AlarmMetric, AlarmState
from rollout.core.target import Target
from rollout.errors import NotAllowed, RolloutError, Unavailable
from rollout.ports import Alarms
from rollout_simulator.fakes import FakeAlarms
from rollout_simulator.moto_patches import cloudwatch_alarms, cloudwatch_metrics
from tests.contract.aws import NOW, client, in_trouble, refusing, requests_of

PROD = Target("apigateway-stage", {"restApiId": "a1b2c3d4e5", "stageName": "prod"})
TEST = Target("apigateway-stage", {"restApiId": "a1b2c3d4e5", "stageName": "test"})


class World(Protocol):
    """An account without alarms."""

    @property
    def alarms(self) -> Alarms: ...

    def put(self, name: str, state: str = "OK", reason: str = "", *, tagged: Target | None = None) -> None: ...

    def delete(self, name: str) -> None: ...

    def failing(self, error: type[RolloutError]) -> AbstractContextManager[None]: ...


class OverCloudWatch:
    def __init__(self) -> None:
        self.client = client("cloudwatch")
        self.alarms = CloudWatchAlarms(self.client, client("resourcegroupstaggingapi"))

    def put(self, name: str, state: str = "OK", reason: str = "", *, tagged: Target | None = None) -> None:
        value = "/".join(tagged.ids.values()) if tagged else "nobody"
        self.client.put_metric_alarm(
            AlarmName=name,
            Namespace="AWS/ApiGateway",
            MetricName="5XXError",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=5,
            ComparisonOperator="GreaterThanThreshold",
            Tags=[{"Key": "rollout-pilot:target", "Value": value}],
        )
        self.client.set_alarm_state(AlarmName=name, StateValue=state, StateReason=reason)

    def put_composite(self, name: str, rule: str) -> None:
        self.client.put_composite_alarm(AlarmName=name, AlarmRule=rule)

    def delete(self, name: str) -> None:
        self.client.delete_alarms(AlarmNames=[name])

    @contextmanager
    def failing(self, error: type[RolloutError]) -> Iterator[None]:
        code, status = {NotAllowed: ("AccessDenied", 403), Unavailable: ("Throttling", 400)}[error]
        with refusing("cloudwatch", code, status), refusing("resourcegroupstaggingapi", code, status):
            yield


class InMemory:
    def __init__(self) -> None:
        self.fake = FakeAlarms()
        self.alarms = self.fake

    def put(self, name: str, state: str = "OK", reason: str = "", *, tagged: Target | None = None) -> None:
        self.fake.put(name, state, NOW, reason, tagged=tagged)

    def delete(self, name: str) -> None:
        self.fake.delete(name)

    def failing(self, error: type[RolloutError]) -> AbstractContextManager[None]:
        return in_trouble(self.fake, error)


@pytest.fixture
def cloudwatch(aws: None) -> Iterator[OverCloudWatch]:
    with ExitStack() as stack:
        metrics = stack.enter_context(cloudwatch_metrics.patched())
        stack.enter_context(cloudwatch_alarms.patched(lambda _event: None, metrics))
        yield OverCloudWatch()


@pytest.fixture(params=["adapter", "fake"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "fake":
        return InMemory()
    over_cloudwatch: OverCloudWatch = request.getfixturevalue("cloudwatch")
    return over_cloudwatch


def test_an_alarm_is_shown_with_its_state_since_when_and_why(world: World) -> None:
    world.put("orders-5xx", "ALARM", "6 errors")
    (alarm,) = world.alarms.named(["orders-5xx"])
    assert AlarmState("orders-5xx", "ALARM", NOW, "6 errors") == replace(alarm, metric=None)


def test_only_the_alarms_asked_for_are_shown(world: World) -> None:
    world.put("orders-5xx")
    world.put("orders-slow")
    assert ["orders-slow"] == [alarm.name for alarm in world.alarms.named(["orders-slow"])]


def test_an_alarm_that_does_not_exist_is_missing_from_the_answer(world: World) -> None:
    world.put("orders-5xx")
    assert ["orders-5xx"] == [alarm.name for alarm in world.alarms.named(["gone", "orders-5xx"])]


def test_more_alarms_than_one_call_takes_are_all_shown(world: World) -> None:
    names = [f"alarm-{number:03}" for number in range(120)]
    for name in names:
        world.put(name)
    assert names == sorted(alarm.name for alarm in world.alarms.named(names))


def test_the_alarms_tagged_for_a_target_are_found(world: World) -> None:
    world.put("prod-slow", tagged=PROD)
    world.put("prod-5xx", tagged=PROD)
    world.put("test-5xx", tagged=TEST)
    world.put("untagged")
    assert ["prod-5xx", "prod-slow"] == list(world.alarms.tagged_for(PROD))


def test_a_target_without_tagged_alarms_has_none(world: World) -> None:
    assert [] == list(world.alarms.tagged_for(PROD))


def test_a_deleted_alarm_is_gone(world: World) -> None:
    world.put("orders-5xx", tagged=PROD)
    world.delete("orders-5xx")
    assert [] == list(world.alarms.named(["orders-5xx"]))
    assert [] == list(world.alarms.tagged_for(PROD))


@pytest.mark.parametrize("error", [NotAllowed, Unavailable])
def test_what_aws_denies_or_fails_is_called_so(world: World, error: type[RolloutError]) -> None:
    with world.failing(error):
        with pytest.raises(error, match="as the test wants"):
            world.alarms.named(["orders-5xx"])
        with pytest.raises(error, match="as the test wants"):
            world.alarms.tagged_for(PROD)


# --- CloudWatch alone --------------------------------------------------------------------------------------------


def test_a_composite_alarm_is_an_alarm(cloudwatch: OverCloudWatch) -> None:
    cloudwatch.put("orders-5xx")
    cloudwatch.put_composite("orders", "ALARM(orders-5xx)")
    assert ["orders", "orders-5xx"] == sorted(alarm.name for alarm in cloudwatch.alarms.named(["orders", "orders-5xx"]))


def test_no_call_names_more_alarms_than_cloudwatch_takes(cloudwatch: OverCloudWatch) -> None:
    """DescribeAlarms takes at most 100 names (API reference), and the embedded AWS takes any number."""
    with requests_of("cloudwatch") as asked:
        cloudwatch.alarms.named([f"alarm-{number}" for number in range(201)])
    assert [100, 100, 1] == [len(params["AlarmNames"]) for _, params in asked]


# --- CloudWatch alone: what an alarm watches ---------------------------------------------------------------------


@pytest.fixture
def over_cloudwatch(aws: None) -> Iterator[OverCloudWatch]:
    with cloudwatch_metrics.patched() as metrics, cloudwatch_alarms.patched(lambda *_: None, metrics):
        yield OverCloudWatch()


SERVER_ERRORS = AlarmMetric("AWS/ApiGateway", "5XXError", (("ApiName", "orders"), ("Stage", "prod")))


def test_the_series_that_an_alarm_watches_is_told(over_cloudwatch: OverCloudWatch) -> None:
    over_cloudwatch.put("plain")
    over_cloudwatch.put_composite("all", 'ALARM("plain")')
    plain, composite = over_cloudwatch.alarms.named(["plain", "all"])
    assert (AlarmMetric("AWS/ApiGateway", "5XXError"), None) == (plain.metric, composite.metric)


def test_a_series_with_a_point_in_the_last_two_weeks_is_seen(over_cloudwatch: OverCloudWatch) -> None:
    other = replace(SERVER_ERRORS, dimensions=(("ApiName", "oders"), ("Stage", "prod")))
    for metric, days in ((SERVER_ERRORS, 13), (other, 16)):
        over_cloudwatch.client.put_metric_data(
            Namespace=metric.namespace,
            MetricData=[
                {
                    "MetricName": metric.metric,
                    "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions],
                    "Timestamp": NOW - timedelta(days=days),
                    "Value": 0.0,
                }
            ],
        )
    assert frozenset({SERVER_ERRORS}) == over_cloudwatch.alarms.seen([SERVER_ERRORS, other], NOW)
    assert frozenset() == over_cloudwatch.alarms.seen([], NOW)
