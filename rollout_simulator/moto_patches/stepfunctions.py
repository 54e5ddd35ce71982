"""Step Functions: moto's interpreter on the simulated clock, with all patches of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from rollout_simulator.clock import SimulatedClock
from rollout_simulator.moto_patches import (
    stepfunctions_calls,
    stepfunctions_definitions,
    stepfunctions_executions,
    stepfunctions_history,
    stepfunctions_jsonata,
    stepfunctions_time,
    stepfunctions_tokens,
)
from rollout_simulator.moto_patches.stepfunctions_executions import Emit
from rollout_simulator.moto_patches.stepfunctions_history import MOST_EVENTS

MOTO_CONFIG: Any = {"stepfunctions": {"execute_state_machine": True}}
"""What `mock_aws` has to be told for executions to run at all."""


@contextmanager
def patched(
    clock: SimulatedClock, emit: Emit = lambda _: None, seed: int = 0, most_events: int = MOST_EVENTS
) -> Iterator[None]:
    """Run state machines on `clock` as AWS does for as long as this is open; their events go to `emit`."""
    with ExitStack() as stack:
        # moto logs each error of a state machine, also those that it catches; the history has them all.
        log = logging.getLogger("moto.stepfunctions")
        stack.callback(log.setLevel, log.level)
        log.setLevel(logging.CRITICAL)
        stack.enter_context(stepfunctions_definitions.patched())
        stack.enter_context(stepfunctions_time.patched(clock, seed))
        stack.enter_context(stepfunctions_jsonata.patched(seed))
        stack.enter_context(stepfunctions_tokens.patched(seed))
        stack.enter_context(stepfunctions_executions.patched(emit, seed))
        stack.enter_context(stepfunctions_history.patched(most_events))
        stack.enter_context(stepfunctions_calls.patched())
        yield
