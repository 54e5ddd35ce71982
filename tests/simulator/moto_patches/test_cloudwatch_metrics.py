"""CloudWatch's metric operations over data that comes late and may be corrected."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from botocore.exceptions import ClientError

from rollout_simulator.moto_patches import cloudwatch_metrics
from rollout_simulator.moto_patches.distribution import Distribution
from rollout_simulator.moto_patches.metric_store import MetricStore, epoch_minute
from tests.simulator.moto_patches.conftest import NOW, client

GATEWAY = "AWS/ApiGateway"
PROD = {"ApiName": "orders", "Stage": "prod"}
THIS_MINUTE = epoch_minute(NOW)


@pytest.fixture
def store(aws: time_machine.Traveller) -> Iterator[MetricStore]:
    with cloudwatch_metrics.patched() as opened:
        yield opened


def publish(store: MetricStore, minutes_ago: int, distribution: Distribution, **changes: Any) -> None:
    """Publish a minute of `5XXError` of the stage, visible since long ago unless said otherwise."""
    given: dict[str, Any] = {
        "namespace": GATEWAY,
        "metric": "5XXError",
        "dimensions": PROD,
        "visible_from": NOW - timedelta(days=100),
        **changes,
    }
    store.publish(minute=THIS_MINUTE - minutes_ago, distribution=distribution, **given)


def query(stat: str = "Sum", **changes: Any) -> dict[str, Any]:
    """One MetricDataQuery for `5XXError` of the stage."""
    metric = {
        "Namespace": changes.pop("namespace", GATEWAY),
        "MetricName": changes.pop("metric", "5XXError"),
        "Dimensions": [{"Name": name, "Value": value} for name, value in changes.pop("dimensions", PROD).items()],
    }
    period = changes.pop("period", 60)
    unit = {"Unit": changes.pop("unit")} if "unit" in changes else {}
    return {
        "Id": "q1",
        "MetricStat": {"Metric": metric, "Period": period, "Stat": stat, **unit},
        **changes,
    }


def data(*queries: dict[str, Any], start: timedelta = timedelta(minutes=10), **given: Any) -> dict[str, Any]:
    """GetMetricData from `start` before now until now, oldest first."""
    answered: dict[str, Any] = client("cloudwatch").get_metric_data(
        **{
            "MetricDataQueries": list(queries),
            "StartTime": NOW - start,
            "EndTime": NOW,
            "ScanBy": "TimestampAscending",
            **given,
        }
    )
    return answered


def values(*queries: dict[str, Any], **given: Any) -> dict[int, float]:
    """The first query's values by minutes before now."""
    result = data(*queries, **given)["MetricDataResults"][0]
    ages = [int((NOW - when).total_seconds() // 60) for when in result["Timestamps"]]
    return dict(zip(ages, result["Values"], strict=True))


def refusal(call: Any, *args: Any, **given: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(*args, **given)
    code: str = caught.value.response["Error"]["Code"]
    return code


class TestWhatIsSeen:
    def test_each_minute_has_its_statistic(self, store: MetricStore) -> None:
        publish(store, 3, Distribution.of_flags(1000, 4))
        publish(store, 1, Distribution.of_flags(900, 2))

        assert values(query("Sum")) == {3: 4.0, 1: 2.0}
        assert values(query("SampleCount")) == {3: 1000.0, 1: 900.0}

    def test_a_minute_without_traffic_has_no_datapoint(self, store: MetricStore) -> None:
        publish(store, 2, Distribution.of_flags(0, 0))

        assert values(query()) == {}

    def test_the_start_is_inclusive_and_the_end_exclusive(self, store: MetricStore) -> None:
        for ago in range(12):
            publish(store, ago, Distribution.of_flags(10, ago % 2))

        seen = values(query("SampleCount"), start=timedelta(minutes=3), EndTime=NOW - timedelta(minutes=1))

        assert list(seen) == [3, 2]

    def test_a_start_within_a_minute_is_rounded_down(self, store: MetricStore) -> None:
        publish(store, 3, Distribution.of_flags(10, 1))

        assert values(query(), start=timedelta(minutes=2, seconds=30)) == {3: 1.0}

    def test_what_is_not_published_yet_is_not_seen(self, store: MetricStore, aws: time_machine.Traveller) -> None:
        publish(store, 2, Distribution.of_flags(10, 1), visible_from=NOW + timedelta(minutes=1))
        early = values(query())

        aws.shift(timedelta(minutes=1))

        assert (early, values(query())) == ({}, {2: 1.0})

    def test_a_revision_replaces_what_was_seen(self, store: MetricStore, aws: time_machine.Traveller) -> None:
        publish(store, 2, Distribution.of_flags(10, 1), visible_from=NOW)
        publish(store, 2, Distribution.of_flags(20, 3), visible_from=NOW + timedelta(minutes=1))
        early = values(query())

        aws.shift(timedelta(minutes=1))

        assert (early, values(query())) == ({2: 1.0}, {2: 3.0})

    def test_dimensions_match_exactly(self, store: MetricStore) -> None:
        publish(store, 1, Distribution.of_flags(10, 1))

        assert values(query(dimensions={"ApiName": "orders"})) == {}
        assert values(query(dimensions={**PROD, "Method": "GET"})) == {}
        assert values(query(dimensions={"ApiName": "orders", "Stage": "prod/Canary"})) == {}

    def test_namespaces_and_names_are_apart(self, store: MetricStore) -> None:
        publish(store, 1, Distribution.of_flags(10, 1))

        assert values(query(namespace="AWS/Lambda")) == {}
        assert values(query(metric="4XXError")) == {}

    def test_a_unit_must_match_where_one_was_published(self, store: MetricStore) -> None:
        publish(store, 2, Distribution.of_flags(10, 1), unit="Count")
        publish(store, 1, Distribution.of_flags(10, 2))

        assert values(query(unit="Count")) == {2: 1.0, 1: 2.0}
        assert values(query(unit="Milliseconds")) == {1: 2.0}

    def test_a_longer_period_sees_its_minutes_as_one(self, store: MetricStore) -> None:
        for ago in (1, 4, 6):
            publish(store, ago, Distribution.of_values([float(ago)]))

        assert values(query("Maximum", period=300)) == {10: 6.0, 5: 4.0}
        assert values(query("SampleCount", period=300)) == {10: 1.0, 5: 2.0}

    def test_the_newest_come_first_unless_asked_otherwise(self, store: MetricStore) -> None:
        for ago in (1, 2, 3):
            publish(store, ago, Distribution.of_flags(10, ago))

        newest_first = data(query(), ScanBy="TimestampDescending")["MetricDataResults"][0]

        assert newest_first["Values"] == [1.0, 2.0, 3.0]
        assert newest_first["Timestamps"][0] == NOW - timedelta(minutes=1)

    def test_latency_over_a_bound_is_a_count(self, store: MetricStore) -> None:
        publish(store, 1, Distribution.of_histogram([100.0, 300.0, 301.0], [50, 40, 10]), metric="Latency")

        assert values(query("TC(:300)", metric="Latency")) == {1: 90.0}

    def test_a_query_that_returns_no_data_is_left_out(self, store: MetricStore) -> None:
        publish(store, 1, Distribution.of_flags(10, 1))

        results = data(query(ReturnData=False), query(Id="q2"))["MetricDataResults"]

        assert [result["Id"] for result in results] == ["q2"]

    @pytest.mark.parametrize(("days", "period"), [(16, 300), (64, 3600)])
    def test_old_data_is_kept_only_in_longer_periods(self, store: MetricStore, days: int, period: int) -> None:
        publish(store, days * 1440 - 60, Distribution.of_flags(10, 1))
        span = {"start": timedelta(days=days), "EndTime": NOW - timedelta(days=days - 1)}

        assert values(query(), **span) == {}
        assert list(values(query(period=period), **span).values()) == [1.0]


class TestPages:
    def test_more_datapoints_than_asked_for_come_in_pages(self, store: MetricStore) -> None:
        for ago in range(1, 6):
            publish(store, ago, Distribution.of_flags(10, ago))
        queries = [query(), query("SampleCount", Id="q2")]

        pages = list(
            client("cloudwatch")
            .get_paginator("get_metric_data")
            .paginate(
                MetricDataQueries=queries,
                StartTime=NOW - timedelta(minutes=10),
                EndTime=NOW,
                PaginationConfig={"PageSize": 3},
            )
        )

        seen = [
            [(result["Id"], result["Values"], result["StatusCode"]) for result in page["MetricDataResults"]]
            for page in pages
        ]
        assert seen == [
            [("q1", [1.0, 2.0, 3.0], "PartialData")],
            [("q1", [4.0, 5.0], "Complete"), ("q2", [10.0], "PartialData")],
            [("q2", [10.0, 10.0, 10.0], "PartialData")],
            [("q2", [10.0], "Complete")],
        ]

    def test_the_store_can_force_small_pages(self, store: MetricStore) -> None:
        publish(store, 1, Distribution.of_flags(10, 1))
        publish(store, 2, Distribution.of_flags(10, 2))
        store.page_size = 1

        first = data(query())
        second = data(query(), NextToken=first["NextToken"])

        assert first["MetricDataResults"][0]["Values"] == [2.0]
        assert second["MetricDataResults"][0]["Values"] == [1.0]
        assert "NextToken" not in second

    def test_a_query_without_data_is_on_the_first_page_only(self, store: MetricStore) -> None:
        publish(store, 1, Distribution.of_flags(10, 1))
        publish(store, 2, Distribution.of_flags(10, 2))
        store.page_size = 1
        queries = [query(metric="None", Id="empty"), query()]

        first = data(*queries)
        second = data(*queries, NextToken=first["NextToken"])

        assert [result["Id"] for result in first["MetricDataResults"]] == ["empty", "q1"]
        assert [result["Id"] for result in second["MetricDataResults"]] == ["q1"]

    def test_a_foreign_token_is_refused(self, store: MetricStore) -> None:
        assert refusal(data, query(), NextToken="forged") == "InvalidNextToken"

    def test_for_a_while_only_part_of_the_data_is_given(self, store: MetricStore, aws: time_machine.Traveller) -> None:
        for ago in (1, 2, 3, 4):
            publish(store, ago, Distribution.of_flags(10, ago))
        store.partial_until = NOW + timedelta(minutes=1)

        partial = data(query())["MetricDataResults"][0]
        aws.shift(timedelta(minutes=1))
        whole = data(query())["MetricDataResults"][0]

        assert (partial["StatusCode"], partial["Values"]) == ("PartialData", [4.0, 3.0])
        assert (whole["StatusCode"], whole["Values"]) == ("Complete", [4.0, 3.0, 2.0, 1.0])


class TestRefusals:
    @pytest.mark.parametrize(
        "bad",
        [
            query("p101"),
            query("Median"),
            query(period=90),
            query(period=10),
            query(Id="Upper"),
            {"Id": "q1", "Expression": "q2 / q3"},
            {"Id": "q1"},
        ],
    )
    def test_a_query_that_makes_no_sense_is_a_validation_error(self, store: MetricStore, bad: dict[str, Any]) -> None:
        assert refusal(data, bad) == "ValidationError"

    def test_two_queries_of_one_id_are_refused(self, store: MetricStore) -> None:
        assert refusal(data, query(), query()) == "ValidationError"

    def test_more_than_500_queries_are_refused(self, store: MetricStore) -> None:
        assert refusal(data, *(query(Id=f"q{number}") for number in range(501))) == "ValidationError"

    @pytest.mark.parametrize("start", [timedelta(0), timedelta(minutes=-1)])
    def test_an_empty_time_range_is_refused(self, store: MetricStore, start: timedelta) -> None:
        assert refusal(data, query(), start=start) == "ValidationError"


class TestPutMetricData:
    @staticmethod
    def put(**datum: Any) -> None:
        client("cloudwatch").put_metric_data(Namespace="Orders", MetricData=[{"MetricName": "Size", **datum}])

    @staticmethod
    def seen(stat: str) -> list[float]:
        asked = query(stat, namespace="Orders", metric="Size", dimensions={})
        return list(values(asked, EndTime=NOW + timedelta(minutes=1)).values())

    def test_values_of_one_minute_add_up(self, store: MetricStore) -> None:
        self.put(Value=3.0)
        self.put(Values=[5.0, 7.0], Counts=[2.0, 1.0])

        assert [self.seen(stat) for stat in ("SampleCount", "Sum", "p50")] == [[4.0], [20.0], [5.0]]

    def test_a_statistic_set_has_no_percentiles(self, store: MetricStore) -> None:
        self.put(StatisticValues={"SampleCount": 10.0, "Sum": 55.0, "Minimum": 1.0, "Maximum": 10.0})

        assert [self.seen(stat) for stat in ("Average", "p50", "TC(:3)")] == [[5.5], [], []]

    def test_a_timestamp_says_which_minute(self, store: MetricStore) -> None:
        self.put(Value=3.0, Timestamp=NOW - timedelta(minutes=5, seconds=-30))

        assert values(query(namespace="Orders", metric="Size", dimensions={})) == {5: 3.0}

    def test_moto_s_own_checks_stay(self, store: MetricStore) -> None:
        assert refusal(self.put, Values=[1.0], Counts=[1.0, 2.0]) == "InvalidParameterValue"


class TestGetMetricStatistics:
    @staticmethod
    def statistics(**given: Any) -> list[dict[str, Any]]:
        answered: list[dict[str, Any]] = client("cloudwatch").get_metric_statistics(
            **{
                "Namespace": GATEWAY,
                "MetricName": "Latency",
                "Dimensions": [{"Name": name, "Value": value} for name, value in PROD.items()],
                "StartTime": NOW - timedelta(minutes=10),
                "EndTime": NOW,
                "Period": 300,
                **given,
            }
        )["Datapoints"]
        return answered

    def test_simple_and_extended_statistics_come_together(self, store: MetricStore) -> None:
        publish(store, 2, Distribution.of_values([10.0, 20.0]), metric="Latency", unit="Milliseconds")

        assert self.statistics(Statistics=["Sum", "Average"], ExtendedStatistics=["p99", "TC(:15)"]) == [
            {
                "Timestamp": NOW - timedelta(minutes=5),
                "Sum": 30.0,
                "Average": 15.0,
                "ExtendedStatistics": {"p99": 20.0, "TC(:15)": 1.0},
                "Unit": "Milliseconds",
            }
        ]

    def test_without_data_there_is_no_datapoint(self, store: MetricStore) -> None:
        assert self.statistics(Statistics=["Sum"]) == []

    def test_an_unknown_statistic_is_refused(self, store: MetricStore) -> None:
        assert refusal(self.statistics, ExtendedStatistics=["p101"]) == "InvalidParameterValue"

    def test_one_statistic_at_least_is_required(self, store: MetricStore) -> None:
        assert refusal(self.statistics) == "InvalidParameterCombination"

    def test_more_than_1440_datapoints_are_refused(self, store: MetricStore) -> None:
        publish(store, 2, Distribution.of_values([10.0]), metric="Latency")

        asked = {"Statistics": ["Sum"], "Period": 60, "StartTime": NOW - timedelta(days=2)}
        assert refusal(self.statistics, **asked) == "InvalidParameterCombination"


class TestListMetrics:
    @staticmethod
    def names(**given: Any) -> list[str]:
        return [metric["MetricName"] for metric in client("cloudwatch").list_metrics(**given)["Metrics"]]

    def test_what_was_published_is_listed_once_it_is_visible(
        self, store: MetricStore, aws: time_machine.Traveller
    ) -> None:
        publish(store, 1, Distribution.of_flags(1, 0))
        publish(store, 1, Distribution.of_flags(1, 0), metric="Later", visible_from=NOW + timedelta(minutes=1))
        early = self.names()

        aws.shift(timedelta(minutes=1))

        assert (early, self.names()) == (["5XXError"], ["5XXError", "Later"])

    def test_a_filter_may_name_some_dimensions_only(self, store: MetricStore) -> None:
        publish(store, 1, Distribution.of_flags(1, 0))

        assert self.names(Namespace=GATEWAY, Dimensions=[{"Name": "Stage"}]) == ["5XXError"]
        assert self.names(Dimensions=[{"Name": "Stage", "Value": "prod"}]) == ["5XXError"]
        assert self.names(Dimensions=[{"Name": "Stage", "Value": "beta"}]) == []
        assert self.names(MetricName="4XXError") == []

    def test_the_list_comes_in_pages_of_500(self, store: MetricStore) -> None:
        for number in range(501):
            publish(store, 1, Distribution.of_flags(1, 0), metric=f"m{number}")

        first = client("cloudwatch").list_metrics()
        second = client("cloudwatch").list_metrics(NextToken=first["NextToken"])

        assert (len(first["Metrics"]), len(second["Metrics"])) == (500, 1)


def test_a_moment_without_a_zone_is_utc() -> None:
    assert epoch_minute(NOW.replace(tzinfo=None)) == THIS_MINUTE
    assert epoch_minute(datetime(1970, 1, 1, 0, 1, 59, tzinfo=UTC)) == 1
