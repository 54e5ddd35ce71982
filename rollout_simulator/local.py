"""The embedded AWS for other processes: the controller deployed, an API under traffic, and time that passes.

The scenario's minutes count from the moment a canary appears on the API's stage, for each rollout anew.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from moto.apigateway.utils import ApigwDeploymentIdentifier, ApigwRestApiIdentifier
from moto.utilities.id_generator import moto_id_manager

from rollout_simulator.embedded_aws import EmbeddedAws
from rollout_simulator.endpoint import HOST, Endpoint, listen, server_for
from rollout_simulator.example_api import CANDIDATE
from rollout_simulator.scenario import Alarm, Scenario
from rollout_simulator.simulation import Simulation
from rollout_simulator.subjects import KINDS, Subject
from rollout_simulator.template import ACCOUNT, REGION

SECONDS_BETWEEN_LOOKS = 10
"""Simulated seconds until somebody who watches is shown what is new."""

SECONDS_UNTIL_STOPPED = 0.05
"""Real seconds until the server notices that it is to stop."""
STATE_CHANGED = "Rollout State Changed"

SAMPLE_API = "a1b2c3d4e5"
SAMPLE_DEPLOYMENT = "abc123"
SAMPLE_ALARMS = {
    "apigateway-stage": Alarm(name="orders-5xx", threshold=0.5, named_in_request=False),
    "lambda-alias": Alarm(name="orders-errors", threshold=0.5, named_in_request=False),
}
"""What the files in `events/` name: they work here as they are."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LocalAws:
    """An embedded AWS that listens, and what somebody needs to know to use it.

    neighbour: a target of the other kind, beside the scenario's own, under the same traffic.
    """

    simulation: Simulation
    neighbour: Subject
    port: int
    _serve: Callable[[float, threading.Event, Callable[[BaseException], None]], None]

    @property
    def endpoint_url(self) -> str:
        """What clients are pointed at."""
        return f"http://{HOST}:{self.port}"

    @property
    def region(self) -> str:
        """The one region that there is."""
        return REGION

    @property
    def outputs(self) -> Mapping[str, str]:
        """The stack's outputs."""
        return self.simulation.aws.deployment.outputs

    @property
    def request(self) -> Json:
        """A request for the scenario's candidate."""
        return self.simulation.subject.request()

    @property
    def function_variables(self) -> Json:
        """All environment variables that the stack's functions have."""
        deployment = self.simulation.aws.deployment
        return {
            name: value
            for properties in deployment.resources.values()
            for name, value in properties.get("Environment", {}).get("Variables", {}).items()
        }

    def watch(self, show: Callable[[Json], None]) -> None:
        """Show the detail of every `Rollout State Changed` event, soon after it came."""
        events = self.simulation.aws.events.put
        seen = len(events)

        def look() -> None:
            nonlocal seen
            new, seen = events[seen:], len(events)
            for event in new:
                if event["detail-type"] == STATE_CHANGED:
                    show(event["detail"])

        self.simulation.clock.call_every(SECONDS_BETWEEN_LOOKS, look, name="watch")

    def serve(self, speed: float, stop: threading.Event, on_error: Callable[[BaseException], None]) -> None:
        """Answer requests and let time pass at `speed` times real time, until `stop` is set."""
        self._serve(speed, stop, on_error)


@contextmanager
def opened(scenario: Scenario, *, port: int, seed: int | None = None, start: datetime) -> Iterator[LocalAws]:
    """An embedded AWS on this port, its clock at `start`, ready to serve.

    Raises: PortUnavailable.
    """
    chosen = scenario.seed if seed is None else seed
    with closing(listen(port)) as listening, EmbeddedAws(seed=chosen, start=start) as aws:
        with _identifiers_of_the_samples(scenario):
            simulation = Simulation(aws, scenario, chosen)
            simulation.prepare_alarms()
            simulation.subject.tell(lambda: _begin(simulation))
            neighbour = _neighbour(simulation, chosen)
        for kind, subject in _by_kind(simulation, neighbour).items():
            if all(alarm.name != SAMPLE_ALARMS[kind].name for alarm in scenario.alarms):
                subject.alarm(SAMPLE_ALARMS[kind])
        server = server_for(Endpoint(aws.clock, REGION), listening)

        def serve(speed: float, stop: threading.Event, on_error: Callable[[BaseException], None]) -> None:
            answering = threading.Thread(
                target=server.serve_forever, args=(SECONDS_UNTIL_STOPPED,), name="http", daemon=True
            )
            answering.start()
            try:
                aws.clock.run_paced(speed, stop, on_error)
            finally:
                server.shutdown()
                answering.join()

        try:
            yield LocalAws(simulation, neighbour, listening.getsockname()[1], serve)
        finally:
            server.server_close()


def _neighbour(simulation: Simulation, seed: int) -> Subject:
    """A target of the other kind that behaves as the scenario says, from the moment that its canary appears."""
    clock, scenario = simulation.clock, simulation.scenario
    (make,) = (make for kind, make in KINDS.items() if kind != scenario.target)
    subject = make(simulation.aws, scenario, seed)
    traffic = subject.traffic
    traffic.backfill(clock.now())
    clock.call_every(60, lambda: traffic.minute_passed(int(clock.timestamp()) // 60 - 1), name="traffic")
    subject.tell(lambda: traffic.begin(clock.now()))
    return subject


def _by_kind(simulation: Simulation, neighbour: Subject) -> Mapping[str, Subject]:
    own = simulation.scenario.target
    return {kind: simulation.subject if kind == own else neighbour for kind in KINDS}


def _begin(simulation: Simulation) -> None:
    """A rollout begins, as far as the scenario is concerned, when its canary appears."""
    running = [execution for execution in simulation.aws.executions.all() if execution.status == "RUNNING"]
    if running:
        simulation.begin(running[-1].exec_arn, running[-1].name)
    else:
        simulation.traffic.begin(simulation.clock.now())


@contextmanager
def _identifiers_of_the_samples(scenario: Scenario) -> Iterator[None]:
    """The API and the candidate that are made now get the identifiers that the samples name."""
    chosen = {
        ApigwRestApiIdentifier(ACCOUNT, REGION, scenario.api.name): SAMPLE_API,
        ApigwDeploymentIdentifier(ACCOUNT, REGION, CANDIDATE): SAMPLE_DEPLOYMENT,
    }
    for identifier, value in chosen.items():
        moto_id_manager.set_custom_id(identifier, value)
    try:
        yield
    finally:
        for identifier in chosen:
            moto_id_manager.unset_custom_id(identifier)
