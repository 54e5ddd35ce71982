"""Task tokens: each is answered once, and only while its task waits.

moto accepts a second answer and drops the cause of a failure. AWS:

- SendTaskSuccess, SendTaskFailure and SendTaskHeartbeat with the token of a task that has ended, however it
  ended, give `TaskTimedOut` (seen in a public report); with an unknown token, `InvalidToken`.
- SendTaskFailure carries an error and a cause (documented).
- A missing heartbeat is `States.HeartbeatTimeout` (documented); moto calls it `States.Timeout`.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, cast

from moto.core.exceptions import AWSError
from moto.core.responses import ActionResult, EmptyResult
from moto.stepfunctions.parser.api import HistoryEventType, TaskTimedOutEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task import StateTask
from moto.stepfunctions.parser.asl.eval import states
from moto.stepfunctions.parser.asl.eval.callback.callback import (
    CallbackOutcomeFailure,
    CallbackOutcomeSuccess,
    CallbackPoolManager,
    HeartbeatTimeoutError,
)
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse

from rollout_simulator.moto_patches.patching import replacements

_STATES = replacements(states, long_uid="draws tokens at random, without a seed")
_POOL = replacements(CallbackPoolManager, add="knows a token only as long as its execution")
_BACKEND = replacements(
    StepFunctionsParserBackend,
    send_task_success="accepts a token whose task has ended",
    send_task_failure="accepts a token whose task has ended, and drops the cause",
    send_task_heartbeat="accepts a token whose task has ended",
)
_RESPONSE = replacements(StepFunctionResponse, send_task_failure="does not read the cause")
_TASK = replacements(StateTask, _from_error="calls a missing heartbeat States.Timeout")


class TaskTimedOut(AWSError):
    """The task of this token has ended."""

    TYPE = "TaskTimedOut"
    STATUS = 400


class InvalidToken(AWSError):
    """No task ever had this token."""

    TYPE = "InvalidToken"
    STATUS = 400


@contextmanager
def patched(seed: int = 0) -> Iterator[None]:
    """Let task tokens be answered as on AWS for as long as this is open; `seed` is that of the tokens."""
    tokens = _Tokens(seed)
    with ExitStack() as stack:
        for patch in (
            _STATES(long_uid=tokens.new),
            _POOL(add=tokens.registering(CallbackPoolManager.add)),
            _BACKEND(
                send_task_success=tokens.success(),
                send_task_failure=tokens.failure(),
                send_task_heartbeat=tokens.heartbeat(),
            ),
            _RESPONSE(send_task_failure=_send_task_failure),
            _TASK(_from_error=_naming_heartbeats(StateTask._from_error)),
        ):
            stack.enter_context(patch)
        yield


class _Tokens:
    """Every token given out, and where its answer is waited for."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._endpoints: dict[str, Any] = {}

    def new(self) -> str:
        return str(uuid.UUID(int=self._chance.getrandbits(128), version=4))

    def registering(self, add: Any) -> Any:
        def registered(pool: Any, callback_id: str) -> Any:
            endpoint = self._endpoints[callback_id] = add(pool, callback_id)
            return endpoint

        return registered

    def waiting(self, token: str) -> Any:
        endpoint = self._endpoints.get(token)
        if endpoint is None:
            raise InvalidToken("Invalid Token: 'Invalid token'")
        if endpoint.consumer_error is not None or endpoint.get_outcome() is not None:
            raise TaskTimedOut("Task Timed Out: 'Provided task does not exist anymore'")
        return endpoint

    def success(self) -> Any:
        def send_task_success(_: Any, task_token: str, outcome: str) -> None:
            endpoint = self.waiting(task_token)
            endpoint.notify(outcome=CallbackOutcomeSuccess(callback_id=task_token, output=outcome))

        return send_task_success

    def failure(self) -> Any:
        def send_task_failure(_: Any, task_token: str, error: str | None = None, cause: str | None = None) -> None:
            endpoint = self.waiting(task_token)
            endpoint.notify(outcome=CallbackOutcomeFailure(callback_id=task_token, error=error, cause=cause))

        return send_task_failure

    def heartbeat(self) -> Any:
        def send_task_heartbeat(_: Any, task_token: str) -> None:
            self.waiting(task_token).notify_heartbeat()

        return send_task_heartbeat


def _send_task_failure(response: Any) -> ActionResult:
    response.stepfunction_backend.send_task_failure(
        response._get_param("taskToken"), error=response._get_param("error"), cause=response._get_param("cause")
    )
    return EmptyResult()


def _naming_heartbeats(from_error: Any) -> Any:
    def named(state: Any, env: Any, ex: Exception) -> Any:
        if not isinstance(ex, HeartbeatTimeoutError):
            return from_error(state, env=env, ex=ex)
        kind = StatesErrorNameType.StatesHeartbeatTimeout
        details = TaskTimedOutEventDetails(
            resourceType=state._get_sfn_resource_type(), resource=state._get_sfn_resource(), error=kind.to_name()
        )
        return FailureEvent(
            env=env,
            error_name=StatesErrorName(typ=kind),
            event_type=HistoryEventType.TaskTimedOut,
            event_details=cast(Any, {"taskTimedOutEventDetails": details}),
        )

    return named
