"""Stages that somebody invokes over HTTPS, request by request, and the metrics that this leaves.

The other traffic models draw the requests, too. Here they are the caller's, and only the arm that answers each is drawn
at the stage's live weight. What CloudWatch makes of them is as for any stage.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from rollout_simulator.arms import Arm
from rollout_simulator.embedded_aws import EmbeddedAws
from rollout_simulator.example_api import ExampleApi
from rollout_simulator.moto_patches.stage_control_plane import StageChange
from rollout_simulator.scenario import Api, Metrics, Scenario
from rollout_simulator.traffic import Split, StageTraffic, Track

VARIABLE = "arm"
"""The stage variable with which such an API answers."""
_LATENCY_MS = 20.0


class InvokedStage(StageTraffic):
    """One of them."""

    def __init__(self, scenario: Scenario, aws: EmbeddedAws, api: ExampleApi, seed: int) -> None:
        super().__init__(scenario, aws.metrics, api, seed)
        self._clock = aws.clock
        self._stage: Mapping[str, Any] = {}
        self._answered_by: defaultdict[int, Counter[Track]] = defaultdict(Counter)

    def follow(self, change: StageChange) -> None:
        """The stage was changed."""
        if change.after is not None:
            self._stage = change.after
        self.stage_changed(change.when, change.after)

    def invoke(self) -> str:
        """The answer of one request."""
        now = self._clock.timestamp()
        split: Split = next(each for each in reversed(self._splits) if each.since <= now)
        track: Track = "canary" if self._stream("arms").random() < split.canary_share else "base"
        self._answered_by[int(now) // 60][track] += 1
        overrides = self._stage.get("canarySettings", {}).get("stageVariableOverrides", {}) if track == "canary" else {}
        return str({**self._stage["variables"], **overrides}[VARIABLE])

    def minute_passed(self, minute: int) -> None:
        """Publish the metrics of this minute."""
        answered = self._answered_by.pop(minute, Counter())
        self._publish_minute(minute, _arm(answered["base"]), _arm(answered["canary"]), {})


class InvokedStages:
    """All stages of an embedded AWS that are made after this is."""

    def __init__(self, aws: EmbeddedAws, how: Metrics, seed: int = 1) -> None:
        self._aws = aws
        self._how = how
        self._seed = seed
        self._known: dict[tuple[str, str], InvokedStage] = {}
        aws.stages.listeners.append(self._changed)
        aws.clock.call_every(60, self._minute_passed, name="invocations")

    def invoke(self, url: str) -> str:
        """What a GET of this URL answers.

        Raises: OSError (there is no such stage).
        """
        where = urlsplit(url)
        stage = self._known.get((str(where.hostname).partition(".")[0], where.path.strip("/")))
        if where.scheme != "https" or stage is None:
            raise OSError(f"{url}: no such stage")
        return stage.invoke()

    def _changed(self, change: StageChange) -> None:
        key = change.rest_api_id, change.stage_name
        if change.before is None and change.after is not None:
            name = self._aws.client("apigateway").get_rest_api(restApiId=change.rest_api_id)["name"]
            api = Api(name=name, stage=change.stage_name, execution_logging=False)
            scenario = Scenario(name=name, api=api, metrics=self._how)
            ids = ExampleApi(change.rest_api_id, change.stage_name, change.after["deploymentId"], "")
            self._known[key] = InvokedStage(scenario, self._aws, ids, self._seed)
        if key in self._known:
            self._known[key].follow(change)
            if change.after is None:
                del self._known[key]

    def _minute_passed(self) -> None:
        for stage in self._known.values():
            stage.minute_passed(int(self._aws.clock.timestamp()) // 60 - 1)


def _arm(requests: int) -> Arm:
    return Arm(requests, 0, 0, {_LATENCY_MS: requests} if requests else {})
