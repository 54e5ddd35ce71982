"""A Lambda function's log: which lines tell of a failed invocation, and which invocation it was.

Read are Lambda's own lines and those of the runtimes, as text and in Lambda's JSON format. An error that a Python
handler does not catch is logged as text without the request's id (the source of awslambdaric, `log_error`). Its
invocation is found by place and time: an environment has a log stream of its own, and serves one request at a time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rollout.core.why.messages import normalised

ERRORS = " ".join(
    f'?"{term}"' if " " in term else f"?{term}"
    for term in (
        "ERROR",
        "Error",
        "error",
        "Exception",
        "exception",
        "CRITICAL",
        "FATAL",
        "panic",
        "timed out",
        "timeout",
    )
)
"""The filter pattern: lines with one of these words, whatever the format."""
LONGEST_PATTERN = 1_024
"""Of a filter, in characters (documented)."""
LONGEST_LINE = 16_000
MOST_NAMED = 20
"""How many requests one filter names."""

_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_VERSION = re.compile(r"\[([^\]\[]{1,20})\]")
_RAISED = re.compile(r"\[(?:ERROR|CRITICAL)\]\s+(?P<said>\S[^\r\n]*)")
_LOGGED = re.compile(rf"\[(?:ERROR|CRITICAL)\]\t\S+\t(?P<id>{_UUID})?\t(?P<said>[^\r\n]*)")
_NODE = re.compile(rf"\S+\t(?P<id>{_UUID}|undefined)\t(?:ERROR|FATAL)\t(?P<said>.*)", re.DOTALL)
_NODE_UNCAUGHT = re.compile(r"(?:Invoke Error|Uncaught Exception|Unhandled Promise Rejection)\s*\t?\s*(?=\{)")
_TIMED_OUT = re.compile(rf"\S+\s+(?P<id>{_UUID})\s+(?P<said>Task timed out after [\d.]+ seconds)")
_EXITED = re.compile(
    rf"RequestId:\s+(?P<id>{_UUID})\s+(?:Error:\s+)?(?P<said>Runtime exited[^\r\n]*|Process exited[^\r\n]*)"
)
_REPORTED = re.compile(
    r"(?P<kind>INIT_REPORT|REPORT)\b.*?"
    r"\bStatus:\s*(?P<status>error|timeout|failure)(?:\s+Error Type:\s*(?P<said>\S+))?",
    re.DOTALL,
)
_EXCEPTION = re.compile(
    r"(?:Exception in thread \S+ )?(?P<said>[A-Za-z_$][\w.$]{0,150}(?:Exception|Error|Fault)\b(?:: [^\r\n]*)?)"
)
_PANIC = re.compile(r"(?P<said>panic: [^\r\n]*)")
_NAMED = re.compile(rf"(?:START|END|REPORT)\s+RequestId:\s+(?P<id>{_UUID})")
_STATUSES = {
    "timeout": "Task timed out",
    "failure": "the invocation failed",
    "error": "the invocation ended in an error",
}
_BAD_LEVELS = frozenset({"ERROR", "CRITICAL", "FATAL"})
_IDS = ("requestId", "AWSRequestId", "awsRequestId", "function_request_id", "request_id")

_UNCAUGHT, _WORDS, REPORT = 3, 2, 1
"""How much a line tells: what ended the invocation, what the code has logged, and that it failed."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """An event of a log group. at: milliseconds since the epoch."""

    stream: str
    at: int
    message: str

    @property
    def version(self) -> str:
        """The function's version, which the stream's name has in brackets (documented); "" where it has none."""
        found = _VERSION.search(self.stream)
        return found[1] if found else ""


@dataclass(frozen=True, slots=True)
class ErrorLine:
    """What one line says of a failed invocation. request_id: "" where it does not say. weight: how much it tells."""

    stream: str
    version: str
    at: int
    said: str
    request_id: str = ""
    weight: int = _WORDS


@dataclass(frozen=True, slots=True)
class Span:
    """When and where an invocation was: its log stream, and its first and last line, in ms since the epoch."""

    stream: str
    first: int
    last: int


def errors_in(lines: Iterable[LogLine]) -> list[ErrorLine]:
    """What these lines say of failures, in their order; lines that say nothing are left out."""
    return [found for line in lines if (found := _error(line)) is not None]


def naming(request_ids: Sequence[str]) -> str:
    """The filter pattern for the lines of these invocations; at most `MOST_NAMED`."""
    return " ".join(f'?"{each}"' for each in request_ids[:MOST_NAMED])[:LONGEST_PATTERN]


def spans_in(lines: Iterable[LogLine]) -> dict[str, Span]:
    """When and where the invocations were that begin or end in these lines, by request id."""
    spans: dict[str, Span] = {}
    for line in lines:
        if (request_id := _named(line.message[:LONGEST_LINE])) is None:
            continue
        known = spans.get(request_id)
        if known is None:
            spans[request_id] = Span(line.stream, line.at, line.at)
        elif known.stream == line.stream:
            spans[request_id] = Span(line.stream, min(known.first, line.at), max(known.last, line.at))
    return spans


def _named(message: str) -> str | None:
    if found := _NAMED.match(message):
        return found["id"].lower()
    document = _document(message)
    if document is None or not str(document.get("type", "")).startswith("platform."):
        return None
    record = document.get("record")
    found_id = record.get("requestId") if isinstance(record, dict) else None
    return found_id.lower() if isinstance(found_id, str) else None


def _error(line: LogLine) -> ErrorLine | None:
    message = line.message[:LONGEST_LINE]
    document = _document(message)
    found = _of_text(message) if document is None else _of_json(document)
    if found is None:
        return None
    weight, said, request_id = found
    shown = normalised(said)
    valid = request_id.lower() if re.fullmatch(_UUID, request_id) else ""
    return ErrorLine(line.stream, line.version, line.at, shown, valid, weight) if shown else None


def _of_text(message: str) -> tuple[int, str, str] | None:
    """How much it tells, what it says, and the request's id."""
    if found := _TIMED_OUT.match(message) or _EXITED.match(message):
        return _UNCAUGHT, found["said"], found["id"]
    if found := _LOGGED.match(message):
        return _WORDS, found["said"], found["id"] or ""
    if found := _RAISED.match(message):
        return _UNCAUGHT, found["said"], ""
    if found := _NODE.match(message):
        return _of_node(found["said"], found["id"])
    if found := _REPORTED.match(message):
        named = _NAMED.match(message)
        return REPORT, found["said"] or _STATUSES[found["status"]], named["id"] if named else ""
    if found := _EXCEPTION.match(message) or _PANIC.match(message):
        return _WORDS, found["said"], ""
    return None


def _of_node(said: str, request_id: str) -> tuple[int, str, str]:
    uncaught = _NODE_UNCAUGHT.match(said)
    if uncaught and (document := _document(said[uncaught.end() :])) is not None:
        return _UNCAUGHT, _typed(document) or said, request_id
    return _WORDS, said.partition("\n")[0], request_id


def _of_json(document: Mapping[str, Any]) -> tuple[int, str, str] | None:
    kind, record = document.get("type"), document.get("record")
    if isinstance(kind, str) and kind.startswith("platform.") and isinstance(record, dict):
        status = record.get("status")
        if not isinstance(status, str) or status not in _STATUSES:
            return None
        return REPORT, _text(record.get("errorType")) or _STATUSES[status], _text(record.get("requestId"))
    level = _text(document.get("level") or document.get("log_level") or document.get("levelname")).upper()
    request_id = next((text for name in _IDS if (text := _text(document.get(name)))), "")
    nested = document.get("message")
    for described in (document, nested):
        if isinstance(described, dict) and (typed := _typed(described)):
            return _UNCAUGHT, typed, request_id
    if level not in _BAD_LEVELS:
        return None
    words = _text(nested) or _text(document.get("msg")) or _text(document.get("error"))
    raised = _text(document.get("exception_name"))
    if found := _TIMED_OUT.match(words):
        return _UNCAUGHT, found["said"], found["id"]
    return _WORDS, f"{raised}: {words}" if raised and words else raised or words, request_id


def _typed(document: Mapping[str, Any]) -> str:
    """The error's type with its message, as the runtimes describe an error that nobody caught; "" where it is none."""
    kind = _text(document.get("errorType"))
    said = _text(document.get("errorMessage"))
    return f"{kind}: {said}" if kind and said else kind or said


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _document(message: str) -> Mapping[str, Any] | None:
    if not message.lstrip().startswith("{"):
        return None
    try:
        document = json.loads(message)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
