"""Whether metrics are made of an access log, tried on a line as the stage writes it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rollout.core.access_log import AccessLog, LoggedField, MetricFilter, line_of, logged_fields

GROUP = "arn:aws:logs:eu-central-1:123456789012:log-group:/apigateway/orders"
OURS = (
    '{"requestId":"$context.requestId","apiId":"$context.apiId","stage":"$context.stage",'
    '"isCanaryRequest":"$context.isCanaryRequest","status":$context.status,"responseLatency":$context.responseLatency}'
)
JSONENCODED = (
    '{"api":"$context.apiId","env":{"stage":"$context.stage"},"canary":"$context.isCanaryRequest",'
    '"who":"$context.identity.sourceIp $context.identity.caller","code":"$context.status"}'
)
"""As infrastructure tools write it that encode JSON: other keys, nested, every number in quotes."""
WHERE = {"ApiId": "a1b2c3d4e5", "Stage": "prod"}
DIMENSIONS = {"ApiId": "$.apiId", "Stage": "$.stage", "Canary": "$.isCanaryRequest"}
STATUS = MetricFilter("f", "{ $.status = * }", "RolloutPilot/AccessLog", "Status", "$.status", DIMENSIONS)
LOG = AccessLog(GROUP, OURS, (STATUS,))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('{"status":"$context.status"}', {"status": LoggedField("$.status", quoted=True)}),
        ('{"s":$context.status}', {"status": LoggedField("$.s", quoted=False)}),
        ('{"a":{"b c":$context.status}}', {"status": LoggedField("$.a['b c']", quoted=False)}),
        ('{"who":"$context.identity.sourceIp by $context.identity.caller"}', {}),
        ("{}", {}),
        ("$context.requestId $context.status", None),
        ("", None),
        ('["$context.status"]', None),
        ('{"status":', None),
    ],
)
def test_a_format_says_where_each_variable_stands(written: str, expected: Any) -> None:
    assert expected == logged_fields(written)


def test_a_line_is_made_as_the_stage_writes_it() -> None:
    values: dict[str, str | int] = {"apiId": "a1", "stage": "prod", "isCanaryRequest": "true", "status": 502}
    assert {
        "api": "a1",
        "env": {"stage": "prod"},
        "canary": "true",
        "who": "0 0",
        "code": "502",
    } == line_of(JSONENCODED, values)


def test_the_sound_log_fits() -> None:
    latency = replace(STATUS, metric="Latency", value="$.responseLatency", pattern="{ $.responseLatency = * }")
    log = replace(LOG, filters=(STATUS, latency))
    assert log.fits(["Status", "Latency"], WHERE)
    assert not LOG.fits(["Status", "Latency"], WHERE)


def test_other_keys_fit_where_the_filter_has_them_too() -> None:
    keys = {"ApiId": "$.api", "Stage": "$.env.stage", "Canary": "$.canary"}
    own = replace(STATUS, pattern="{ $.code = * }", value="$.code", dimensions=keys)
    log = AccessLog(GROUP, JSONENCODED.replace('"$context.status"', "$context.status"), (own,))
    assert log.fits(["Status"], WHERE)
    assert not replace(log, filters=(STATUS,)).fits(["Status"], WHERE)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"metric": "Other"}, "has no metric filter that makes RolloutPilot/AccessLog Status"),
        ({"namespace": "Mine"}, "has no metric filter"),
        ({"pattern": "{ $.code = * }"}, r"whose pattern { $.code = * } matches no line"),
        ({"pattern": "{ $.status < 500 }"}, "matches no line of a canary with status 502"),
        ({"pattern": "{ $.status >= 500 }"}, "matches no line of a canary with status 200"),
        ({"pattern": '{ $.isCanaryRequest = "true" }'}, "matches no line of the base with status 502"),
        ({"value": "1"}, "whose value is 1 and not status"),
        ({"value": "$.code"}, "whose value is $.code and not status"),
        ({"dimensions": {}}, "whose dimension ApiId is not apiId"),
        ({"dimensions": {**DIMENSIONS, "Canary": "$.canary"}}, "whose dimension Canary is not isCanaryRequest"),
        ({"dimensions": {**DIMENSIONS, "Route": "$.route"}}, "one more dimension, Route"),
    ],
)
def test_a_filter_that_does_not_make_the_metric_is_told(changes: Any, said: str) -> None:
    problem = replace(LOG, filters=(replace(STATUS, **changes),)).problem("Status", WHERE)
    assert problem is not None
    assert said in problem


def test_filters_may_share_the_lines() -> None:
    failed, good = replace(STATUS, pattern="{ $.status >= 500 }"), replace(STATUS, pattern="{ $.status < 500 }")
    assert replace(LOG, filters=(failed, good)).problem("Status", WHERE) is None


def test_a_canary_without_quotes_is_true_or_false() -> None:
    bare = LOG.format.replace('"$context.isCanaryRequest"', "$context.isCanaryRequest")
    either = replace(STATUS, pattern="{ $.isCanaryRequest IS TRUE || $.isCanaryRequest IS FALSE }")
    assert AccessLog(GROUP, bare, (either,)).problem("Status", WHERE) is None
    assert "matches no line" in (AccessLog(GROUP, LOG.format, (either,)).problem("Status", WHERE) or "")


def test_one_right_filter_is_enough() -> None:
    assert replace(LOG, filters=(replace(STATUS, value="1"), STATUS)).problem("Status", WHERE) is None


@pytest.mark.parametrize("pattern", ["{ $.requestId = %.*% }", "[status=5*]", "ERROR"])
def test_what_is_not_understood_is_held_against_nobody(pattern: str) -> None:
    assert replace(LOG, filters=(replace(STATUS, pattern=pattern),)).problem("Status", WHERE) is None
    assert replace(LOG, filters=None).problem("Status", WHERE) is None


def test_a_log_that_goes_elsewhere_does_not_fit() -> None:
    stream = "arn:aws:firehose:eu-central-1:123456789012:deliverystream/amazon-apigateway-orders"
    assert ("", False) == (replace(LOG, destination=stream).group, replace(LOG, destination=stream).fits([], WHERE))
    assert "/apigateway/orders" == replace(LOG, destination=f"{GROUP}:*").group == LOG.group


@pytest.mark.parametrize(
    "written", [OURS, JSONENCODED, "{}", '{"requestId":"$context.requestId"}', "$context.requestId", "", ' {"a": 1} ']
)
def test_the_mended_format_lacks_nothing_and_keeps_what_there_was(written: str) -> None:
    log = AccessLog(GROUP, written)
    mended = AccessLog(GROUP, log.mended(["Status", "Latency"]))
    assert ([], []) == (mended.lacks(["Status", "Latency"]), mended.quoted(["Status", "Latency"]))
    assert (log.fields or {}).keys() <= (mended.fields or {}).keys()
