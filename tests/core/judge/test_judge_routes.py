"""Harm by route: a route that is dead and has few requests is found, within the same α."""

from __future__ import annotations

import json
from math import isclose

import numpy as np
import pytest

from rollout.core.judge import (
    Action,
    Count,
    Evidence,
    JudgeSettings,
    MinuteReading,
    Pair,
    Plan,
    Route,
    begin,
    begin_step,
    conclude,
    is_harmful,
    judge,
    observe,
    observe_late,
)
from rollout.core.judge.evidence import LONGEST_TEXT, MetricEvidence
from rollout.core.judge.settings import MOST_ROUTES, ROUTES_SHARE, busiest, route_metric_name, split_route
from tests.core.judge.builders import a_plan

ITEMS, ORDERS = "GET /items", "POST /orders"
ROUTES = (Route(ITEMS, 99_800), Route(ORDERS, 200))
PLAN = a_plan()


def settings_of(*routes: Route) -> JudgeSettings:
    return JudgeSettings.of()._replace(routes=routes or ROUTES)


def a_minute(
    number: int, routes: dict[str, tuple[int, int, int, int]], step: int = 0, metric: str = "5XXError"
) -> MinuteReading:
    """Of the routes' counts (canary requests, bad; base requests, bad), and the whole of them."""
    pairs = {
        route_metric_name(metric, name): Pair(Count(*counts[:2]), Count(*counts[2:])) for name, counts in routes.items()
    }
    whole = [sum(column) for column in zip(*routes.values(), strict=True)]
    pairs[metric] = Pair(Count(*whole[:2]), Count(*whole[2:]))
    return MinuteReading(number, step, pairs)


DEAD_ORDERS = {ITEMS: (599, 3, 11_377, 57), ORDERS: (2, 2, 23, 0)}
"""5XX of a minute at 200 requests a second: every order fails, and 0.5 % of the rest."""


def seen(
    minutes: int, settings: JudgeSettings | None = None, metric: str = "5XXError"
) -> tuple[Evidence, JudgeSettings]:
    settings = settings or settings_of()
    evidence = begin(settings, PLAN, {})
    for number in range(1, minutes + 1):
        evidence = observe(evidence, a_minute(number, DEAD_ORDERS, metric=metric), settings, PLAN)
    return evidence, settings


def test_the_shares_of_the_metrics_and_their_routes_add_up_to_one() -> None:
    shares = settings_of().shares()
    assert isclose(1.0, sum(shares.values()))
    whole = JudgeSettings.of().shares()
    assert isclose((1 - ROUTES_SHARE) * whole["5XXError"], shares["5XXError"])
    assert isclose(ROUTES_SHARE * whole["4XXError"] * 200 / 100_000, shares["4XXError POST /orders"])
    assert whole["Latency.p90"] == shares["Latency.p90"]


@pytest.mark.parametrize("metric", ["5XXError", "4XXError"])
def test_a_dead_route_of_one_request_in_five_hundred_convicts_and_is_named(metric: str) -> None:
    evidence, settings = seen(6, metric=metric)
    judgement = judge(evidence, settings, PLAN)
    assert (Action.ROLL_BACK, f"{metric} POST /orders") == (judgement.action, judgement.deciding_metric)
    assert judgement.reason.startswith(f"{metric[:3]} of POST /orders: canary 12/12 (100.00%) vs base 0/138")


def test_without_routes_the_same_minutes_do_not_convict() -> None:
    settings = JudgeSettings.of()
    evidence = begin(settings, PLAN, {})
    for number in range(1, 11):
        pairs = {"5XXError": a_minute(number, DEAD_ORDERS).pairs["5XXError"]}
        evidence = observe(evidence, MinuteReading(number, 0, pairs), settings, PLAN)
    assert not is_harmful(evidence, settings, PLAN)


def test_only_a_route_that_convicts_has_a_verdict() -> None:
    evidence, settings = seen(1)
    names = {metric.name for metric in settings.metrics}
    assert names == {verdict.name for verdict in judge(evidence, settings, PLAN).verdicts}


def test_healthy_routes_are_rolled_back_no_more_often_than_alpha() -> None:
    """50 rollouts of 30 minutes with 20 routes; at α = 0.04 the expected number is at most 2."""
    routes = tuple(Route(f"GET /{number}", 1_000 // (number + 1)) for number in range(20))
    settings = settings_of(*routes)
    draws = np.random.default_rng(7)
    total = sum(route.requests for route in routes)
    convicted = 0
    for _ in range(50):
        evidence = begin(settings, PLAN[:1], {})
        for number in range(1, 31):
            minute = {}
            for route in routes:
                canary, base = (int(draws.binomial(n, route.requests / total)) for n in (60, 1_140))
                minute[route.name] = (
                    canary,
                    int(draws.binomial(canary, 0.01)),
                    base,
                    int(draws.binomial(base, 0.01)),
                )
            evidence = observe(evidence, a_minute(number, minute), settings, PLAN[:1])
            if is_harmful(evidence, settings, PLAN[:1]):
                convicted += 1
                break
    assert convicted <= 2


def test_a_route_without_a_point_in_either_arm_had_no_request() -> None:
    settings = settings_of()
    evidence = begin(settings, PLAN, {})
    for number in range(1, 80):
        evidence = observe(evidence, a_minute(number, {ITEMS: (60, 0, 1_140, 5)}), settings, PLAN)
    orders = evidence.metrics["5XXError POST /orders"]
    assert ((), 0) == (orders.missed, orders.missing)
    assert (0, 0) == orders.canary


def test_a_minute_that_the_target_missed_is_counted_for_its_routes_when_it_comes_late() -> None:
    settings = settings_of()
    evidence = observe(begin(settings, PLAN, {}), a_minute(1, DEAD_ORDERS), settings, PLAN)
    evidence = observe(evidence, MinuteReading(2, 0, {}), settings, PLAN)
    late = observe_late(evidence, [a_minute(2, DEAD_ORDERS)], settings, PLAN)
    assert (4, 4) == late.metrics["5XXError POST /orders"].canary
    assert late == observe_late(late, [a_minute(2, DEAD_ORDERS)], settings, PLAN)


def test_a_route_says_nothing_of_a_source_whose_split_is_doubted() -> None:
    settings = settings_of()
    evidence = begin(settings, PLAN, {})
    for number in range(1, 30):  # the canary has a hundredth of the requests, a twentieth was sent
        bad = 4 if number > 5 else 0
        evidence = observe(
            evidence, a_minute(number, {ITEMS: (115, 0, 11_377, 57), ORDERS: (4, bad, 23, 0)}), settings, PLAN
        )
    assert not is_harmful(evidence, settings, PLAN)


# --- what is stored ----------------------------------------------------------------------------------------------


def test_the_settings_and_the_evidence_come_back_from_the_record() -> None:
    evidence, settings = seen(5)
    assert settings == JudgeSettings.from_dict(json.loads(json.dumps(settings.to_dict())))
    stored = json.loads(json.dumps(evidence.to_dict()))
    assert "5XXError POST /orders" not in stored["metrics"]
    read = Evidence.from_dict(stored)
    assert list(evidence.metrics) == list(read.metrics)
    before, after = (each.metrics["5XXError POST /orders"] for each in (evidence, read))
    assert before._replace(harm=(), harm_capped=(), newest=None, fast=False) == after._replace(harm=(), harm_capped=())
    for exact, rounded in zip((*before.harm, *before.harm_capped), (*after.harm, *after.harm_capped), strict=True):
        assert exact - 0.001 - 1e-9 <= rounded <= exact + 1e-9


def test_a_routes_evidence_takes_at_most_300_bytes() -> None:
    most = Count(999_999_999, 99_999_999)
    full = MetricEvidence(
        most, most, most, most, most, most, 9_999,
        harm=(-12_346.0,) * 9, harm_capped=(-12_345.0,) * 9, blocks=20_160, seen=20_160,
    )  # fmt: skip
    text = full.to_text()
    assert len(text.encode()) <= LONGEST_TEXT
    assert full == MetricEvidence.from_text(text)


def test_a_new_step_keeps_what_a_route_has_shown() -> None:
    evidence, settings = seen(3)
    later = begin_step(evidence, 1, settings, PLAN)
    name = "5XXError POST /orders"
    assert (0, 0) == later.metrics[name].canary
    assert evidence.metrics[name].harm == later.metrics[name].harm
    assert (6, 6) == later.metrics[name].past_canary


def test_proof_does_not_wait_for_routes() -> None:
    settings = settings_of()
    evidence = begin(settings, PLAN, {})
    for number in range(1, 11):
        evidence = observe(evidence, a_minute(number, {ITEMS: (600, 0, 11_400, 10)}), settings, PLAN)
    _, judgement = conclude(evidence, settings, PLAN)
    assert Action.ADVANCE is judgement.action


# --- which routes ------------------------------------------------------------------------------------------------


def test_the_busiest_routes_are_judged() -> None:
    many = [Route(f"GET /{number:02}", number) for number in range(70)]
    chosen = busiest(many)
    assert (MOST_ROUTES, Route("GET /69", 69), Route("GET /20", 20)) == (len(chosen), chosen[0], chosen[-1])


@pytest.mark.parametrize("routes", [[], [Route(ITEMS, 5)], [Route(ITEMS, 5), Route(ORDERS, 0)]])
def test_one_route_alone_is_the_whole_target(routes: list[Route]) -> None:
    assert () == busiest(routes)


def test_a_metrics_name_says_of_which_route_it_is() -> None:
    assert ("5XXError", ORDERS) == split_route(route_metric_name("5XXError", ORDERS))
    for name in ("5XXError", "Latency.p90", "Orders placed"):
        assert (name, "") == split_route(name)


def test_a_plan_of_one_step_has_them_too() -> None:
    plan: Plan = PLAN[:1]
    assert begin(settings_of(), plan, {}).metrics.keys() > {"5XXError", "4XXError POST /orders"}
