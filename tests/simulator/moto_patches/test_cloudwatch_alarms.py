"""Alarms that change by themselves, and tell EventBridge."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from botocore.exceptions import ClientError

from rollout_simulator.moto_patches import cloudwatch_alarms, cloudwatch_metrics
from rollout_simulator.moto_patches.alarm_board import AlarmBoard
from rollout_simulator.moto_patches.distribution import Distribution
from rollout_simulator.moto_patches.metric_store import MetricStore, epoch_minute
from tests.simulator.moto_patches.conftest import NOW, REGION, client

PROD = {"ApiName": "orders", "Stage": "prod"}
ARN = f"arn:aws:cloudwatch:{REGION}:123456789012:alarm"


class Simulation:
    """A clock, metrics, alarms and what EventBridge was told."""

    def __init__(self, clock: time_machine.Traveller) -> None:
        self.clock = clock
        self.metrics = MetricStore()
        self.events: list[dict[str, Any]] = []
        self.board: AlarmBoard
        self.client = client("cloudwatch")

    def put_alarm(self, name: str = "orders-5xx", **changes: Any) -> None:
        """PutMetricAlarm: more than 5 errors in the last minute."""
        self.client.put_metric_alarm(
            **{
                "AlarmName": name,
                "Namespace": "AWS/ApiGateway",
                "MetricName": "5XXError",
                "Dimensions": [{"Name": key, "Value": value} for key, value in PROD.items()],
                "Statistic": "Sum",
                "Period": 60,
                "EvaluationPeriods": 1,
                "Threshold": 5,
                "ComparisonOperator": "GreaterThanThreshold",
                **changes,
            }
        )

    def minute(self, bad: int | None, *, late: timedelta = timedelta(0)) -> None:
        """Let one minute pass with that many errors (None: no traffic), then evaluate."""
        began = datetime.now(UTC)
        self.clock.shift(timedelta(minutes=1))
        if bad is not None:
            flags = Distribution.of_flags(1000, bad)
            self.metrics.publish(
                "AWS/ApiGateway", "5XXError", PROD, epoch_minute(began), flags, datetime.now(UTC) + late
            )
        self.board.evaluate_alarms(datetime.now(UTC))

    def described(self, name: str = "orders-5xx") -> dict[str, Any]:
        """DescribeAlarms of one alarm of either type."""
        shown = self.client.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        found: dict[str, Any] = [*shown["MetricAlarms"], *shown["CompositeAlarms"]][0]
        return found

    def state(self, name: str = "orders-5xx") -> str:
        """The state DescribeAlarms shows."""
        value: str = self.described(name)["StateValue"]
        return value

    def transitions(self) -> list[tuple[str, str, str]]:
        """Alarm, state before and state after, of each event."""
        details = [event["detail"] for event in self.events]
        return [(detail["alarmName"], detail["previousState"]["value"], detail["state"]["value"]) for detail in details]


@pytest.fixture
def simulation(aws: time_machine.Traveller) -> Iterator[Simulation]:
    made = Simulation(aws)
    with (
        cloudwatch_metrics.patched(made.metrics),
        cloudwatch_alarms.patched(made.events.append, made.metrics) as made.board,
    ):
        yield made


class TestMetricAlarms:
    def test_a_new_alarm_knows_nothing_and_says_nothing(self, simulation: Simulation) -> None:
        simulation.put_alarm()

        assert (simulation.state(), simulation.events) == ("INSUFFICIENT_DATA", [])

    def test_it_follows_its_metric_and_tells_each_transition_once(self, simulation: Simulation) -> None:
        simulation.put_alarm()

        states = []
        for bad in (0, 0, 6, 7, 5):
            simulation.minute(bad)
            states.append(simulation.state())

        assert states == ["OK", "OK", "ALARM", "ALARM", "OK"]
        assert simulation.transitions() == [
            ("orders-5xx", "INSUFFICIENT_DATA", "OK"),
            ("orders-5xx", "OK", "ALARM"),
            ("orders-5xx", "ALARM", "OK"),
        ]

    def test_the_event_is_what_event_bridge_delivers(self, simulation: Simulation) -> None:
        simulation.put_alarm(AlarmDescription="too many errors")
        simulation.minute(0)
        simulation.minute(6)

        event = simulation.events[-1]
        identity = event.pop("id")
        metric = event["detail"]["configuration"]["metrics"][0]
        metric_id = metric.pop("id")
        assert len(identity) == len(metric_id) == 36
        assert event["detail"]["state"].pop("reasonData").startswith('{"version":"1.0"')
        assert event["detail"]["previousState"].pop("reasonData").startswith('{"version":"1.0"')
        assert event["detail"]["previousState"].pop("reason").startswith("Threshold Crossed: 1 out of")
        assert event == {
            "version": "0",
            "detail-type": "CloudWatch Alarm State Change",
            "source": "aws.cloudwatch",
            "account": "123456789012",
            "time": "2026-03-02T12:02:00Z",
            "region": REGION,
            "resources": [f"{ARN}:orders-5xx"],
            "detail": {
                "alarmName": "orders-5xx",
                "state": {
                    "value": "ALARM",
                    "reason": "Threshold Crossed: 1 out of the last 1 datapoints [6.0 (02/03/26 12:01:00)] was "
                    "greater than the threshold (5.0) (minimum 1 datapoint for OK -> ALARM transition).",
                    "timestamp": "2026-03-02T12:02:00.000+0000",
                },
                "previousState": {"value": "OK", "timestamp": "2026-03-02T12:01:00.000+0000"},
                "configuration": {
                    "description": "too many errors",
                    "metrics": [
                        {
                            "metricStat": {
                                "metric": {
                                    "namespace": "AWS/ApiGateway",
                                    "name": "5XXError",
                                    "dimensions": PROD,
                                },
                                "period": 60,
                                "stat": "Sum",
                            },
                            "returnData": True,
                        }
                    ],
                },
            },
        }

    def test_describe_alarms_shows_when_and_why(self, simulation: Simulation) -> None:
        simulation.put_alarm()
        simulation.minute(0)
        simulation.minute(6)
        simulation.minute(7)

        shown = simulation.described()
        moved = NOW + timedelta(minutes=2)
        assert (shown["StateUpdatedTimestamp"], shown["StateTransitionedTimestamp"]) == (moved, moved)
        assert shown["StateReason"].startswith("Threshold Crossed: 1 out of the last 1 datapoints [6.0")

    def test_data_three_minutes_late_never_looks_like_no_data(self, simulation: Simulation) -> None:
        simulation.put_alarm()

        for _ in range(9):
            simulation.minute(0, late=timedelta(minutes=3))

        assert simulation.transitions() == [("orders-5xx", "INSUFFICIENT_DATA", "OK")]

    def test_without_data_for_longer_it_knows_nothing_again(self, simulation: Simulation) -> None:
        simulation.put_alarm()
        simulation.minute(0)

        for _ in range(4):
            simulation.minute(None)

        assert simulation.state() == "INSUFFICIENT_DATA"

    def test_m_out_of_n_datapoints_alarm(self, simulation: Simulation) -> None:
        simulation.put_alarm(Statistic="Average", Threshold=0.005, EvaluationPeriods=3, DatapointsToAlarm=2)

        states = []
        for bad in (0, 6, 0, 6, 0, 0):
            simulation.minute(bad)
            states.append(simulation.state())

        assert states == ["OK", "OK", "OK", "ALARM", "OK", "OK"]

    def test_a_percentile_alarm_over_five_minutes(self, simulation: Simulation) -> None:
        definition = {"Period": 300, "Threshold": 0, "ExtendedStatistic": "p99"}
        simulation.client.put_metric_alarm(
            AlarmName="slow",
            Namespace="AWS/ApiGateway",
            MetricName="5XXError",
            Dimensions=[{"Name": key, "Value": value} for key, value in PROD.items()],
            EvaluationPeriods=1,
            ComparisonOperator="GreaterThanThreshold",
            **definition,
        )

        simulation.minute(0)
        simulation.minute(100)

        assert simulation.transitions()[-1] == ("slow", "OK", "ALARM")

    def test_on_dynamodb_missing_data_is_always_ignored(self, simulation: Simulation) -> None:
        simulation.put_alarm(Namespace="AWS/DynamoDB", TreatMissingData="breaching")

        simulation.minute(None)

        assert simulation.state() == "INSUFFICIENT_DATA"

    def test_an_updated_alarm_keeps_its_state(self, simulation: Simulation) -> None:
        simulation.put_alarm()
        simulation.minute(6)

        simulation.put_alarm(Threshold=100)
        kept = simulation.state()
        simulation.minute(6)

        assert (kept, simulation.state()) == ("ALARM", "OK")

    @pytest.mark.parametrize(
        "changes",
        [
            {"Period": 90},
            {"Period": 10},
            {"DatapointsToAlarm": 2},
            {"ComparisonOperator": "GreaterThanUpperThreshold"},
            {"TreatMissingData": "hidden"},
        ],
    )
    def test_an_alarm_that_could_never_work_is_refused(self, simulation: Simulation, changes: dict[str, Any]) -> None:
        with pytest.raises(ClientError, match="ValidationError"):
            simulation.put_alarm(**changes)

    def test_metric_math_is_refused_rather_than_silent(self, simulation: Simulation) -> None:
        with pytest.raises(ClientError, match="not supported by this simulated CloudWatch"):
            simulation.client.put_metric_alarm(
                AlarmName="math",
                EvaluationPeriods=1,
                Threshold=1,
                ComparisonOperator="GreaterThanThreshold",
                Metrics=[{"Id": "e1", "Expression": "m1 / m2"}],
            )


class TestSetAlarmState:
    def test_it_moves_the_alarm_and_tells(self, simulation: Simulation) -> None:
        simulation.put_alarm()

        simulation.client.set_alarm_state(AlarmName="orders-5xx", StateValue="ALARM", StateReason="drill")

        assert simulation.state() == "ALARM"
        assert simulation.transitions() == [("orders-5xx", "INSUFFICIENT_DATA", "ALARM")]
        assert simulation.events[0]["detail"]["state"]["reason"] == "drill"

    def test_the_same_state_again_says_nothing(self, simulation: Simulation) -> None:
        simulation.put_alarm()

        for _ in range(2):
            simulation.client.set_alarm_state(AlarmName="orders-5xx", StateValue="OK", StateReason="drill")

        assert len(simulation.events) == 1

    def test_a_metric_alarm_returns_at_the_next_minute(self, simulation: Simulation) -> None:
        simulation.put_alarm()
        simulation.minute(0)
        simulation.client.set_alarm_state(AlarmName="orders-5xx", StateValue="ALARM", StateReason="drill")

        simulation.minute(0)

        assert simulation.state() == "OK"

    def test_an_unknown_alarm_is_not_found(self, simulation: Simulation) -> None:
        with pytest.raises(ClientError) as caught:
            simulation.client.set_alarm_state(AlarmName="none", StateValue="OK", StateReason="drill")

        assert caught.value.response["Error"]["Code"] == "ResourceNotFound"


class TestCompositeAlarms:
    @pytest.fixture
    def composed(self, simulation: Simulation) -> Simulation:
        simulation.put_alarm("a", Threshold=5)
        simulation.put_alarm("b", Threshold=10)
        simulation.client.put_composite_alarm(
            AlarmName="both", AlarmRule='ALARM("a") AND ALARM("b")', AlarmDescription="really bad"
        )
        return simulation

    def test_it_starts_knowing_nothing_and_is_settled_at_the_next_minute(self, composed: Simulation) -> None:
        first = composed.state("both")

        composed.minute(0)

        assert (first, composed.state("both")) == ("INSUFFICIENT_DATA", "OK")

    def test_it_changes_with_the_alarms_it_asks_about(self, composed: Simulation) -> None:
        states = []
        for bad in (0, 6, 11, 6):
            composed.minute(bad)
            states.append(composed.state("both"))

        assert states == ["OK", "OK", "ALARM", "OK"]

    def test_its_event_carries_its_rule(self, composed: Simulation) -> None:
        composed.minute(0)
        composed.minute(11)

        event = next(each for each in reversed(composed.events) if each["detail"]["alarmName"] == "both")
        assert event["detail"]["configuration"] == {
            "alarmRule": 'ALARM("a") AND ALARM("b")',
            "description": "really bad",
        }
        assert event["detail"]["state"]["reason"] == (
            f"{ARN}:b transitioned to ALARM at Monday 02 March, 2026 12:02:00 UTC"
        )
        assert event["resources"] == [f"{ARN}:both"]

    def test_it_may_ask_about_another_composite(self, composed: Simulation) -> None:
        composed.client.put_composite_alarm(AlarmName="page", AlarmRule='NOT OK("both")')
        composed.minute(0)

        composed.minute(11)

        assert composed.transitions()[-1] == ("page", "OK", "ALARM")

    def test_once_set_by_hand_it_stays_until_a_child_changes(self, composed: Simulation) -> None:
        composed.minute(0)
        composed.client.set_alarm_state(AlarmName="both", StateValue="ALARM", StateReason="drill")
        composed.minute(0)
        stayed = composed.state("both")

        composed.minute(6)

        assert (stayed, composed.state("both")) == ("ALARM", "OK")

    def test_a_changed_rule_is_evaluated_at_the_next_minute(self, composed: Simulation) -> None:
        composed.minute(6)
        composed.client.put_composite_alarm(AlarmName="both", AlarmRule='ALARM("a") OR ALARM("b")')

        composed.minute(6)

        assert composed.state("both") == "ALARM"

    @pytest.mark.parametrize("rule", ["ALARM(", 'ALARM("nowhere")'])
    def test_a_rule_that_cannot_work_is_refused(self, composed: Simulation, rule: str) -> None:
        with pytest.raises(ClientError, match="ValidationError"):
            composed.client.put_composite_alarm(AlarmName="bad", AlarmRule=rule)


class TestDescribing:
    @pytest.fixture
    def composed(self, simulation: Simulation) -> Simulation:
        for name in ("orders-5xx", "orders-slow", "stock-5xx"):
            simulation.put_alarm(name)
        simulation.client.put_composite_alarm(AlarmName="orders-all", AlarmRule='ALARM("orders-5xx")')
        return simulation

    @staticmethod
    def names(simulation: Simulation, **given: Any) -> list[str]:
        shown = simulation.client.describe_alarms(**given)
        return [alarm["AlarmName"] for alarm in shown["MetricAlarms"] + shown["CompositeAlarms"]]

    def test_composite_alarms_are_shown_only_when_asked_for(self, composed: Simulation) -> None:
        assert self.names(composed, AlarmNames=["orders-all"]) == []
        assert self.names(composed, AlarmNames=["orders-all"], AlarmTypes=["CompositeAlarm"]) == ["orders-all"]

    def test_filters_work_together(self, composed: Simulation) -> None:
        composed.client.set_alarm_state(AlarmName="orders-slow", StateValue="ALARM", StateReason="drill")

        assert self.names(composed, AlarmNamePrefix="orders", StateValue="ALARM") == ["orders-slow"]

    def test_the_list_comes_in_pages(self, composed: Simulation) -> None:
        pages = composed.client.get_paginator("describe_alarms").paginate(PaginationConfig={"PageSize": 2})

        assert [len(page["MetricAlarms"]) for page in pages] == [2, 1]


class TestTags:
    def test_tags_given_at_creation_are_listed(self, simulation: Simulation) -> None:
        simulation.put_alarm(Tags=[{"Key": "rollout", "Value": "orders"}])

        tags = simulation.client.list_tags_for_resource(ResourceARN=f"{ARN}:orders-5xx")["Tags"]
        assert tags == [{"Key": "rollout", "Value": "orders"}]

    def test_tags_given_at_an_update_are_ignored(self, simulation: Simulation) -> None:
        simulation.put_alarm()
        simulation.put_alarm(Tags=[{"Key": "rollout", "Value": "orders"}])

        assert simulation.client.list_tags_for_resource(ResourceARN=f"{ARN}:orders-5xx")["Tags"] == []

    def test_the_tagging_api_finds_alarms_by_tag(self, simulation: Simulation) -> None:
        simulation.put_alarm("tagged", Tags=[{"Key": "rollout", "Value": "orders"}])
        simulation.put_alarm("other", Tags=[{"Key": "rollout", "Value": "stock"}])
        simulation.client.put_composite_alarm(
            AlarmName="composed", AlarmRule="TRUE", Tags=[{"Key": "rollout", "Value": "orders"}]
        )

        found = client("resourcegroupstaggingapi").get_resources(
            ResourceTypeFilters=["cloudwatch:alarm"], TagFilters=[{"Key": "rollout", "Values": ["orders"]}]
        )["ResourceTagMappingList"]

        assert [each["ResourceARN"] for each in found] == [f"{ARN}:tagged", f"{ARN}:composed"]
