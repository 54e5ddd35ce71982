"""In-memory fakes of every port of the controller. They pass the same contract tests as the adapters.

    from rollout_simulator.fakes import fakes

    world = fakes()
    world.stage.put(target, TargetState("dep-1"))
    prepare(world.ports, request, "r-1", "execution-1")
    world.notifier.published

Every fake keeps its history. While its `trouble` is set, each of its calls raises that error.
`interposed` puts a function of yours around every call of every port.
"""

from rollout_simulator.fakes.alarms import FakeAlarms
from rollout_simulator.fakes.clock import FakeClock
from rollout_simulator.fakes.controllers import FakeControllers
from rollout_simulator.fakes.executions import FakeExecutions
from rollout_simulator.fakes.inspector import FakeInspector
from rollout_simulator.fakes.interposed import Around, Disturbance, interposed
from rollout_simulator.fakes.logs import FakeLogs
from rollout_simulator.fakes.metrics import FakeMetrics
from rollout_simulator.fakes.notifier import FakeNotifier
from rollout_simulator.fakes.shifter import FakeAliasShifter, FakeShifter
from rollout_simulator.fakes.store import FakeStore
from rollout_simulator.fakes.together import KIND, START, Fakes, fakes
from rollout_simulator.fakes.waker import FakeWaker

__all__ = [
    "KIND",
    "START",
    "Around",
    "Disturbance",
    "FakeAlarms",
    "FakeAliasShifter",
    "FakeClock",
    "FakeControllers",
    "FakeExecutions",
    "FakeInspector",
    "FakeLogs",
    "FakeMetrics",
    "FakeNotifier",
    "FakeShifter",
    "FakeStore",
    "FakeWaker",
    "Fakes",
    "fakes",
    "interposed",
]
