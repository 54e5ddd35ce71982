"""Custom metrics in a request: what is asked, what is refused, and what becomes of it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from rollout.core.custom_metrics import CustomSeries
from rollout.core.judge import Count, MetricKind
from rollout.core.measures import CANDIDATE, Series
from rollout.core.minutes import minute_of
from rollout.core.rollout import Rollout
from rollout.core.rollout_request import RolloutRequest
from rollout.core.target import Json
from rollout.errors import InvalidRequest
from rollout.request import parse_request
from tests.functions.world import FOUND, TARGET, World, request

ORDERS: Json = {
    "name": "OrdersPlaced",
    "namespace": "Shop",
    "dimensions": {"Stage": "{stage}", "Track": "{track}"},
    "better": "higher",
}
ALIAS: Json = {"type": "lambda-alias", "functionName": "orders", "aliasName": "live"}


def asked(target: Json | None = None, judge: Json | None = None, **changes: Any) -> RolloutRequest:
    document: Json = {"target": target or TARGET.to_document(), "metrics": [{**ORDERS, **changes}]}
    return parse_request(document | ({"judge": judge} if judge is not None else {}))


@pytest.mark.parametrize(
    ("statistic", "better", "name", "kind"),
    [
        ("Sum", "higher", "OrdersPlaced", MetricKind.BUSINESS_COUNT),
        ("Sum", "lower", "OrdersPlaced", MetricKind.ERRORS),
        ("SampleCount", "higher", "OrdersPlaced", MetricKind.BUSINESS_COUNT),
        ("Average", "higher", "OrdersPlaced", MetricKind.BUSINESS_VALUE),
        ("Average", "lower", "OrdersPlaced", MetricKind.ERRORS),
        ("p90", "lower", "OrdersPlaced.p90", MetricKind.LATENCY),
        ("p99.9", "lower", "OrdersPlaced.p99.9", MetricKind.LATENCY),
    ],
)
def test_what_is_judged_follows_from_the_statistic_and_what_is_better(
    statistic: str, better: str, name: str, kind: MetricKind
) -> None:
    made = asked(statistic=statistic, better=better)
    judged = made.settings.judge.metrics[-1]
    assert (judged.name, judged.kind, judged.required, judged.dry_run) == (name, kind, False, False)
    assert made.custom_metrics[0].name == name


def test_it_is_judged_beside_the_targets_own() -> None:
    names = [metric.name for metric in asked().settings.judge.metrics]
    assert names == ["5XXError", "Latency.p90", "Latency.p99", "4XXError", "OrdersPlaced"]
    names = [metric.name for metric in asked(judge={"metrics": [{"name": "5XXError"}]}).settings.judge.metrics]
    assert names == ["5XXError", "OrdersPlaced"]


def test_naming_a_custom_metric_changes_nothing_of_the_others() -> None:
    plain = parse_request({"target": TARGET.to_document()}).settings.judge
    assert plain.metrics == asked().settings.judge.metrics[:-1]


def test_it_may_be_required_shown_only_and_tolerated_otherwise() -> None:
    (*_, judged) = asked(required=True, tolerance={"relative": 0.5}).settings.judge.metrics
    assert (judged.required, tuple(judged.tolerance)) == (True, (0.5, 0.0))
    assert asked(dryRun=True).settings.judge.metrics[-1].dry_run


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"expression": "m1/m2"}, r"metrics\[0\]\.expression: metric math is not supported; .* of its own"),
        ({"metricDataQueries": []}, r"metrics\[0\]\.metricDataQueries: metric math is not supported"),
        ({"statistic": "Maximum"}, r"metrics\[0\]\.statistic: nothing can be made of Maximum .* allowed are Sum"),
        ({"statistic": "p90"}, "nothing can be made of p90 of which higher is better"),
        ({"better": "faster"}, r"metrics\[0\]\.better: .*'lower' or 'higher'"),
        ({"dimensions": {}}, r"metrics\[0\]\.dimensions"),
        (
            {"dimensions": {"Track": "{trak}"}},
            r"metrics\[0\]\.dimensions\.Track: unknown placeholder \{trak\}; known are \{restApiId\}, \{stage\}",
        ),
        ({"colour": "green"}, r"metrics\[0\]\.colour: unknown field; allowed are name, namespace"),
        ({"name": "5XXError"}, "name"),
        ({"tolerance": {"relative": 2}}, "relative"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_field(changes: Json, problem: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        asked(**changes)
    assert re.search(problem, str(refusal.value)), refusal.value


def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="'OrdersPlaced' is named twice"):
        parse_request({"target": TARGET.to_document(), "metrics": [ORDERS, ORDERS]})


def test_an_alias_has_placeholders_of_its_own() -> None:
    assert asked(ALIAS, dimensions={"Function": "{functionName}", "Version": "{version}"})
    with pytest.raises(InvalidRequest, match=r"unknown placeholder \{stage\}; known are \{functionName\}"):
        asked(ALIAS)


# --- in a rollout ------------------------------------------------------------------------------------------------

REQUIRED_ERRORS: Json = {"metrics": [{"name": "5XXError"}]}


def prepared(world: World, candidate: Json | None = None, **changes: Any) -> Json:
    fields: Json = {"metrics": [{**ORDERS, **changes}]} | ({} if candidate is None else {"candidate": candidate})
    return world.prepare(None, **fields)


def orders(world: World) -> CustomSeries:
    return world.rollout.series.custom["OrdersPlaced"]


def test_the_placeholders_are_filled_for_each_arm(world: World) -> None:
    dimensions = {
        "Api": "{restApiId}/{stage}",
        "Deployment": "{deploymentId}",
        "Alias": "{stageVariables.lambdaAlias}",
        "Table": "{stageVariables.table}",
        "Track": "{track}",
    }
    prepared(world, dimensions=dimensions)
    same = {"Api": "a1b2c3d4e5/prod", "Table": "orders"}
    assert orders(world).base == {**same, "Deployment": FOUND.base, "Alias": "live", "Track": "base"}
    assert orders(world).canary == {**same, "Deployment": "dep-new", "Alias": "next", "Track": "canary"}


def test_a_deployment_that_is_still_to_be_made_is_filled_in_when_it_is(world: World) -> None:
    prepared(world, candidate={}, dimensions={"Deployment": "{deploymentId}"})
    assert orders(world).canary == {"Deployment": CANDIDATE}
    world.call("create_canary")
    assert orders(world).canary == {"Deployment": "made-1"}


@pytest.mark.parametrize(
    ("dimensions", "problem"),
    [
        ({"Stage": "{stage}"}, "metrics[0].dimensions: base and canary would be the same series"),
        ({"Colour": "{stageVariables.colour}"}, "has no variable colour"),
    ],
)
def test_what_cannot_tell_base_and_canary_apart_is_refused(world: World, dimensions: Json, problem: str) -> None:
    answer = prepared(world, dimensions=dimensions)
    assert answer["outcome"] == "REJECTED"
    assert problem in answer["reason"]


def test_the_record_keeps_it(world: World) -> None:
    prepared(world)
    rollout = world.rollout
    assert Rollout.from_document(rollout.to_document(), (), rollout.revision) == rollout


def sells(world: World, base: int, canary: int) -> None:
    """From now on, so many orders a minute of 20,000 requests and of 2,000."""
    series: Series = world.rollout.series
    for minute in range(minute_of(world.now), minute_of(world.now) + 60):
        world.fakes.metrics.publish(
            series, "OrdersPlaced", minute, stage=Count(20_000, base), canary=Count(2_000, canary)
        )


def test_a_canary_that_sells_less_is_rolled_back(world: World) -> None:
    world.baking(metrics=[ORDERS])
    sells(world, 4_000, 200)
    assert world.analyzed()["decision"] == "ROLL_BACK"
    assert "OrdersPlaced: canary" in world.last_line["reason"]


def test_one_that_is_only_shown_decides_nothing(world: World) -> None:
    world.baking(metrics=[{**ORDERS, "dryRun": True}])
    sells(world, 4_000, 200)
    assert world.analyzed()["decision"] == "ADVANCE"
    (shown,) = [each for each in world.last_line["analysis"]["verdicts"] if each["metric"] == "OrdersPlaced"]
    assert (shown["verdict"], shown["dryRun"]) == ("harmful", True)


def test_one_that_is_required_is_waited_for(world: World) -> None:
    world.baking(metrics=[{**ORDERS, "required": True}])
    assert world.analyzed()["decision"] in ("EXTEND", "HOLD")


def test_one_that_is_not_required_and_silent_holds_nobody(world: World) -> None:
    world.baking(metrics=[ORDERS])
    assert world.analyzed()["decision"] == "ADVANCE"


def test_the_watch_after_the_promotion_goes_by_the_targets_own_metrics(world: World) -> None:
    world.baking(metrics=[{**ORDERS, "better": "lower"}])
    sells(world, 40, 4)
    world.analyzed()
    world.call("shift_traffic")
    assert world.analyzed()["decision"] == "PROMOTE"
    world.call("promote")
    assert ["5XXError"] == [measure.name for measure in world.rollout.measures] == list(world.rollout.watch_limits)


def test_a_request_with_one_is_still_a_request() -> None:
    assert parse_request(request(metrics=[ORDERS], judge=REQUIRED_ERRORS)).custom_metrics[0].name == "OrdersPlaced"
