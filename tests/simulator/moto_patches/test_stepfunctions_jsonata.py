"""JSONata in states."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.moto_patches.world import opened

AWKWARD = 'a "quoted" \\ text\nof two lines, with {% %} and $x'


def output(expression: Any, given: Any = None, **assigned: Any) -> Any:
    states = {
        "Assign": {"Type": "Pass", "Assign": assigned or {"none": 0}, "Next": "Put"},
        "Put": {"Type": "Pass", "Output": {"is": expression}, "End": True},
    }
    with opened() as world:
        return world.result(states, given)["is"]


def test_values_are_bound_not_written_into_the_expression() -> None:
    assert output("{% $text %}", text=AWKWARD) == AWKWARD
    assert output("{% $states.input.text & '!' %}", {"text": AWKWARD}) == AWKWARD + "!"
    assert output("{% $parts.text %}", parts={"text": AWKWARD}) == AWKWARD


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("{% 4 / 2 %}", 2),
        ("{% [1, 2, 3][$ > 1] %}", [2, 3]),
        ("{% $states.input.nothing = null %}", True),
        ("{% $states.input.nothing %}", None),
        ("{% $exists($states.input.missing) %}", False),
        ("{% $states.context.Execution.Name %}", "run"),
        ("{% $states.context.State.Name %}", "Put"),
        ("{% $states.context.Execution.StartTime %}", "2026-03-02T12:00:00+00:00"),
        ("{% $now() %}", "2026-03-02T12:00:00.000Z"),
        ("{% $parse('{\"a\": 1}').a %}", 1),
        ("{% $range(0, 10, 5) %}", [0, 5, 10]),
        ("{% $hash('a', 'MD5') %}", "0cc175b9c0f1b6a831c399e269772661"),
    ],
)
def test_expressions(expression: str, expected: object) -> None:
    assert output(expression, {"nothing": None}) == expected


def test_chance_repeats_with_the_seed() -> None:
    assert output("{% [$uuid(), $random()] %}") == output("{% [$uuid(), $random()] %}")


@pytest.mark.parametrize("expression", ["{% $states.input.missing %}", "{% $error('no') %}", "{% $string %}"])
def test_an_expression_without_a_value_fails_its_state(expression: str) -> None:
    with opened() as world:
        described = world.run({"Put": {"Type": "Pass", "Output": expression, "End": True}})
        assert (described["status"], described["error"]) == ("FAILED", "States.QueryEvaluationError")
