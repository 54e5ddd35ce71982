"""All fakes together as `Ports`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from rollout.core.measures import ACCESS_LOG
from rollout.ports import Ports
from rollout_simulator.fakes.alarms import FakeAlarms
from rollout_simulator.fakes.clock import FakeClock
from rollout_simulator.fakes.controllers import FakeControllers
from rollout_simulator.fakes.executions import FakeExecutions
from rollout_simulator.fakes.inspector import FakeInspector
from rollout_simulator.fakes.logs import FakeLogs
from rollout_simulator.fakes.metrics import FakeMetrics
from rollout_simulator.fakes.notifier import FakeNotifier
from rollout_simulator.fakes.shifter import FakeShifter
from rollout_simulator.fakes.store import FakeStore
from rollout_simulator.fakes.waker import FakeWaker

KIND = "apigateway-stage"
START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Fakes:
    """The fakes of one test, and `ports` for the controller."""

    clock: FakeClock
    kind: str = KIND
    store: FakeStore = field(default_factory=FakeStore)
    stage: FakeShifter = field(default_factory=FakeShifter)
    metrics: FakeMetrics = field(default_factory=FakeMetrics)
    access_log: FakeMetrics = field(default_factory=FakeMetrics)
    inspector: FakeInspector = field(default_factory=FakeInspector)
    alarms: FakeAlarms = field(default_factory=FakeAlarms)
    controllers: FakeControllers = field(default_factory=FakeControllers)
    notifier: FakeNotifier = field(default_factory=FakeNotifier)
    waker: FakeWaker = field(default_factory=FakeWaker)
    executions: FakeExecutions = field(default_factory=FakeExecutions)
    logs: FakeLogs = field(default_factory=FakeLogs)

    @property
    def ports(self) -> Ports:
        """The fakes as the controller's ports."""
        return Ports(
            clock=self.clock,
            store=self.store,
            shifters={self.kind: self.stage},
            sources={self.kind: self.metrics, ACCESS_LOG: self.access_log},
            inspectors={self.kind: self.inspector},
            alarms=self.alarms,
            controllers=self.controllers,
            notifier=self.notifier,
            waker=self.waker,
            executions=self.executions,
            logs=self.logs,
        )


def fakes(*, now: datetime = START, kind: str = KIND) -> Fakes:
    """Empty fakes at this moment, with targets of this kind."""
    return Fakes(FakeClock(now), kind)
