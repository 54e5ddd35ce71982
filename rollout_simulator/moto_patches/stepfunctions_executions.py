"""Starting, stopping and announcing executions.

moto gives an unnamed execution no name, drops the error and cause of StopExecution, and sends no events. AWS
(documented):

- StartExecution with the name and input of a running execution answers with that execution; any other use of a
  name is `ExecutionAlreadyExists`. Names have at most 80 characters. An execution that is not named is given one.
- StopExecution ends the execution as ABORTED with the given error and cause, and no Catch of it runs.
- Each change of status is an event on the default bus, `Step Functions Execution Status Change`, with dates in
  milliseconds and input and output as JSON text.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

from moto.core.responses import ActionResult
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.asl.eval.program_state import ProgramStopped
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse

from rollout_simulator.moto_patches.patching import replacements

_BACKEND = replacements(
    StepFunctionsParserBackend,
    start_execution="calls an unnamed child execution None; does not check a name's length",
)
_EXECUTION = replacements(
    Execution,
    start="sends no event",
    stop="leaves a task that waits running, and ends an execution that has ended",
)
_COMMUNICATION = replacements(
    BaseExecutionWorkerCommunication, terminated="sends no event; drops the error and cause of StopExecution"
)
_RESPONSE = replacements(
    StepFunctionResponse,
    stop_execution="does not read error and cause",
    describe_execution="shows no stopDate for TIMED_OUT, and writes the output with spaces",
)

Emit = Callable[[dict[str, Any]], None]


@contextmanager
def patched(emit: Emit, seed: int = 0) -> Iterator[None]:
    """Start, stop and announce executions as AWS does for as long as this is open; events go to `emit`."""
    names = random.Random(seed)
    with ExitStack() as stack:
        stack.enter_context(_BACKEND(start_execution=_starting(StepFunctionsParserBackend.start_execution, names)))
        stack.enter_context(_EXECUTION(start=_announcing_start(Execution.start, emit), stop=_stop))
        stack.enter_context(_COMMUNICATION(terminated=_announcing_end(emit)))
        described = _dated(StepFunctionResponse.describe_execution)
        stack.enter_context(_RESPONSE(stop_execution=_stop_execution, describe_execution=described))
        yield


def status_event(execution: Any) -> dict[str, Any]:
    """The event of the execution's present status, but for what the bus itself adds."""
    ended = execution.exec_status != ExecutionStatus.RUNNING
    succeeded = execution.exec_status == ExecutionStatus.SUCCEEDED
    detail = {
        "executionArn": execution.exec_arn,
        "stateMachineArn": execution.state_machine_arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": _milliseconds(execution.start_date),
        "stopDate": _milliseconds(execution.stop_date) if ended else None,
        "input": execution.execution_input,
        "output": to_json_str(execution.output, separators=(",", ":")) if succeeded else None,
        "inputDetails": {"included": True},
        "outputDetails": {"included": True} if succeeded else None,
        "error": execution.error,
        "cause": execution.cause,
    }
    return {
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "region": execution.region_name,
        "account": execution.account_id,
        "resources": [execution.exec_arn],
        "detail": detail,
    }


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _starting(start: Any, names: random.Random) -> Any:
    def start_execution(
        backend: Any, state_machine_arn: str, name: str | None = None, execution_input: str | None = None, **others: Any
    ) -> Any:
        if name:
            backend._validate_name(name)
        else:
            name = str(uuid.UUID(int=names.getrandbits(128), version=4))
        given = "{}" if execution_input is None else execution_input
        return start(backend, state_machine_arn, name, given, **others)

    return start_execution


def _announcing_start(start: Any, emit: Emit) -> Any:
    def announced(execution: Any) -> None:
        start(execution)
        emit(status_event(execution))

    return announced


def _stop(execution: Any, stop_date: datetime, error: str | None, cause: str | None) -> None:
    if execution.exec_status != ExecutionStatus.RUNNING:
        return
    execution.exec_worker.stop(stop_date=stop_date, error=error, cause=cause)
    # The status is true at once, not only when the execution's task gets to run again.
    execution.exec_status = ExecutionStatus.ABORTED
    execution.stop_date = datetime.now(UTC)
    execution.error, execution.cause = error, cause


def _announcing_end(emit: Emit) -> Any:
    def terminated(communication: Any) -> None:
        communication._reflect_execution_status()
        execution = communication.execution
        end = execution.exec_worker.env.program_state()
        if isinstance(end, ProgramStopped):
            execution.error, execution.cause = end.error, end.cause
        emit(status_event(execution))

    return terminated


def _stop_execution(response: Any) -> ActionResult:
    backend = response.stepfunction_backend
    execution = backend.describe_execution(response._get_param("executionArn"))
    execution.stop(datetime.now(UTC), response._get_param("error"), response._get_param("cause"))
    return ActionResult({"stopDate": execution.stop_date})


def _dated(describe: Any) -> Any:
    """moto leaves the stop date out for TIMED_OUT, and prints the output with spaces."""

    def describe_execution(response: Any) -> ActionResult:
        shown: Any = describe(response).result
        execution = response.stepfunction_backend.describe_execution(response._get_param("executionArn"))
        if execution.exec_status != ExecutionStatus.RUNNING:
            shown["stopDate"] = execution.stop_date
        if execution.exec_status == ExecutionStatus.SUCCEEDED:
            shown["output"] = json.dumps(execution.output, separators=(",", ":"))
        return ActionResult(shown)

    return describe_execution
