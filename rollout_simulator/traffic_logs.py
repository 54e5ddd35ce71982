"""What the requests leave in the logs: the stage's access log, and the log of each function version.

Traffic is counted, not made request by request. So the minutes keep their counts, and the lines of a minute are made
when somebody reads it: from a generator of the minute's own, so that the same minute always has the same lines and
reading changes no draw. Of each kind of request a minute has at most `MOST_FAILURES` failures and `MOST_SUCCESSES`
others in its logs, whatever the traffic.

As AWS writes them: the access log by the stage's own format, with "-" for what has no value; a function's log with the
lines of Lambda (START, END, REPORT, INIT_REPORT) and of the Python runtime (the source of awslambdaric, `log_error`), a
stream for each environment, whose name has the version in brackets, and one request at a time in each.
"""

from __future__ import annotations

import json
import random
import re
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from uuid import UUID

from rollout_simulator.arms import Arm
from rollout_simulator.moto_patches.log_events import KEPT_MINUTES, LogEvent
from rollout_simulator.scenario import Failure, Scenario

MOST_FAILURES, MOST_SUCCESSES = 300, 30
GATEWAY = "access"
"""The access log's one stream."""
NO_ROUTE = "GET /"
_STARTING_MS, _LONGEST_LEAD_MS = 200, 50_000
"""A request and the start before it lie within one minute."""

_VARIABLE = re.compile(r"\$context((?:\.[A-Za-z0-9_-]+)+)")
_SERVER = Failure(status=500, message="RuntimeError: it fails now and then")
_CLIENT = Failure(status=404, source="answer")
_SERVER_ERRORS = 500


@dataclass(frozen=True, slots=True)
class _Counts:
    """Requests of one route that one version answered, as the canary or not."""

    flag: str
    candidate: bool
    version: str
    route: str
    requests: int
    errors: int
    client_errors: int


@dataclass(frozen=True, slots=True)
class _Request:
    """One request. at: ms since the epoch; failure: None for a good answer."""

    at: int
    seconds: float
    counts: _Counts
    failure: Failure | None
    request_id: str
    invocation: str
    trace_id: str
    function: str


class TrafficLogs:
    """Keeps each minute's counts, and makes its lines."""

    def __init__(self, scenario: Scenario, seed: int, functions: Sequence[str], access_log_format: str = "") -> None:
        self._scenario = scenario
        self._seed = seed
        self._functions = functions
        self._format = access_log_format
        self._minutes: OrderedDict[int, list[_Counts]] = OrderedDict()
        self._known = lru_cache(maxsize=128)(self._made)
        self._known_lines = lru_cache(maxsize=256)(self._function_lines)

    def count(self, minute: int, arm: Arm, *, flag: str, candidate: bool, version: str) -> None:
        """These requests were answered in this minute; `flag` is what `isCanaryRequest` says of them."""
        counted = self._minutes.setdefault(minute, [])
        for route, part in arm.parts().items():
            if part.requests:
                answered = part.requests, part.errors, part.client_errors
                counted.append(_Counts(flag, candidate, version, route or NO_ROUTE, *answered))
        while len(self._minutes) > KEPT_MINUTES:
            self._minutes.popitem(last=False)

    def access_log(self, minute: int) -> Sequence[LogEvent]:
        """The lines of the access log in this minute."""
        return [LogEvent(each.at, GATEWAY, self._access_line(each)) for each in self._requests(minute) if self._format]

    def function_log(self, function: str, minute: int) -> Sequence[LogEvent]:
        """The lines of the function's log in this minute."""
        return self._known_lines(function, minute) if minute in self._minutes else ()

    # --- requests ------------------------------------------------------------------------------------------

    def _requests(self, minute: int) -> Sequence[_Request]:
        """Those of a minute; none of one that has not passed."""
        return self._known(minute) if minute in self._minutes else ()

    def _made(self, minute: int) -> Sequence[_Request]:
        """The requests of a minute that has passed, by time."""
        drawn = random.Random(f"{self._seed}/{minute}")
        made = [
            self._request(minute, number, counts, failure, drawn)
            for counts in self._minutes.get(minute, ())
            for number, failure in enumerate(self._outcomes(counts, drawn))
        ]
        return sorted(made, key=lambda each: each.at)

    def _outcomes(self, counts: _Counts, drawn: random.Random) -> Iterator[Failure | None]:
        for number, server in ((counts.errors, True), (counts.client_errors, False)):
            for _ in range(min(number, MOST_FAILURES)):
                yield self._failure(counts, server=server, drawn=drawn)
        for _ in range(min(counts.requests - counts.errors - counts.client_errors, MOST_SUCCESSES)):
            yield None

    def _failure(self, counts: _Counts, *, server: bool, drawn: random.Random) -> Failure:
        """How one request failed: as the candidate's failures are described, or, as often as the base, as it does."""
        usual = _SERVER if server else _CLIENT
        if not counts.candidate:
            return usual
        described = [
            each
            for each in self._scenario.candidate.failures
            if (each.status >= _SERVER_ERRORS) == server and each.route in (None, counts.route)
        ]
        number = counts.errors if server else counts.client_errors
        base = self._scenario.base.error_percent if server else self._scenario.base.client_error_percent
        if not described or drawn.random() < base / 100 * counts.requests / max(1, number):
            return usual
        return drawn.choice(described)

    def _request(
        self, minute: int, number: int, counts: _Counts, failure: Failure | None, drawn: random.Random
    ) -> _Request:
        latency = self._scenario.base.latency_ms / 1000
        seconds = failure.seconds if failure is not None and failure.source == "timeout" else latency
        ids = [str(UUID(int=drawn.getrandbits(128), version=4)) for _ in range(2)]
        lead = min(_LONGEST_LEAD_MS, int(seconds * 1000) + _STARTING_MS)
        at = minute * 60_000 + lead + int(drawn.random() * (60_000 - lead))
        reaches = failure is None or failure.source != "gateway"
        return _Request(
            at=at,
            seconds=seconds,
            counts=counts,
            failure=failure,
            request_id=ids[0],
            invocation=ids[1] if reaches else "",
            trace_id=f"1-{at // 1000:08x}-{drawn.getrandbits(96):024x}",
            function=self._functions[number % len(self._functions)] if self._functions else "",
        )

    # --- lines ---------------------------------------------------------------------------------------------

    def _access_line(self, request: _Request) -> str:
        counts, failure = request.counts, request.failure
        method, _, path = counts.route.partition(" ")
        status = failure.status if failure else 200
        by_gateway = failure is not None and failure.source == "gateway"
        values: Mapping[str, str] = {
            "requestId": request.request_id,
            "extendedRequestId": request.request_id[:8],
            "isCanaryRequest": counts.flag,
            "status": str(status),
            "responseLatency": str(round(request.seconds * 1000)),
            "httpMethod": method,
            "resourcePath": path,
            "path": path,
            "stage": self._scenario.api.stage,
            "integration.requestId": request.invocation,
            "xrayTraceId": request.trace_id,
            "error.responseType": failure.error_type if failure and by_gateway else "",
            "error.message": failure.message if failure and by_gateway else "",
            "error.messageString": f'"{failure.message}"' if failure and by_gateway else "",
        }
        return _VARIABLE.sub(lambda found: values.get(found[1][1:]) or "-", self._format)

    def _function_lines(self, function: str, minute: int) -> Sequence[LogEvent]:
        lines: list[LogEvent] = []
        free_at: dict[str, list[int]] = defaultdict(list)
        for request in self._requests(minute):
            if request.function != function or not request.invocation:
                continue
            version = request.counts.version
            began = request.at - min(_LONGEST_LEAD_MS - _STARTING_MS, int(request.seconds * 1000))
            environments = free_at[version]
            number = next((n for n, free in enumerate(environments) if free < began - _STARTING_MS), len(environments))
            environments[number : number + 1] = [request.at + 1]
            day = datetime.fromtimestamp(minute * 60, UTC).strftime("%Y/%m/%d")
            drawn = random.Random(f"{self._seed}/{function}/{version}/{minute}/{number}")
            stream = f"{day}/[{version}]{drawn.getrandbits(128):032x}"
            lines += [LogEvent(at, stream, message) for at, message in _of_invocation(request, began)]
        return sorted(lines)


def _of_invocation(request: _Request, began: int) -> Iterator[tuple[int, str]]:
    """The lines of one invocation."""
    failure, name = request.failure, request.invocation
    ended = request.at
    moment = datetime.fromtimestamp(ended / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    milliseconds = f"{request.seconds * 1000:.2f} ms"
    status = ""
    if failure is not None and failure.source == "start":
        kind = failure.message.partition(":")[0]
        status = f"\tStatus: error\tError Type: {kind}"
        yield began - 100, _raised(failure)
        yield began - 50, f"INIT_REPORT Init Duration: 101.00 ms\tPhase: init{status}\n"
    yield began, f"START RequestId: {name} Version: {request.counts.version}\n"
    if failure is not None and failure.message:
        if failure.source == "handler":
            yield ended, _raised(failure) if failure.log_format == "Text" else _raised_json(failure, name, moment)
        elif failure.source == "timeout":
            yield ended, f"{moment} {name} Task timed out after {failure.seconds:.2f} seconds\n\n"
            status = "\tStatus: timeout"
        elif failure.source == "exit":
            yield ended, f"RequestId: {name} Error: {failure.message}\nRuntime.ExitError\n"
            status = "\tStatus: error\tError Type: Runtime.ExitError"
        elif failure.source == "answer":
            yield ended, f"[ERROR]\t{moment}\t{name}\t{failure.message}\n"
    yield ended, f"END RequestId: {name}\n"
    yield ended, f"REPORT RequestId: {name}\tDuration: {milliseconds}\tBilled Duration: {milliseconds}{status}\n"


def _raised(failure: Failure) -> str:
    trace = '\r\xa0\xa0File "/var/task/index.py", line 12, in handler\r\xa0\xa0\xa0\xa0return answer(event)'
    return f"[ERROR] {failure.message}\rTraceback (most recent call last):{trace}\n"


def _raised_json(failure: Failure, invocation: str, moment: str) -> str:
    kind, _, said = failure.message.partition(": ")
    return json.dumps(
        {
            "timestamp": moment,
            "level": "ERROR",
            "errorMessage": said,
            "errorType": kind,
            "requestId": invocation,
            "stackTrace": ['  File "/var/task/index.py", line 12, in handler\n'],
        }
    )
