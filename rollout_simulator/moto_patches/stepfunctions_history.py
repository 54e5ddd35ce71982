"""An execution's history: in pages, and bounded.

moto keeps any number of events and answers with all of them. AWS (documented): a standard execution has at most 25,000
events; one that needs more fails, and no Catch matches. GetExecutionHistory answers in pages of `maxResults`, 100
unless told otherwise and at most 1,000, in either order.
"""

from __future__ import annotations

import base64
import binascii
import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto.core.responses import ActionResult
from moto.stepfunctions.parser.api import ExecutionFailedEventDetails, HistoryEventType
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager
from moto.stepfunctions.responses import StepFunctionResponse

from rollout_simulator.moto_patches.patching import replacements
from rollout_simulator.moto_patches.stepfunctions_time import ExecutionInterrupted, present_environment
from rollout_simulator.moto_patches.stepfunctions_tokens import InvalidToken

_EVENTS = replacements(EventManager, add_event="keeps any number of events, also of a task that was left behind")
_RESPONSE = replacements(StepFunctionResponse, get_execution_history="has one page only")

MOST_EVENTS = 25_000
EVENTS_PER_PAGE = 100
LARGEST_PAGE = 1_000

_ENDS = {
    HistoryEventType.ExecutionSucceeded,
    HistoryEventType.ExecutionFailed,
    HistoryEventType.ExecutionAborted,
    HistoryEventType.ExecutionTimedOut,
}


@contextmanager
def patched(most_events: int = MOST_EVENTS) -> Iterator[None]:
    """Keep histories as AWS does for as long as this is open."""
    add_event = _bounded(EventManager.add_event, most_events)
    with _EVENTS(add_event=add_event), _RESPONSE(get_execution_history=_get_execution_history):
        yield


def _bounded(add: Any, most_events: int) -> Any:
    def add_event(manager: Any, context: Any, event_type: Any, **details: Any) -> Any:
        here = present_environment()
        if here is not None and here.is_frame() and not here.is_running():
            # A state that was left behind: what becomes of its work no longer belongs to the history.
            raise ExecutionInterrupted
        if len(manager._history_event_list) >= most_events - 1 and event_type not in _ENDS:
            cause = f"The execution reached the maximum number of history events ({most_events})."
            manager.environment.set_error(ExecutionFailedEventDetails(error="States.Runtime", cause=cause))
            raise ExecutionInterrupted
        return add(manager, context=context, event_type=event_type, **details)

    return add_event


def _get_execution_history(response: Any) -> ActionResult:
    execution = response.stepfunction_backend.describe_execution(response._get_param("executionArn"))
    events = execution.exec_worker.env.event_manager._history_event_list
    if response._get_param("reverseOrder"):
        events = events[::-1]
    size = min(int(response._get_param("maxResults") or EVENTS_PER_PAGE), LARGEST_PAGE)
    begin = _position(response._get_param("nextToken"))
    page: dict[str, Any] = {"events": copy.deepcopy(events[begin : begin + size])}
    if begin + size < len(events):
        page["nextToken"] = base64.b64encode(str(begin + size).encode()).decode()
    return ActionResult(page)


def _position(token: str | None) -> int:
    try:
        return int(base64.b64decode(token)) if token else 0
    except (binascii.Error, ValueError) as error:
        raise InvalidToken(f"Invalid Token: '{token}'") from error
