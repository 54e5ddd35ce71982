"""What else of AWS a rollout rests on, from scratch by boto3: function aliases, metrics and alarms, as documented or
recorded; in-process, and over HTTP as `rollout local` serves it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rollout_simulator.moto_patches.lambda_code import zipped
from tests.contract.conftest import Clients
from tests.contract.gateway import refused

_numbers = count(1)


class Function:
    """A function with versions 1 and 2 and an alias `live` on version 1."""

    def __init__(self, clients: Clients) -> None:
        self.client = clients("lambda")
        self.name = f"orders-{next(_numbers)}"
        role = clients("iam").create_role(RoleName=self.name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        self.client.create_function(
            FunctionName=self.name, Runtime="python3.13", Role=role, Handler="index.h", Code={"ZipFile": zipped("1")}
        )
        self.publish()
        self.client.update_function_code(FunctionName=self.name, ZipFile=zipped("2"))
        self.publish()
        self.client.create_alias(FunctionName=self.name, Name="live", FunctionVersion="1")

    def publish(self) -> str:
        return str(self.client.publish_version(FunctionName=self.name)["Version"])

    def alias(self) -> dict[str, Any]:
        shown = dict(self.client.get_alias(FunctionName=self.name, Name="live"))
        del shown["ResponseMetadata"]
        return shown

    def update(self, weights: dict[str, float] | None = None, **given: Any) -> dict[str, Any]:
        if weights is not None:
            given["RoutingConfig"] = {"AdditionalVersionWeights": weights}
        return dict(self.client.update_alias(FunctionName=self.name, Name="live", **given))


@pytest.fixture
def function(embedded: Clients) -> Function:
    return Function(embedded)


def test_code_that_has_not_changed_is_published_once(function: Function) -> None:
    assert function.publish() == "2"


def test_an_alias_has_weights_until_an_empty_map_clears_them(function: Function) -> None:
    function.update({"2": 0.05})
    assert function.alias()["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.05}}
    function.update({}, FunctionVersion="2")
    assert ("2", False) == (function.alias()["FunctionVersion"], "RoutingConfig" in function.alias())


def test_a_stale_revision_id_is_a_failed_precondition_and_changes_nothing(function: Function) -> None:
    stale = function.alias()["RevisionId"]
    function.update({"2": 0.05}, RevisionId=stale)
    before = function.alias()
    refused(
        "PreconditionFailedException",
        412,
        "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve "
        "the latest Revision Id",
        lambda: function.update({"2": 0.5}, RevisionId=stale),
    )
    assert function.alias() == before


def test_the_newest_code_takes_no_part_in_weights(function: Function) -> None:
    refused(
        "InvalidParameterValueException",
        400,
        "$LATEST is not supported for an alias pointing to more than 1 version",
        lambda: function.update({"2": 0.5}, FunctionVersion="$LATEST"),
    )


def test_an_alias_shares_among_two_versions_at_most(function: Function) -> None:
    with pytest.raises(ClientError, match="InvalidParameterValueException"):
        function.update({"2": 0.5, "3": 0.1})


# --- metrics -----------------------------------------------------------------------------------------------------


def read(embedded: Clients, statistic: str) -> list[float]:
    """The statistic of a minute with 10 samples of 100, 5 of 200, 4 of 300 and one of 900."""
    cloudwatch, name = embedded("cloudwatch"), f"Latency-{next(_numbers)}"
    minute = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=1)
    dimensions = [{"Name": "Stage", "Value": "prod"}]
    cloudwatch.put_metric_data(
        Namespace="Test",
        MetricData=[
            {
                "MetricName": name,
                "Dimensions": dimensions,
                "Timestamp": minute,
                "Values": [100.0, 200.0, 300.0, 900.0],
                "Counts": [10.0, 5.0, 4.0, 1.0],
            }
        ],
    )
    metric = {"Namespace": "Test", "MetricName": name, "Dimensions": dimensions}
    answer = cloudwatch.get_metric_data(
        StartTime=minute - timedelta(minutes=1),
        EndTime=minute + timedelta(minutes=2),
        MetricDataQueries=[{"Id": "q", "MetricStat": {"Metric": metric, "Period": 60, "Stat": statistic}}],
    )
    return list(answer["MetricDataResults"][0]["Values"])


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [
        ("Sum", 4100.0),
        ("SampleCount", 20.0),
        ("Average", 205.0),
        ("p50", 100.0),
        ("p90", 300.0),
        ("p99", 900.0),
        ("TC(:300)", 19.0),
        ("TC(100:300)", 9.0),
        ("PR(:300)", 95.0),
    ],
)
def test_get_metric_data_answers(embedded: Clients, statistic: str, expected: float) -> None:
    assert read(embedded, statistic) == [expected]


def test_metric_math_is_refused_and_not_silently_empty(embedded: Clients) -> None:
    now = datetime.now(UTC)
    with pytest.raises(ClientError, match="no metric math"):
        embedded("cloudwatch").get_metric_data(
            StartTime=now - timedelta(minutes=5),
            EndTime=now,
            MetricDataQueries=[{"Id": "e", "Expression": "m1 * 2"}],
        )


# --- alarms ------------------------------------------------------------------------------------------------------


def test_a_new_alarm_has_insufficient_data_until_it_is_set_or_evaluated(embedded: Clients) -> None:
    cloudwatch, name = embedded("cloudwatch"), f"alarm-{next(_numbers)}"
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="Test",
        MetricName="Nothing",
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
    )

    def state() -> str:
        return str(cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"])

    assert state() == "INSUFFICIENT_DATA"
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="by hand")
    assert state() == "ALARM"
