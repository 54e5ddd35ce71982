"""Preflight: every planted mistake is found, by its own finding; a sound target has none."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from rollout.core.access_log import AccessLog
from rollout.core.account import AccountFacts
from rollout.core.api_definition import FunctionName
from rollout.core.findings import Finding
from rollout.core.inspection import AlarmMetric, Backend, OtherApi, VpcLink
from rollout.core.judge import Count
from rollout.core.minutes import minute_of
from rollout.core.preflight.checks import CHECKS
from rollout.core.preflight.result import PreflightResult, preflight
from rollout.core.rollout import MOST_ALARMS
from rollout.core.sources import access_log_series
from rollout.core.target import Json
from rollout.request import parse_request
from rollout.tasks.observe_target import observe_target
from rollout_simulator.example_api import ACCESS_LOG_FORMAT
from rollout_simulator.fakes import Disturbance, FakeMetrics
from tests.functions.world import CANARY, FOUND, TARGET, WATCHED, World, request

ORDERS = "arn:aws:lambda:eu-central-1:123456789012:function:orders"
HISTORY_MINUTES = 40
LAG = 3
"""The default of `lagMinutes`."""
ELSEWHERE = "arn:aws:cloudwatch:us-east-1:210987654321:alarm:"
PLAN: Json = {"steps": [{"weightPercent": 10, "bakeMinutes": 10}, {"weightPercent": 50, "bakeMinutes": 10}]}


@pytest.fixture
def sound() -> World:
    """A stage with lively traffic, its alarm at rest; the request names nothing that is not there."""
    world = World()
    lively(world, world.fakes.metrics, world.fakes.stage.series(TARGET, None))
    return world


def lively(world: World, metrics: FakeMetrics, series: Any, requests: int = 100_000) -> None:
    for minute in range(minute_of(world.now) - HISTORY_MINUTES, minute_of(world.now)):
        metrics.publish(series, "5XXError", minute, stage=Count(requests, requests // 1_000))


def judged(world: World, **fields: Any) -> PreflightResult:
    asked = parse_request(request(**{"alarms": [WATCHED], "plan": PLAN, **fields}))
    return preflight(asked, observe_target(world.fakes.ports, asked, world.now))


def found(world: World, **fields: Any) -> tuple[Finding, ...]:
    return judged(world, **fields).findings


def looks(**changes: Any) -> Callable[[World], None]:
    """Let the inspector find this."""

    def arrange(world: World) -> None:
        world.fakes.inspector.found = replace(world.fakes.inspector.found, **changes)

    return arrange


def probed(answers: Json) -> Callable[[World], None]:
    """Let `rollout probe` have found this of the account."""

    def arrange(world: World) -> None:
        world.fakes.store.keep_account({"probedAt": "2026-03-02T12:00:00+00:00", "answers": answers})

    return arrange


def nothing(_: World) -> None:
    """Nothing is arranged: the request alone is at fault."""


def quiet(world: World) -> None:
    lively(world, world.fakes.metrics, world.fakes.stage.series(TARGET, None), requests=0)


def unknown(world: World) -> None:
    world.fakes.metrics.unknown = frozenset({"5XXError"})


def nearly_quiet(world: World) -> None:
    lively(world, world.fakes.metrics, world.fakes.stage.series(TARGET, None), requests=20)


def many_alarms(world: World) -> None:
    for number in range(MOST_ALARMS):
        world.fakes.alarms.put(f"alarm-{number:03}", "OK", world.now, tagged=TARGET)


def alarm(state: str, metric: AlarmMetric | None = None) -> Callable[[World], None]:
    return lambda world: world.fakes.alarms.put(WATCHED, state, world.now, metric=metric)


def points_are_late(world: World, minutes: int = 4) -> None:
    """The newest of the points that should be there are not."""
    last = minute_of(world.now) - 1 - LAG
    series = world.fakes.stage.series(TARGET, None)
    for minute in range(last + 1 - minutes, minute_of(world.now)):
        world.fakes.metrics.publish(series, "5XXError", minute, stage=None)


def another_api(found: OtherApi) -> Callable[[World], None]:
    def arrange(world: World) -> None:
        world.fakes.stage.delete(TARGET)
        world.fakes.inspector.other = found

    return arrange


CALLER = "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5/prod/"
LOG_GROUP = "arn:aws:logs:eu-central-1:123456789012:log-group:orders"
FIREHOSE = "arn:aws:firehose:eu-central-1:123456789012:deliverystream/amazon-apigateway-orders"
QUOTED = ACCESS_LOG_FORMAT.replace("$context.status", '"$context.status"')
LOG = AccessLog(LOG_GROUP, ACCESS_LOG_FORMAT)
NEXT = Backend(FunctionName(ORDERS, "next"), f"{CALLER}GET/orders", exists=True, callable=True)
BY_LOG: Json = {"measurement": {"source": "accessLog", "baseSemantics": "exclusive"}}
LIVE: Json = {"deploymentId": FOUND.base, "stageVariables": {"lambdaAlias": "live"}}

PLANTED: Mapping[str, tuple[Callable[[World], object], Json, str]] = {
    "target-missing": (lambda world: world.fakes.stage.delete(TARGET), {}, "prod does not exist"),
    "not-a-rest-api": (
        another_api(OtherApi("HTTP", (("orders", "live"),))),
        {},
        "a1b2c3d4e5 is an HTTP API",
    ),
    "foreign-canary": (
        lambda world: world.foreign(replace(FOUND, canary=CANARY)),
        {},
        "already has a canary dep-new at 5 %",
    ),
    "namesake": (looks(namesakes=("z9y8x7w6v5",)), {}, "z9y8x7w6v5 has the same name as that of"),
    "candidate-unfit": (nothing, {"candidate": {"deploymentId": "nowhere"}}, "nowhere does not exist"),
    "stage-in-stack": (looks(stack="orders"), {}, "prod belongs to the CloudFormation stack orders"),
    "cache-unused": (looks(cache_cluster=True), {}, "prod has a cache cluster, and the canary would not use it"),
    "nothing-differs": (nothing, {"candidate": LIVE}, "dep-old with these variables is live already"),
    "override-repeats-base": (
        nothing,
        {"candidate": {"deploymentId": "dep-new", "stageVariables": {"lambdaAlias": "live"}}},
        "lambdaAlias: 'live' is what the base has, too",
    ),
    "override-without-effect": (
        looks(variables_used=frozenset({"table"})),
        {"candidate": {"deploymentId": FOUND.base, "stageVariables": {"lambdaAlias": "next"}}},
        "nothing in the API uses lambdaAlias, and nothing else differs",
    ),
    "override-unused": (looks(variables_used=frozenset({"table"})), {}, "as now defined uses lambdaAlias"),
    "variable-empty": (looks(unset_variables={"lambdaAlias": "GET /orders"}), {}, "lambdaAlias, which is in the name"),
    "function-missing": (looks(backends=(replace(NEXT, exists=False, callable=None),)), {}, "orders:next"),
    "may-not-invoke": (
        looks(backends=(replace(NEXT, callable=False), replace(NEXT, callable=False, caller=f"{CALLER}PUT/x"))),
        {},
        "may not invoke orders:next for GET /orders and 1 more",
    ),
    "broken-already": (
        looks(backends=(replace(NEXT, callable=False, live=True),)),
        {},
        "orders:next for GET /orders; so it is for the base already",
    ),
    "same-version": (
        looks(backends=(replace(NEXT, version="7", instead_of="orders:live"),)),
        {},
        "orders:next is version 7, as is orders:live",
    ),
    "vpc-link-unfit": (
        looks(links=(VpcLink("abc123", "GET /orders", "FAILED"),)),
        {},
        "abc123, which GET /orders uses, is",
    ),
    "no-recent-data": (quiet, {}, "no data of 5XXError in the last 30 minutes"),
    "metric-unknown": (unknown, {}, "5XXError must be proven safe, and its base never had a point"),
    "lag-too-short": (points_are_late, {}, "is 7 minutes old, and lagMinutes is 3"),
    "access-log-missing": (nothing, BY_LOG, "writes no access log"),
    "access-log-elsewhere": (
        looks(access_log=replace(LOG, destination=FIREHOSE)),
        BY_LOG,
        "goes to deliverystream/amazon-apigateway-orders, and to no log group",
    ),
    "access-log-unfit": (
        looks(access_log=AccessLog(LOG_GROUP, '{"status":"$context.status"}')),
        BY_LOG,
        r"lacks \$context.apiId, \$context.stage, \$context.isCanaryRequest$",
    ),
    "access-log-quoted": (
        looks(access_log=replace(LOG, format=QUOTED)),
        BY_LOG,
        "has status in quotes, and no point came",
    ),
    "metric-filter-unfit": (
        looks(access_log=replace(LOG, filters=())),
        BY_LOG,
        "log group orders has no metric filter that makes RolloutPilot/AccessLog Status",
    ),
    "canary-unseen": (looks(execution_logging=False), {}, "execution logging off"),
    "canary-without-series": (probed({"execution-logging": "no series"}), {}, "and the account none of canaries"),
    "too-many-alarms": (many_alarms, {}, f"{MOST_ALARMS + 1} alarms .* at most {MOST_ALARMS}"),
    "alarm-missing": (nothing, {"alarms": ["gone"]}, "gone is not found"),
    "alarm-firing": (alarm("ALARM"), {}, f"{WATCHED} is already firing"),
    "alarm-elsewhere": (nothing, {"alarms": [f"{ELSEWHERE}theirs"]}, "theirs is of account 210987654321 in us-east-1"),
    "alarms-without-data": (alarm("INSUFFICIENT_DATA"), {}, f"{WATCHED} is without sufficient data"),
    "alarm-of-another": (
        alarm("OK", AlarmMetric("AWS/ApiGateway", "5XXError", (("ApiName", "orders"), ("Stage", "test")))),
        {},
        f"{WATCHED} watches AWS/ApiGateway 5XXError of ApiName=orders, Stage=test, which is not",
    ),
    "not-opted-in": (looks(functions={"orders": "another"}), {}, "orders does not carry .* rollout-pilot=managed"),
    "not-looked-at": (looks(unreadable=("GetPolicy orders: AccessDenied",)), {}, "GetPolicy orders: AccessDenied"),
    "long-timeout": (looks(timeout_seconds=900), {}, "each wait up to 15 min more"),
    "weak-step": (nearly_quiet, {}, "step 1: at 20 requests a minute this step will hold"),
}
"""A mistake for each check: what is wrong, how it is asked for, and what is said of it."""


def test_every_check_has_its_planted_mistake() -> None:
    assert list(PLANTED) == [check.code for check in CHECKS]


@pytest.mark.parametrize("code", PLANTED)
def test_preflight_finds(sound: World, code: str) -> None:

    arrange, fields, what = PLANTED[code]
    arrange(sound)
    finding = next(each for each in found(sound, **fields) if each.code == code)
    (check,) = [each for each in CHECKS if each.code == code]
    assert re.search(what, finding.what)
    assert (check.severity, check.why) == (finding.severity, finding.why)
    assert finding.fix
    assert not re.search(r"(?<!\$)\{[a-z]+\}", finding.fix)


def test_preflight_says_nothing_of_a_sound_target(sound: World) -> None:
    assert found(sound) == ()


def test_preflight_says_nothing_of_a_sound_target_that_is_measured_by_its_access_log(sound: World) -> None:
    looks(access_log=LOG, execution_logging=False)(sound)
    lively(sound, sound.fakes.access_log, access_log_series(TARGET))
    assert found(sound) == found(sound, **BY_LOG) == ()


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"variables_used": None},
        {"backends": (NEXT,)},
        {"backends": (replace(NEXT, exists=None, callable=None),)},
        {"links": (VpcLink("abc123", "GET /orders", "AVAILABLE"),)},
        {"variables_used": frozenset(), "all_variables_to": "the function behind GET /orders"},
        {"access_log": None},
    ],
)
def test_what_is_not_known_is_held_against_nobody(sound: World, change: Json) -> None:
    looks(**change)(sound)
    assert found(sound) == ()


def test_the_remedy_for_a_missing_permission_can_be_pasted(sound: World) -> None:
    looks(backends=(replace(NEXT, callable=False),))(sound)
    (finding,) = found(sound)
    assert finding.fix == f"allow it: {finding.command}"
    assert finding.command == (
        f"aws lambda add-permission --function-name {ORDERS} --qualifier next --statement-id rollout-pilot-"
        "a1b2c3d4e5-prod "
        "--action lambda:InvokeFunction --principal apigateway.amazonaws.com --source-arn "
        "'arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5/prod/*'"
    )


def test_one_dead_alarm_beside_a_good_one_is_found(sound: World) -> None:
    dead = AlarmMetric("AWS/ApiGateway", "5XXError", (("ApiName", "orders"), ("Stage", "prd")))
    sound.fakes.alarms.put("dead", "OK", sound.now, metric=dead)
    sound.fakes.alarms.silent = frozenset({dead})
    (finding,) = found(sound, alarms=[WATCHED, "dead"])
    assert finding.code == "alarms-without-data"
    assert "dead is without sufficient data: AWS/ApiGateway 5XXError of ApiName=orders, Stage=prd" in finding.what
    assert "its series is that of Stage=prod" in finding.what


def test_an_alarm_of_the_canarys_own_series_or_of_something_else_is_no_finding(sound: World) -> None:
    canary = sound.fakes.stage.series(TARGET, None).canary
    for name, metric in {
        "canary": AlarmMetric("AWS/ApiGateway", "5XXError", tuple(canary.items())),
        "business": AlarmMetric("Shop", "Orders", (("Stage", "production"),)),
        "queue": AlarmMetric("AWS/SQS", "ApproximateAgeOfOldestMessage", (("QueueName", "orders"),)),
    }.items():
        sound.fakes.alarms.put(name, "OK", sound.now, metric=metric)
    assert found(sound, alarms=["canary", "business", "queue"]) == ()


def test_an_alarm_that_is_named_by_an_arn_of_this_account_must_exist(sound: World) -> None:
    here = "arn:aws:cloudwatch:eu-central-1:123456789012:alarm:gone"
    (finding,) = found(sound, alarms=[here])
    assert finding.code == "alarm-missing"


def test_a_websocket_api_without_an_alias_says_what_to_do_first(sound: World) -> None:
    another_api(OtherApi("WEBSOCKET"))(sound)
    (finding,) = found(sound)
    assert (finding.code, "is a WebSocket API" in finding.what) == ("not-a-rest-api", True)
    assert finding.fix.startswith("let its integrations call an alias")


def test_the_lag_that_is_advised_leaves_nothing_of_it(sound: World) -> None:
    points_are_late(sound)
    (finding,) = found(sound)
    assert "`measurement.lagMinutes` to 7" in finding.fix
    assert found(sound, measurement={"lagMinutes": 7, "baseSemantics": "exclusive"}) == ()


@pytest.mark.parametrize("every", [2, 5])
def test_minutes_without_a_request_are_not_taken_for_late_points(sound: World, every: int) -> None:
    series = sound.fakes.stage.series(TARGET, None)
    for minute in range(minute_of(sound.now) - HISTORY_MINUTES, minute_of(sound.now)):
        last = minute_of(sound.now) - 1 - LAG
        if minute == last or minute % every:
            sound.fakes.metrics.publish(series, "5XXError", minute, stage=None)
    assert "lag-too-short" not in [finding.code for finding in found(sound)]


def test_a_function_with_another_value_of_the_tag_is_told_which(sound: World) -> None:
    looks(functions={"orders": "another"})(sound)
    (finding,) = found(sound)
    assert "it has rollout-pilot=another" in finding.what
    assert finding.command.endswith("--tags rollout-pilot=managed")


@pytest.mark.parametrize("change", [{"exists": False}, {"callable": False}, {"instead_of": "orders:live"}])
def test_a_hostile_name_in_an_api_is_one_word_of_what_is_printed(sound: World, change: Json) -> None:
    """Whoever may change the API must not be able to change what the person types who rolls it out."""
    hostile = FunctionName(f"{ORDERS} ; touch x", "$(touch y)")
    looks(backends=(replace(NEXT, name=hostile, **change),))(sound)
    (finding,) = found(sound)
    words = shlex.split(re.sub(r'"\$\((.*?) --query Version.*?\)"', r"\1", finding.command))
    assert hostile.function in words
    assert not {";", "touch"} & set(words)


# --- what comes of it --------------------------------------------------------------------------------------------


def test_all_errors_are_told_at_once_and_refuse_the_request(sound: World) -> None:
    looks(backends=(replace(NEXT, callable=False),))(sound)
    answer = sound.prepare(alarms=["gone"], candidate={"deploymentId": "nowhere"}, plan=PLAN)
    assert answer["outcome"] == "REJECTED"
    assert answer["reason"].startswith("3 problems: (1) candidate.deploymentId: nowhere does not exist")
    codes = [each["code"] for each in sound.fakes.store.rejected[sound.rollout_id]["findings"]]
    assert codes == ["candidate-unfit", "may-not-invoke", "alarm-missing"]


def test_an_unknown_target_does_not_hide_behind_its_alarms(sound: World) -> None:
    sound.fakes.stage.delete(TARGET)
    assert [each.code for each in found(sound, alarms=["gone"])] == ["target-missing", "alarm-missing"]


def test_a_warning_lets_the_rollout_begin_and_is_kept_and_told(sound: World) -> None:
    looks(execution_logging=False)(sound)
    assert sound.prepare(alarms=[WATCHED], plan=PLAN)["decision"] == "CREATE"
    (kept,) = sound.rollout.warnings
    (event,) = sound.fakes.notifier.published
    assert kept.code == "canary-unseen"
    assert event["findings"] == [kept.to_document()]


def test_an_alarm_that_may_be_ignored_is_no_finding(sound: World) -> None:
    alarm("ALARM")(sound)
    assert found(sound, ignoreAlarmsAlreadyFiring=True) == ()


def test_other_variables_of_an_unused_override_make_it_a_warning_only(sound: World) -> None:
    looks(variables_used=frozenset({"lambdaAlias"}))(sound)
    variables = {"lambdaAlias": "next", "colour": "green"}
    (finding,) = found(sound, candidate={"deploymentId": FOUND.base, "stageVariables": variables})
    assert (finding.code, "colour" in finding.what) == ("override-unused", True)


# --- by what it will be measured ---------------------------------------------------------------------------------


def by_log(world: World) -> None:
    looks(access_log=LOG)(world)
    lively(world, world.fakes.access_log, access_log_series(TARGET))


def no_logging(world: World) -> None:
    by_log(world)
    looks(execution_logging=False)(world)


def only_by_log(world: World) -> None:
    by_log(world)
    quiet(world)


def only_formatted(world: World) -> None:
    looks(access_log=LOG)(world)


@pytest.mark.parametrize(
    ("arrange", "setting", "source", "stands_in"),
    [
        (nothing, "auto", "cloudwatch", False),
        (by_log, "auto", "cloudwatch", True),
        (only_formatted, "auto", "cloudwatch", True),
        (no_logging, "auto", "accessLog", False),
        (only_by_log, "auto", "accessLog", False),
        (by_log, "cloudwatch", "cloudwatch", False),
        (no_logging, "cloudwatch", "cloudwatch", False),
        (by_log, "accessLog", "accessLog", False),
    ],
)
def test_the_source_follows_the_setting_and_what_is_there(
    sound: World, arrange: Callable[[World], None], setting: str, source: str, stands_in: bool
) -> None:
    arrange(sound)
    prospect = judged(sound, measurement={"source": setting}).prospect
    assert prospect.measured is not None
    assert (prospect.measured.series.source, prospect.stand_in is not None) == (source, stands_in)


def test_the_record_says_what_it_is_measured_by(sound: World) -> None:
    by_log(sound)
    sound.prepare(measurement={"source": "accessLog"})
    assert sound.rollout.reason.endswith("measured by the access log's metrics")


def test_a_stage_that_is_deleted_while_it_is_looked_at_is_a_refusal(sound: World) -> None:
    gone = Disturbance(only="inspector.inspect", before=lambda: sound.fakes.stage.delete(TARGET))
    answer = sound.prepare(gone)
    assert (answer["outcome"], "does not exist" in answer["reason"]) == ("REJECTED", True)


def test_the_course_of_a_ramp_and_its_worst_case_are_said_beforehand(sound: World) -> None:
    lively(sound, sound.fakes.metrics, sound.fakes.stage.series(TARGET, None), requests=120_000)
    assert judged(sound, plan={"ramp": "auto"}).prospect.course == (
        "if all goes well 0.1 → 1 → 10 → 25 → 50 → 95 → 100 %, in about 67 min; "
        "if everything fails from the start, about 600 bad requests"
    )


def test_a_probe_precedes_a_plan_that_would_begin_with_thousands_of_requests(sound: World) -> None:
    lively(sound, sound.fakes.metrics, sound.fakes.stage.series(TARGET, None), requests=120_000)
    assert [0.17, 10, 50, 95] == [float(step.weight_percent) for step in judged(sound).prospect.settings.plan]
    assert "about 1,020 bad requests" in judged(sound).prospect.course
    left_out = judged(sound, plan={"probe": False})
    assert [5, 10, 25, 50, 95] == [float(step.weight_percent) for step in left_out.prospect.settings.plan]
    assert "about 30,000 bad requests" in left_out.prospect.course


def test_without_traffic_the_course_promises_no_worst_case(sound: World) -> None:
    quiet(sound)
    assert "bad requests" not in judged(sound).prospect.course


# --- what a probe has found of the account -----------------------------------------------------------------------

FOUND_BY_A_PROBE: Json = {
    "canary-series": "{stage}-canary",
    "base-semantics": "exclusive",
    "execution-logging": "not needed",
    "lateness": 6,
}


def test_what_a_probe_has_found_is_gone_by_and_said_in_the_record(sound: World) -> None:
    probed(FOUND_BY_A_PROBE)(sound)
    looks(execution_logging=False)(sound)
    sound.prepare(plan=PLAN, measurement={})
    rollout = sound.rollout
    assert rollout.series.canary["Stage"] == "prod-canary"
    assert (False, True, 6) == (rollout.semantics.inclusive, rollout.semantics.decided, rollout.calendar.lag_minutes)
    assert rollout.warnings == ()
    assert rollout.reason.endswith(
        "; as the account's probe of 2026-03-02 found, the canary's series is {stage}-canary, the stage's series does "
        "not contain its requests, it needs no execution logging, points come up to 6 minutes late"
    )


def test_what_a_request_says_itself_comes_before_what_a_probe_has_found(sound: World) -> None:
    probed(FOUND_BY_A_PROBE)(sound)
    own = {"canarySeries": "{stage}/Own", "baseSemantics": "inclusive", "lagMinutes": 3}
    sound.prepare(plan=PLAN, measurement=own)
    rollout = sound.rollout
    assert rollout.series.canary["Stage"] == "prod/Own"
    assert (True, 3) == (rollout.semantics.inclusive, rollout.calendar.lag_minutes)
    assert "probe" not in rollout.reason


@pytest.mark.parametrize("plan", [{"ramp": "auto"}, {}])
def test_where_points_come_late_a_raise_costs_no_more_than_its_risk(sound: World, plan: dict[str, Any]) -> None:
    probed({"lateness": 8})(sound)
    lively(sound, sound.fakes.metrics, sound.fakes.stage.series(TARGET, None), requests=120_000)
    [first, *_] = judged(sound, plan=plan, measurement={}).prospect.settings.plan
    assert first.ramp is not None
    assert 8 == first.ramp.lag_minutes
    seen_after = 8 + 2
    worst = judged(sound, plan=plan, measurement={}).prospect.course
    assert f"about {120_000 * first.weight * seen_after:,.0f} bad requests" in worst


def test_points_that_came_sooner_than_the_default_lag_do_not_shorten_it(sound: World) -> None:
    probed({"lateness": 1})(sound)
    sound.prepare(plan=PLAN, measurement={})
    assert sound.rollout.calendar.lag_minutes == LAG


@pytest.mark.parametrize(
    ("answer", "logging", "source"),
    [
        ("needed", False, "accessLog"),
        ("not needed", False, "cloudwatch"),
        ("no series", True, "accessLog"),
        ("no series", False, "accessLog"),
    ],
)
def test_the_access_log_is_chosen_where_by_the_probe_the_canary_has_no_series(
    sound: World, answer: str, logging: bool, source: str
) -> None:
    by_log(sound)
    probed({"execution-logging": answer})(sound)
    looks(execution_logging=logging)(sound)
    prospect = judged(sound).prospect
    assert prospect.measured is not None
    assert source == prospect.measured.series.source


def test_a_lambda_alias_is_no_stage_and_what_was_found_of_stages_does_not_concern_it() -> None:
    asked = parse_request(
        {
            "target": {"type": "lambda-alias", "functionName": "orders", "aliasName": "live"},
            "candidate": {"version": "7"},
        }
    )
    assert asked == asked.informed_by(AccountFacts(inclusive=True, lag_minutes=9))
