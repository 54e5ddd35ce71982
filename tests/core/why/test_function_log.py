"""A function's log: Lambda's and the runtimes' own lines, as text and as JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.core.why.function_log import LONGEST_PATTERN, MOST_NAMED, LogLine, Span, errors_in, naming, spans_in

ID = "8f14e45f-ceea-467a-9f3c-0123456789ab"
STREAM = "2026/03/02/[7]a0b1c2d3e4f5a0b1c2d3e4f5a0b1c2d3"

TEXT = {
    "[ERROR] KeyError: 'sku'\rTraceback (most recent call last):\r\xa0\xa0File \"/var/task/app.py\", line 3": (
        "KeyError: 'sku'",
        "",
    ),
    "[ERROR] KeyError: 'sku'\nTraceback (most recent call last):": ("KeyError: 'sku'", ""),
    f"[ERROR]\t2026-03-02T12:00:00.000Z\t{ID}\tcould not store order 17\n": ("could not store order #", ID),
    "[ERROR] Runtime.ImportModuleError: Unable to import module 'app': No module named 'requests'\nTraceback": (
        "Runtime.ImportModuleError: Unable to import module 'app': No module named 'requests'",
        "",
    ),
    f"2026-03-02T12:00:03.000Z {ID} Task timed out after 3.00 seconds\n\n": ("Task timed out after # seconds", ID),
    f"RequestId: {ID} Error: Runtime exited with error: signal: killed\nRuntime.ExitError": (
        "Runtime exited with error: signal: killed",
        ID,
    ),
    f"RequestId: {ID} Process exited before completing request\n": ("Process exited before completing request", ID),
    f"2026-03-02T12:00:00.000Z\t{ID}\tERROR\tInvoke Error \t"
    + json.dumps({"errorType": "TypeError", "errorMessage": "Cannot read 'sku'", "stack": ["at /var/task/a.js:1:1"]}): (
        "TypeError: Cannot read 'sku'",
        ID,
    ),
    "2026-03-02T12:00:00.000Z\tundefined\tERROR\tUncaught Exception \t"
    + json.dumps({"errorType": "Error", "errorMessage": "TABLE_NAME is not set"}): ("Error: TABLE_NAME is not set", ""),
    f"2026-03-02T12:00:00.000Z\t{ID}\tERROR\tcannot store\nmore": ("cannot store", ID),
    "INIT_REPORT Init Duration: 101.02 ms\tPhase: init\tStatus: error\tError Type: Runtime.ExitError\n": (
        "Runtime.ExitError",
        "",
    ),
    f"REPORT RequestId: {ID}\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\tStatus: timeout\n": (
        "Task timed out",
        ID,
    ),
    'java.lang.NullPointerException: Cannot invoke "Order.sku()"\n\tat a.B.c(B.java:1)': (
        'java.lang.NullPointerException: Cannot invoke "Order.sku()"',
        "",
    ),
    "panic: runtime error: index out of range [3] with length 3\n": (
        "panic: runtime error: index out of range [#] with length #",
        "",
    ),
}

AS_JSON: list[tuple[dict[str, object], tuple[str, str]]] = [
    (
        {
            "timestamp": "t",
            "level": "ERROR",
            "errorMessage": "'sku'",
            "errorType": "KeyError",
            "requestId": ID,
            "stackTrace": [],
        },
        ("KeyError: 'sku'", ID),
    ),
    (
        {"timestamp": "t", "level": "ERROR", "message": "cannot store order 17", "requestId": ID},
        ("cannot store order #", ID),
    ),
    (
        {"level": "ERROR", "message": "failed", "exception_name": "KeyError", "function_request_id": ID},
        ("KeyError: failed", ID),
    ),
    (
        {
            "timestamp": "t",
            "level": "ERROR",
            "requestId": ID,
            "message": {"errorType": "TypeError", "errorMessage": "no sku"},
        },
        ("TypeError: no sku", ID),
    ),
    ({"type": "platform.report", "record": {"requestId": ID, "status": "timeout"}}, ("Task timed out", ID)),
    (
        {"type": "platform.initReport", "record": {"status": "error", "errorType": "Runtime.ImportModuleError"}},
        ("Runtime.ImportModuleError", ""),
    ),
]


@pytest.mark.parametrize(
    ("message", "said", "request_id"),
    [*((message, *told) for message, told in TEXT.items()), *((json.dumps(line), *told) for line, told in AS_JSON)],
)
def test_every_runtimes_error_is_read(message: str, said: str, request_id: str) -> None:
    [error] = errors_in([LogLine(STREAM, 5, message)])
    assert (said, request_id, "7", 5) == (error.said, error.request_id, error.version, error.at)


@pytest.mark.parametrize(
    "message",
    [
        f"START RequestId: {ID} Version: 7\n",
        f"END RequestId: {ID}\n",
        f"REPORT RequestId: {ID}\tDuration: 12.3 ms\tBilled Duration: 13 ms\n",
        f"[INFO]\t2026-03-02T12:00:00.000Z\t{ID}\tno error here",
        "[WARNING]\t2026-03-02T12:00:00.000Z\t\tLAMBDA_WARNING: Unhandled exception. The most likely cause is ...",
        json.dumps({"level": "INFO", "message": "an error was handled"}),
        json.dumps({"type": "platform.report", "record": {"requestId": ID, "status": "success"}}),
        '  File "/var/task/app.py", line 3, in handler\n    raise KeyError',
        "",
    ],
)
def test_a_line_that_tells_of_no_failure_is_passed_over(message: str) -> None:
    assert errors_in([LogLine(STREAM, 0, message)]) == []


def test_an_invocation_is_from_its_first_to_its_last_line() -> None:
    lines = [
        LogLine(STREAM, 10, f"START RequestId: {ID} Version: 7\n"),
        LogLine(STREAM, 90, json.dumps({"type": "platform.report", "record": {"requestId": ID}})),
        LogLine(STREAM, 80, f"END RequestId: {ID}\n"),
        LogLine("another", 500, f"END RequestId: {ID}\n"),
        LogLine(STREAM, 900, "END RequestId: nobody's"),
    ]
    assert spans_in(lines) == {ID: Span(STREAM, 10, 90)}


def test_a_filter_names_as_many_requests_as_it_may() -> None:
    pattern = naming([ID] * 50)
    assert pattern.count(ID) == MOST_NAMED
    assert len(pattern) <= LONGEST_PATTERN


@given(st.text(), st.text())
def test_no_line_raises(stream: str, message: str) -> None:
    lines = [
        LogLine(stream, 0, prefix + message) for prefix in ("", "[ERROR] ", "{", f"a\t{ID}\tERROR\tInvoke Error \t{{")
    ]
    assert all(error.said.isprintable() for error in errors_in(lines))
    spans_in(lines)


@pytest.mark.parametrize(
    "message", ["[ERROR] " + "x" * 200_000, "{" * 50_000, "REPORT " * 9_000, "a." * 30_000 + "Error"]
)
def test_a_line_of_any_size_is_read_in_no_time(message: str) -> None:
    errors_in([LogLine(STREAM, 0, message)])
