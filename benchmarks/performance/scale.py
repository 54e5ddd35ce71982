"""Many rollouts at once under the account's limits: all are requested in one instant, and all alarms fire in another.

Everything that the controller calls is subject to the account's documented rates. How long until the last canary is
there, how long until the last one is gone, and does every rollout end as it should? A removal takes three calls, and
API Gateway lets ten a second through after a burst of forty: so n removals wait for each other. What the controller
adds to that queue is the figure of interest.
"""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta
from typing import Any

from rollout_simulator.account_limits import RATES
from rollout_simulator.embedded_aws import EmbeddedAws
from rollout_simulator.example_api import create_alarm, create_api
from rollout_simulator.moto_patches.stage_control_plane import StageChange
from rollout_simulator.scenario import Alarm, Scenario

SIZES = (1, 10, 100, 300, 1_000)
MOST_WALL_SECONDS = 7_200.0
FIRE_AFTER_MINUTES = 2
BAKE_MINUTES = 60
CALLS_PER_REMOVAL = 3
"""GetStage, UpdateStage, GetStage."""

Json = dict[str, Any]


def measured() -> list[Json]:
    """The figures of each size, as long as the next one would still end in time."""
    found: list[Json] = []
    for size in SIZES:
        if found and found[-1]["wallSeconds"] * size / found[-1]["rollouts"] > MOST_WALL_SECONDS:
            break
        found.append(_together(size))
    return found


def _together(rollouts: int) -> Json:
    began = time.perf_counter()
    with EmbeddedAws(seed=1) as aws:
        world = _World(aws, rollouts)
        created = world.begin()
        removed = world.fire()
        refused = dict(sorted((f"{service}:{call}", n) for (service, call), n in aws.limits.refused.items()))
        ended = world.ended()
    rate = RATES["apigateway", "*"]
    queue = max(0.0, (CALLS_PER_REMOVAL * len(removed) - rate.burst) / rate.per_second)
    return {
        "rollouts": rollouts,
        "alarms": len(removed),
        "lastCanarySeconds": round(max(created), 1),
        "removalSeconds": {share: round(_quantile(removed, float(share)), 2) for share in ("0.5", "0.99", "1")},
        "queueSeconds": round(queue, 1),
        "refused": refused,
        "ended": ended,
        "wallSeconds": round(time.perf_counter() - began, 1),
    }


class _World:
    """So many APIs, each with a stage, an alarm and a rollout."""

    def __init__(self, aws: EmbeddedAws, rollouts: int) -> None:
        self._aws, self._clock = aws, aws.clock
        self._created: dict[str, datetime] = {}
        self._removed: dict[str, datetime] = {}
        self._apis = [self._api(number) for number in range(rollouts)]
        aws.stages.listeners.append(self._changed)

    def begin(self) -> list[float]:
        """Start all in one instant; seconds until each has its canary."""
        self._aws.limits.enforced = True
        machine = self._aws.deployment.outputs["StateMachineArn"]
        started = self._clock.now()
        for number, (_, request) in enumerate(self._apis):
            self._aws.client("stepfunctions").start_execution(
                stateMachineArn=machine, name=f"rollout-{number}", input=json.dumps(request)
            )
        everybody = {api for api, _ in self._apis}
        self._clock.run_until(lambda: everybody <= self._created.keys(), timedelta(hours=2))
        return [(moment - started).total_seconds() for moment in self._created.values()]

    def fire(self) -> list[float]:
        """Fire the alarms of all in one instant; seconds until each canary is gone."""
        self._clock.run_until(self._clock.now() + timedelta(minutes=FIRE_AFTER_MINUTES))
        fired = self._clock.now()
        for number in range(len(self._apis)):
            self._aws.client("cloudwatch").set_alarm_state(
                AlarmName=f"alarm-{number}", StateValue="ALARM", StateReason="benchmark"
            )
        everybody = {api for api, _ in self._apis}
        self._clock.run_until(lambda: everybody <= self._removed.keys(), timedelta(hours=2))
        return sorted((moment - fired).total_seconds() for moment in self._removed.values())

    def ended(self) -> Json:
        """How the executions ended, once all have."""
        self._clock.run_until(lambda: all(one.status != "RUNNING" for one in self._aws.executions.all()))
        ends: dict[str, int] = {}
        for one in self._aws.executions.all():
            name = str(one.error or one.status)
            ends[name] = ends.get(name, 0) + 1
        return ends

    def _api(self, number: int) -> tuple[str, Json]:
        alarm = Alarm(name=f"alarm-{number}", threshold=0.9)
        plan = {"steps": [{"weightPercent": 10, "bakeMinutes": BAKE_MINUTES}]}
        scenario = Scenario(name=f"many-{number}", api={"name": f"a{number}"}, alarms=[alarm], request={"plan": plan})
        api = create_api(self._aws.client, scenario)
        create_alarm(alarm, scenario, api)
        return api.rest_api_id, api.request(scenario)

    def _changed(self, change: StageChange) -> None:
        before, after = (bool((view or {}).get("canarySettings")) for view in (change.before, change.after))
        if after and not before:
            self._created[change.rest_api_id] = change.when
        elif before and not after:
            self._removed[change.rest_api_id] = change.when


def _quantile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
