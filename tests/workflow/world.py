"""One rollout in the embedded AWS, with the real workflow, handlers and template; and what came of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rollout.core.target import Target
from rollout_simulator.embedded_aws import EmbeddedAws
from rollout_simulator.moto_patches.invocations import OUTSIDE
from rollout_simulator.scenario import Scenario, parse_scenario
from rollout_simulator.simulation import Simulation, opened

ROOT = Path(__file__).resolve().parents[2]
EVENTS = ROOT / "events"
STATE_CHANGED = "Rollout State Changed"
CHANGING = frozenset(
    {"CreateDeployment", "UpdateStage", "DeleteStage", "DeleteDeployment", "CreateStage", "UpdateDeployment"}
    | {"UpdateAlias"}
)
"""The calls of API Gateway and Lambda that change something."""

Json = dict[str, Any]


def scenario(**fields: Any) -> Scenario:
    """A scenario with a short plan, so that a test is about one thing and takes a moment."""
    request = {"plan": {"steps": [{"weightPercent": 5, "bakeMinutes": 2}], "watchMinutes": 0}}
    request |= fields.pop("request", {})
    return parse_scenario(
        {"name": "test", "traffic": {"requests_per_second": 200}, **fields, "request": request}, "test"
    )


def sample(name: str) -> Any:
    """A file of `events/`."""
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class World:
    """The simulation, with short ways to do things and to ask."""

    simulation: Simulation

    @property
    def machine(self) -> str:
        return self.simulation.aws.deployment.outputs["StateMachineArn"]

    def client(self, service: str) -> Any:
        return self.simulation.aws.client(service)

    def target(self) -> Json:
        api = self.simulation.api
        return {"type": "apigateway-stage", "restApiId": api.rest_api_id, "stageName": api.stage}

    def request(self, **fields: Any) -> Json:
        """The scenario's request with these fields instead; None leaves one out."""
        request = {**self.simulation.api.request(self.simulation.scenario), **fields}
        return {name: value for name, value in request.items() if value is not None}

    def start(self, request: Any, name: str = "r-1") -> str:
        """Start an execution, as a person does in the console."""
        answer = self.client("stepfunctions").start_execution(
            stateMachineArn=self.machine, name=name, input=json.dumps(request)
        )
        return str(answer["executionArn"])

    def put(self, detail_type: str, detail: Any) -> None:
        """Put an event on the bus, as a pipeline does."""
        entry = {"Source": "rollout.pilot", "DetailType": detail_type, "Detail": json.dumps(detail)}
        assert self.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0

    def ended(self, execution: str) -> Json:
        """The execution, once it is over."""
        clock = self.simulation.clock
        clock.run_until(lambda: self.status(execution) != "RUNNING" and clock.is_settled())
        return dict(self.client("stepfunctions").describe_execution(executionArn=execution))

    def status(self, execution: str) -> str:
        return self.simulation.aws.executions.status(execution)

    def executions(self) -> Sequence[Json]:
        """Every execution, oldest first."""
        return [
            dict(self.client("stepfunctions").describe_execution(executionArn=one.exec_arn))
            for one in self.simulation.aws.executions.all()
        ]

    def until_canary(self) -> None:
        """Let the world run until the stage has its first canary."""
        traffic = self.simulation.traffic  # it follows the stage, and asking it costs no call
        self.simulation.clock.run_until(lambda: traffic.most_weight_percent > 0)

    def stage(self) -> Json:
        """The stage as GetStage shows it, without its dates."""
        target = self.target()
        stage = self.client("apigateway").get_stage(restApiId=target["restApiId"], stageName=target["stageName"])
        return undated(stage)

    def holder(self) -> str | None:
        """The rollout that holds the stage."""
        return self.simulation.store.holder(Target.from_document(self.target()))

    def told(self, rollout_id: str | None = None) -> Sequence[Json]:
        """The details of the `Rollout State Changed` events, of one rollout or of all."""
        details = [event["detail"] for event in self.simulation.aws.events.put if event["detail-type"] == STATE_CHANGED]
        return [detail for detail in details if rollout_id in (None, detail["rolloutId"])]

    def changes(self) -> Sequence[str]:
        """The calls of the functions that changed something in API Gateway or Lambda."""
        calls = self.simulation.aws.faults.calls
        return [call.operation for call in calls if call.caller != OUTSIDE and call.operation in CHANGING]


@contextmanager
def world(**fields: Any) -> Iterator[World]:
    """The world of a scenario with these fields, its alarms made, nothing started."""
    with opened(scenario(**fields)) as simulation:
        simulation.prepare_alarms()
        yield World(simulation)


def undated(stage: Json | None) -> Json:
    """A stage without its dates."""
    dates = ("createdDate", "lastUpdatedDate", "ResponseMetadata")
    return {name: value for name, value in (stage or {}).items() if name not in dates}


def metrics_of(aws: EmbeddedAws) -> Sequence[Json]:
    """The controller's own metrics as the functions have printed them, in the Embedded Metric Format."""
    return [line for line in _printed(aws) if "_aws" in line]


def logged(aws: EmbeddedAws) -> Sequence[Json]:
    """The log lines that the functions have printed."""
    return [line for line in _printed(aws) if "level" in line]


def _printed(aws: EmbeddedAws) -> Sequence[Json]:
    functions = [name for name in aws.deployment.physical.values() if name.endswith("Function")]
    return [json.loads(line) for function in functions for line in aws.output.lines(function) if line[0] == "{"]
