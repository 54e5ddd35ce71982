"""Waking a workflow that waits for a task token."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from rollout.adapters.faults import code_of, translated

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

_OVER = frozenset({"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"})
"""The wait has ended already: whatever comes after it finds the signal in the record."""


class StepFunctionsWaker:
    """Implements `Waker`."""

    def __init__(self, client: SFNClient) -> None:
        self._client = client

    def wake(self, token: str) -> None:
        """SendTaskSuccess. Raises as the port says."""
        with translated("SendTaskSuccess"):
            try:
                self._client.send_task_success(taskToken=token, output=json.dumps({"woken": True}))
            except ClientError as error:
                if code_of(error) not in _OVER:
                    raise
