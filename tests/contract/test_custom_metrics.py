"""Custom metrics, read from CloudWatch beside a stage's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rollout.adapters.cloudwatch import CloudWatchReader
from rollout.adapters.custom_metrics import WithCustomMetrics
from rollout.adapters.stage_metrics import StageMetrics
from rollout.core.custom_metrics import CustomSeries
from rollout.core.judge import Count, Moments
from rollout.core.measures import BaseHistory, Measure, RawCounts, RawMinute, Series
from rollout.core.minutes import minute_of
from rollout_simulator.moto_patches import cloudwatch_metrics
from rollout_simulator.moto_patches.distribution import Distribution
from rollout_simulator.moto_patches.metric_store import MetricStore
from tests.contract.aws import NOW, client

M = minute_of(NOW) - 10
BASE, CANARY = {"Stage": "prod", "Track": "base"}, {"Stage": "prod", "Track": "canary"}
ORDERS = CustomSeries("Shop", "OrdersPlaced", BASE, CANARY, "Sum", "higher")
FAILURES = replace(ORDERS, metric="Failures", better="lower")
VALUE = replace(ORDERS, metric="OrderValue", statistic="Average")
FLAG = replace(ORDERS, metric="Failed", statistic="Average", better="lower")
SEARCH = replace(ORDERS, metric="SearchTime", statistic="p90", better="lower")
OWN = Series({"ApiName": "orders", "Stage": "prod"}, {"ApiName": "orders", "Stage": "prod/Canary"})


class World:
    """A stage with 1,000 requests in the minute M, 50 of them its canary's; no custom metric has any data."""

    def __init__(self, store: MetricStore) -> None:
        self.store = store
        reader = CloudWatchReader(client("cloudwatch"))
        self.source = WithCustomMetrics(StageMetrics(reader), reader, "5XXError")
        self.requests(M, 1000, 50)

    def requests(self, minute: int, stage: int, canary: int) -> None:
        for dimensions, count in ((OWN.base, stage), (OWN.canary, canary)):
            if count:
                self.put("AWS/ApiGateway", "5XXError", dimensions, minute, {0.0: count})

    def publish(self, series: CustomSeries, values: Any, arm: str = "base", minute: int = M) -> None:
        self.put(series.namespace, series.metric, BASE if arm == "base" else CANARY, minute, values)

    def put(self, namespace: str, metric: str, dimensions: Any, minute: int, values: Any) -> None:
        published = Distribution.of_histogram(list(values), [float(count) for count in values.values()])
        self.store.publish(namespace, metric, dimensions, minute, published, NOW - timedelta(days=1))

    def read(self, series: CustomSeries, threshold: float | None = None, *, own: bool = False) -> RawMinute:
        measures = [Measure("it", threshold), *([Measure("5XXError")] if own else [])]
        (raw,) = self.source.read(replace(OWN, custom={"it": series}), measures, M, M)
        return raw

    def counts(self, series: CustomSeries, threshold: float | None = None) -> RawCounts:
        return self.read(series, threshold).counts["it"]

    def history(self, series: CustomSeries) -> BaseHistory:
        (base,) = self.source.history(replace(OWN, custom={"it": series}), ["it"], M)
        return base


@pytest.fixture
def world(aws: None) -> Iterator[World]:
    with cloudwatch_metrics.patched() as store:
        yield World(store)


def test_events_are_counted_among_the_requests_of_their_arm(world: World) -> None:
    world.publish(ORDERS, {1.0: 190})
    world.publish(ORDERS, {1.0: 9}, "canary")
    assert RawCounts(Count(50, 9), Count(1000, 190), Count(50, 0), custom=True) == world.counts(ORDERS)


@pytest.mark.parametrize("arm", ["base", "canary"])
def test_where_silence_is_zero_the_base_s_very_series_must_exist(world: World, arm: str) -> None:
    """Another arm's series, or one of another name, does not show that this name is right."""
    counted = replace(FAILURES, absent_is_zero=True)
    assert not world.history(counted).exists
    world.publish(counted, {1.0: 1}, arm, minute=M - 1)
    assert (arm == "base") == world.history(counted).exists
    assert not world.history(replace(counted, metric="Failure")).exists
    assert not world.history(replace(FAILURES, metric="Failure")).exists


def test_an_event_may_be_published_with_its_number(world: World) -> None:
    world.publish(ORDERS, {5.0: 38})
    assert Count(1000, 190) == world.counts(ORDERS).stage
    assert Count(1000, 38) == world.counts(replace(ORDERS, statistic="SampleCount")).stage


def test_only_what_was_asked_for_is_answered_in_its_order(world: World) -> None:
    assert ["it"] == list(world.read(ORDERS).counts)
    assert ["it", "5XXError"] == list(world.read(ORDERS, own=True).counts)


def test_a_failure_that_nobody_published_is_missing_not_zero(world: World) -> None:
    assert (None, None) == (world.counts(FAILURES).canary, world.counts(FAILURES).stage)


def test_a_failure_that_is_published_only_when_it_happens_is_zero_when_it_is_absent(world: World) -> None:
    raw = world.counts(replace(FAILURES, absent_is_zero=True))
    assert (Count(50, 0), Count(1000, 0)) == (raw.canary, raw.stage)


def test_an_absent_event_is_nobodys_when_there_were_no_requests_either(world: World) -> None:
    (raw,) = world.source.read(
        replace(OWN, custom={"it": replace(FAILURES, absent_is_zero=True)}), [Measure("it")], M + 1, M + 1
    )
    assert (None, None) == (raw.counts["it"].canary, raw.counts["it"].stage)


def test_a_canary_without_orders_beside_a_base_that_has_some_sold_nothing(world: World) -> None:
    world.publish(ORDERS, {1.0: 190})
    assert Count(50, 0) == world.counts(ORDERS).canary


def test_a_canary_without_orders_beside_a_base_without_any_is_unmeasured(world: World) -> None:
    assert (None, None) == (world.counts(ORDERS).canary, world.counts(ORDERS).stage)


def test_more_events_than_requests_are_not_of_these_requests(world: World) -> None:
    world.publish(ORDERS, {1.0: 60}, "canary")
    assert world.counts(ORDERS).canary is None


def test_while_more_is_to_come_nothing_is_taken_for_zero(world: World) -> None:
    world.publish(ORDERS, {1.0: 190})
    world.store.partial_until = NOW + timedelta(hours=1)
    assert world.counts(ORDERS).canary is None


def test_values_are_samples_and_their_sum(world: World) -> None:
    world.publish(VALUE, {20.0: 3, 40.0: 1})
    world.publish(VALUE, {10.0: 2}, "canary")
    assert RawCounts(Moments(2, 20.0), Moments(4, 100.0), Count(0, 0), custom=True) == world.counts(VALUE)


def test_flags_are_bad_samples_among_all(world: World) -> None:
    world.publish(FLAG, {0.0: 90, 1.0: 10})
    assert Count(100, 10) == world.counts(FLAG).stage


def test_samples_above_one_are_no_flags(world: World) -> None:
    world.publish(FLAG, {7.0: 90})
    assert world.counts(FLAG).stage is None


def test_samples_above_the_bases_percentile_are_bad(world: World) -> None:
    world.publish(SEARCH, {100.0: 90, 101.0: 10})
    world.publish(SEARCH, {105.0: 8, 111.0: 2}, "canary")
    raw = world.counts(SEARCH, 100.0)
    assert (Count(100, 10), Count(10, 2)) == (raw.stage, raw.canary)


def test_a_percentile_without_a_history_is_unmeasured(world: World) -> None:
    world.publish(SEARCH, {100.0: 90})
    assert (None, None) == (world.counts(SEARCH).stage, world.counts(SEARCH).canary)


# --- before the rollout ------------------------------------------------------------------------------------------


def test_the_history_of_events_is_among_the_bases_requests(world: World) -> None:
    for minute in range(M - 40, M + 1):
        world.requests(minute, 100, 0)
        world.publish(ORDERS, {1.0: 20}, minute=minute)
    assert BaseHistory(Measure("it"), Count(3000, 600)) == world.history(ORDERS)


def test_the_history_of_values_is_their_sum(world: World) -> None:
    for minute in range(M - 40, M + 1):
        world.publish(VALUE, {10.0: 2}, minute=minute)
    assert BaseHistory(Measure("it"), Moments(60, 600.0)) == world.history(VALUE)


def test_the_history_of_a_percentile_has_its_threshold(world: World) -> None:
    for minute in range(M - 120, M + 1):
        world.publish(SEARCH, {120.0: 10}, minute=minute)
    assert Measure("it", 120.0) == world.history(SEARCH).measure


def test_a_metric_without_a_history_has_nothing_to_show(world: World) -> None:
    assert Count(0, 0) == world.history(FAILURES).count
    assert Moments(0, 0.0) == world.history(VALUE).count
