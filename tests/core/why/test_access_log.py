"""Access logs: fields are found by the format, numbers are taken bare and quoted, and no line is too odd to be read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.core.why.access_log import AccessLogFormat, Answer

OURS = (
    '{"requestId":"$context.requestId","isCanaryRequest":"$context.isCanaryRequest","status":$context.status,'
    '"route":"$context.stage $context.httpMethod $context.resourcePath","call":"$context.integration.requestId",'
    '"trace":"$context.xrayTraceId","type":"$context.error.responseType","error":"$context.error.message"}'
)
LINE = (
    '{"requestId":"r-1","isCanaryRequest":"true","status":502,"route":"prod POST /orders/{id}","call":"f-1",'
    '"trace":"1-5e-a","type":"-","error":"Internal server error"}'
)


def of(log_format: str) -> AccessLogFormat:
    found = AccessLogFormat.of(log_format)
    assert found is not None
    return found


def test_a_line_is_read_by_its_format() -> None:
    expected = Answer(
        7, 502, canary=True, route="POST /orders/{id}", request_id="r-1", function_request_id="f-1", trace_id="1-5e-a"
    )
    assert expected == of(OURS).read(LINE, 7)


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ('{"s":$context.status,"c":"$context.isCanaryRequest"}', '{"s":404,"c":"false"}'),
        ('{"s":"$context.status","c":"$context.isCanaryRequest"}', '{"s":"404","c":"false"}'),
        ('{"s": $context.status , "c":$context.isCanaryRequest}', '{"s": 404 , "c":false}'),
        ('{"a":{"b":{"s":"$context.status"}},"c":"$context.isCanaryRequest"}', '{"a":{"b":{"s":"404"}},"c":"-"}'),
        (
            '{"s":$context.status,"c":"$context.isCanaryRequest","n":$context.responseLatency}',
            '{"s":404,"c":"-","n":-}',
        ),
    ],
)
def test_numbers_are_taken_bare_and_quoted_and_what_has_no_value_harms_nothing(written: str, line: str) -> None:
    assert Answer(0, 404, canary=False) == of(written).read(line, 0)


def test_a_canary_that_the_format_does_not_tell_is_not_known() -> None:
    log = of('{"s":$context.status}')
    assert log.missing == ("isCanaryRequest",)
    assert log.read('{"s":500}', 0) == Answer(0, 500, canary=None)


@pytest.mark.parametrize("written", ["$context.status $context.requestId", "", "[]", "{", "[" * 5_000])
def test_a_format_that_is_no_json_object_is_none(written: str) -> None:
    assert AccessLogFormat.of(written) is None


@pytest.mark.parametrize(
    ("written", "canary", "pattern"),
    [
        ('{"s":$context.status,"c":"$context.isCanaryRequest"}', True, '{ ($.c = "true") && ($.s >= 400) }'),
        ('{"s":$context.status,"c":"$context.isCanaryRequest"}', False, '{ ($.c != "true") && ($.s >= 400) }'),
        ('{"s":$context.status,"c":"$context.isCanaryRequest"}', None, "{ ($.s >= 400) }"),
        (
            '{"s":"$context.status","c":$context.isCanaryRequest}',
            True,
            '{ ($.c IS TRUE) && (($.s = "4*") || ($.s = "5*")) }',
        ),
        ('{"a":{"s":$context.status}}', None, "{ ($.a.s >= 400) }"),
        ('{"the.status":$context.status,"c":"$context.isCanaryRequest"}', True, ""),
    ],
)
def test_a_filter_fits_how_the_format_writes_its_fields(written: str, canary: bool | None, pattern: str) -> None:
    assert of(written).failures(canary=canary) == pattern


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"type": "BAD_REQUEST_BODY", "error": 'required: ["sku"]'}, 'BAD_REQUEST_BODY: required: ["sku"]'),
        (
            {"type": "INTEGRATION_TIMEOUT", "error": "Endpoint request timed out"},
            "INTEGRATION_TIMEOUT: Endpoint request timed out",
        ),
        ({"type": "API_CONFIGURATION_ERROR", "error": "Internal server error"}, "API_CONFIGURATION_ERROR"),
        ({"type": "DEFAULT_5XX", "error": "Internal server error"}, ""),
        ({"type": "-", "error": "-"}, ""),
    ],
)
def test_api_gateways_words_are_taken_where_they_say_something(fields: dict[str, str], said: str) -> None:
    answer = of(OURS).read(json.dumps({**json.loads(LINE), **fields}), 0)
    assert answer is not None
    assert said == answer.said


@given(st.text())
def test_no_line_and_no_format_raises(text: str) -> None:
    AccessLogFormat.of(text)
    of(OURS).read(text, 0)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=5), each, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(list(json.loads(LINE))), JSON))
def test_a_field_may_hold_anything(document: dict[str, object]) -> None:
    answer = of(OURS).read(json.dumps(document), 0)
    assert answer is None or (answer.said.isprintable() and len(answer.route) <= 120)


@pytest.mark.parametrize(
    "line", ['{"status":' + "9" * 10_000 + "}", '{"status":"' + "9" * 300 + '"}', "{" * 20_000, '{"a":' * 9_000]
)
def test_a_line_of_any_size_is_read_or_passed_over(line: str) -> None:
    assert of(OURS).read(line, 0) is None
