"""What the fields of a scenario do to the requests that are drawn, and to the points that CloudWatch has of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from rollout_simulator.alias_traffic import AliasTraffic
from rollout_simulator.arms import Arm, hang, without_lost
from rollout_simulator.environments import EnvironmentPool
from rollout_simulator.example_api import ExampleApi
from rollout_simulator.example_function import ExampleFunction
from rollout_simulator.moto_patches.distribution import Distribution
from rollout_simulator.moto_patches.metric_store import MetricStore
from rollout_simulator.scenario import InvalidScenario, Scenario, parse_scenario
from rollout_simulator.traffic import PROPAGATION_SECONDS, StageTraffic, Traffic

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
FIRST = int(START.timestamp()) // 60
FOREVER = timedelta(days=30)
AT_ONCE = {"earliest_seconds": 60, "latest_seconds": 60, "late_percent": 0, "revised_percent": 0}
BASE = {"ApiName": "orders", "Stage": "prod"}
CANARY = {"ApiName": "orders", "Stage": "prod/Canary"}
ALIAS = {"FunctionName": "orders", "Resource": "orders:live"}
NEW_VERSION = {**ALIAS, "ExecutedVersion": "2"}

Json = dict[str, Any]


def scenario(**fields: Any) -> Scenario:
    metrics = {**AT_ONCE, "base_semantics": "exclusive", **fields.pop("metrics", {})}
    traffic = {"requests_per_second": 100, "noise": 0, **fields.pop("traffic", {})}
    return parse_scenario({"name": "test", "metrics": metrics, "traffic": traffic, **fields}, "test")


@dataclass(frozen=True)
class Run:
    """Traffic that the candidate has had a share of for some minutes, and what CloudWatch keeps of it.

    Minutes count from the moment that the candidate got its share.
    """

    traffic: Traffic
    metrics: MetricStore
    namespace: str

    def point(self, dimensions: Json, metric: str, minute: int, after: timedelta = FOREVER) -> Distribution | None:
        """What is known of the minute so long after its end."""
        series = self.metrics.series(self.namespace, metric, dimensions)
        seen_at = (FIRST + minute + 1) * 60 + after.total_seconds()
        return None if series is None else series.visible(FIRST + minute, seen_at)

    def requests(self, dimensions: Json, minutes: Sequence[int], metric: str = "5XXError") -> int:
        points = [self.point(dimensions, metric, minute) for minute in minutes]
        return int(sum(point.sample_count for point in points if point))

    def share(self, dimensions: Json, metric: str, minutes: Sequence[int]) -> float:
        """The share of the requests for which the metric is 1."""
        points = [point for minute in minutes if (point := self.point(dimensions, metric, minute))]
        return sum(point.total for point in points) / sum(point.sample_count for point in points)

    def slower(self, dimensions: Json, than_ms: float, minutes: Sequence[int], metric: str = "Latency") -> float:
        """The share of the requests that took longer."""
        points = [point for minute in minutes if (point := self.point(dimensions, metric, minute))]
        slow = sum(
            count
            for point in points
            for value, count in zip(point.values, point.counts, strict=True)
            if value > than_ms
        )
        return slow / sum(point.sample_count for point in points)


def of_stage(minutes: int, percent: float = 10.0, history: int = 0, seed: int = 1, **fields: Any) -> Run:
    """A stage that has had a canary at this weight from minute 0 on."""
    metrics = MetricStore()
    traffic = StageTraffic(scenario(**fields), metrics, ExampleApi("api", "prod", "old", "new"), seed)
    for minute in range(-history, 0):
        traffic.minute_passed(FIRST + minute)
    traffic.begin(START)
    traffic.stage_changed(propagated(START), stage(percent))
    for minute in range(minutes):
        traffic.minute_passed(FIRST + minute)
    return Run(traffic, metrics, "AWS/ApiGateway")


def of_alias(minutes: int, share: float = 0.1, seed: int = 1, **fields: Any) -> Run:
    """An alias that has given its new version this share from minute 0 on."""
    metrics = MetricStore()
    chosen = scenario(target="lambda-alias", **fields)
    traffic = AliasTraffic(chosen, metrics, ExampleFunction("orders", "live", "1", "2"), seed)
    traffic.begin(START)
    weights = {"AdditionalVersionWeights": {"2": share}}
    traffic.alias_changed(propagated(START), {"FunctionVersion": "1", "RoutingConfig": weights})
    for minute in range(minutes):
        traffic.minute_passed(FIRST + minute)
    return Run(traffic, metrics, "AWS/Lambda")


def stage(percent: float) -> Json:
    canary = {"percentTraffic": percent, "deploymentId": "new", "stageVariableOverrides": {}}
    logging = {"*/*": {"loggingLevel": "ERROR"}}
    return {"deploymentId": "old", "methodSettings": logging, **({"canarySettings": canary} if percent else {})}


def propagated(moment: datetime) -> datetime:
    """When to change the target so that its requests follow at this moment."""
    return moment - timedelta(seconds=PROPAGATION_SECONDS)


def test_a_field_that_is_not_used_changes_no_draw() -> None:
    plain = of_stage(5)
    quiet = of_stage(
        5,
        base={"tail_latency_ms": 5_000, "hang_seconds": 100, "warm_up_minutes": 3, "environment_idle_minutes": 2},
        candidate={"warm_up_latency_ms": 900, "until_minute": 1_000},
        traffic={"every_minutes": 3, "burst_requests": 7},
    )
    for minute in range(5):
        for dimensions in (BASE, CANARY):
            for metric in ("5XXError", "Latency"):
                assert quiet.point(dimensions, metric, minute) == plain.point(dimensions, metric, minute)


def test_a_seed_draws_what_it_has_always_drawn() -> None:
    """Digests of all points, made before any of the fields below was there."""
    plain = {"api": {"access_log": True}, "custom_metrics": [{"metric": "Orders"}], "traffic": {"pattern": "bursts"}}
    metrics = MetricStore()
    of_stage = StageTraffic(
        parse_scenario({"name": "t", **plain}, "t"), metrics, ExampleApi("api", "prod", "old", "new"), 1
    )
    of_stage.begin(START)
    of_stage.stage_changed(START + timedelta(seconds=90), stage(25.0))
    for minute in range(200):
        of_stage.minute_passed(FIRST + minute)
    assert digest(metrics) == "3a517be3af3643ea"

    metrics = MetricStore()
    throttled = parse_scenario({"name": "t", "target": "lambda-alias", "candidate": {"throttle_percent": 10}}, "t")
    of_alias = AliasTraffic(throttled, metrics, ExampleFunction("orders", "live", "1", "2"), 1)
    of_alias.begin(START)
    weights = {"AdditionalVersionWeights": {"2": 0.25}}
    of_alias.alias_changed(START + timedelta(seconds=90), {"FunctionVersion": "1", "RoutingConfig": weights})
    for minute in range(200):
        of_alias.minute_passed(FIRST + minute)
    assert digest(metrics) == "a3d01f09e2e3cc5a"


def digest(metrics: MetricStore) -> str:
    """Of every publication of every point."""
    whole = hashlib.sha256()
    for series in metrics.all_series((START + FOREVER).timestamp()):
        whole.update(repr((series.namespace, series.metric, sorted(series.dimensions.items()))).encode())
        for minute, publications in sorted(series.minutes.items()):
            for seen_from, point, _ in publications:
                values = [(f"{value:.6g}", count) for value, count in zip(point.values, point.counts, strict=True)]
                whole.update(repr((minute, round(seen_from, 3), values)).encode())
    return whole.hexdigest()[:16]


def test_what_fails_may_take_another_time() -> None:
    run = of_stage(20, percent=50, candidate={"error_percent": 40, "failure_latency_ms": 5, "latency_ms": 80})
    fast = 1 - run.slower(CANARY, 12, range(20))
    assert fast == pytest.approx(0.4, abs=0.02)
    assert 1 - run.slower(BASE, 12, range(20)) < 0.001


def test_a_tail_takes_about_its_latency_and_is_so_many_of_the_requests() -> None:
    run = of_stage(20, percent=50, candidate={"tail_percent": 3, "tail_latency_ms": 20_000})
    assert run.slower(CANARY, 10_000, range(20)) == pytest.approx(0.03, abs=0.004)
    assert run.slower(CANARY, 40_000, range(20)) == 0
    assert run.slower(BASE, 10_000, range(20)) == 0


def test_hanging_invocations_are_missing_from_their_minute_until_they_end() -> None:
    run = of_alias(10, share=0.5, candidate={"hang_percent": 20, "hang_seconds": 300, "error_percent": 0})
    early, late = (run.point(NEW_VERSION, "Errors", 4, timedelta(seconds=seconds)) for seconds in (60 + 299, 60 + 301))
    assert early is not None
    assert late is not None
    assert early.total == 0
    assert late.total / late.sample_count == pytest.approx(0.2, abs=0.03)
    assert early.sample_count / late.sample_count == pytest.approx(0.8, abs=0.03)
    durations = run.point(NEW_VERSION, "Duration", 4)
    assert durations is not None
    assert durations.maximum == 300_000
    assert run.traffic.served.bad == sum(
        point.total for minute in range(10) if (point := run.point(NEW_VERSION, "Errors", minute))
    )


def test_invocations_that_all_hang_leave_no_point_before_they_end() -> None:
    run = of_alias(3, share=0.5, candidate={"hang_percent": 100, "hang_seconds": 120})
    assert run.point(NEW_VERSION, "Invocations", 1, timedelta(seconds=60 + 119)) is None
    assert run.point(NEW_VERSION, "Invocations", 1, timedelta(seconds=60 + 121)) is not None


@pytest.mark.parametrize(("counted", "in_next_minute"), [("atEnd", 29 / 60), ("atStart", 0.0)])
def test_api_gateway_gives_up_after_29_seconds_and_counts_in_the_minute_that_is_asked_for(
    counted: str, in_next_minute: float
) -> None:
    candidate = {"hang_percent": 100, "hang_seconds": 300, "until_minute": 10}
    run = of_stage(12, percent=50, candidate=candidate, metrics={"long_requests_count": counted})
    assert run.slower(CANARY, 28_999, range(1, 10)) == 1
    assert run.slower(CANARY, 29_001, range(12)) == 0
    last = run.point(CANARY, "5XXError", 10)
    assert last is not None
    hung_before = sum(run.requests(CANARY, [minute]) for minute in range(1, 10)) / 9
    assert last.total / hung_before == pytest.approx(in_next_minute, abs=0.03)


def test_what_is_new_to_a_candidate_is_slow_at_first_and_half_as_often_each_minute() -> None:
    warming = {"warm_up_minutes": 3, "warm_up_percent": 40, "warm_up_latency_ms": 3_000}
    run = of_stage(5, percent=50, candidate=warming, traffic={"requests_per_second": 1_000})
    shares = [run.slower(CANARY, 2_000, [minute]) for minute in range(5)]
    assert shares == pytest.approx([0.4, 0.2, 0.1, 0, 0], abs=0.01)
    assert run.slower(BASE, 2_000, range(5)) == 0


def test_only_the_newly_moved_requests_warm_up_after_a_further_raise() -> None:
    warming = {"warm_up_minutes": 2, "warm_up_percent": 40, "warm_up_latency_ms": 3_000}
    run = of_stage(10, percent=10, candidate=warming, traffic={"requests_per_second": 1_000})
    run.traffic.stage_changed(propagated(START + timedelta(minutes=10)), stage(40))  # type: ignore[attr-defined]
    for minute in (10, 11, 12):
        run.traffic.minute_passed(FIRST + minute)
    assert [run.slower(CANARY, 2_000, [minute]) for minute in (10, 11, 12)] == pytest.approx([0.3, 0.15, 0], abs=0.01)


def test_a_request_that_finds_no_environment_starts_cold() -> None:
    rare = {"requests_per_second": 0.02}
    cold = {"cold_start_ms": 2_000}
    short, long = (
        of_stage(600, percent=50, base={**cold, "environment_idle_minutes": idle}, traffic=rare) for idle in (1, 60)
    )
    assert short.slower(CANARY, 2_000, range(600)) > 0.3
    assert long.slower(CANARY, 2_000, range(60, 600)) < 0.05
    busy = of_stage(30, percent=50, base={**cold, "environment_idle_minutes": 10})
    assert 0 < busy.slower(CANARY, 2_000, [0])
    assert busy.slower(CANARY, 2_000, range(5, 30)) < 0.001


@pytest.mark.parametrize(("rate", "latency"), [(2.0, 0.08), (100.0, 0.08), (2_000.0, 1.0)])
def test_as_many_environments_are_needed_as_requests_overlap(rate: float, latency: float) -> None:
    """Against a simulation of every single request."""
    random, per_minute = np.random.default_rng(5), int(rate * 60)
    most = []
    for _ in range(20):
        starts = np.sort(random.uniform(0, 60, per_minute))
        ends = np.sort(starts + latency)
        most.append(int((np.arange(1, per_minute + 1) - np.searchsorted(ends, starts)).max()))
    needed = [
        EnvironmentPool(np.random.default_rng(seed)).cold_starts(0, per_minute, latency, 10) for seed in range(20)
    ]
    assert np.mean(needed) == pytest.approx(np.mean(most), rel=0.15, abs=1)


def test_the_candidate_behaves_so_until_its_minute() -> None:
    run = of_stage(10, percent=50, candidate={"error_percent": 50, "from_minute": 2, "until_minute": 6})
    failing = [run.share(CANARY, "5XXError", [minute]) > 0.2 for minute in range(10)]
    assert failing == [minute in range(2, 6) for minute in range(10)]


ROUTES = [
    {"name": "GET /items", "share_percent": 80},
    {"name": "POST /orders", "share_percent": 5, "client_error_percent": 30, "candidate_error_percent": 100},
]


def test_each_route_has_a_series_of_its_own_and_the_stage_has_their_sum() -> None:
    run = of_stage(20, percent=50, routes=ROUTES)
    orders, items = {"Method": "POST", "Resource": "/orders"}, {"Method": "GET", "Resource": "/items"}
    minutes = range(20)
    for track in (BASE, CANARY):
        of_route = [run.requests({**track, **route}, minutes) for route in (orders, items)]
        rest = run.requests({**track, "Method": "GET", "Resource": "/"}, minutes)
        whole = run.requests(track, minutes)
        assert sum(of_route) + rest == whole
        assert [part / whole for part in of_route] == pytest.approx([0.05, 0.80], abs=0.01)
    assert run.share({**CANARY, **orders}, "5XXError", minutes) == 1
    assert run.share({**BASE, **orders}, "5XXError", minutes) < 0.05
    assert run.share({**BASE, **orders}, "4XXError", minutes) == pytest.approx(0.3, abs=0.05)
    assert run.share({**CANARY, **items}, "5XXError", minutes) < 0.02
    assert run.share(CANARY, "5XXError", minutes) == pytest.approx(0.055, abs=0.01)


def test_a_route_says_all_that_differs_for_the_candidate() -> None:
    route = {"name": "GET /slow", "share_percent": 50, "error_percent": 30, "latency_ms": 2_000}
    for_candidate = {"candidate_client_error_percent": 50, "candidate_latency_ms": 20_000, "candidate_error_percent": 0}
    run = of_stage(10, percent=50, routes=[{**route, **for_candidate}])
    slow = {"Method": "GET", "Resource": "/slow"}
    assert run.share({**BASE, **slow}, "5XXError", range(10)) == pytest.approx(0.3, abs=0.02)
    assert run.share({**CANARY, **slow}, "5XXError", range(10)) == 0
    assert run.share({**CANARY, **slow}, "4XXError", range(10)) == pytest.approx(0.5, abs=0.02)
    assert run.slower({**BASE, **slow}, 400, range(10)) > 0.99
    assert run.slower({**BASE, **slow}, 20_000, range(10)) < 0.01
    assert run.slower({**CANARY, **slow}, 20_000, range(10)) == pytest.approx(0.5, abs=0.03)


def test_the_candidates_routes_say_where_it_differs() -> None:
    differs = [{"name": "POST /orders", "share_percent": 20, "error_percent": 60, "latency_ms": 4_000}]
    run = of_stage(20, percent=50, candidate={"routes": differs})
    orders = {"Method": "POST", "Resource": "/orders"}
    assert run.share({**CANARY, **orders}, "5XXError", range(20)) == pytest.approx(0.6, abs=0.03)
    assert run.slower({**CANARY, **orders}, 400, range(20)) > 0.99
    assert run.slower({**BASE, **orders}, 400, range(20)) < 0.01
    assert run.requests({**BASE, **orders}, range(20)) / run.requests(BASE, range(20)) == pytest.approx(0.2, abs=0.01)


def test_hanging_requests_of_a_route_are_in_its_series() -> None:
    run = of_stage(10, percent=50, routes=ROUTES, candidate={"hang_percent": 50})
    orders = {**CANARY, "Method": "GET", "Resource": "/items"}
    assert run.slower(orders, 28_999, range(1, 10)) == pytest.approx(0.5, abs=0.05)
    parts = [run.requests({**CANARY, "Method": m, "Resource": r}, range(10)) for m, r in ROUTE_NAMES]
    assert sum(parts) == run.requests(CANARY, range(10))


ROUTE_NAMES = [("GET", "/items"), ("POST", "/orders"), ("GET", "/")]


def test_a_namesake_is_in_the_stages_series_and_not_in_the_canarys() -> None:
    alone, with_namesake = (
        of_stage(20, percent=50, namesakes=others)
        for others in ([], [{"requests_per_second": 400, "error_percent": 50}])
    )
    minutes = range(20)
    assert with_namesake.requests(CANARY, minutes) == alone.requests(CANARY, minutes)
    more = with_namesake.requests(BASE, minutes) - alone.requests(BASE, minutes)
    assert more / (20 * 60) == pytest.approx(400, rel=0.02)
    assert with_namesake.share(BASE, "5XXError", minutes) > 0.4
    assert alone.share(BASE, "5XXError", minutes) < 0.02


def test_cron_sends_its_burst_and_nothing_between() -> None:
    run = of_stage(20, percent=50, traffic={"pattern": "cron", "every_minutes": 5, "burst_requests": 300})
    requests = [run.requests(BASE, [minute]) + run.requests(CANARY, [minute]) for minute in range(20)]
    assert requests == [300 if (FIRST + minute) % 5 == 0 else 0 for minute in range(20)]


def test_a_cron_burst_comes_as_the_minute_begins() -> None:
    run = of_stage(0, percent=0, traffic={"pattern": "cron", "every_minutes": 1, "burst_requests": 300})
    run.traffic.stage_changed(START + timedelta(seconds=5), stage(50))  # type: ignore[attr-defined]
    run.traffic.minute_passed(FIRST)
    run.traffic.minute_passed(FIRST + 1)
    assert run.requests(CANARY, [0]) == 0
    assert run.requests(CANARY, [1]) == pytest.approx(150, abs=40)


def test_a_burst_needs_as_many_environments_as_it_has_requests() -> None:
    burst = {"pattern": "cron", "every_minutes": 60, "burst_requests": 200}
    run = of_stage(61, percent=50, base={"cold_start_ms": 2_000}, traffic=burst)
    assert run.slower(CANARY, 2_000, range(61)) == 1


def test_a_disturbance_can_refuse_both_arms() -> None:
    hit = {"from_minute": 2, "minutes": 3, "client_error_percent": 60}
    run = of_stage(8, percent=50, disturbances=[hit])
    for dimensions in (BASE, CANARY):
        refused = [run.share(dimensions, "4XXError", [minute]) > 0.4 for minute in range(8)]
        assert refused == [minute in range(2, 5) for minute in range(8)]


def test_every_point_can_come_so_much_later() -> None:
    run = of_stage(3, metrics={"late_minutes": 10})
    assert run.point(BASE, "5XXError", 1, timedelta(seconds=60 + 599)) is None
    assert run.point(BASE, "5XXError", 1, timedelta(seconds=60 + 601)) is not None


@pytest.mark.parametrize(("arm", "missing"), [("canary", [CANARY]), ("base", [BASE]), ("both", [BASE, CANARY])])
def test_points_that_never_come_are_those_of_the_arm(arm: str, missing: list[Json]) -> None:
    run = of_stage(400, percent=50, metrics={"missing_percent": 25, "missing_arm": arm})
    gone = {}
    for name, dimensions in (("base", BASE), ("canary", CANARY)):
        gone[name] = {minute for minute in range(400) if run.point(dimensions, "5XXError", minute) is None}
        assert len(gone[name]) / 400 == pytest.approx(0.25 if dimensions in missing else 0, abs=0.06)
    if arm == "both":
        assert gone["base"] == gone["canary"]


@pytest.mark.parametrize(("arm", "left"), [("canary", (1, 0.6)), ("base", (0.6, 1)), ("both", (0.6, 0.6))])
def test_lost_requests_are_in_no_point(arm: str, left: tuple[float, float]) -> None:
    run = of_stage(20, percent=50, metrics={"lost_percent": 40, "lost_arm": arm}, candidate={"error_percent": 10})
    sent = 50 * 60 * 20
    assert run.requests(BASE, range(20)) / sent == pytest.approx(left[0], abs=0.02)
    assert run.requests(CANARY, range(20)) / sent == pytest.approx(left[1], abs=0.02)
    assert run.share(CANARY, "5XXError", range(20)) == pytest.approx(0.1, abs=0.01)
    assert run.traffic.served.requests == pytest.approx(sent, rel=0.02)


def test_lost_invocations_are_in_no_point_of_the_alias_either() -> None:
    run = of_alias(20, share=0.5, metrics={"lost_percent": 40, "lost_arm": "canary"})
    of_new, of_all = (run.requests(dimensions, range(20), "Invocations") for dimensions in (NEW_VERSION, ALIAS))
    assert of_new / (50 * 60 * 20) == pytest.approx(0.6, abs=0.02)
    assert of_all / (100 * 60 * 20) == pytest.approx(0.8, abs=0.02)


def test_taking_requests_out_keeps_every_count() -> None:
    random = np.random.default_rng(3)
    for errors in (0, 40, 100):
        arm = Arm(100, errors, (100 - errors) // 2, {10.0: 60, 20.0: 40})
        hang(arm, 30, 60_000, random)
        assert arm.hung is not None
        assert (arm.requests, sum(arm.latencies.values()), arm.hung.errors) == (70, 70, 30)
        assert arm.errors + arm.client_errors <= arm.requests
        left = without_lost(arm, 0.5, random)
        assert sum(left.latencies.values()) == left.requests
        assert left.errors + left.client_errors <= left.requests


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"routes": [{"name": "items", "share_percent": 1}]}, "routes[0].name: string should match pattern"),
        ({"routes": [ROUTES[0], ROUTES[0]]}, "routes[1].name: GET /items is named twice"),
        ({"routes": [{"name": "GET /", "share_percent": 50}]}, "routes: the shares are 50 % together; the rest goes"),
        ({"routes": [ROUTES[0], {**ROUTES[1], "share_percent": 30}]}, "routes: the shares are 110 % together"),
        ({"candidate": {"routes": [{"name": "GET /x"}]}}, "candidate.routes[0].share_percent: required"),
        ({"target": "lambda-alias", "namesakes": [{}]}, "namesakes: only a stage has them"),
        ({"alarms": [{"name": "a", "account": "12"}]}, "alarms[0].account: string should match pattern"),
        (
            {"alarms": [{"name": "a", "deleted_at_minute": 5, "states": [{"at_minute": 6, "state": "OK"}]}]},
            "alarms[0].deleted_at_minute: a state is set when the alarm is gone",
        ),
        ({"requests": [{"onConflict": "supersede"}]}, "requests[0].at_minute: required"),
        ({"signals": [{"at_minute": 1, "command": "pause", "repeat": 0}]}, "signals[0].repeat: input should be"),
        ({"metrics": {"missing_arm": "all"}}, "metrics.missing_arm: input should be 'canary', 'base' or 'both'"),
        ({"traffic": {"every_minute": 5}}, "traffic.every_minute: unknown field; allowed are"),
        ({"expected": {"told": "x"}}, "expected.told: input should be a valid list"),
    ],
)
def test_a_mistake_is_one_error_that_names_the_field(fields: Json, said: str) -> None:
    with pytest.raises(InvalidScenario) as error:
        parse_scenario({"name": "x", **fields}, "x.toml")
    assert str(error.value).startswith(f"x.toml: {said}")
