"""The rules of composite alarms."""

from __future__ import annotations

import pytest

from rollout_simulator.moto_patches.alarm_rule import AlarmRule, BadRule

STATES = {"a": "ALARM", "b": "OK", "c": "INSUFFICIENT_DATA"}


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ('ALARM("a")', True),
        ("ALARM(a)", True),
        ("ALARM( b )", False),
        ('OK("b")', True),
        ('INSUFFICIENT_DATA("c")', True),
        ('ALARM("arn:aws:cloudwatch:eu-central-1:1:alarm:a")', True),
        ('ALARM("gone")', False),
        ("TRUE", True),
        ("NOT FALSE", True),
        ('ALARM("a") AND ALARM("b")', False),
        ('ALARM("a") OR ALARM("b")', True),
        ('NOT ALARM("b") AND ALARM("a")', True),
        ('ALARM("a") OR ALARM("b") AND ALARM("b")', True),
        ('(ALARM("a") OR ALARM("b")) AND ALARM("b")', False),
        ('NOT (OK("b") OR ALARM("a"))', False),
        ('ALARM("a")\n  AND NOT ALARM("b") ', True),
    ],
)
def test_a_rule_holds_or_not(rule: str, holds: bool) -> None:
    assert AlarmRule.parse(rule).holds(STATES) is holds


def test_a_rule_names_the_alarms_it_asks_about() -> None:
    assert AlarmRule.parse('ALARM("a") AND (OK(b) OR NOT ALARM("with space"))').alarms == {
        "a",
        "b",
        "with space",
    }


@pytest.mark.parametrize(
    "rule",
    ["", "ALARM", "ALARM(a", 'ALARM("a', "BROKEN(a)", "ALARM(a) ALARM(b)", "ALARM(a) AND", "(ALARM(a)", "a)"],
)
def test_what_is_no_rule_is_refused(rule: str) -> None:
    with pytest.raises(BadRule):
        AlarmRule.parse(rule)
