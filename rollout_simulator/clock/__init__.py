"""One discrete-event clock for everything that is simulated.

While it is open, `datetime` and `time` are patched, so moto, boto3 and handlers read this clock; `time.monotonic` and
`time.perf_counter` stay real. Simulated time passes only between events: when every task waits, it jumps to the next
timer, so hours cost as much as the work in them.

The law: **exactly one thread of the simulation runs at any moment**, the one that holds the baton. A task runs until
it waits on the clock or ends. Ready tasks run first come, first served; timers in the order of their moments, then of
their making. So one program gives one order, every time.

The thread that calls `run_until` (in a test, the main one) drives: it hands the baton out and takes it back. While it
waits on the clock itself, the simulation runs. Threads from outside, such as a server's request handlers, come in by
`with clock.entered():`.

    timeline      the present moment and the timers to come
    wakeups       events that wake whoever waits
    tasks         tasks, their threads, and the baton
    patched_time  `datetime`, `time.time` and `time.sleep` in the process
    simulated     the clock, made of these
"""

from rollout_simulator.clock.errors import ClockError, GoalNotReachedError, TaskCancelled
from rollout_simulator.clock.simulated import (
    DEFAULT_START,
    LONGEST_PAUSE,
    LONGEST_RUN,
    LONGEST_STRIDE,
    SimulatedClock,
)
from rollout_simulator.clock.tasks import Task
from rollout_simulator.clock.timeline import Timer
from rollout_simulator.clock.wakeups import WakeUp

__all__ = [
    "DEFAULT_START",
    "LONGEST_PAUSE",
    "LONGEST_RUN",
    "LONGEST_STRIDE",
    "ClockError",
    "GoalNotReachedError",
    "SimulatedClock",
    "Task",
    "TaskCancelled",
    "Timer",
    "WakeUp",
]
