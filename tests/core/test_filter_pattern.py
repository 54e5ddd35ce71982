"""Filter patterns of CloudWatch Logs, tried on lines that are JSON objects."""

from __future__ import annotations

import pytest

from rollout.core.filter_pattern import matches, selected

LINE = {"status": 502, "text": "502", "route": "GET /orders", "ok": True, "none": None, "a": {"b-c": [1, 2]}, "x y": 1}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("", True),
        ("{ $.status = * }", True),
        ("{$.status=*}", True),
        ("{ $.text = * }", True),
        ("{ $.gone = * }", False),
        ("{ $.status = 502 }", True),
        ("{ $.status != 502 }", False),
        ("{ $.status >= 500 && $.status < 600 }", True),
        ("{ ($.status > 600) || ($.status <= 502) }", True),
        ("{ $.status > 600 || $.status < 500 }", False),
        ('{ $.route = "GET *" }', True),
        ('{ $.route != "GET *" }', False),
        ('{ ($.route = "POST *") && (($.status = 502) || ($.status = 503)) }', False),
        ("{ $.none IS NULL }", True),
        ("{ $.ok IS TRUE }", True),
        ("{ $.ok IS FALSE }", False),
        ("{ $.gone NOT EXISTS }", True),
        ("{ $.status NOT EXISTS }", False),
        ("{ $.a.b-c[1] = 2 }", True),
        ("{ $['x y'] = 1 }", True),
        # Not understood, or not known: whether a number in quotes is one.
        ("{ $.text = 502 }", None),
        ("{ $.text >= 500 }", None),
        ("{ $.route = %GET.*% }", None),
        ("{ $.a.* = 1 }", None),
        ("[ip, user, status=5*]", None),
        ("ERROR", None),
        ("{ $.status = }", None),
        ("{ ( $.status = 1 }", None),
    ],
)
def test_a_pattern_takes_a_line(pattern: str, expected: bool | None) -> None:
    assert expected is matches(pattern, LINE)


def test_a_selector_finds_its_value() -> None:
    assert [502, None, "1", 2] == [selected(each, LINE) for each in ("$.status", "$.gone", "1", "$.a.b-c[1]")]
