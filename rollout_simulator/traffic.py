"""Requests, minute by minute, and the metrics they leave; those to a stage, in full.

The law: traffic is drawn at the target's *live* weight, so what the controller does to the target is what produces its
metrics. Counts are drawn, never single requests: a minute at 2,000 requests a second costs what one at 20 does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import pi, sin
from typing import Any, Literal
from zlib import crc32

import numpy as np

from rollout.adapters.access_log_metrics import ROUTE_STATUS, AccessLogMetrics
from rollout.core.access_log import LATENCY, STATUS
from rollout_simulator.arms import Arm, drawn_latencies, drawn_values, hang, in_two, put, take, without_lost
from rollout_simulator.environments import EnvironmentPool
from rollout_simulator.example_api import OLD, ExampleApi
from rollout_simulator.moto_patches.distribution import Distribution
from rollout_simulator.moto_patches.metric_store import MetricStore
from rollout_simulator.scenario import Behaviour, CandidateBehaviour, CustomMetric, Route, Scenario
from rollout_simulator.traffic_logs import TrafficLogs

NAMESPACE = "AWS/ApiGateway"
PROPAGATION_SECONDS = 10.0
"""How long a change of the stage takes to reach the requests; unknown for AWS, where tests wait about 20 s."""

HISTORY_MINUTES = 250
GATEWAY_SECONDS = 29.0
"""After so long API Gateway answers 504 by itself (documented default of a REST API)."""
_ABOUT = 0.1
"""Spread of a latency that the scenario calls "about" something, as σ of the logarithm."""

Track = Literal["base", "canary"]


@dataclass(frozen=True, slots=True)
class Split:
    """How the target shares its requests from a moment on: `canary_share` of them go to its canary."""

    since: float
    base_is_candidate: bool
    canary_share: float
    canary_is_candidate: bool
    has_canary: bool = False

    @property
    def candidate_share(self) -> float:
        """The candidate's share of all requests, as canary or as base."""
        return self.base_is_candidate * (1 - self.canary_share) + self.canary_is_candidate * self.canary_share


@dataclass(slots=True)
class Served:
    """Requests so far that the candidate answered, as canary or as base, and how many of them badly."""

    requests: int = 0
    bad: int = 0


@dataclass(frozen=True, slots=True)
class Raise:
    """From `since` on the candidate, or the base, has more requests; `moved_share` of them are new to it."""

    since: float
    candidate: bool
    moved_share: float


class Traffic(ABC):
    """Draws each minute's requests to one target; each kind publishes what CloudWatch would.

    What a scenario need not say is drawn from generators of its own, so that a field that is not used changes no draw.
    """

    def __init__(self, scenario: Scenario, metrics: MetricStore, seed: int) -> None:
        self._scenario = scenario
        self._metrics = metrics
        self._seed = seed
        self._random = np.random.default_rng(seed)
        self._streams: dict[str, np.random.Generator] = {}
        self._pools: dict[tuple[bool, str], EnvironmentPool] = {}
        self._routes = scenario.all_routes()
        self._splits: list[Split] = [Split(0.0, False, 0.0, False)]
        self._latest = self._splits[0]
        self._raises: list[Raise] = []
        self._missing: tuple[int, bool] = (-1, False)
        self._began: datetime | None = None
        self.logs: TrafficLogs | None = None
        self.served = Served()
        self.most_weight_percent = 0.0

    @property
    def weight_percent(self) -> float:
        """The candidate's share of the requests as the target now stands."""
        return round(self._latest.candidate_share * 100, 4)

    def begin(self, moment: datetime) -> None:
        """The rollout begins: minutes in the scenario count from here."""
        self._began = moment

    def backfill(self, now: datetime) -> None:
        """Publish the hours before the rollout."""
        last = int(now.timestamp()) // 60
        for minute in range(last - HISTORY_MINUTES, last):
            self.minute_passed(minute)

    @abstractmethod
    def minute_passed(self, minute: int) -> None:
        """Draw the requests of this minute (of the epoch), which has just ended, and publish its metrics."""

    def _requests(self, start: float) -> int:
        """How many there are in the minute that begins at `start`."""
        traffic = self._scenario.traffic
        if traffic.pattern == "cron":
            over = traffic.stops_at_minute is not None and self._elapsed_minutes(start) >= traffic.stops_at_minute
            return 0 if over or int(start) // 60 % traffic.every_minutes else traffic.burst_requests
        return int(self._random.poisson(self._rate(start) * 60))

    def _segments(self, start: float) -> list[tuple[Split, float]]:
        """The splits that were live in the minute, each with the share of the minute it was live for."""
        while len(self._splits) > 1 and self._splits[1].since <= start:
            del self._splits[0]
        if self._scenario.traffic.pattern == "cron":
            return [(self._splits[0], 1.0)]  # they all come as the minute begins
        bounds = [start, *(split.since for split in self._splits[1:] if split.since < start + 60), start + 60]
        return [
            (split, (until - since) / 60)
            for split, since, until in zip(self._splits, bounds, bounds[1:], strict=False)
            if until > since
        ]

    def _rate(self, start: float) -> float:
        """Requests per second in the minute that begins at `start`."""
        traffic = self._scenario.traffic
        elapsed = self._elapsed_minutes(start)
        if traffic.stops_at_minute is not None and elapsed >= traffic.stops_at_minute:
            return 0.0
        rate = traffic.requests_per_second * max(0.0, 1 + traffic.noise * self._random.standard_normal())
        if traffic.pattern == "daily":
            rate *= 1 + 0.6 * sin(2 * pi * start / 86_400)
        elif traffic.pattern == "bursts" and self._random.random() < 0.1:
            rate *= 4
        return rate

    def _follow(self, split: Split) -> None:
        """From its moment on the target shares its requests so."""
        before, after = self._latest.candidate_share, split.candidate_share
        for candidate, was, now in ((True, before, after), (False, 1 - before, 1 - after)):
            if now > was:
                self._raises.append(Raise(split.since, candidate, (now - was) / now))
        self._splits.append(split)
        self._latest = split

    def _serve(self, requests: int, candidate: bool, start: float, weight_percent: float) -> Arm:
        if requests == 0:
            return Arm()
        if not self._routes:
            return self._answered(requests, candidate, start, weight_percent, None)
        arm = Arm()
        shares = self._random.multinomial(requests, [route.share_percent / 100 for route in self._routes])
        for route, number in zip(self._routes, shares.tolist(), strict=True):
            if number:
                arm.add_route(route.name, self._answered(number, candidate, start, weight_percent, route))
        return arm

    def _answered(
        self, requests: int, candidate: bool, start: float, weight_percent: float, route: Route | None
    ) -> Arm:
        behaviour = self._behaviour(candidate, start, weight_percent, route)
        errors = int(self._random.binomial(requests, behaviour.error_percent / 100))
        client_errors = int(self._random.binomial(requests - errors, behaviour.client_error_percent / 100))
        latencies = drawn_latencies(requests, behaviour.latency_ms, behaviour.latency_spread, self._random)
        arm = Arm(requests, errors, client_errors, latencies)
        self._hang(arm, behaviour)
        self._slow_down(arm, behaviour, candidate, start, route)
        if candidate:
            self.served.requests += requests
            self.served.bad += arm.errors + (arm.hung.errors if arm.hung else 0)
        return arm

    def _hang(self, arm: Arm, behaviour: Behaviour) -> None:
        if behaviour.hang_percent:
            random = self._stream("hang")
            requests = int(random.binomial(arm.requests, behaviour.hang_percent / 100))
            hang(arm, requests, behaviour.hang_seconds * 1000, random)

    def _slow_down(self, arm: Arm, behaviour: Behaviour, candidate: bool, start: float, route: Route | None) -> None:
        """Give some of the requests another latency."""
        if behaviour.failure_latency_ms is not None:
            random = self._stream("failure latency")
            take(arm.latencies, arm.errors, random)
            median, spread = behaviour.failure_latency_ms, behaviour.latency_spread
            put(arm.latencies, drawn_latencies(arm.errors, median, spread, random))
        warming = self._warming_share(behaviour, candidate, start)
        for name, share, median in (
            ("tail", behaviour.tail_percent / 100, behaviour.tail_latency_ms),
            ("warm-up", warming, behaviour.warm_up_latency_ms),
        ):
            if share:
                random = self._stream(name)
                slow = int(random.binomial(arm.requests, share))
                take(arm.latencies, slow, random)
                put(arm.latencies, drawn_latencies(slow, median, _ABOUT, random))
        if behaviour.cold_start_ms:
            self._start_cold(arm, behaviour, candidate, start, route)

    def _warming_share(self, behaviour: Behaviour, candidate: bool, start: float) -> float:
        """How many of the requests of the minute are slow because they are new to what answers them."""
        if not behaviour.warm_up_percent or not behaviour.warm_up_minutes:
            return 0.0
        share = sum(
            each.moved_share * _halving_mean(start, each.since, behaviour.warm_up_minutes)
            for each in self._raises
            if each.candidate is candidate
        )
        return min(1.0, share * behaviour.warm_up_percent / 100)

    def _start_cold(self, arm: Arm, behaviour: Behaviour, candidate: bool, start: float, route: Route | None) -> None:
        random, key = self._stream("cold starts"), (candidate, route.name if route else "")
        cold = self._pools.setdefault(key, EnvironmentPool(random)).cold_starts(
            int(start) // 60,
            arm.requests,
            behaviour.latency_ms / 1000,
            behaviour.environment_idle_minutes,
            at_once=self._scenario.traffic.pattern == "cron",
        )
        slow = take(arm.latencies, cold, random)
        put(arm.latencies, {value + behaviour.cold_start_ms: count for value, count in slow.items()})

    def _behaviour(self, candidate: bool, start: float, weight_percent: float, route: Route | None = None) -> Behaviour:
        """How a deployment answers in this minute: its own way, unless something hits both arms."""
        scenario, elapsed = self._scenario, self._elapsed_minutes(start)
        behaviour = scenario.base
        own = scenario.candidate
        if route is not None:
            behaviour = behaviour.model_copy(update=_of_base_on(route))
        is_over = own.until_minute is not None and elapsed >= own.until_minute
        if candidate and own.from_minute <= elapsed and not is_over and weight_percent >= own.from_weight_percent:
            said = own.model_dump(exclude=_WHEN_AND_WHERE, exclude_none=True)
            if route is not None:
                said |= _of_candidate_on(route, own)
            behaviour = behaviour.model_copy(update=said)
        for disturbance in scenario.disturbances:
            if disturbance.from_minute <= elapsed < disturbance.from_minute + disturbance.minutes:
                hit = disturbance.model_dump(exclude={"from_minute", "minutes"}, exclude_none=True)
                behaviour = behaviour.model_copy(update=hit)
        return behaviour

    def _stream(self, name: str) -> np.random.Generator:
        """The generator of one field's draws."""
        if name not in self._streams:
            self._streams[name] = np.random.default_rng([self._seed, crc32(name.encode())])
        return self._streams[name]

    def _without_lost(self, arm: Arm, track: Track) -> Arm:
        """The requests that are in some point."""
        how = self._scenario.metrics
        if not how.lost_percent or how.lost_arm not in (track, "both"):
            return arm
        return without_lost(arm, how.lost_percent / 100, self._stream("lost"))

    def _is_missing(self, track: Track | None, minute: int) -> bool:
        """Whether the point of this minute never comes. A series of no arm is missing where both arms are."""
        how = self._scenario.metrics
        if not how.missing_percent or how.missing_arm not in (track, "both"):
            return False
        if self._missing[0] != minute:
            self._missing = minute, bool(self._stream("missing").random() < how.missing_percent / 100)
        return self._missing[1]

    def _elapsed_minutes(self, start: float) -> float:
        """Minutes since the rollout began; negative before it."""
        return (start - self._began.timestamp()) / 60 if self._began else -1.0

    def _publish_points(
        self,
        namespace: str,
        dimensions: Mapping[str, str],
        minute: int,
        requests: int,
        points: Mapping[str, Distribution],
        *,
        track: Track | None,
        ending_later: tuple[float, Mapping[str, Distribution]] | None = None,
    ) -> None:
        """No traffic leaves no point. Now and then a point is late, or first published in part.

        ending_later: what the points are so many seconds later, when the last invocation has ended.
        """
        if ending_later is None and requests == 0:
            return
        if self._is_missing(track, minute):
            return
        how = self._scenario.metrics
        delay = float(self._random.uniform(how.earliest_seconds, how.latest_seconds)) + how.late_minutes * 60
        if self._random.random() < how.late_percent / 100:
            delay += 240.0
        visible = datetime.fromtimestamp(minute * 60 + 60, UTC) + timedelta(seconds=delay)
        revised = self._random.random() < how.revised_percent / 100
        for metric, distribution in points.items():
            if not requests:
                continue
            if revised:
                partial = Distribution(
                    distribution.values, tuple(count * 9 // 10 or 1 for count in distribution.counts)
                )
                self._metrics.publish(namespace, metric, dimensions, minute, partial, visible)
            final = visible + timedelta(seconds=120) if revised else visible
            self._metrics.publish(namespace, metric, dimensions, minute, distribution, final)
        if ending_later is not None:
            seconds, whole = ending_later
            for metric, distribution in whole.items():
                end = visible + timedelta(seconds=max(seconds, 120.0) if revised else seconds)
                self._metrics.publish(namespace, metric, dimensions, minute, distribution, end)


_WHEN_AND_WHERE = {"from_minute", "until_minute", "from_weight_percent", "routes", "failures"}
"""Fields of a candidate that do not say how it answers."""
_BY_ROUTE = ("error_percent", "client_error_percent", "latency_ms")


def _of_base_on(route: Route) -> dict[str, float]:
    """How the base answers on this route, where it is said."""
    return {field: value for field in _BY_ROUTE if (value := getattr(route, field)) is not None}


def _of_candidate_on(route: Route, candidate: CandidateBehaviour) -> dict[str, float]:
    """How the candidate answers on this route, where it is said: with the route, or with the candidate."""
    said = {field: getattr(route, f"candidate_{field}") for field in _BY_ROUTE}
    for own in candidate.routes:
        if own.name == route.name:
            said |= {field: value for field in _BY_ROUTE if (value := getattr(own, field)) is not None}
    return {field: value for field, value in said.items() if value is not None}


def _halving_mean(start: float, since: float, minutes: float) -> float:
    """The mean over the rest of the minute from `start` of what is 1 in the first minute after `since`, half of it in
    the second, and so on, and 0 after so many minutes.
    """
    first, end = max(start, since), start + 60
    if first >= end:
        return 0.0
    total, age = 0.0, int((first - since) // 60)
    while age < minutes and since + age * 60 < end:
        until = min(end, since + min(age + 1, minutes) * 60)
        total += max(0.0, until - max(first, since + age * 60)) * 0.5**age
        age += 1
    return total / (end - first)


class StageTraffic(Traffic):
    """Draws each minute's requests to one stage and publishes what CloudWatch would."""

    def __init__(self, scenario: Scenario, metrics: MetricStore, api: ExampleApi, seed: int) -> None:
        super().__init__(scenario, metrics, seed)
        self._rest_api_id = api.rest_api_id
        self._like_the_base = {api.base}
        self._versions_of = {False: OLD, True: api.candidate_version}
        self._logs_executions = scenario.api.execution_logging
        self._ending: defaultdict[int, list[tuple[Track, str, Arm]]] = defaultdict(list)

    def deployed_by_others(self, deployment_id: str) -> None:
        """A deployment that behaves like the base."""
        self._like_the_base.add(deployment_id)

    def stage_changed(self, when: datetime, stage: Mapping[str, Any] | None) -> None:
        """Follow the live stage, as GetStage shows it; None when it was deleted."""
        if stage is not None:
            settings = stage.get("methodSettings", {}).values()
            self._logs_executions = any(each.get("loggingLevel", "OFF") != "OFF" for each in settings)
            weight = float((stage.get("canarySettings") or {}).get("percentTraffic", 0.0))
            promoted = self._is_candidate(stage["deploymentId"])
            self.most_weight_percent = max(self.most_weight_percent, 100.0 if promoted else weight)
        self._follow(self._split(when.timestamp() + PROPAGATION_SECONDS, stage))

    def _split(self, since: float, stage: Mapping[str, Any] | None) -> Split:
        """How a stage shares its requests."""
        if stage is None:
            return Split(since, False, 0.0, False)
        canary = stage.get("canarySettings") or {}
        weight = float(canary.get("percentTraffic", 0.0))
        overridden = bool(canary.get("stageVariableOverrides"))
        other_deployment = "deploymentId" in canary and self._is_candidate(canary["deploymentId"])
        promoted = self._is_candidate(stage["deploymentId"])
        return Split(since, promoted, weight / 100, overridden or other_deployment, bool(canary))

    def _is_candidate(self, deployment_id: str) -> bool:
        return deployment_id not in self._like_the_base

    def minute_passed(self, minute: int) -> None:
        """Draw the requests of this minute (of the epoch), which has just ended, and publish its metrics."""
        start = minute * 60.0
        total = self._requests(start)
        arms: dict[Track, Arm] = {"base": Arm(), "canary": Arm()}
        logged: dict[str, Arm] = {}
        for split, share in self._segments(start):
            requests = int(self._random.binomial(total, share)) if share < 1 else total
            to_canary = int(self._random.binomial(requests, split.canary_share)) if split.canary_share else 0
            flag = "false" if split.has_canary else "-"
            of_base = self._serve_base(requests - to_canary, split, start)
            of_canary = self._serve_canary(to_canary, split, start)
            self._give_up_waiting(minute, ("base", flag, of_base), ("canary", "true", of_canary))
            arms["base"].add(of_base)
            arms["canary"].add(of_canary)
            logged.setdefault(flag, Arm()).add(of_base)
            logged.setdefault("true", Arm()).add(of_canary)
            self._log(minute, "base", flag, of_base, split)
            self._log(minute, "canary", "true", of_canary, split)
        for track, flag, arm in self._ending.pop(minute, ()):
            arms[track].add(arm)
            logged.setdefault(flag, Arm()).add(arm)
        self._publish_minute(minute, arms["base"], arms["canary"], logged)

    def _log(self, minute: int, track: Track, flag: str, arm: Arm, split: Split) -> None:
        """Keep these requests for whoever reads the logs."""
        if self.logs is not None:
            candidate = self._is_served_by_candidate(track, split)
            version = self._versions_of[candidate]
            self.logs.count(minute, arm, flag=flag, candidate=candidate, version=version)

    def _is_served_by_candidate(self, track: Track, split: Split) -> bool:
        return split.base_is_candidate if track == "base" else split.canary_is_candidate

    def _publish_minute(self, minute: int, base: Arm, canary: Arm, logged: Mapping[str, Arm]) -> None:
        how, api = self._scenario.metrics, self._scenario.api
        if api.access_log:
            for flag, arm in logged.items():
                self._publish_access_log(flag, minute, arm)
        for metric in self._scenario.custom_metrics:
            self._publish_custom(metric, minute, "base", base.requests, candidate=self._splits[0].base_is_candidate)
            self._publish_custom(metric, minute, "canary", canary.requests, candidate=True)
        base, canary = self._without_lost(base, "base"), self._without_lost(canary, "canary")
        if how.base_semantics == "inclusive":
            base.add(canary)
        for name, arm in base.routes.items():
            self._publish(api.stage, minute, arm, "base", name)
        for number, _ in enumerate(self._scenario.namesakes):
            base.add(self._of_namesake(number))
        self._publish(api.stage, minute, base, "base")
        if how.canary_series and (self._logs_executions or not how.canary_series_needs_logging):
            series = how.canary_series_name.replace("{stage}", api.stage)
            self._publish(series, minute, canary, "canary")
            for name, arm in canary.routes.items():
                self._publish(series, minute, arm, "canary", name)

    def _give_up_waiting(self, minute: int, *answered: tuple[Track, str, Arm]) -> None:
        """API Gateway answers those that hang by itself, and counts them at their end or at their start."""
        for track, flag, arm in answered:
            if arm.hung is None:
                continue
            hung, arm.hung = arm.hung, None
            for part in arm.routes.values():
                part.hung = None
            seconds = min(GATEWAY_SECONDS, max(hung.latencies, default=0.0) / 1000)
            for part in (hung, *hung.routes.values()):
                part.latencies = {seconds * 1000: part.requests}
            ends_at_once = self._scenario.metrics.long_requests_count == "atStart"
            now, later = in_two(hung, 0.0 if ends_at_once else seconds / 60, self._stream("hung requests' ends"))
            arm.add(now)
            self._ending[minute + 1].append((track, flag, later))

    def _serve_base(self, requests: int, split: Split, start: float) -> Arm:
        return self._serve(requests, split.base_is_candidate, start, 100.0)

    def _serve_canary(self, requests: int, split: Split, start: float) -> Arm:
        return self._serve(requests, split.canary_is_candidate, start, split.canary_share * 100)

    def _of_namesake(self, number: int) -> Arm:
        """A minute of another API whose requests are counted under the same name."""
        namesake, random = self._scenario.namesakes[number], self._stream(f"namesake {number}")
        requests = int(random.poisson(namesake.requests_per_second * 60))
        errors = int(random.binomial(requests, namesake.error_percent / 100))
        base = self._scenario.base
        client_errors = int(random.binomial(requests - errors, base.client_error_percent / 100))
        latencies = drawn_latencies(requests, base.latency_ms, base.latency_spread, random)
        return Arm(requests, errors, client_errors, latencies)

    def _publish(self, stage: str, minute: int, arm: Arm, track: Track, route: str = "") -> None:
        """The points of the AWS/ApiGateway metrics, of the whole stage or of one route."""
        dimensions = {"ApiName": self._scenario.api.name, "Stage": stage}
        if route:
            method, _, resource = route.partition(" ")
            dimensions |= {"Method": method, "Resource": resource}
        points = {
            "Count": Distribution.of_flags(arm.requests, arm.requests),
            "5XXError": Distribution.of_flags(arm.requests, arm.errors),
            "4XXError": Distribution.of_flags(arm.requests, arm.client_errors),
            "Latency": arm.times,
        }
        self._publish_points(NAMESPACE, dimensions, minute, arm.requests, points, track=track)

    def _publish_access_log(self, canary: str, minute: int, arm: Arm) -> None:
        """What the metric filters make of the lines of these requests, whose `isCanaryRequest` is `canary`."""
        track: Track = "canary" if canary == "true" else "base"
        arm = self._without_lost(arm, track)
        dimensions = {"ApiId": self._rest_api_id, "Stage": self._scenario.api.stage, "Canary": canary}
        points = {STATUS: _statuses(arm), LATENCY: arm.times}
        namespace = AccessLogMetrics.namespace
        self._publish_points(namespace, dimensions, minute, arm.requests, points, track=track)
        for name, part in arm.routes.items():
            where = {"ApiId": self._rest_api_id, "Canary": canary, "Route": f"{self._scenario.api.stage} {name}"}
            self._publish_points(namespace, where, minute, part.requests, {ROUTE_STATUS: _statuses(part)}, track=track)

    def _publish_custom(
        self, metric: CustomMetric, minute: int, track: Track, requests: int, *, candidate: bool
    ) -> None:
        """What the API's code says of these requests: an event or a sample for some of them."""
        share, value = metric.per_request, metric.value
        if candidate:
            share = share if metric.candidate_per_request is None else metric.candidate_per_request
            value = value if metric.candidate_value is None else metric.candidate_value
        samples = int(self._random.binomial(requests, share)) if requests else 0
        if value is None:
            distribution = Distribution.of_flags(samples, samples)
        else:
            distribution = drawn_values(samples, value, self._random)
        dimensions = {name: text.replace("{track}", track) for name, text in metric.dimensions.items()}
        points = {metric.metric: distribution}
        self._publish_points(metric.namespace, dimensions, minute, samples, points, track=track)


def _statuses(arm: Arm) -> Distribution:
    """The statuses of these requests' answers, as their lines have them."""
    succeeded = arm.requests - arm.errors - arm.client_errors
    return Distribution.of_histogram((200.0, 400.0, 500.0), (succeeded, arm.client_errors, arm.errors))
