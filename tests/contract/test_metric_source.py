"""What every `MetricSource` promises, kept by the CloudWatch adapters and by their fake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

import pytest

from rollout.adapters.access_log_metrics import AccessLogMetrics
from rollout.adapters.alias_metrics import AliasMetrics
from rollout.adapters.cloudwatch import CloudWatchReader, Points, Query
from rollout.adapters.counted_metrics import Tally
from rollout.adapters.custom_metrics import WithCustomMetrics
from rollout.adapters.stage_metrics import StageMetrics
from rollout.core.judge import Count
from rollout.core.measures import ACCESS_LOG, BaseHistory, Measure, RawCounts, RawMinute, Series
from rollout.core.minutes import minute_of
from rollout.errors import NotAllowed, Refused, RolloutError, Unavailable
from rollout.ports import MetricSource
from rollout_simulator.fakes import FakeMetrics
from rollout_simulator.moto_patches import cloudwatch_metrics
from rollout_simulator.moto_patches.distribution import Distribution
from rollout_simulator.moto_patches.metric_store import MetricStore
from tests.contract.aws import NOW, client, in_trouble, refusing

M = minute_of(NOW) - 10
"""A minute that is long over."""


@dataclass(frozen=True)
class Kind:
    """A kind of target: its adapter, and the names of its metrics."""

    adapter: type[StageMetrics | AliasMetrics | AccessLogMetrics]
    series: Series
    errors: str
    other_errors: str
    latency: str


STAGE = Kind(
    StageMetrics,
    Series(base={"ApiName": "orders", "Stage": "prod"}, canary={"ApiName": "orders", "Stage": "prod/Canary"}),
    "5XXError",
    "4XXError",
    "Latency.p90",
)
OF_ALIAS = {"FunctionName": "orders", "Resource": "orders:live"}
ALIAS = Kind(
    AliasMetrics,
    Series(base={**OF_ALIAS, "ExecutedVersion": "6"}, canary={**OF_ALIAS, "ExecutedVersion": "7"}),
    "Errors",
    "Throttles",
    "Duration.p90",
)
OF_LOG = {"ApiId": "a1b2c3d4e5", "Stage": "prod"}
LOG = Kind(
    AccessLogMetrics,
    Series({**OF_LOG, "Canary": "false"}, {**OF_LOG, "Canary": "true"}, source=ACCESS_LOG),
    "5XXError",
    "4XXError",
    "Latency.p90",
)


class World(Protocol):
    """Metrics of a target of this kind, of which nothing has been published yet."""

    @property
    def kind(self) -> Kind: ...

    @property
    def source(self) -> MetricSource: ...

    def publish(self, name: str, minute: int, stage: Count | None, canary: Count | None) -> None: ...

    def base_had_a_p90_of(self, milliseconds: float) -> None: ...

    def more_is_to_come(self) -> None: ...

    def failing(self, error: type[RolloutError]) -> AbstractContextManager[None]: ...


class OverCloudWatch:
    def __init__(self, store: MetricStore, kind: Kind) -> None:
        self.store = store
        self.kind = kind
        self.source: MetricSource = kind.adapter(CloudWatchReader(client("cloudwatch")))

    def publish(self, name: str, minute: int, stage: Count | None, canary: Count | None) -> None:
        for dimensions, count in ((self.kind.series.base, stage), (self.kind.series.canary, canary)):
            if count is not None:
                counts = {0.0: count.requests - count.bad, 1.0: count.bad}
                if self.kind is ALIAS:
                    ran = count.requests - count.bad if name == "Throttles" else count.requests
                    self.put("Invocations", dimensions, minute, {1.0: ran})
                self.put(name, dimensions, minute, {value: n for value, n in counts.items() if n})

    def put(self, metric: str, dimensions: Mapping[str, str], minute: int, values: dict[float, int]) -> None:
        """Publish so many requests of each value: in the series of a version, and in that of its whole alias."""
        distribution = Distribution.of_histogram(list(values), [float(count) for count in values.values()])
        whole = {name: value for name, value in dimensions.items() if name != "ExecutedVersion"}
        for each in (dimensions, whole)[: 1 + (dimensions != whole and dimensions == self.kind.series.base)]:
            self.store.publish(self.kind.adapter.namespace, metric, each, minute, distribution, NOW - timedelta(days=1))

    def base_had_a_p90_of(self, milliseconds: float) -> None:
        for minute in range(M - 120, M):
            self.put(self.kind.latency.partition(".")[0], self.kind.series.base, minute, {milliseconds: 100})

    def more_is_to_come(self) -> None:
        self.store.partial_until = NOW + timedelta(hours=1)

    def failing(self, error: type[RolloutError]) -> AbstractContextManager[None]:
        code, status = {NotAllowed: ("AccessDenied", 403), Unavailable: ("Throttling", 400)}[error]
        return refusing("cloudwatch", code, status)


class OverAccessLog(OverCloudWatch):
    """Publishes what the metric filters make of the lines; a minute's server and client errors share its requests."""

    def __init__(self, store: MetricStore) -> None:
        super().__init__(store, LOG)
        self._bad: dict[tuple[str, int], dict[float, int]] = {}

    def publish(self, name: str, minute: int, stage: Count | None, canary: Count | None) -> None:
        for dimensions, count in ((LOG.series.base, stage), (LOG.series.canary, canary)):
            if count is not None:
                bad = self._bad.setdefault((dimensions["Canary"], minute), {})
                bad[500.0 if name == LOG.errors else 400.0] = count.bad
                self.put("Status", dimensions, minute, {200.0: count.requests - sum(bad.values()), **bad})


class InMemory:
    kind = STAGE

    def __init__(self) -> None:
        self.fake = FakeMetrics()
        self.source = self.fake

    def publish(self, name: str, minute: int, stage: Count | None, canary: Count | None) -> None:
        self.fake.publish(STAGE.series, name, minute, stage=stage, canary=canary)

    def base_had_a_p90_of(self, milliseconds: float) -> None:
        self.fake.thresholds_ms["Latency.p90"] = milliseconds

    def more_is_to_come(self) -> None:
        self.fake.incomplete_from = 0

    def failing(self, error: type[RolloutError]) -> AbstractContextManager[None]:
        return in_trouble(self.fake, error)


@pytest.fixture
def cloudwatch(aws: None) -> Iterator[OverCloudWatch]:
    """A stage's metrics."""
    with cloudwatch_metrics.patched() as store:
        yield OverCloudWatch(store, STAGE)


@pytest.fixture
def lambda_metrics(aws: None) -> Iterator[OverCloudWatch]:
    """An alias's metrics."""
    with cloudwatch_metrics.patched() as store:
        yield OverCloudWatch(store, ALIAS)


@pytest.fixture
def access_log(aws: None) -> Iterator[OverAccessLog]:
    """The metrics of a stage's access log."""
    with cloudwatch_metrics.patched() as store:
        yield OverAccessLog(store)


@pytest.fixture
def beside_others(cloudwatch: OverCloudWatch) -> OverCloudWatch:
    """A stage's metrics, read by what reads custom metrics too."""
    cloudwatch.source = WithCustomMetrics(cloudwatch.source, CloudWatchReader(client("cloudwatch")), "5XXError")
    return cloudwatch


ADAPTERS = {
    "a stage's": "cloudwatch",
    "a stage's beside others": "beside_others",
    "an alias's": "lambda_metrics",
    "an access log's": "access_log",
}


@pytest.fixture(params=[*ADAPTERS, "the fake"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "the fake":
        return InMemory()
    over_cloudwatch: OverCloudWatch = request.getfixturevalue(ADAPTERS[request.param])
    return over_cloudwatch


def read(world: World, *measures: Measure, minutes: int = 1) -> list[RawMinute]:
    measures = measures or (Measure(world.kind.errors),)
    return list(world.source.read(world.kind.series, measures, M, M + minutes - 1))


def history(world: World, *names: str) -> list[BaseHistory]:
    return list(world.source.history(world.kind.series, names, M))


def counts(world: World, measure: Measure | None = None) -> RawCounts:
    measure = measure or Measure(world.kind.errors)
    return read(world, measure)[0].counts[measure.name]


# --- read --------------------------------------------------------------------------------------------------------


def test_requests_and_bad_ones_are_counted_for_both_arms(world: World) -> None:
    world.publish(world.kind.errors, M, stage=Count(1000, 3), canary=Count(50, 1))
    assert RawCounts(canary=Count(50, 1), stage=Count(1000, 3), canary_as_base=Count(50, 1)) == counts(world)


def test_a_minute_without_a_bad_request_is_counted(world: World) -> None:
    world.publish(world.kind.errors, M, stage=Count(1000, 0), canary=Count(50, 0))
    assert RawCounts(canary=Count(50, 0), stage=Count(1000, 0), canary_as_base=Count(50, 0)) == counts(world)


def test_what_was_never_published_is_missing_not_zero(world: World) -> None:
    assert RawCounts(canary=None, stage=None, canary_as_base=None) == counts(world)


def test_a_silent_canary_is_missing_beside_a_busy_base(world: World) -> None:
    world.publish(world.kind.errors, M, stage=Count(1000, 3), canary=None)
    assert RawCounts(canary=None, stage=Count(1000, 3), canary_as_base=None) == counts(world)


def test_a_silent_base_is_missing_beside_a_busy_canary(world: World) -> None:
    world.publish(world.kind.errors, M, stage=None, canary=Count(50, 1))
    assert RawCounts(canary=Count(50, 1), stage=None, canary_as_base=Count(50, 1)) == counts(world)


def test_every_minute_asked_for_is_there_once_and_in_order(world: World) -> None:
    world.publish(world.kind.errors, M + 1, stage=Count(1000, 0), canary=Count(50, 0))
    assert [M, M + 1, M + 2] == [raw.minute for raw in read(world, minutes=3)]


def test_minutes_outside_the_range_are_left_out(world: World) -> None:
    for minute in (M - 1, M + 1):
        world.publish(world.kind.errors, minute, stage=Count(1000, 0), canary=Count(50, 0))
    assert RawCounts(canary=None, stage=None, canary_as_base=None) == counts(world)


def test_several_metrics_are_read_at_once(world: World) -> None:
    world.publish(world.kind.errors, M, stage=Count(1000, 3), canary=Count(50, 1))
    world.publish(world.kind.other_errors, M + 1, stage=Count(1000, 30), canary=Count(50, 10))
    first, second = read(world, Measure(world.kind.errors), Measure(world.kind.other_errors), minutes=2)
    raw = {
        world.kind.errors: first.counts[world.kind.errors],
        world.kind.other_errors: second.counts[world.kind.other_errors],
    }
    assert {world.kind.errors: Count(50, 1), world.kind.other_errors: Count(50, 10)} == {
        name: each.canary for name, each in raw.items()
    }


def test_another_canary_series_is_another_series(world: World) -> None:
    world.publish(world.kind.errors, M, stage=Count(1000, 3), canary=Count(50, 1))
    elsewhere = replace(world.kind.series, canary={**world.kind.series.canary, "Stage": "prod-canary"})
    raw = world.source.read(elsewhere, [Measure(world.kind.errors)], M, M)[0].counts[world.kind.errors]
    assert RawCounts(canary=None, stage=Count(1000, 3), canary_as_base=None) == raw


def test_a_whole_answer_says_so(world: World) -> None:
    assert read(world)[0].complete


def test_an_answer_to_which_more_is_to_come_says_so(world: World) -> None:
    world.more_is_to_come()
    assert not read(world)[0].complete


def test_latency_without_a_threshold_is_unmeasured(world: World) -> None:
    assert RawCounts(canary=None, stage=None, canary_as_base=None) == counts(world, Measure(world.kind.latency))


# --- history -----------------------------------------------------------------------------------------------------


def test_the_history_is_the_sum_of_the_bases_last_thirty_minutes(world: World) -> None:
    for minute in range(M - 40, M + 5):
        world.publish(world.kind.errors, minute, stage=Count(100, 1), canary=None)
    expected = BaseHistory(Measure(world.kind.errors), Count(3000, 30), by_minute=[Count(100, 1)] * 30)
    assert [expected] == history(world, world.kind.errors)


def test_a_base_without_a_history_has_nothing_to_show(world: World) -> None:
    expected = BaseHistory(Measure(world.kind.errors), Count(0, 0), by_minute=[None] * 30)
    assert [expected] == history(world, world.kind.errors)


def test_the_history_has_every_metric_asked_for_in_order(world: World) -> None:
    names = [world.kind.latency, world.kind.errors, world.kind.other_errors]
    assert names == [base.measure.name for base in history(world, *names)]


def test_a_quantiles_threshold_is_what_the_base_had(world: World) -> None:
    world.base_had_a_p90_of(120.0)
    assert [Measure(world.kind.latency, 120.0)] == [base.measure for base in history(world, world.kind.latency)]


def test_a_quantile_without_a_history_has_no_threshold(world: World) -> None:
    assert [Measure(world.kind.latency, None)] == [base.measure for base in history(world, world.kind.latency)]


# --- what goes wrong ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [NotAllowed, Unavailable])
def test_what_aws_denies_or_fails_is_called_so(world: World, error: type[RolloutError]) -> None:
    with world.failing(error):
        with pytest.raises(error, match="as the test wants"):
            read(world)
        with pytest.raises(error, match="as the test wants"):
            history(world, world.kind.errors)


# --- CloudWatch alone --------------------------------------------------------------------------------------------

LATENCY = Measure("Latency.p90", 100.0)


def test_requests_slower_than_the_threshold_are_bad(cloudwatch: OverCloudWatch) -> None:
    cloudwatch.put("Latency", STAGE.series.base, M, {100.0: 90, 101.0: 10})
    assert Count(100, 10) == counts(cloudwatch, LATENCY).stage


def test_a_canary_request_is_bad_only_a_tenth_above_the_threshold(cloudwatch: OverCloudWatch) -> None:
    cloudwatch.put("Latency", STAGE.series.canary, M, {100.0: 80, 105.0: 15, 111.0: 5})
    expected = RawCounts(canary=Count(100, 5), stage=None, canary_as_base=Count(100, 20))
    assert expected == counts(cloudwatch, LATENCY)


def test_a_minute_in_which_all_are_fast_has_none_slow(cloudwatch: OverCloudWatch) -> None:
    cloudwatch.put("Latency", STAGE.series.base, M, {20.0: 100})
    assert Count(100, 0) == counts(cloudwatch, LATENCY).stage


def test_a_minute_in_which_all_are_slow_has_all_slow(cloudwatch: OverCloudWatch) -> None:
    cloudwatch.put("Latency", STAGE.series.base, M, {500.0: 100})
    assert Count(100, 100) == counts(cloudwatch, LATENCY).stage


def test_half_an_answer_makes_no_request_slow() -> None:
    """The number of requests came; how many were fast enough is still to come."""
    requests, fast = (Query("AWS/ApiGateway", "Latency", (), statistic) for statistic in ("SampleCount", "TC(:100.0)"))
    tally = Tally(requests, fast, hits_are_bad=False)
    assert tally.count(Points({requests: {M: 100.0}, fast: {}}, complete=False), M) is None


def test_a_long_answer_is_read_page_by_page(cloudwatch: OverCloudWatch) -> None:
    cloudwatch.store.page_size = 5
    for minute in range(M - 30, M + 1):
        cloudwatch.publish("5XXError", minute, stage=Count(100, 1), canary=Count(10, 0))
    raws = cloudwatch.source.read(STAGE.series, [Measure("5XXError")], M - 30, M)
    assert {Count(100, 1)} == {raw.counts["5XXError"].stage for raw in raws}


def test_a_late_point_is_there_once_it_is_published(cloudwatch: OverCloudWatch) -> None:
    late = Distribution.of_histogram([0.0], [10.0])
    dimensions = {"ApiName": "orders", "Stage": "prod"}
    cloudwatch.store.publish("AWS/ApiGateway", "5XXError", dimensions, M, late, NOW + timedelta(minutes=1))
    assert counts(cloudwatch).stage is None


def test_the_threshold_is_the_median_of_the_hours_so_that_one_bad_hour_does_not_loosen_it(
    cloudwatch: OverCloudWatch,
) -> None:
    for hour, slow in ((1, 100.0), (2, 900.0), (3, 100.0)):
        for minute in range(M - hour * 60 + 10, M - hour * 60 + 50):
            cloudwatch.put("Latency", STAGE.series.base, minute, {slow: 10})
    assert Measure("Latency.p90", 100.0) == cloudwatch.source.history(STAGE.series, ["Latency.p90"], M)[0].measure


# --- Lambda alone ------------------------------------------------------------------------------------------------


def test_throttled_requests_are_no_invocations_and_count_besides(lambda_metrics: OverCloudWatch) -> None:
    lambda_metrics.put("Invocations", ALIAS.series.canary, M, {1.0: 90})
    lambda_metrics.put("Throttles", ALIAS.series.canary, M, {1.0: 10})
    assert Count(100, 10) == counts(lambda_metrics, Measure("Throttles")).canary


def test_invocations_of_which_nobody_said_whether_they_failed_are_unmeasured(lambda_metrics: OverCloudWatch) -> None:
    lambda_metrics.put("Invocations", ALIAS.series.canary, M, {1.0: 90})
    assert counts(lambda_metrics).canary is None


def test_a_version_that_serves_alone_is_read_from_the_series_of_its_alias(lambda_metrics: OverCloudWatch) -> None:
    """The candidate after its promotion; its alias has no weights then, and perhaps no series by version."""
    lambda_metrics.put("Invocations", OF_ALIAS, M, {1.0: 100})
    lambda_metrics.put("Errors", OF_ALIAS, M, {0.0: 98, 1.0: 2})
    raw = lambda_metrics.source.read(ALIAS.series.whole(), [Measure("Errors")], M, M)[0].counts["Errors"]
    assert RawCounts(canary=Count(100, 2), stage=Count(100, 2), canary_as_base=Count(100, 2)) == raw


def test_a_metric_of_an_api_cannot_be_read_for_an_alias(lambda_metrics: OverCloudWatch) -> None:
    with pytest.raises(Refused, match="5XXError cannot be read for a Lambda alias; known are Errors, Throttles, Dur"):
        lambda_metrics.source.history(ALIAS.series, ["5XXError"], M)


# --- the access log alone ----------------------------------------------------------------------------------------


def test_a_base_without_a_canary_beside_it_is_the_same_base(access_log: OverAccessLog) -> None:
    access_log.put("Status", {**OF_LOG, "Canary": "-"}, M, {200.0: 900, 500.0: 5})
    access_log.put("Status", LOG.series.base, M, {200.0: 90, 500.0: 5})
    assert Count(1000, 10) == counts(access_log).stage


def test_the_threshold_of_an_access_log_is_that_of_the_base_alone(access_log: OverAccessLog) -> None:
    for minute in range(M - 120, M):
        access_log.put("Latency", {**OF_LOG, "Canary": "-"}, minute, {120.0: 100})
    assert [Measure("Latency.p90", 120.0)] == [base.measure for base in history(access_log, "Latency.p90")]


def test_client_errors_are_no_server_errors(access_log: OverAccessLog) -> None:
    access_log.put("Status", LOG.series.canary, M, {200.0: 90, 404.0: 7, 499.0: 1, 500.0: 1, 504.0: 1})
    raw = read(access_log, Measure("5XXError"), Measure("4XXError"))[0].counts
    assert (Count(100, 2), Count(100, 8)) == (raw["5XXError"].canary, raw["4XXError"].canary)


def test_a_metric_that_no_access_log_has_is_refused(access_log: OverAccessLog) -> None:
    with pytest.raises(Refused, match=r"IntegrationLatency.* for an access log; known are 5XXError"):
        history(access_log, "IntegrationLatency.p90")


# --- routes ------------------------------------------------------------------------------------------------------

ROUTES = {"GET /items": 90, "POST /orders": 10}
OF_ORDERS = "5XXError POST /orders"


def of_route(route: str) -> Mapping[str, str]:
    method, _, resource = route.partition(" ")
    return {"Method": method, "Resource": resource}


def with_routes(cloudwatch: OverCloudWatch) -> OverCloudWatch:
    """Detailed metrics: of each route a series beside the stage's; orders fail in the canary."""
    for route, requests in ROUTES.items():
        base, canary = ({**arm, **of_route(route)} for arm in (STAGE.series.base, STAGE.series.canary))
        bad = requests if route == "POST /orders" else 0
        for metric in ("5XXError", "4XXError"):
            cloudwatch.put(metric, base, M, {0.0: requests})
            cloudwatch.put(metric, canary, M, {1.0: bad, 0.0: requests - bad} if bad else {0.0: requests})
    return cloudwatch


def test_a_stage_with_detailed_metrics_tells_its_routes_the_busiest_first(cloudwatch: OverCloudWatch) -> None:
    routes = with_routes(cloudwatch).source.routes(STAGE.series, M + 3)
    assert [("GET /items", 90), ("POST /orders", 10)] == [tuple(route) for route in routes]


def test_a_stage_without_detailed_metrics_has_no_routes(cloudwatch: OverCloudWatch) -> None:
    cloudwatch.publish("5XXError", M, Count(100, 0), Count(5, 0))
    assert () == cloudwatch.source.routes(STAGE.series, M + 3)


def test_the_errors_of_a_route_are_read_beside_those_of_the_stage(beside_others: OverCloudWatch) -> None:
    with_routes(beside_others).publish("5XXError", M, Count(1_000, 7), Count(100, 10))
    measures = [Measure("5XXError"), Measure(OF_ORDERS), Measure("4XXError GET /items")]
    (raw,) = beside_others.source.read(STAGE.series, measures, M, M)
    assert Count(100, 10) == raw.counts["5XXError"].canary
    assert (Count(10, 10), Count(10, 0)) == (raw.counts[OF_ORDERS].canary, raw.counts[OF_ORDERS].stage)
    assert Count(90, 0) == raw.counts["4XXError GET /items"].canary
    assert {"5XXError"} == raw.without_routes().counts.keys()


def test_a_route_that_is_silent_lets_no_minute_wait(cloudwatch: OverCloudWatch) -> None:
    cloudwatch.publish("5XXError", M, Count(1_000, 7), Count(100, 10))
    (raw,) = cloudwatch.source.read(STAGE.series, [Measure("5XXError"), Measure(OF_ORDERS)], M, M)
    assert (False, None) == (raw.silent, raw.counts[OF_ORDERS].canary)


def test_the_base_of_a_route_is_known_from_before(cloudwatch: OverCloudWatch) -> None:
    (history,) = with_routes(cloudwatch).source.history(STAGE.series, [OF_ORDERS], M + 3)
    assert (OF_ORDERS, Count(10, 0)) == (history.measure.name, history.count)


def test_an_access_log_with_a_metric_of_routes_tells_them_too(access_log: OverAccessLog) -> None:
    for route, requests in ROUTES.items():
        for value, status in (("false", 200.0), ("-", 200.0), ("true", 500.0)):
            where = {"ApiId": OF_LOG["ApiId"], "Canary": value, "Route": f"prod {route}"}
            access_log.put("RouteStatus", where, M, {status: requests})
    elsewhere = {"ApiId": OF_LOG["ApiId"], "Canary": "false", "Route": "test GET /items"}
    access_log.put("RouteStatus", elsewhere, M, {200.0: 5_000})
    routes = access_log.source.routes(LOG.series, M + 3)
    assert [("GET /items", 180), ("POST /orders", 20)] == [tuple(route) for route in routes]
    (raw,) = access_log.source.read(LOG.series, [Measure(OF_ORDERS)], M, M)
    assert (Count(10, 10), Count(20, 0)) == (raw.counts[OF_ORDERS].canary, raw.counts[OF_ORDERS].stage)


def test_an_alias_has_no_routes(lambda_metrics: OverCloudWatch) -> None:
    assert () == lambda_metrics.source.routes(ALIAS.series, M)


def test_more_queries_than_a_call_takes_are_several_calls(cloudwatch: OverCloudWatch) -> None:
    cloudwatch.publish("5XXError", M, Count(1_000, 7), None)
    names = [f"5XXError GET /{number}" for number in range(400)]
    (raw,) = cloudwatch.source.read(STAGE.series, [*map(Measure, names), Measure("5XXError")], M, M)
    assert Count(1_000, 7) == raw.counts["5XXError"].stage


def test_the_longest_invocation_of_either_version_is_read_with_its_minute(lambda_metrics: OverCloudWatch) -> None:
    lambda_metrics.publish("Errors", M, Count(1_000, 7), Count(100, 10))
    lambda_metrics.put("Duration", ALIAS.series.base, M, {120.0: 1_000})
    lambda_metrics.put("Duration", ALIAS.series.canary, M, {120.0: 99, 180_000.0: 1})
    (raw, other) = lambda_metrics.source.read(ALIAS.series, [Measure("Errors")], M, M + 1)
    assert (180_000.0, 0.0) == (raw.longest_ms, other.longest_ms)


def test_the_longest_invocation_of_the_last_hours_is_in_an_aliass_history(lambda_metrics: OverCloudWatch) -> None:
    lambda_metrics.put("Duration", ALIAS.series.base, M - 150, {120.0: 1_000, 90_000.0: 1})
    (history,) = lambda_metrics.source.history(ALIAS.series, ["Errors"], M)
    assert 90_000.0 == history.longest_ms
