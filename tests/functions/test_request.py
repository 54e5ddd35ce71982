"""The request, checked whole before anything is touched: an error names the field, the problem, what is allowed."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from rollout.core.base_semantics import BaseSetting
from rollout.core.decision import Policy
from rollout.core.judge import PRESETS, Ramp, Step
from rollout.core.minutes import Calendar
from rollout.core.rollout import Candidate, Settings
from rollout.core.spending import ErrorBudget
from rollout.core.target import Behind, Json, Target
from rollout.errors import InvalidRequest, Refused
from rollout.request import parse_request
from rollout.request.number import AS_TEXT
from rollout.request.schemas import request_schema

TARGET: Json = {"type": "apigateway-stage", "restApiId": "a1b2c3d4e5", "stageName": "prod"}
ALIAS: Json = {"type": "lambda-alias", "functionName": "orders", "aliasName": "live"}
NEXT: Json = {"functionName": "orders", "aliasName": "next", "version": "7"}


def a_request(**fields: Any) -> Json:
    """The least that can be asked, and these fields."""
    return {"target": TARGET, **fields}


def an_alias_request(**fields: Any) -> Json:
    """The least that can be asked of an alias, and these fields."""
    return {"target": ALIAS, **fields}


def settings_of(**fields: Any) -> Settings:
    return parse_request(a_request(**fields)).settings


def problem_with(document: Any) -> str:
    with pytest.raises(InvalidRequest) as refusal:
        parse_request(document)
    return str(refusal.value)


def steps(*weights: Any) -> Json:
    return {"steps": [{"weightPercent": weight, "bakeMinutes": 10} for weight in weights]}


# --- what is understood ------------------------------------------------------------------------------------------


def test_a_target_is_all_that_must_be_said() -> None:
    settings = settings_of()
    assert Target("apigateway-stage", {"restApiId": "a1b2c3d4e5", "stageName": "prod"}) == settings.target
    assert Candidate(None, {}) == settings.candidate
    steps = tuple(Step(Decimal(weight), 10) for weight in (5, 10, 25, 50))
    assert (*steps, Step(Decimal(95), 10, harm_only=True)) == settings.plan
    assert (Policy("hold", "rollback", "tell"), Calendar(lag_minutes=3, settle_seconds=30)) == (
        settings.policy,
        settings.calendar,
    )
    assert (10, 1_440, 10_080) == (settings.watch_minutes, settings.hold_minutes, settings.pause_minutes)
    assert PRESETS["balanced"] == settings.judge.metrics[0].tolerance


def test_everything_that_is_said_is_heard() -> None:
    settings = settings_of(
        candidate={"deploymentId": "abc123", "stageVariables": {"lambdaAlias": "next"}, "useStageCache": True},
        plan={
            "steps": [{"weightPercent": 0.1, "bakeMinutes": 60}],
            "watchMinutes": 30,
            "control": 2.5,
            "afterMinutes": 7,
        },
        judge={"preset": "tolerant", "metrics": [{"name": "5XXError"}]},
        measurement={"lagMinutes": 5, "settleSeconds": 0},
        onInconclusive="rollback",
        onRegression="hold",
        onRegressionAfterPromotion="rollback",
        holdMinutes=60,
        pauseMinutes=120,
        maxBadRequests=500,
        errorBudget={"slo": 99.5, "windowDays": 7, "share": 0.1},
    )
    assert Candidate("abc123", {"lambdaAlias": "next"}, use_stage_cache=True) == settings.candidate
    steps = (Step(Decimal("0.1"), 60), Step(Decimal("97.5"), 30, harm_only=True))
    assert (steps, 7) == (settings.plan, settings.watch_minutes)
    assert (60, 120) == (settings.hold_minutes, settings.pause_minutes)
    assert Policy("rollback", "hold", "rollback") == settings.policy
    assert (500, ErrorBudget(99.5, 7, 0.1)) == (settings.max_bad_requests, settings.error_budget)
    assert Calendar(lag_minutes=5, settle_seconds=0) == settings.calendar
    assert [("5XXError", PRESETS["tolerant"])] == [(each.name, each.tolerance) for each in settings.judge.metrics]


@pytest.mark.parametrize("weight", [0.01, 0.1, 5, 12.5, "33.33", 99.99])
def test_weights_are_exact_decimals(weight: object) -> None:
    assert Decimal(str(weight)) == settings_of(plan=steps(weight)).plan[0].weight_percent


def test_two_hundred_steps_of_a_tenth_of_a_percent_are_fine() -> None:
    weights = [round(0.1 * number, 1) for number in range(1, 201)]
    assert 200 == len(settings_of(plan={**steps(*weights), "control": 0}).plan)


@pytest.mark.parametrize(
    ("plan", "control"),
    [
        ({}, (95, 10)),
        ({"watchMinutes": 30}, (95, 30)),
        ({"control": 0.5}, (99.5, 10)),
        (steps(94.99), (95, 10)),
        ({"control": 0}, None),
        ({"watchMinutes": 0}, None),
        (steps(95), None),
        (steps(99), None),
    ],
)
def test_the_base_keeps_a_control_for_the_watch_minutes_unless_the_plan_leaves_it_none(
    plan: Json, control: tuple[float, int] | None
) -> None:
    found = [(float(step.weight_percent), step.bake_minutes) for step in settings_of(plan=plan).plan if step.harm_only]
    assert ([] if control is None else [control]) == found


def test_a_ramp_is_its_rungs_and_the_control() -> None:
    settings = settings_of(plan={"ramp": "auto", "risk": "30s", "soakMinutes": 40}, measurement={"lagMinutes": 5})
    weights = ["0.1", "0.2", "0.5", "1", "2", "5", "10", "25", "50", "95"]
    assert [Decimal(weight) for weight in weights] == [step.weight_percent for step in settings.plan]
    assert {Ramp(30, 5, 40), None} == {step.ramp for step in settings.plan}
    assert (True, None) == (settings.plan[-1].harm_only, settings.plan[-1].ramp)


def test_one_raise_of_a_ramp_costs_no_more_than_the_share_of_the_error_budget() -> None:
    budget = {"slo": 99.9, "windowDays": 1, "share": 0.1}
    settings = settings_of(plan={"ramp": "auto"}, errorBudget=budget)
    assert pytest.approx(8.64) == settings.plan[0].ramp.risk_seconds if settings.plan[0].ramp else None


@pytest.mark.parametrize(
    ("plan", "problem"),
    [
        ({"ramp": "auto", "steps": [{"weightPercent": 5, "bakeMinutes": 1}]}, "plan.steps: a ramp has no steps"),
        ({"risk": "20s"}, "plan.risk: is for"),
        ({"soakMinutes": 5}, "plan.soakMinutes: is for"),
        ({"ramp": "auto", "risk": "0s"}, "plan.risk: at least 1s"),
        ({"ramp": "auto", "probe": True}, "plan.probe: is for a plan of steps"),
        ({"probe": "no"}, "plan.probe: input should be a valid boolean"),
        ({"ramp": "auto", "risk": "20"}, "plan.risk"),
        ({"ramp": "manual"}, "plan.ramp"),
    ],
)
def test_what_a_ramp_cannot_be_is_refused(plan: Json, problem: str) -> None:
    assert problem_with(a_request(plan=plan)).startswith(problem)


@pytest.mark.parametrize(
    ("plan", "minutes"),
    [
        ({}, 10),
        ({"watchMinutes": 30}, 10),
        ({"watchMinutes": 30, "afterMinutes": 0}, 0),
        ({"watchMinutes": 30, "control": 0}, 30),
        ({"watchMinutes": 30, "control": 0, "afterMinutes": 5}, 5),
        ({"watchMinutes": 0}, 0),
    ],
)
def test_after_the_promotion_it_goes_on_for_the_after_minutes_and_without_a_control_for_the_watch_minutes(
    plan: Json, minutes: int
) -> None:
    assert minutes == settings_of(plan=plan).watch_minutes


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "tell"),
        ({"plan": {"control": 0}}, "rollback"),
        ({"plan": {"watchMinutes": 0}}, "rollback"),
        ({"onRegressionAfterPromotion": "rollback"}, "rollback"),
        ({"plan": {"control": 0}, "onRegressionAfterPromotion": "tell"}, "tell"),
    ],
)
def test_the_frozen_base_tells_where_there_was_a_control_and_rolls_back_where_there_was_none(
    fields: Json, expected: str
) -> None:
    assert expected == settings_of(**fields).policy.on_regression_after_promotion


@pytest.mark.parametrize("setting", BaseSetting)
def test_the_base_semantics_are_what_the_request_says(setting: BaseSetting) -> None:
    assert setting is parse_request(a_request(measurement={"baseSemantics": setting.value})).base_setting


def test_an_alias_is_judged_by_errors_and_durations_and_its_base_has_a_series_of_its_own() -> None:
    request = parse_request(an_alias_request(candidate={"version": "7"}))
    settings = request.settings
    assert Target("lambda-alias", {"functionName": "orders", "aliasName": "live"}) == settings.target
    assert Candidate("7", {}) == settings.candidate
    assert [("Errors", True), ("Duration.p90", False), ("Duration.p99", False), ("Throttles", False)] == [
        (metric.name, metric.required) for metric in settings.judge.metrics
    ]
    assert BaseSetting.EXCLUSIVE is request.base_setting


def test_an_alias_may_leave_its_version_to_be_published() -> None:
    assert Candidate(None, {}) == parse_request(an_alias_request()).settings.candidate


def test_a_request_survives_json() -> None:
    document = a_request(plan=steps(5, 25), alarms=["orders-5xx"], requestId="build-7")
    assert parse_request(document) == parse_request(json.loads(json.dumps(document)))


# --- the function aliases behind a stage -------------------------------------------------------------------------


def behind(variables: Json, *functions: Json, mode: str = "moveAliases", **overrides: str) -> Behind:
    candidate = {
        "stageVariables": overrides or {"lambdaAlias": "next"},
        "functions": list(functions) or [NEXT],
        "onPromotion": mode,
    }
    return parse_request(a_request(candidate=candidate)).behind(variables)


def test_spare_aliases_are_those_that_the_request_names() -> None:
    expected = Behind({"lambdaAlias": "next"}, {"orders:next": "7"})
    assert expected == behind({"lambdaAlias": "live"}, mode="mergeVariables", lambdaAlias="next", table="orders-2")


def test_live_aliases_are_those_that_the_stage_names_by_the_same_variables() -> None:
    stock = {**NEXT, "functionName": "stock", "aliasName": "green", "version": "3"}
    expected = Behind(
        {"lambdaAlias": "next", "stockAlias": "green"},
        {"orders:next": "7", "stock:green": "3"},
        {"orders:live": "7", "stock:blue": "3"},
    )
    variables = {"lambdaAlias": "live", "stockAlias": "blue", "table": "orders"}
    assert expected == behind(variables, NEXT, stock, lambdaAlias="next", stockAlias="green")


@pytest.mark.parametrize("variables", [{}, {"lambdaAlias": "orders:live"}, {"lambdaAlias": "7"}, {"lambdaAlias": ""}])
def test_a_stage_whose_live_alias_is_not_known_is_refused(variables: Json) -> None:
    with pytest.raises(Refused, match=r"candidate\.onPromotion: .* lambdaAlias names; it is .* not one alias"):
        behind(variables)


def test_nothing_is_behind_a_stage_unless_functions_are_named() -> None:
    assert not parse_request(a_request()).behind({"lambdaAlias": "live"})


# --- what is not -------------------------------------------------------------------------------------------------

A_WEIGHT = "input should be a number above 0 and below 100 with at most 2 decimal places"
PROBLEMS: list[tuple[Any, str]] = [
    ({}, "target: required"),
    ("roll out!", "request: must be a JSON object, got 'roll out!'"),
    (None, "request: must be a JSON object, got None"),
    (
        {"version": "0", "detail-type": "Rollout Requested", "source": "rollout.pilot", "detail": {}},
        "request: is a whole event of EventBridge; pass its `detail`: jq .detail FILE",
    ),
    ({"target": "prod"}, "target: input should be an object, got 'prod'"),
    (
        {"target": {**TARGET, "type": "ecs-service"}},
        "target.type: 'ecs-service' is not one of apigateway-stage, lambda-alias",
    ),
    ({"target": {"stageName": "prod"}}, "target.type: required; one of apigateway-stage, lambda-alias"),
    ({"target": {**TARGET, "stageName": ""}}, "target.stageName: must not be empty"),
    (
        {"target": {**TARGET, "stageName": "../prod"}},
        "target.stageName: string should match pattern '^[A-Za-z0-9_-]+$', got '../prod'",
    ),
    (
        {"target": {**TARGET, "region": "eu"}},
        "target.region: unknown field; allowed are type, restApiId, stageName",
    ),
    (
        a_request(candidate={"deployment": "abc"}),
        "candidate.deployment: unknown field; allowed are deploymentId, stageVariables, useStageCache, functions, "
        "onPromotion",
    ),
    (
        a_request(candidate={"version": "7"}),
        "candidate.version: is for targets of type lambda-alias; for apigateway-stage allowed are deploymentId, "
        "stageVariables, useStageCache, functions, onPromotion",
    ),
    (
        a_request(candidate={"functions": [NEXT]}),
        "candidate.functions[0].aliasName: no stage variable leads to next (stageVariables: there are none), so the "
        "canary would never invoke it",
    ),
    (
        a_request(candidate={"stageVariables": {"lambdaAlias": "next"}, "functions": [NEXT, NEXT]}),
        "candidate.functions[1]: orders:next is named twice",
    ),
    (
        a_request(candidate={"stageVariables": {"lambdaAlias": "next"}, "functions": [{**NEXT, "version": "$LATEST"}]}),
        "candidate.functions[0].version: string should match pattern '^[1-9][0-9]*$', got '$LATEST'",
    ),
    (
        a_request(candidate={"onPromotion": "moveAliases"}),
        "candidate.onPromotion: moveAliases needs candidate.functions",
    ),
    (
        a_request(candidate={"onPromotion": "both"}),
        "candidate.onPromotion: input should be 'mergeVariables' or 'moveAliases', got 'both'",
    ),
    (
        an_alias_request(candidate={"deploymentId": "abc123"}),
        "candidate.deploymentId: is for targets of type apigateway-stage; for lambda-alias allowed are version",
    ),
    (an_alias_request(candidate={"version": 7}), "candidate.version: input should be a valid string, got 7"),
    (
        an_alias_request(candidate={"version": "$LATEST"}),
        "candidate.version: string should match pattern '^[1-9][0-9]*$', got '$LATEST'",
    ),
    (
        {"target": {**ALIAS, "aliasName": "7"}},
        "target.aliasName: string should match pattern '^[0-9]*[A-Za-z_-][A-Za-z0-9_-]*$', got '7'",
    ),
    (
        {"target": {**ALIAS, "stageName": "prod"}},
        "target.stageName: is for targets of type apigateway-stage; for lambda-alias allowed are type, functionName, "
        "aliasName",
    ),
    (
        an_alias_request(measurement={"baseSemantics": "inclusive"}),
        "measurement.baseSemantics: is for stages; of a Lambda alias each version has a series of its own",
    ),
    (
        a_request(candidate={"stageVariables": {"lambdaAlias": "next one"}}),
        "candidate.stageVariables.lambdaAlias: string should match pattern '^[A-Za-z0-9\\-._~:/?#&=,]*$', "
        "got 'next one'",
    ),
    (
        a_request(candidate={"stageVariables": {"a": 1}}),
        "candidate.stageVariables.a: input should be a valid string, got 1",
    ),
    (
        a_request(candidate={"useStageCache": "yes"}),
        "candidate.useStageCache: input should be a valid boolean, got 'yes'",
    ),
    (a_request(plan=steps()), "plan.steps: must not be empty"),
    (a_request(plan=steps(0)), f"plan.steps[0].weightPercent: {A_WEIGHT}, got 0"),
    (a_request(plan=steps(100)), f"plan.steps[0].weightPercent: {A_WEIGHT}, got 100"),
    (a_request(plan=steps(0.001)), f"plan.steps[0].weightPercent: {A_WEIGHT}, got 0.001"),
    (
        a_request(plan=steps("five")),
        f"plan.steps[0].weightPercent: {A_WEIGHT}; as text, at most 4 digits before the point and 4 after it, "
        "got 'five'",
    ),
    (a_request(plan=steps(float("nan"))), f"plan.steps[0].weightPercent: {A_WEIGHT}, got nan"),
    (
        a_request(plan=steps(5, 25, 25)),
        "plan.steps[2].weightPercent: 25 is not above the step before it (25)",
    ),
    (a_request(plan={"steps": [{"weightPercent": 5}]}), "plan.steps[0].bakeMinutes: required"),
    (
        a_request(plan={"steps": [{"weightPercent": 5, "bakeMinutes": 0}]}),
        "plan.steps[0].bakeMinutes: input should be a whole number from 1 to 20160, got 0",
    ),
    (
        a_request(plan={"steps": [{"weightPercent": 5, "bakeMinutes": 1.5}]}),
        "plan.steps[0].bakeMinutes: input should be a whole number from 1 to 20160, got 1.5",
    ),
    (
        a_request(plan={"steps": [{"weightPercent": 5, "bakeMinutes": 1, "pause": 1}]}),
        "plan.steps[0].pause: unknown field; allowed are weightPercent, bakeMinutes",
    ),
    (
        a_request(plan={"watchMinutes": -1}),
        "plan.watchMinutes: input should be a whole number from 0 to 1440, got -1",
    ),
    (
        a_request(judge={"presett": "balanced"}),
        "judge.presett: unknown field; allowed are preset, alpha, beta, maxBakeFactor, capShare, fastLane, gate, "
        "metrics",
    ),
    (
        a_request(judge={"preset": "strict"}),
        "judge.preset: input should be 'sensitive', 'balanced' or 'tolerant', got 'strict'",
    ),
    (a_request(judge={"beta": 2}), "judge.beta: input should be a number from 0.000000001 to 0.5, got 2"),
    (
        a_request(judge={"metrics": [{"name": "Orders"}]}),
        "judge.metrics[0].kind: required, for 'Orders' does not tell what it counts; one of errors, latency, "
        "businessCount, businessValue",
    ),
    (a_request(alarms="orders-5xx"), "alarms: input should be a valid list, got 'orders-5xx'"),
    (a_request(alarms=[""]), "alarms[0]: must not be empty"),
    (a_request(alarms=["an-alarm"] * 91), "alarms: has 91 entries, at most 90 are allowed"),
    (a_request(alarms=["\ud800"]), "alarms[0]: is not valid Unicode text, got '\\ud800'"),
    (a_request(onInconclusive="promote"), "onInconclusive: input should be 'hold' or 'rollback', got 'promote'"),
    (
        a_request(onRegression="ignore"),
        "onRegression: input should be 'rollback', 'hold' or 'holdAtZero', got 'ignore'",
    ),
    (a_request(holdMinutes=0), "holdMinutes: input should be a whole number from 1 to 43200, got 0"),
    (
        a_request(measurement={"baseSemantics": "both"}),
        "measurement.baseSemantics: input should be 'auto', 'inclusive' or 'exclusive', got 'both'",
    ),
    (a_request(requestId="build 7"), "requestId: string should match pattern '^[A-Za-z0-9_-]+$', got 'build 7'"),
]


@pytest.mark.parametrize(("document", "expected"), PROBLEMS, ids=[problem.split(":")[0] for _, problem in PROBLEMS])
def test_the_error_names_the_field_the_problem_and_what_is_allowed(document: Any, expected: str) -> None:
    assert expected == problem_with(document)


@pytest.mark.parametrize("name", ["colour", "rest_api_id", "on_regression", "dryRun"])
def test_an_unknown_field_is_an_error_and_the_known_ones_are_named(name: str) -> None:
    problem = problem_with(a_request(**{name: 1}))
    assert problem.startswith(
        f"{name}: unknown field; allowed are target, candidate, plan, judge, metrics, measurement, alarms, "
    )


def test_all_problems_are_named_at_once() -> None:
    expected = (
        "candidate.useStageCache: input should be a valid boolean, got 1; alarms: input should be a valid list, got 2"
    )
    assert expected == problem_with(a_request(candidate={"useStageCache": 1}, alarms=2))


def test_of_many_problems_the_first_five_are_named() -> None:
    problem = problem_with(a_request(**{f"unknown{number}": 1 for number in range(7)}))
    assert 5 == problem.count("unknown field")
    assert problem.endswith("; and 2 more")


def test_all_of_many_problems_are_there_each_with_its_path_and_what_is_allowed() -> None:
    document = a_request(
        plan={"steps": [{"weightPercent": 50, "bakeMinutes": 0}, {"weightPercent": 0, "bakeMinutes": 1}]},
        judge={"metrics": [{"name": "Orders"}, {"name": "5XXError", "dryrun": True}], "preset": "balancd"},
        metrics=[{"name": "a", "namespace": "b", "dimensions": {"c": "{track}"}, "better": "up"}],
        onRegresion="hold",
        holdMinutes="1_0",
        pauseMinutes="1_0",
        alarms=[""],
    )
    with pytest.raises(InvalidRequest) as refusal:
        parse_request(document)
    found = {problem.path: problem for problem in refusal.value.problems}
    assert list(found) == [
        "plan.steps[0].bakeMinutes",
        "plan.steps[1].weightPercent",
        "judge.preset",
        "judge.metrics[0].kind",
        "judge.metrics[1].dryrun",
        "metrics[0].better",
        "alarms[0]",
        "holdMinutes",
        "pauseMinutes",
        "onRegresion",
    ]
    assert found["metrics[0].better"].allowed == ("lower", "higher")
    assert found["plan.steps[0].bakeMinutes"].allowed == ("a whole number from 1 to 20160",)
    meant = {path: problem.near for path, problem in found.items() if problem.near}
    assert meant == {
        "judge.preset": "balanced",
        "judge.metrics[1].dryrun": "dryRun",
        "onRegresion": "onRegression",
    }


def test_several_mistakes_of_one_part_are_all_named() -> None:
    expected = (
        "plan.steps[1].weightPercent: 5 is not above the step before it (5); "
        "plan.steps[2].weightPercent: 4 is not above the step before it (5)"
    )
    assert expected == problem_with(a_request(plan=steps(5, 5, 4)))


def test_of_a_target_of_no_known_type_it_is_not_said_what_else_it_lacks() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse_request({"target": {"type": "lambda-alais", "functionName": "f"}, "holdMinutes": 0})
    kind, hold = refusal.value.problems
    assert (kind.path, kind.near, hold.path) == ("target.type", "lambda-alias", "holdMinutes")


def test_the_address_of_the_schema_is_allowed_and_ignored() -> None:
    assert parse_request(a_request(**{"$schema": "request.schema.json"})) == parse_request(a_request())


# --- numbers -----------------------------------------------------------------------------------------------------

WHOLE: list[tuple[str, Any]] = [
    ("plan.steps[0].bakeMinutes", lambda value: a_request(plan=one_step(bakeMinutes=value))),
    ("plan.watchMinutes", lambda value: a_request(plan={"watchMinutes": value})),
    ("plan.soakMinutes", lambda value: a_request(plan={"ramp": "auto", "soakMinutes": value})),
    ("plan.afterMinutes", lambda value: a_request(plan={"afterMinutes": value})),
    ("measurement.lagMinutes", lambda value: a_request(measurement={"lagMinutes": value})),
    ("measurement.settleSeconds", lambda value: a_request(measurement={"settleSeconds": value})),
    (
        "measurement.mostMinutesBetweenAnalyses",
        lambda value: a_request(measurement={"mostMinutesBetweenAnalyses": value}),
    ),
    ("holdMinutes", lambda value: a_request(holdMinutes=value)),
    ("pauseMinutes", lambda value: a_request(pauseMinutes=value)),
    ("undoMinutes", lambda value: a_request(undoMinutes=value)),
    (
        "judge.metrics[0].warmUpMinutes",
        lambda value: a_request(judge={"metrics": [{"name": "Latency", "warmUpMinutes": value, "required": True}]}),
    ),
    ("maxBadRequests", lambda value: a_request(maxBadRequests=value)),
    ("judge.fastLane.minBad", lambda value: a_request(judge={"fastLane": {"minBad": value}})),
]
"""Every whole number of a request, and a request in which it is this."""
FRACTIONS: list[tuple[str, Any]] = [
    ("plan.control", lambda value: a_request(plan={"control": value})),
    ("errorBudget.slo", lambda value: a_request(errorBudget={"slo": value})),
    ("errorBudget.windowDays", lambda value: a_request(errorBudget={"slo": 99.9, "windowDays": value})),
    ("errorBudget.share", lambda value: a_request(errorBudget={"slo": 99.9, "share": value})),
    ("plan.steps[0].weightPercent", lambda value: a_request(plan=one_step(weightPercent=value))),
    ("judge.alpha", lambda value: a_request(judge={"alpha": value})),
    ("judge.beta", lambda value: a_request(judge={"beta": value})),
    ("judge.capShare", lambda value: a_request(judge={"capShare": value})),
    ("judge.fastLane.excess", lambda value: a_request(judge={"fastLane": {"excess": value}})),
    ("judge.gate.absolute", lambda value: a_request(judge={"gate": {"absolute": value}})),
    (
        "judge.metrics[0].tolerance.absolute",
        lambda value: a_request(judge={"metrics": [{"name": "5XXError", "tolerance": {"absolute": value}}]}),
    ),
    (
        "judge.metrics[0].maxExcess",
        lambda value: a_request(judge={"metrics": [{"name": "5XXError", "maxExcess": value}]}),
    ),
    ("judge.metrics[0].weight", lambda value: a_request(judge={"metrics": [{"name": "5XXError", "weight": value}]})),
    (
        "judge.metrics[0].quantiles[0]",
        lambda value: a_request(judge={"metrics": [{"name": "Latency", "quantiles": [value]}, {"name": "5XXError"}]}),
    ),
    (
        "metrics[0].tolerance.relative",
        lambda value: a_request(
            metrics=[
                {
                    "name": "Orders",
                    "namespace": "Shop",
                    "dimensions": {"Track": "{track}"},
                    "better": "higher",
                    "tolerance": {"relative": value},
                }
            ]
        ),
    ),
]
"""Every other number."""
NUMBERS = [*WHOLE, *FRACTIONS]


def one_step(**changes: Any) -> Json:
    return {"steps": [{"weightPercent": 5, "bakeMinutes": 10, **changes}]}


def test_every_number_of_the_schema_follows_the_one_rule() -> None:
    as_text = json.dumps(AS_TEXT)
    listed = {path.replace("[0]", "").rpartition(".")[2] for path, _ in NUMBERS}
    kinds: dict[str, str] = {
        name: json.dumps(field)
        for part in request_schema()["$defs"].values()
        for name, field in part["properties"].items()
    }
    numbers = {name for name, kind in kinds.items() if '"number"' in kind or '"integer"' in kind}
    assert numbers == {name for name, kind in kinds.items() if as_text in kind}
    assert numbers == listed | {"maxBakeFactor", "dispersion"}


@pytest.mark.parametrize(("path", "with_value"), WHOLE, ids=[path for path, _ in WHOLE])
def test_ten_is_ten_however_it_is_written_and_ten_and_a_half_is_refused(path: str, with_value: Any) -> None:
    ten = parse_request(with_value(10))
    assert all(ten == parse_request(with_value(each)) for each in ("10", 10.0, "10.0", Decimal(10)))
    for each in (10.5, "10.5", True):
        assert problem_with(with_value(each)).startswith(f"{path}: input should be a whole number ")


@pytest.mark.parametrize(("path", "with_value"), FRACTIONS, ids=[path for path, _ in FRACTIONS])
def test_a_half_is_a_half_however_it_is_written(path: str, with_value: Any) -> None:
    assert (
        parse_request(with_value(0.5)) == parse_request(with_value("0.5")) == parse_request(with_value(Decimal("0.5")))
    )


NO_NUMBERS = ["1_0", "٥", "１", " 5", "5 ", "+5", "-5", "1e1", ".5", "5.", "12345", "0.12345", "", "NaN", "5\n"]


@pytest.mark.parametrize("value", NO_NUMBERS)
@pytest.mark.parametrize(("path", "with_value"), NUMBERS, ids=[path for path, _ in NUMBERS])
def test_text_that_only_python_takes_for_a_number_is_refused(path: str, with_value: Any, value: str) -> None:
    problem = problem_with(with_value(value))
    assert problem.startswith(f"{path}: input should be a ")
    assert "as text, at most 4 digits" in problem


@pytest.mark.parametrize("value", [10**400, 10**5000, -(10**5000), float("inf"), 1e300], ids=range(5))
@pytest.mark.parametrize(("path", "with_value"), NUMBERS, ids=[path for path, _ in NUMBERS])
def test_a_number_without_measure_is_one_clear_error(path: str, with_value: Any, value: object) -> None:
    problem = problem_with(with_value(value))
    assert problem.startswith(f"{path}: input should be a ")
    assert len(problem) < 250


def test_a_number_without_measure_is_shown_by_its_length() -> None:
    assert problem_with(a_request(holdMinutes=10**5000)).endswith("got a number of about 5000 digits")
    assert problem_with(a_request(alarms=[10**5000])).endswith("got a number of about 5000 digits")
    assert problem_with(a_request(alarms={"a": 10**5000})).endswith("got what cannot be shown")


def test_a_long_value_is_cut() -> None:
    problem = problem_with(a_request(requestId="x" * 1_000))
    assert len(problem) < 150
    assert problem.endswith("…")
