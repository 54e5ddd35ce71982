"""Executions in memory; a test starts and ends them."""

from __future__ import annotations

from datetime import datetime

from rollout.core.target import Json
from rollout.errors import Refused
from rollout.ports import ExecutionState
from rollout_simulator.fakes.trouble import Troubled

RUNNING = ExecutionState("RUNNING")


class FakeExecutions(Troubled):
    """Implements `Executions`. `started` has the name and the input of each that was started, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[tuple[str, Json]] = []
        self._states: dict[str, ExecutionState] = {}

    def run(self, arn: str) -> None:
        """Add an execution with the status RUNNING."""
        self._states[arn] = RUNNING

    def end(self, arn: str, status: str, at: datetime, error: str = "", cause: str = "") -> None:
        """Give the execution this final status."""
        self._states[arn] = ExecutionState(status, at, error, cause)

    def state(self, arn: str) -> ExecutionState:
        """The execution's state; MISSING if it was never added.

        Raises: the `trouble`, such as Unavailable.
        """
        self._called()
        return self._states.get(arn, ExecutionState("MISSING"))

    def start(self, name: str, document: Json) -> None:
        """Note a start; one of the same name and input is noted once.

        Raises: Refused (the name has another input), and the `trouble`.
        """
        self._called()
        inputs = [known for started, known in self.started if started == name]
        if any(known != document for known in inputs):
            raise Refused(f"an execution named {name} exists already")
        if not inputs:
            self.started.append((name, document))
