"""A judge block means exactly what it says, or is refused with the name of the field."""

import json
from decimal import Decimal
from math import nan
from typing import Any, get_args

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
    parse_plan,
    parse_recording,
)
from rollout.errors import InvalidRequest
from rollout.request.judge import Kind, Preset, parse_judge
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


A_RATE = "input should be a number from 0.000000001 to 0.5"
REFUSED: list[tuple[object, str]] = [
    ({"preset": "strict"}, "judge.preset: input should be 'sensitive', 'balanced' or 'tolerant', got 'strict'"),
    ({"preset": ["balanced"]}, "judge.preset: input should be 'sensitive', 'balanced' or 'tolerant', got ['balanced']"),
    ({"alpah": 0.1}, "judge.alpah: unknown field; allowed are preset, alpha, "),
    ([], "judge: input should be an object, got []"),
    ({"alpha": 0}, f"judge.alpha: {A_RATE}, got 0"),
    ({"alpha": True}, f"judge.alpha: {A_RATE}, got True"),
    ({"alpha": nan}, f"judge.alpha: {A_RATE}, got nan"),
    ({"beta": 1}, f"judge.beta: {A_RATE}, got 1"),
    ({"maxBakeFactor": 0.5}, "judge.maxBakeFactor: input should be a number from 1 to 100, got 0.5"),
    ({"gate": {"relative": 0.9}}, "judge.gate.relative: input should be a number from 1 to 100, got 0.9"),
    ({"gate": {"relative": 1, "absolute": 0}}, "judge.gate: leaves no margin to prove"),
    ({"gate": {"factor": 2}}, "judge.gate.factor: unknown field; allowed are relative, absolute"),
    ({"capShare": 0}, "judge.capShare: input should be a number from 0.001 to 1, got 0"),
    ({"fastLane": {"minBad": 0}}, "judge.fastLane.minBad: input should be a whole number from 1 to 100000, got 0"),
    ({"fastLane": {"minBad": 2.5}}, "judge.fastLane.minBad: input should be a whole number from 1 to 100000, got 2.5"),
    ({"fastLane": {"excess": 2}}, "judge.fastLane.excess: input should be a number from 0 to 1, got 2"),
    ({"metrics": []}, "judge.metrics: must not be empty"),
    ({"metrics": {"name": NAME}}, "judge.metrics: input should be a valid list, got {'name'"),
    ({"metrics": [{}]}, "judge.metrics[0].name: required"),
    ({"metrics": [{"name": " "}]}, "judge.metrics[0].name: string should match pattern"),
    ({"metrics": [{"name": NAME}, {"name": NAME}]}, "judge.metrics[1].name: '5XXError' is named twice"),
    ({"metrics": [{"name": "4XXError"}]}, "judge.metrics: nothing has to be proven safe"),
    (a_metric(required=False), "judge.metrics: nothing has to be proven safe"),
    (a_metric(dryRun=True), "judge.metrics: nothing has to be proven safe"),
    (a_metric(required="yes"), "judge.metrics[0].required: input should be a valid boolean, got 'yes'"),
    (a_metric(dry_run=True), "judge.metrics[0].dry_run: unknown field"),
    (a_metric(tolerance={"relative": -1}), "judge.metrics[0].tolerance.relative: input should be a number from 0"),
    (a_metric(tolerance={"relative": 0, "absolute": 0}), "judge.metrics[0].tolerance: tolerates nothing"),
    (a_metric(tolerance={"relative": "two"}), "judge.metrics[0].tolerance.relative: input should be a number"),
    (a_metric(tolerance=1.25), "judge.metrics[0].tolerance: input should be an object, got 1.25"),
    (a_metric(dispersion=0.5), "judge.metrics[0].dispersion: input should be a number from 1 to 100, got 0.5"),
    (a_metric(weight=0), "judge.metrics[0].weight: input should be a number from 0.001 to 1000, got 0"),
    (a_metric(quantiles=[90]), "judge.metrics[0].quantiles: '5XXError' is a single series"),
    (a_metric(kind="error"), "judge.metrics[0].kind: input should be 'errors', 'latency', "),
    ({"metrics": [{"name": "Latency", "quantiles": [100]}]}, "judge.metrics[0].quantiles[0]: input should be a number"),
    ({"metrics": [{"name": "Latency", "quantiles": []}]}, "judge.metrics[0].quantiles: must not be empty"),
    ({"metrics": [{"name": "OrdersPlaced"}]}, "judge.metrics[0].kind: required, for 'OrdersPlaced' does not"),
    (
        {"metrics": [{"name": "Orders", "kind": "businessCount", "tolerance": {"relative": 1.1}}]},
        "judge.metrics[0].tolerance.relative: found 1.1 (allowed: at least 0.01, at most 1)",
    ),
]


@pytest.mark.parametrize(("block", "message"), REFUSED)
def test_what_cannot_be_meant_is_refused_by_name(block: object, message: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        parse_judge(block)
    assert str(raised.value).startswith(message)
    assert [str(problem) for problem in raised.value.problems] == [str(raised.value)]


ONE = MetricSettings(NAME)
INVARIANTS: list[tuple[dict[str, Any], str]] = [
    ({"preset": "strict"}, "judge.preset: unknown preset 'strict' (allowed: sensitive, balanced, tolerant)"),
    ({"alpha": 0}, "judge.alpha: found 0 (allowed: at least 0.000000001, at most 0.5)"),
    ({"alpha": "0.01"}, "judge.alpha: expected a number, found '0.01'"),
    ({"alpha": True}, "judge.alpha: expected a number, found True"),
    ({"alpha": nan}, "judge.alpha: expected a number, found nan"),
    ({"beta": 1}, "judge.beta: found 1 (allowed: at least 0.000000001, at most 0.5)"),
    ({"max_bake_factor": 0.5}, "judge.maxBakeFactor: found 0.5 (allowed: at least 1, at most 100)"),
    ({"gate": Tolerance(0.9, 0.0)}, "judge.gate.relative: found 0.9"),
    ({"gate": Tolerance(1.0, 0.0)}, "judge.gate: leaves no margin to prove"),
    ({"cap_share": 0}, "judge.capShare: found 0"),
    ({"fast_lane": FastLane(0)}, "judge.fastLane.minBad: found 0 (allowed: 1 or more)"),
    ({"fast_lane": FastLane(excess=2)}, "judge.fastLane.excess: found 2"),
    ({"metrics": []}, "judge.metrics: no metrics"),
    ({"metrics": [MetricSettings(" ")]}, "judge.metrics[0].name: found ' '"),
    ({"metrics": [ONE, ONE]}, "judge.metrics[1].name: '5XXError' is named twice"),
    ({"metrics": [ONE._replace(required=False)]}, "judge.metrics: nothing has to be proven safe"),
    ({"metrics": [ONE._replace(dispersion=0.5)]}, "judge.metrics[0].dispersion: found 0.5"),
    ({"metrics": [ONE._replace(weight=0)]}, "judge.metrics[0].weight: found 0"),
    ({"metrics": [ONE._replace(tolerance=Tolerance(0, 0))]}, "judge.metrics[0].tolerance: tolerates nothing"),
    ({"metrics": [orders()._replace(tolerance=Tolerance(1.1, 0))]}, "judge.metrics[0].tolerance.relative: found 1.1"),
]


@pytest.mark.parametrize(("changes", "message"), INVARIANTS)
def test_settings_that_cannot_be_meant_are_never_made(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSettings) as raised:
        JudgeSettings.of(**changes)
    assert str(raised.value).startswith(message)
    assert str(raised.value) == f"{raised.value.field}: {raised.value.problem} (allowed: {raised.value.allowed})"


def test_the_block_knows_the_presets_and_kinds_of_the_judge() -> None:
    assert (get_args(Preset), get_args(Kind)) == (tuple(PRESETS), tuple(MetricKind))


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
        },
        parse_judge,
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
        },
        parse_judge,
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
        parse_recording({"plan": PLAN, "minutes": [minute]}, parse_judge)
    assert str(raised.value).startswith(message)


def test_a_recording_has_minutes_and_no_other_fields() -> None:
    with pytest.raises(InvalidSettings, match="minutes: found nothing"):
        parse_recording({"plan": PLAN}, parse_judge)
    with pytest.raises(InvalidSettings, match=r"recording\.metrics: unknown field"):
        parse_recording({"plan": PLAN, "minutes": [], "metrics": []}, parse_judge)
