"""A judge block means exactly what it says, or is refused with the name of the field."""

import json
from decimal import Decimal
from math import nan
from typing import Any

import pytest

from rollout.core.judge import (
    PRESETS,
    Count,
    FastLane,
    InvalidReading,
    InvalidSettings,
    JudgeSettings,
    MetricKind,
    MetricSettings,
    Moments,
    Pair,
    RecordedMinute,
    Tolerance,
    parse_judge,
    parse_plan,
    parse_recording,
)
from tests.core.judge.builders import NAME, orders, some_settings

PLAN = {"steps": [{"weightPercent": 5, "bakeMinutes": 10}]}


def test_what_is_judged_when_nothing_is_said() -> None:
    settings = parse_judge({})
    assert settings == JudgeSettings.of() == parse_judge(None)
    assert [
        (metric.name, metric.kind.value, metric.tolerance, metric.gates, metric.decides) for metric in settings.metrics
    ] == [
        ("5XXError", "errors", (1.25, 0.0002), True, True),
        ("Latency.p90", "latency", (1.0, 0.0), False, True),
        ("Latency.p99", "latency", (1.0, 0.0), False, True),
        ("4XXError", "errors", (1.5, 0.02), False, True),
    ]
    assert settings.alpha == pytest.approx(0.04)


def test_naming_the_default_metrics_means_the_same_as_naming_none() -> None:
    named = parse_judge({"metrics": [{"name": "5XXError"}, {"name": "Latency"}, {"name": "4XXError"}]})
    assert named == parse_judge({})


@pytest.mark.parametrize(("deciding", "alpha"), [(1, 0.01), (4, 0.04), (5, 0.05), (9, 0.05)])
def test_alpha_grows_with_the_deciding_metrics_up_to_five_percent(deciding: int, alpha: float) -> None:
    names = [f"error{number}" for number in range(deciding)]
    assert some_settings(*names).alpha == pytest.approx(alpha)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_sets_the_tolerance_of_errors(preset: str) -> None:
    settings = parse_judge({"preset": preset, "metrics": [{"name": NAME}, {"name": "Latency", "quantiles": [50]}]})
    assert settings.metrics[0].tolerance == PRESETS[preset]
    assert settings.metrics[1] == MetricSettings("Latency.p50", MetricKind.LATENCY, Tolerance(1.0, 0.0), required=False)


def test_every_field_is_heard() -> None:
    settings = parse_judge(
        {
            "alpha": 0.02,
            "beta": 0.1,
            "maxBakeFactor": 2,
            "capShare": 0.4,
            "gate": {"relative": 3},
            "fastLane": {"minBad": 5},
            "metrics": [
                {
                    "name": "Errors",
                    "tolerance": {"absolute": 0.01},
                    "dispersion": 2,
                    "weight": 2,
                    "required": True,
                    "dryRun": False,
                },
                {"name": "OrdersPlaced", "kind": "businessCount"},
            ],
        }
    )
    errors = MetricSettings("Errors", MetricKind.ERRORS, Tolerance(1.25, 0.01), 2.0, 2.0)
    assert settings == JudgeSettings((errors, orders()), 0.02, 0.1, Tolerance(3.0, 0.005), 2.0, 0.4, FastLane(5, 0.25))


def test_settings_survive_json() -> None:
    settings = JudgeSettings.of(
        "sensitive",
        [orders(weight=0.3), MetricSettings("Latency.p99.9", MetricKind.LATENCY, Tolerance(1.0, 0.0))],
        beta=0.01,
    )
    assert JudgeSettings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings
    assert JudgeSettings.from_dict(JudgeSettings.of().to_dict()) == JudgeSettings.of()


def a_metric(**changes: object) -> dict[str, object]:
    return {"metrics": [{"name": NAME} | changes]}


REFUSED: list[tuple[object, str]] = [
    ({"preset": "strict"}, "judge.preset: unknown preset 'strict' (allowed: sensitive, balanced, tolerant)"),
    ({"preset": ["balanced"]}, "judge.preset: unknown preset ['balanced']"),
    ({"alpah": 0.1}, "judge.alpah: unknown field"),
    ([], "judge: found []"),
    ({"alpha": 0}, "judge.alpha: found 0 (allowed: above 0, at most 0.5)"),
    ({"alpha": "0.01"}, "judge.alpha: expected a number, found '0.01'"),
    ({"alpha": True}, "judge.alpha: expected a number, found True"),
    ({"alpha": nan}, "judge.alpha: expected a number, found nan"),
    ({"beta": 1}, "judge.beta: found 1 (allowed: above 0, at most 0.5)"),
    ({"maxBakeFactor": 0.5}, "judge.maxBakeFactor: found 0.5 (allowed: at least 1, at most 100)"),
    ({"gate": {"relative": 0.9}}, "judge.gate.relative: found 0.9"),
    ({"gate": {"relative": 1, "absolute": 0}}, "judge.gate: leaves no margin to prove"),
    ({"gate": {"factor": 2}}, "judge.gate.factor: unknown field (allowed: absolute, relative)"),
    ({"capShare": 0}, "judge.capShare: found 0"),
    ({"fastLane": {"minBad": 0}}, "judge.fastLane.minBad: found 0 (allowed: 1 or more)"),
    ({"fastLane": {"minBad": 2.5}}, "judge.fastLane.minBad: expected a whole number, found 2.5"),
    ({"fastLane": {"excess": 2}}, "judge.fastLane.excess: found 2"),
    ({"metrics": []}, "judge.metrics: no metrics"),
    ({"metrics": {"name": NAME}}, "judge.metrics: found {'name'"),
    ({"metrics": [{}]}, "judge.metrics[0].name: found None"),
    ({"metrics": [{"name": NAME}, {"name": NAME}]}, "judge.metrics[1].name: '5XXError' is named twice"),
    ({"metrics": [{"name": "4XXError"}]}, "judge.metrics: nothing has to be proven safe"),
    (a_metric(required=False), "judge.metrics: nothing has to be proven safe"),
    (a_metric(dryRun=True), "judge.metrics: nothing has to be proven safe"),
    (a_metric(required="yes"), "judge.metrics[0].required: found 'yes' (allowed: true, false)"),
    (a_metric(dry_run=True), "judge.metrics[0].dry_run: unknown field"),
    (a_metric(tolerance={"relative": -1}), "judge.metrics[0].tolerance.relative: found -1"),
    (a_metric(tolerance={"relative": 0, "absolute": 0}), "judge.metrics[0].tolerance: tolerates nothing"),
    (a_metric(tolerance={"relative": "2"}), "judge.metrics[0].tolerance.relative: expected a number"),
    (a_metric(tolerance=1.25), "judge.metrics[0].tolerance: found 1.25"),
    (a_metric(dispersion=0.5), "judge.metrics[0].dispersion: found 0.5 (allowed: at least 1, at most 100)"),
    (a_metric(weight=0), "judge.metrics[0].weight: found 0"),
    (a_metric(quantiles=[90]), "judge.metrics[0].quantiles: '5XXError' is a single series"),
    (a_metric(kind="error"), "judge.metrics[0].kind: unknown kind 'error'"),
    ({"metrics": [{"name": "Latency", "quantiles": [100]}]}, "judge.metrics[0].quantiles[0]: found 100"),
    ({"metrics": [{"name": "Latency", "quantiles": []}]}, "judge.metrics[0].quantiles: no quantiles"),
    ({"metrics": [{"name": "OrdersPlaced"}]}, "judge.metrics[0].kind: missing, and 'OrdersPlaced' does not"),
    (
        {"metrics": [{"name": "Orders", "kind": "businessCount", "tolerance": {"relative": 1.1}}]},
        "judge.metrics[0].tolerance.relative: found 1.1",
    ),
]


@pytest.mark.parametrize(("block", "message"), REFUSED)
def test_what_cannot_be_meant_is_refused_by_name(block: object, message: str) -> None:
    with pytest.raises(InvalidSettings) as raised:
        parse_judge(block)
    assert str(raised.value).startswith(message)
    assert str(raised.value) == f"{raised.value.field}: {raised.value.problem} (allowed: {raised.value.allowed})"


def test_fields_that_others_own_can_be_let_through() -> None:
    block = a_metric(namespace="Shop")
    assert parse_judge(block, also_known={"namespace"}) == some_settings()


@pytest.mark.parametrize("name", ["checkoutTimeouts", "PaymentFailures", "backend5xx"])
def test_a_name_that_speaks_of_errors_needs_no_kind(name: str) -> None:
    assert parse_judge({"metrics": [{"name": name}]}).metrics[0].kind is MetricKind.ERRORS


def test_weights_stay_exactly_as_written() -> None:
    plan = parse_plan(
        {
            "steps": [
                {"weightPercent": 0.1, "bakeMinutes": 10},
                {"weightPercent": "12.50", "bakeMinutes": 10},
                {"weightPercent": Decimal("33.3"), "bakeMinutes": 10},
            ],
            "watchMinutes": 30,
        }
    )
    assert [str(step.weight_percent) for step in plan] == ["0.1", "12.50", "33.3"]


@pytest.mark.parametrize(
    ("steps", "field"),
    [
        ([], "plan.steps"),
        (None, "plan.steps"),
        ([{"weightPercent": 0, "bakeMinutes": 1}], "plan.steps[0].weightPercent"),
        ([{"weightPercent": 100, "bakeMinutes": 1}], "plan.steps[0].weightPercent"),
        ([{"weightPercent": "NaN", "bakeMinutes": 1}], "plan.steps[0].weightPercent"),
        ([{"weightPercent": "five", "bakeMinutes": 1}], "plan.steps[0].weightPercent"),
        ([{"weightPercent": True, "bakeMinutes": 1}], "plan.steps[0].weightPercent"),
        ([{"weightPercent": 5, "bakeMinutes": 0}], "plan.steps[0].bakeMinutes"),
        ([{"weightPercent": 5, "bakeMinutes": 1.5}], "plan.steps[0].bakeMinutes"),
        ([{"weightPercent": 5}], "plan.steps[0].bakeMinutes"),
        ([{"weightPercent": 5, "bakeMinutes": 1, "pause": True}], "plan.steps[0].pause"),
        (
            [{"weightPercent": 9, "bakeMinutes": 1}, {"weightPercent": 9, "bakeMinutes": 1}],
            "plan.steps[1].weightPercent",
        ),
    ],
)
def test_a_plan_that_cannot_be_meant(steps: Any, field: str) -> None:
    with pytest.raises(InvalidSettings) as raised:
        parse_plan({"steps": steps})
    assert raised.value.field == field


def test_a_recording_without_named_metrics_is_judged_by_those_it_has() -> None:
    recording = parse_recording(
        {
            "plan": PLAN,
            "baseHistory": {NAME: {"requests": 100, "bad": 1}},
            "minutes": [
                {NAME: {"canary": {"requests": 5, "bad": 0}, "base": None}},
                {"Errors": {"base": {"requests": 9, "bad": 1}}},
                {},
            ],
        }
    )
    assert [metric.name for metric in recording.settings.metrics] == [NAME, "Errors"]
    assert recording.base_history == {NAME: Count(100, 1)}
    assert recording.minutes == (
        RecordedMinute({NAME: Pair(Count(5, 0), None)}),
        RecordedMinute({"Errors": Pair(None, Count(9, 1))}),
        RecordedMinute({}),
    )


def test_a_recording_of_values() -> None:
    recording = parse_recording(
        {
            "plan": PLAN,
            "judge": {"metrics": [{"name": "OrderValue", "kind": "businessValue"}]},
            "minutes": [{"OrderValue": {"canary": {"samples": 5, "total": 99.5}}}],
        }
    )
    assert recording.minutes == (RecordedMinute({"OrderValue": Pair(Moments(5, 99.5), None)}),)


@pytest.mark.parametrize(
    ("minute", "message"),
    [
        (
            {NAME: {"canary": {"requests": 5}}},
            "minutes[0].5XXError.canary: bad is missing",
        ),
        (
            {NAME: {"canary": {"requests": 5, "errors": 1}}},
            "minutes[0].5XXError.canary.errors: unknown field (allowed: bad, requests)",
        ),
        ({NAME: {"control": None}}, "minutes[0].5XXError.control: unknown field (allowed: base, canary)"),
        ({NAME: 5}, "minutes[0].5XXError: found 5"),
        (None, "minutes[0]: found nothing"),
    ],
)
def test_a_recording_that_cannot_have_happened(minute: object, message: str) -> None:
    with pytest.raises(InvalidReading) as raised:
        parse_recording({"plan": PLAN, "minutes": [minute]})
    assert str(raised.value).startswith(message)


def test_a_recording_has_minutes_and_no_other_fields() -> None:
    with pytest.raises(InvalidSettings, match="minutes: found nothing"):
        parse_recording({"plan": PLAN})
    with pytest.raises(InvalidSettings, match=r"recording\.metrics: unknown field"):
        parse_recording({"plan": PLAN, "minutes": [], "metrics": []})
