"""Requests, minute by minute, and the metrics they leave; those to a stage, in full.

The law: traffic is drawn at the target's *live* weight, so what the controller does to the target is what produces its
metrics. Counts are drawn, never single requests: a minute at 2,000 requests a second costs what one at 20 does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import pi, sin
from typing import Any

import numpy as np

from rollout.adapters.access_log_metrics import LATENCY, STATUS, AccessLogMetrics
from rollout_simulator.example_api import ExampleApi
from rollout_simulator.moto_patches.distribution import Distribution
from rollout_simulator.moto_patches.metric_store import MetricStore
from rollout_simulator.scenario import Behaviour, CustomMetric, Scenario

NAMESPACE = "AWS/ApiGateway"
PROPAGATION_SECONDS = 10.0
"""How long a change of the stage takes to reach the requests; unknown for AWS, where tests wait about 20 s."""

HISTORY_MINUTES = 250
_SPREADS = np.linspace(-4.0, 4.0, 161)
"""Latency buckets in standard deviations of the logarithm."""
_SHARES = np.exp(-0.5 * _SPREADS**2)
_SHARES /= _SHARES.sum()
_VALUES = np.exp(0.8 * _SPREADS - 0.32)
"""Values of a heavy-tailed business metric, as multiples of their mean."""


@dataclass(frozen=True, slots=True)
class Split:
    """How the target shares its requests from a moment on: `canary_share` of them go to its canary."""

    since: float
    base_is_candidate: bool
    canary_share: float
    canary_is_candidate: bool
    has_canary: bool = False


@dataclass(slots=True)
class Served:
    """Requests so far that the candidate answered, as canary or as base, and how many of them badly."""

    requests: int = 0
    bad: int = 0


@dataclass(slots=True)
class Arm:
    """What became of some requests; `latencies` says how many took so many milliseconds."""

    requests: int = 0
    errors: int = 0
    client_errors: int = 0
    latencies: dict[float, int] = field(default_factory=dict)

    @property
    def times(self) -> Distribution:
        """The latencies, in milliseconds."""
        values = sorted(self.latencies)
        return Distribution(tuple(values), tuple(self.latencies[value] for value in values))

    def add(self, other: Arm) -> None:
        """These, too."""
        self.requests += other.requests
        self.errors += other.errors
        self.client_errors += other.client_errors
        for value, count in other.latencies.items():
            self.latencies[value] = self.latencies.get(value, 0) + count


class Traffic(ABC):
    """Draws each minute's requests to one target; each kind publishes what CloudWatch would."""

    def __init__(self, scenario: Scenario, metrics: MetricStore, seed: int) -> None:
        self._scenario = scenario
        self._metrics = metrics
        self._random = np.random.default_rng(seed)
        self._splits: list[Split] = [Split(0.0, False, 0.0, False)]
        self._began: datetime | None = None
        self.served = Served()
        self.most_weight_percent = 0.0

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
        return int(self._random.poisson(self._rate(start) * 60))

    def _segments(self, start: float) -> list[tuple[Split, float]]:
        """The splits that were live in the minute, each with the share of the minute it was live for."""
        while len(self._splits) > 1 and self._splits[1].since <= start:
            del self._splits[0]
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

    def _serve(self, requests: int, candidate: bool, start: float, weight_percent: float) -> Arm:
        if requests == 0:
            return Arm()
        behaviour = self._behaviour(candidate, start, weight_percent)
        errors = int(self._random.binomial(requests, behaviour.error_percent / 100))
        client_errors = int(self._random.binomial(requests - errors, behaviour.client_error_percent / 100))
        if candidate:
            self.served.requests += requests
            self.served.bad += errors
        counts = self._random.multinomial(requests, _SHARES)
        values = behaviour.latency_ms * np.exp(behaviour.latency_spread * _SPREADS)
        taken = np.flatnonzero(counts)
        latencies = dict(zip(values[taken].tolist(), counts[taken].tolist(), strict=True))
        return Arm(requests, errors, client_errors, latencies)

    def _behaviour(self, candidate: bool, start: float, weight_percent: float) -> Behaviour:
        """How a deployment answers in this minute: its own way, unless something hits both arms."""
        scenario, elapsed = self._scenario, self._elapsed_minutes(start)
        behaviour = scenario.base
        own = scenario.candidate
        if candidate and elapsed >= own.from_minute and weight_percent >= own.from_weight_percent:
            said = own.model_dump(exclude={"from_minute", "from_weight_percent"}, exclude_none=True)
            behaviour = behaviour.model_copy(update=said)
        for disturbance in scenario.disturbances:
            if disturbance.from_minute <= elapsed < disturbance.from_minute + disturbance.minutes:
                hit = disturbance.model_dump(exclude={"from_minute", "minutes"}, exclude_none=True)
                behaviour = behaviour.model_copy(update=hit)
        return behaviour

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
    ) -> None:
        """No traffic leaves no point. Now and then a point is late, or first published in part."""
        if requests == 0:
            return
        how = self._scenario.metrics
        delay = float(self._random.uniform(how.earliest_seconds, how.latest_seconds))
        if self._random.random() < how.late_percent / 100:
            delay += 240.0
        visible = datetime.fromtimestamp(minute * 60 + 60, UTC) + timedelta(seconds=delay)
        revised = self._random.random() < how.revised_percent / 100
        for metric, distribution in points.items():
            if revised:
                partial = Distribution(
                    distribution.values, tuple(count * 9 // 10 or 1 for count in distribution.counts)
                )
                self._metrics.publish(namespace, metric, dimensions, minute, partial, visible)
            final = visible + timedelta(seconds=120) if revised else visible
            self._metrics.publish(namespace, metric, dimensions, minute, distribution, final)


class StageTraffic(Traffic):
    """Draws each minute's requests to one stage and publishes what CloudWatch would."""

    def __init__(self, scenario: Scenario, metrics: MetricStore, api: ExampleApi, seed: int) -> None:
        super().__init__(scenario, metrics, seed)
        self._rest_api_id = api.rest_api_id
        self._base_deployment = api.base
        self._logs_executions = scenario.api.execution_logging

    def stage_changed(self, when: datetime, stage: Mapping[str, Any] | None) -> None:
        """Follow the live stage, as GetStage shows it; None when it was deleted."""
        since = when.timestamp() + PROPAGATION_SECONDS
        if stage is None:
            self._splits.append(Split(since, False, 0.0, False))
            return
        settings = stage.get("methodSettings", {}).values()
        self._logs_executions = any(each.get("loggingLevel", "OFF") != "OFF" for each in settings)
        canary = stage.get("canarySettings") or {}
        weight = float(canary.get("percentTraffic", 0.0))
        promoted = stage["deploymentId"] != self._base_deployment
        self.most_weight_percent = max(self.most_weight_percent, 100.0 if promoted else weight)
        overridden = bool(canary.get("stageVariableOverrides"))
        other_deployment = canary.get("deploymentId", self._base_deployment) != self._base_deployment
        self._splits.append(Split(since, promoted, weight / 100, overridden or other_deployment, bool(canary)))

    def minute_passed(self, minute: int) -> None:
        """Draw the requests of this minute (of the epoch), which has just ended, and publish its metrics."""
        start = minute * 60.0
        total = self._requests(start)
        base, canary = Arm(), Arm()
        logged: dict[str, Arm] = {}
        for split, share in self._segments(start):
            requests = int(self._random.binomial(total, share)) if share < 1 else total
            to_canary = int(self._random.binomial(requests, split.canary_share)) if split.canary_share else 0
            of_base = self._serve_base(requests - to_canary, split, start)
            of_canary = self._serve_canary(to_canary, split, start)
            base.add(of_base)
            canary.add(of_canary)
            logged.setdefault("false" if split.has_canary else "-", Arm()).add(of_base)
            logged.setdefault("true", Arm()).add(of_canary)
        how, api = self._scenario.metrics, self._scenario.api
        if api.access_log:
            for flag, arm in logged.items():
                self._publish_access_log(flag, minute, arm)
        for metric in self._scenario.custom_metrics:
            self._publish_custom(metric, minute, "base", base.requests, candidate=self._splits[0].base_is_candidate)
            self._publish_custom(metric, minute, "canary", canary.requests, candidate=True)
        if how.base_semantics == "inclusive":
            base.add(canary)
        self._publish({"ApiName": api.name, "Stage": api.stage}, minute, base)
        if how.canary_series and (self._logs_executions or not how.canary_series_needs_logging):
            self._publish({"ApiName": api.name, "Stage": f"{api.stage}/Canary"}, minute, canary)

    def _serve_base(self, requests: int, split: Split, start: float) -> Arm:
        return self._serve(requests, split.base_is_candidate, start, 100.0)

    def _serve_canary(self, requests: int, split: Split, start: float) -> Arm:
        return self._serve(requests, split.canary_is_candidate, start, split.canary_share * 100)

    def _publish(self, dimensions: Mapping[str, str], minute: int, arm: Arm) -> None:
        """The points of the AWS/ApiGateway metrics."""
        points = {
            "Count": Distribution.of_flags(arm.requests, arm.requests),
            "5XXError": Distribution.of_flags(arm.requests, arm.errors),
            "4XXError": Distribution.of_flags(arm.requests, arm.client_errors),
            "Latency": arm.times,
        }
        self._publish_points(NAMESPACE, dimensions, minute, arm.requests, points)

    def _publish_access_log(self, canary: str, minute: int, arm: Arm) -> None:
        """What the metric filters make of the lines of these requests, whose `isCanaryRequest` is `canary`."""
        succeeded = arm.requests - arm.errors - arm.client_errors
        statuses = Distribution.of_histogram((200.0, 400.0, 500.0), (succeeded, arm.client_errors, arm.errors))
        dimensions = {"ApiId": self._rest_api_id, "Stage": self._scenario.api.stage, "Canary": canary}
        points = {STATUS: statuses, LATENCY: arm.times}
        self._publish_points(AccessLogMetrics.namespace, dimensions, minute, arm.requests, points)

    def _publish_custom(self, metric: CustomMetric, minute: int, track: str, requests: int, *, candidate: bool) -> None:
        """What the API's code says of these requests: an event or a sample for some of them."""
        share, value = metric.per_request, metric.value
        if candidate:
            share = share if metric.candidate_per_request is None else metric.candidate_per_request
            value = value if metric.candidate_value is None else metric.candidate_value
        samples = int(self._random.binomial(requests, share)) if requests else 0
        if value is None:
            distribution = Distribution.of_flags(samples, samples)
        else:
            distribution = Distribution.of_histogram(value * _VALUES, self._random.multinomial(samples, _SHARES))
        dimensions = {name: text.replace("{track}", track) for name, text in metric.dimensions.items()}
        self._publish_points(metric.namespace, dimensions, minute, samples, {metric.metric: distribution})
