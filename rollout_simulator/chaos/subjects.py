"""What a run rolls out, by the kind of target: made and watched, asked for again, and meddled with by others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from rollout_simulator import alias_traffic, subjects, traffic
from rollout_simulator.chaos.call_recorder import CallRecorder
from rollout_simulator.chaos.recorded import Point
from rollout_simulator.chaos.states import of_alias, of_stage
from rollout_simulator.embedded_aws import EmbeddedAws
from rollout_simulator.moto_patches.metric_store import StoredSeries
from rollout_simulator.scenario import Alarm, Scenario

Json = dict[str, Any]


class Subject(Protocol):
    """One target of its kind, whose changes the recorder is told of."""

    @property
    def traffic(self) -> traffic.Traffic: ...

    def request(self) -> Json:
        """The scenario's request."""

    def other_candidate(self) -> Json:
        """What else could be rolled out, as a request names it."""

    def alarm(self, alarm: Alarm) -> None:
        """Make one of the scenario's alarms."""

    def change(self, kind: str) -> None:
        """Somebody else changes it so. Raises what boto3 raises."""

    def canary_points(self) -> Iterator[Point]:
        """The requests of its canaries as published; a revision of a point is a point of its own."""


class Stage:
    """A stage, with or without function aliases behind it."""

    def __init__(self, aws: EmbeddedAws, scenario: Scenario, seed: int, recorder: CallRecorder) -> None:
        aws.aliases.listeners.append(recorder.alias_changed)
        made = subjects.Stage(aws, scenario, seed)
        self.traffic, self.request, self.alarm = made.traffic, made.request, made.alarm
        self._aws = aws
        self._scenario = scenario
        self._apigateway = aws.client("apigateway")
        self._where = {"restApiId": made.api.rest_api_id, "stageName": made.api.stage}
        self._other = self._apigateway.create_deployment(restApiId=made.api.rest_api_id, description="other")["id"]
        aws.stages.listeners.append(
            lambda change: recorder.target_changed(change.when, of_stage(change.before), of_stage(change.after))
        )

    def other_candidate(self) -> Json:
        """The same variables with another deployment."""
        return {**self.request()["candidate"], "deploymentId": self._other}

    def change(self, kind: str) -> None:
        """By the console, a pipeline, or a hand on the command line."""
        patches = {
            "weight": [("replace", "/canarySettings/percentTraffic", "77.0")],
            "weight to nothing": [("replace", "/canarySettings/percentTraffic", "0.0")],
            "canary's deployment": [("replace", "/canarySettings/deploymentId", self._other)],
            "override": [("replace", "/canarySettings/stageVariableOverrides/lambdaAlias", "theirs")],
            "another override": [("replace", "/canarySettings/stageVariableOverrides/theirs", "1")],
            "variable": [("replace", "/variables/lambdaAlias", "theirs")],
            "unwatched variable": [("replace", "/variables/tableName", "theirs")],
            "base": [("replace", "/deploymentId", self._other)],
            "canary removed": [("remove", "/canarySettings", None)],
            "promoted by hand": [
                ("copy", "/deploymentId", "/canarySettings/deploymentId"),
                ("remove", "/canarySettings", None),
            ],
        }
        if kind == "stage deleted":
            self._apigateway.delete_stage(**self._where)
        elif kind == "plain deployment":
            self._apigateway.create_deployment(**self._where)
        else:
            operations = [_operation(*patch) for patch in patches[kind]]
            self._apigateway.update_stage(**self._where, patchOperations=operations)

    def canary_points(self) -> Iterator[Point]:
        """Of the one series that whatever is the canary has."""
        api = self._scenario.api
        dimensions = {"ApiName": api.name, "Stage": f"{api.stage}/Canary"}
        yield from _points(self._aws.metrics.series(traffic.NAMESPACE, "5XXError", dimensions))


class Alias:
    """An alias of a function."""

    def __init__(self, aws: EmbeddedAws, scenario: Scenario, seed: int, recorder: CallRecorder) -> None:
        made = subjects.Alias(aws, scenario, seed)
        self.traffic, self.request, self.alarm = made.traffic, made.request, made.alarm
        self._aws = aws
        self._lambda = aws.client("lambda")
        self._function = made.function
        self._where = {"FunctionName": made.function.name, "Name": made.function.alias}
        versions = self._lambda.list_versions_by_function(FunctionName=made.function.name)["Versions"]
        self._other = next(
            version["Version"]
            for version in versions
            if version["Version"] not in ("$LATEST", made.function.base, made.function.candidate)
        )
        aws.aliases.listeners.append(
            lambda change: recorder.target_changed(change.when, of_alias(change.before), of_alias(change.after))
        )

    def other_candidate(self) -> Json:
        """Another published version."""
        return {"version": self._other}

    def change(self, kind: str) -> None:
        """By the console, a pipeline, or a hand on the command line."""
        if kind == "alias deleted":
            self._lambda.delete_alias(**self._where)
        elif kind == "alias made anew":
            self._lambda.delete_alias(**self._where)
            self._lambda.create_alias(**self._where, FunctionVersion=self._function.base)
        else:
            self._lambda.update_alias(**self._where, **self._update(kind))

    def _update(self, kind: str) -> Json:
        weights = self._weights()
        canary, share = next(iter(weights.items()), (self._function.candidate, 0.05))
        updates: dict[str, Json] = {
            "weight": _routing({canary: 0.77}),
            "weight to nothing": _routing({canary: 0.0}),
            "canary's version": _routing({self._other: share}),
            "canary removed": _routing({}),
            "base": {"FunctionVersion": self._other},
            "plain deployment": {"FunctionVersion": self._other, **_routing({})},
            "promoted by hand": {"FunctionVersion": canary, **_routing({})},
            "description": {"Description": "theirs"},
        }
        return updates[kind]

    def _weights(self) -> Mapping[str, float]:
        routing = self._lambda.get_alias(**self._where).get("RoutingConfig", {})
        weights: Mapping[str, float] = routing.get("AdditionalVersionWeights", {})
        return weights

    def canary_points(self) -> Iterator[Point]:
        """Of each version's own series within the alias's: which one was a canary is for the law to tell."""
        for series in self._aws.metrics.all_series(self._aws.clock.timestamp()):
            version = series.dimensions.get("ExecutedVersion")
            if version and (series.namespace, series.metric) == (alias_traffic.NAMESPACE, "Invocations"):
                yield from _points(series, version)


KINDS: Mapping[str, Callable[[EmbeddedAws, Scenario, int, CallRecorder], Subject]] = {
    "apigateway-stage": Stage,
    "lambda-alias": Alias,
}
"""By the scenario's `target`."""


def _points(series: StoredSeries | None, revision: str | None = None) -> Iterator[Point]:
    if series is None:
        return
    for minute, publications in series.minutes.items():
        for visible_from, distribution, _ in publications:
            yield Point(minute, visible_from, int(distribution.sample_count), revision)


def _routing(weights: Mapping[str, float]) -> Json:
    return {"RoutingConfig": {"AdditionalVersionWeights": dict(weights)}}


def _operation(kind: str, path: str, value: str | None) -> dict[str, str]:
    if kind == "copy":
        return {"op": kind, "path": path, "from": value or ""}
    return {"op": kind, "path": path, **({} if value is None else {"value": value})}
