"""All twins together, as the controller's ports."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from rollout.core.measures import ACCESS_LOG
from rollout.ports import Ports
from rollout_simulator.twins.alarms import AlarmsTwin
from rollout_simulator.twins.clock import ClockTwin
from rollout_simulator.twins.executions import ExecutionsTwin
from rollout_simulator.twins.inspector import InspectorTwin
from rollout_simulator.twins.metrics import MetricsTwin
from rollout_simulator.twins.notifier import NotifierTwin
from rollout_simulator.twins.shifter import ShifterTwin
from rollout_simulator.twins.store import StoreTwin
from rollout_simulator.twins.waker import WakerTwin

KIND = "apigateway-stage"
START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Twins:
    """One world: the handles to turn, and `ports` for the controller."""

    clock: ClockTwin
    kind: str = KIND
    store: StoreTwin = field(default_factory=StoreTwin)
    stage: ShifterTwin = field(default_factory=ShifterTwin)
    metrics: MetricsTwin = field(default_factory=MetricsTwin)
    access_log: MetricsTwin = field(default_factory=MetricsTwin)
    inspector: InspectorTwin = field(default_factory=InspectorTwin)
    alarms: AlarmsTwin = field(default_factory=AlarmsTwin)
    notifier: NotifierTwin = field(default_factory=NotifierTwin)
    waker: WakerTwin = field(default_factory=WakerTwin)
    executions: ExecutionsTwin = field(default_factory=ExecutionsTwin)

    @property
    def ports(self) -> Ports:
        """The twins in the roles that the controller knows."""
        return Ports(
            clock=self.clock,
            store=self.store,
            shifters={self.kind: self.stage},
            sources={self.kind: self.metrics, ACCESS_LOG: self.access_log},
            inspectors={self.kind: self.inspector},
            alarms=self.alarms,
            notifier=self.notifier,
            waker=self.waker,
            executions=self.executions,
        )


def twins(*, now: datetime = START, kind: str = KIND) -> Twins:
    """An empty world at this moment, with targets of this kind."""
    return Twins(ClockTwin(now), kind)
