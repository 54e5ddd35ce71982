"""Faults at the boundary of AWS: every call that any client of the process makes passes here.

A fault sits below the client's own retries, as it does in life: a lost answer makes the client send the call again.
Waiting between retries takes simulated time.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from random import Random
from typing import Any

import botocore.endpoint
from botocore.awsrequest import AWSResponse
from botocore.endpoint import Endpoint
from botocore.exceptions import ReadTimeoutError
from moto.core.botocore_stubber import MockRawResponse

from rollout_simulator.clock import SimulatedClock
from rollout_simulator.moto_patches.invocations import invocation
from rollout_simulator.moto_patches.patching import replacements

_ENDPOINT = replacements(Endpoint, _do_get_response="is where a call leaves its client")
_PAUSES = replacements(botocore.endpoint, time="sleeps in real time between retries")


class Mode(StrEnum):
    """How a call goes wrong."""

    BEFORE = "before"  # refused; nothing was done
    AFTER = "after"  # done; the answer is lost
    SLOW = "slow"  # done after a while
    DUPLICATE = "duplicate"  # done twice


_NO_HEADERS: Any = {}
_STATUSES = {
    "AccessDeniedException": HTTPStatus.FORBIDDEN,
    "AccessDenied": HTTPStatus.FORBIDDEN,
    "TooManyRequestsException": HTTPStatus.TOO_MANY_REQUESTS,
    "InternalServiceFault": HTTPStatus.INTERNAL_SERVER_ERROR,
    "InternalServerError": HTTPStatus.INTERNAL_SERVER_ERROR,
    "ServiceUnavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "ServiceUnavailableException": HTTPStatus.SERVICE_UNAVAILABLE,
}


@dataclass(slots=True)
class Fault:
    """Which calls fail, how, and when. `service` and `operation` as botocore names them ("apigateway",
    "UpdateStage"); "*" is any. `caller` is a function's name or "state machine". `times` counts down.
    """

    service: str = "*"
    operation: str = "*"
    mode: Mode = Mode.BEFORE
    error: str = "ThrottlingException"
    caller: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    skip: int = 0
    times: int | None = None
    probability: float = 1.0
    seconds: float = 30.0

    def meets(self, call: Call, random: Random) -> bool:
        """Whether this call is to fail; counts it if so."""
        if self.times == 0 or self.service not in ("*", call.service) or self.operation not in ("*", call.operation):
            return False
        if self.caller not in (None, call.caller):
            return False
        if (self.since and call.at < self.since) or (self.until and call.at >= self.until):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.probability < 1.0 and random.random() >= self.probability:
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass(frozen=True, slots=True)
class Call:
    """One call as it left its client; `outcome` is "" when nothing was injected, else the fault's mode."""

    at: datetime
    caller: str
    service: str
    operation: str
    outcome: str = ""


@dataclass(slots=True)
class Faults:
    """What is injected, and every call that was made."""

    clock: SimulatedClock
    random: Random
    injected: list[Fault] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)

    def inject(self, fault: Fault) -> None:
        """From now on the calls that the fault meets go wrong; of several faults the first injected wins."""
        self.injected.append(fault)

    def send(self, original: Any, endpoint: Endpoint, request: Any, operation_model: Any, context: Any) -> Any:
        """Botocore's one attempt to send a request: (answer, None) or (None, exception)."""
        service, operation = operation_model.service_model.service_name, operation_model.name
        call = Call(self.clock.now(), invocation.get(), service, operation)
        fault = next((fault for fault in self.injected if fault.meets(call, self.random)), None)
        outcome = fault.mode.value if fault else ""
        self.calls.append(Call(call.at, call.caller, service, operation, outcome))
        if fault is None:
            return original(endpoint, request, operation_model, context)
        match fault.mode:
            case Mode.BEFORE:
                return refusal(request, fault.error, "injected fault"), None
            case Mode.AFTER:
                original(endpoint, request, operation_model, context)
                return None, ReadTimeoutError(endpoint_url=request.url)
            case Mode.SLOW:
                self.clock.sleep(fault.seconds)
            case Mode.DUPLICATE:
                original(endpoint, request, operation_model, context)
        return original(endpoint, request, operation_model, context)


def refusal(request: Any, code: str, message: str) -> tuple[AWSResponse, dict[str, Any]]:
    """An answer with this error, already parsed: how it looks on the wire differs from service to service."""
    status = _STATUSES.get(code, HTTPStatus.BAD_REQUEST)
    metadata = {"HTTPStatusCode": int(status), "HTTPHeaders": {}, "RequestId": "refused"}
    parsed = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}
    return AWSResponse(request.url, int(status), _NO_HEADERS, MockRawResponse(b"{}")), parsed


@contextmanager
def patched(clock: SimulatedClock, random: Random) -> Iterator[Faults]:
    """Let every AWS call of the process pass through `Faults`, which is yielded, for as long as this is open."""
    faults = Faults(clock, random)
    original = Endpoint._do_get_response  # type: ignore[attr-defined]

    def send(endpoint: Endpoint, request: Any, operation_model: Any, context: Any) -> Any:
        return faults.send(original, endpoint, request, operation_model, context)

    with ExitStack() as stack:
        stack.enter_context(_ENDPOINT(_do_get_response=send))
        stack.enter_context(_PAUSES(time=types.SimpleNamespace(sleep=clock.sleep)))
        yield faults
