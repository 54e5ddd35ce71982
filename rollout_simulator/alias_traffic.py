"""Requests to a Lambda alias, minute by minute, and the metrics they leave.

As for a stage, they are drawn at the live weights. Each version has a series within the alias's, and the alias one of
its own. A throttled request is no invocation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rollout_simulator.arms import Arm
from rollout_simulator.example_function import ExampleFunction
from rollout_simulator.moto_patches.distribution import Distribution
from rollout_simulator.moto_patches.metric_store import MetricStore
from rollout_simulator.scenario import Scenario
from rollout_simulator.traffic import PROPAGATION_SECONDS, Split, Track, Traffic

NAMESPACE = "AWS/Lambda"


@dataclass(frozen=True, slots=True)
class Routing(Split):
    """The versions that share the alias's requests; no `other` outside a rollout."""

    version: str = ""
    other: str | None = None


class AliasTraffic(Traffic):
    """Draws each minute's requests to one alias and publishes what CloudWatch would."""

    def __init__(self, scenario: Scenario, metrics: MetricStore, function: ExampleFunction, seed: int) -> None:
        super().__init__(scenario, metrics, seed)
        self._function = function
        self._like_the_base = {"", function.base}
        self._latest: Routing = self._routing(0.0, {"FunctionVersion": function.base})
        self._splits = [self._latest]

    def deployed_by_others(self, version: str) -> None:
        """A version that behaves like the base."""
        self._like_the_base.add(version)

    def alias_changed(self, when: datetime, alias: Mapping[str, Any] | None) -> None:
        """Follow the live alias, as GetAlias shows it; a deleted one serves nobody."""
        since = when.timestamp() + PROPAGATION_SECONDS
        routing = self._routing(since, alias or {"FunctionVersion": ""})
        promoted = 100.0 if routing.base_is_candidate else 0.0
        self.most_weight_percent = max(self.most_weight_percent, promoted, round(routing.canary_share * 100, 4))
        self._follow(routing)

    def minute_passed(self, minute: int) -> None:
        """Draw the requests of this minute (of the epoch), which has just ended, and publish its metrics."""
        start = minute * 60.0
        total = self._requests(start)
        served: dict[str, Arm] = {}
        throttled: dict[str, int] = {}
        tracks: dict[str, Track] = {}
        for split, share in self._segments(start):
            assert isinstance(split, Routing)
            requests = int(self._random.binomial(total, share)) if share < 1 else total
            to_other = int(self._random.binomial(requests, split.canary_share)) if split.canary_share else 0
            weights = split.canary_share * 100
            parts: tuple[tuple[Track, str | None, int, bool, float], ...] = (
                ("base", split.version, requests - to_other, split.base_is_candidate, 100.0),
                ("canary", split.other, to_other, split.canary_is_candidate, weights),
            )
            for track, version, number, candidate, weight in parts:
                if not version or not number:
                    continue
                behaviour = self._behaviour(candidate, start, weight)
                refused = int(self._random.binomial(number, behaviour.throttle_percent / 100))
                throttled[version] = throttled.get(version, 0) + refused
                tracks[version] = track
                answered = self._serve(number - refused, candidate, start, weight)
                served.setdefault(version, Arm()).add(answered)
                if self.logs is not None:
                    self.logs.count(minute, answered, flag="", candidate=candidate, version=version)
        whole = Arm()
        alias = {"FunctionName": self._function.name, "Resource": f"{self._function.name}:{self._function.alias}"}
        for version, arm in sorted(served.items()):
            told = self._without_lost(arm, tracks[version])
            dimensions = {**alias, "ExecutedVersion": version}
            self._publish_version(dimensions, minute, told, throttled[version], tracks[version])
            whole.add(told)
        if served:
            self._publish_version(alias, minute, whole, sum(throttled.values()), None)

    def _routing(self, since: float, alias: Mapping[str, Any]) -> Routing:
        version = alias["FunctionVersion"]
        weights = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
        other, share = next(iter(weights.items()), (None, 0.0))
        return Routing(
            since=since,
            base_is_candidate=version not in self._like_the_base,
            canary_share=float(share),
            canary_is_candidate=other is not None and other not in self._like_the_base,
            version=version,
            other=other,
        )

    def _publish_version(
        self, dimensions: Mapping[str, str], minute: int, arm: Arm, throttles: int, track: Track | None
    ) -> None:
        """Points carry the minute in which an invocation started, and it is in them from its end on (documented). The
        hanging ones are taken to end together, as long after the minute's end as they hang.
        """
        points = _points(arm, throttles)
        ending_later = None
        if arm.hung is not None and arm.hung.requests:
            whole = Arm()
            whole.add(arm)
            whole.add(arm.hung)
            ending_later = max(arm.hung.latencies) / 1000, _points(whole, throttles)
        self._publish_points(
            NAMESPACE,
            dimensions,
            minute,
            arm.requests + throttles,
            points,
            track=track,
            ending_later=ending_later,
        )


def _points(arm: Arm, throttles: int) -> Mapping[str, Distribution]:
    points = {
        "Invocations": Distribution.of_flags(arm.requests, arm.requests),
        "Errors": Distribution.of_flags(arm.requests, arm.errors),
        "Throttles": Distribution.of_flags(arm.requests + throttles, throttles),
        "Duration": arm.times,
    }
    if arm.requests == 0:
        del points["Invocations"], points["Errors"], points["Duration"]
    return points
