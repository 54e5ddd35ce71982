"""In-memory twins of every port of the controller, kept honest by the contract tests that the adapters pass too.

    from rollout_simulator.twins import twins

    world = twins()
    world.stage.put(target, TargetState("dep-1"))
    prepare(world.ports, request, "r-1", "execution-1")
    world.notifier.published

Every twin keeps its history and has a `trouble`: an error of ours that each of its calls then ends with.
`interposed` puts a function of your own around every call of every port.
"""

from rollout_simulator.twins.alarms import AlarmsTwin
from rollout_simulator.twins.clock import ClockTwin
from rollout_simulator.twins.executions import ExecutionsTwin
from rollout_simulator.twins.inspector import InspectorTwin
from rollout_simulator.twins.interposed import Around, Disturbance, interposed
from rollout_simulator.twins.metrics import MetricsTwin
from rollout_simulator.twins.notifier import NotifierTwin
from rollout_simulator.twins.shifter import AliasShifterTwin, ShifterTwin
from rollout_simulator.twins.store import StoreTwin
from rollout_simulator.twins.together import KIND, START, Twins, twins
from rollout_simulator.twins.waker import WakerTwin

__all__ = [
    "KIND",
    "START",
    "AlarmsTwin",
    "AliasShifterTwin",
    "Around",
    "ClockTwin",
    "Disturbance",
    "ExecutionsTwin",
    "InspectorTwin",
    "MetricsTwin",
    "NotifierTwin",
    "ShifterTwin",
    "StoreTwin",
    "Twins",
    "WakerTwin",
    "interposed",
    "twins",
]
