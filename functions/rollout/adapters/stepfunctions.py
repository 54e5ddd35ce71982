"""The workflow: waking an execution that waits for a task token, asking what became of one, starting one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from rollout.adapters.faults import code_of, translated
from rollout.errors import Refused
from rollout.ports import ExecutionState

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

    from rollout.core.target import Json

_OVER = frozenset({"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"})
"""The wait has ended already: whatever comes after it finds the signal in the record."""


class StepFunctionsWaker:
    """Implements `Waker`."""

    def __init__(self, client: SFNClient) -> None:
        self._client = client

    def wake(self, token: str) -> None:
        """SendTaskSuccess. Raises: NotAllowed, Unavailable."""
        with translated("SendTaskSuccess"):
            try:
                self._client.send_task_success(taskToken=token, output=json.dumps({"woken": True}))
            except ClientError as error:
                if code_of(error) not in _OVER:
                    raise


class StepFunctionsExecutions:
    """Implements `Executions` for one state machine."""

    def __init__(self, client: SFNClient, state_machine: str) -> None:
        self._client = client
        self._state_machine = state_machine

    def state(self, arn: str) -> ExecutionState:
        """DescribeExecution. Raises: NotAllowed, Unavailable."""
        with translated(f"DescribeExecution {arn}"):
            try:
                execution = self._client.describe_execution(executionArn=arn)
            except self._client.exceptions.ExecutionDoesNotExist:
                return ExecutionState("MISSING")
        return ExecutionState(
            execution["status"],
            execution.get("stopDate"),
            execution.get("error", ""),
            execution.get("cause", ""),
        )

    def start(self, name: str, document: Json) -> None:
        """StartExecution, which is idempotent by name and input. Raises: Refused, NotAllowed, Unavailable."""
        with translated(f"StartExecution {name}"):
            try:
                self._client.start_execution(stateMachineArn=self._state_machine, name=name, input=json.dumps(document))
            except self._client.exceptions.ExecutionAlreadyExists as error:
                raise Refused(f"an execution named {name} exists already") from error
