"""Filter patterns as CloudWatch Logs documents them."""

from __future__ import annotations

import pytest

from rollout_simulator.moto_patches.log_patterns import LONGEST, InvalidPattern, compiled, matches

LINE = '{"status": 502, "canary": "true", "text": "404", "flag": true, "none": null, "a": {"b": "abc"}}'


@pytest.mark.parametrize(
    ("pattern", "message", "fits"),
    [
        ("", "anything", True),
        ("ERROR", "[ERROR] x", True),
        ("ERROR", "[error] x", False),
        ("ERROR x", "[ERROR] x", True),
        ("ERROR y", "[ERROR] x", False),
        ("?ERROR ?y", "[ERROR] x", True),
        ("?WARN ?y", "[ERROR] x", False),
        ('?"timed out" ?ERROR', "Task timed out after 3 s", True),
        ("ERROR -x", "[ERROR] x", False),
        ("{ $.status = 502 }", LINE, True),
        ("{ $.status >= 400 }", LINE, True),
        ("{ $.status < 400 }", LINE, False),
        ('{ $.text = "4*" }', LINE, True),
        ("{ $.text >= 400 }", LINE, False),
        ('{ $.canary != "true" }', LINE, False),
        ('{ $.missing != "true" }', LINE, False),
        ("{ $.flag IS TRUE }", LINE, True),
        ("{ $.canary IS TRUE }", LINE, False),
        ("{ $.none IS NULL }", LINE, True),
        ("{ $.missing NOT EXISTS }", LINE, True),
        ("{ $.a.b = abc }", LINE, True),
        ('{ ($.canary = "true") && (($.status = 1) || ($.status >= 500)) }', LINE, True),
        ('{ ($.canary = "false") && ($.status >= 500) }', LINE, False),
        ("{ $.status = * }", LINE, True),
        ("{ $.status = * }", "no JSON", False),
    ],
)
def test_a_message_fits_or_not(pattern: str, message: str, fits: bool) -> None:
    assert fits is matches(pattern, message)


@pytest.mark.parametrize(
    "pattern",
    ["a:b", "{ $.a }", "{ $.a = }", "{ ($.a = 1 }", "{ $.a > x }", "{ $.a = 1", "[a]", "%a%", "x" * (LONGEST + 1)],
)
def test_a_wrong_pattern_or_one_that_is_not_known_here_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidPattern):
        compiled(pattern)
