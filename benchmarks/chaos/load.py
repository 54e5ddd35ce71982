"""From the alarm to the canary's removal while 200 rollouts run at once: `python -m benchmarks.chaos.load`.

All bake for an hour in one embedded AWS; then the alarms fire, first one by one, then all the others in one instant.
Each call of the controller takes up to 40 simulated milliseconds. Simulated seconds say how long the architecture
takes; wall milliseconds how long this machine took to play it. With `--limits` the account's documented rates are
enforced: then the last of n canaries that are removed in one instant waits for API Gateway's ten calls a second.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from rollout_simulator.account_limits import RATES
from rollout_simulator.chaos import call_recorder
from rollout_simulator.chaos.call_recorder import CallRecorder
from rollout_simulator.embedded_aws import EmbeddedAws
from rollout_simulator.example_api import ExampleApi, create_alarm, create_api
from rollout_simulator.moto_patches.stage_control_plane import StageChange
from rollout_simulator.scenario import Alarm, Scenario

ROLLOUTS = 200
ONE_BY_ONE = 50
MOST_LATENCY_MS = 40
BAKE_MINUTES = 60
CALLS_PER_REMOVAL = 3
"""GetStage, UpdateStage, GetStage."""
MOST_SECONDS = 30.0
"""Far less than any wait between two analyses."""


@dataclass(frozen=True, slots=True)
class Removal:
    """How long one rollout's canary stayed after its alarm had fired."""

    simulated_seconds: float
    wall_ms: float


def main(arguments: list[str] | None = None) -> int:
    """0 when no canary waited for another rollout's bake."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos.load", description=__doc__)
    parser.add_argument("-n", type=int, default=ROLLOUTS, help=f"how many rollouts at once (default {ROLLOUTS})")
    parser.add_argument("--limits", action="store_true", help="with the account's rates enforced")
    options = parser.parse_args(arguments)
    slowest = 0.0
    for name, removals in measured(options.n, limits=options.limits).items():
        seconds = sorted(removal.simulated_seconds for removal in removals)
        wall = sorted(removal.wall_ms for removal in removals)
        slowest = max(slowest, seconds[-1])
        say(
            f"{name}: {len(removals)} of {options.n} canaries removed; simulated seconds median "
            f"{statistics.median(seconds):.2f}, p99 {quantile(seconds, 0.99):.2f}, most {seconds[-1]:.2f}; "
            f"wall ms median {statistics.median(wall):.0f}, p99 {quantile(wall, 0.99):.0f}"
        )
    queue = CALLS_PER_REMOVAL * options.n / RATES["apigateway", "*"].per_second if options.limits else 0.0
    if options.limits:
        say(f"the account's rate alone makes the last of {options.n} wait {queue:.0f} s")
    waited = slowest >= MOST_SECONDS + queue
    say(f"{'somebody' if waited else 'nobody'} waited for another's bake, which lasts {BAKE_MINUTES} min")
    return 1 if waited else 0


def measured(rollouts: int, *, seed: int = 1, limits: bool = False) -> dict[str, list[Removal]]:
    """The removals, of the alarms that fired one by one and of those that fired at once."""
    recorder = CallRecorder(Random(seed), MOST_LATENCY_MS)
    with ExitStack() as stack:
        stack.enter_context(call_recorder.opened(recorder))
        aws = stack.enter_context(EmbeddedAws(seed=seed, handlers=call_recorder.Handlers(recorder)))
        load = _Load(aws, recorder, rollouts)
        load.start()
        aws.limits.enforced = limits
        alone = min(ONE_BY_ONE, rollouts // 4)
        one_by_one = load.fire(range(alone), apart_seconds=1.0)
        at_once = load.fire(range(alone, rollouts), apart_seconds=0.0)
        return {"one by one": one_by_one, "all at once": at_once}


class _Load:
    def __init__(self, aws: EmbeddedAws, recorder: CallRecorder, rollouts: int) -> None:
        self._aws = aws
        self._clock = aws.clock
        self._removed: dict[str, tuple[datetime, float]] = {}
        aws.stages.listeners.append(self._stage_changed)
        recorder.watch(aws.clock, [], lambda _: None)
        self._apis = [self._made(number) for number in range(rollouts)]

    def start(self) -> None:
        """Start them all, and let the world run until each has its canary."""
        machine = self._aws.deployment.outputs["StateMachineArn"]
        workflow, gateway = self._aws.client("stepfunctions"), self._aws.client("apigateway")
        for number, (scenario, api) in enumerate(self._apis):
            request = json.dumps(api.request(scenario))
            workflow.start_execution(stateMachineArn=machine, name=f"rollout-{number}", input=request)
        self._clock.run_until(self._clock.now() + timedelta(minutes=1))
        for _, api in self._apis:
            assert "canarySettings" in gateway.get_stage(restApiId=api.rest_api_id, stageName=api.stage)

    def fire(self, numbers: range, *, apart_seconds: float) -> list[Removal]:
        """Set these alarms off, and wait until their canaries are gone."""
        cloudwatch = self._aws.client("cloudwatch")
        fired: dict[str, tuple[datetime, float]] = {}
        for number in numbers:
            _, api = self._apis[number]
            fired[api.rest_api_id] = self._clock.now(), time.perf_counter()
            cloudwatch.set_alarm_state(AlarmName=f"alarm-{number}", StateValue="ALARM", StateReason="load")
            if apart_seconds:
                self._clock.run_until(self._clock.now() + timedelta(seconds=apart_seconds))
        self._clock.run_until(lambda: fired.keys() <= self._removed.keys(), timedelta(minutes=2))
        others = {api.rest_api_id for _, api in self._apis[numbers.stop :]}
        assert not others & self._removed.keys(), "a canary was removed whose alarm has not fired"
        return [
            Removal((self._removed[api][0] - at).total_seconds(), (self._removed[api][1] - wall) * 1000)
            for api, (at, wall) in fired.items()
        ]

    def _made(self, number: int) -> tuple[Scenario, ExampleApi]:
        alarm = Alarm(name=f"alarm-{number}", threshold=0.9)
        plan: dict[str, Any] = {"steps": [{"weightPercent": 10, "bakeMinutes": BAKE_MINUTES}]}
        scenario = Scenario(
            name=f"load-{number}",
            api={"name": f"orders-{number}"},
            alarms=[alarm],
            request={"plan": plan},
        )
        api = create_api(self._aws.client, scenario)
        create_alarm(alarm, scenario, api)
        return scenario, api

    def _stage_changed(self, change: StageChange) -> None:
        had = (change.before or {}).get("canarySettings")
        if had and not (change.after or {}).get("canarySettings"):
            self._removed[change.rest_api_id] = change.when, time.perf_counter()


def quantile(ordered: list[float], share: float) -> float:
    """The value that this share of the others does not exceed."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def say(line: str) -> None:
    """To standard output."""
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
