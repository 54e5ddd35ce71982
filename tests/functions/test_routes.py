"""Routes in a rollout: found by Prepare, read by Analyze, named in the reason."""

from __future__ import annotations

import pytest

from rollout.core.judge import Count, Route
from rollout.core.minutes import minute_of
from rollout.errors import NotAllowed
from rollout_simulator.fakes import Disturbance
from tests.functions.world import REQUESTS_PER_MINUTE, World

ITEMS, ORDERS = Route("GET /items", 99_800), Route("POST /orders", 200)


@pytest.fixture
def routed() -> World:
    """A stage that tells two routes apart."""
    world = World()
    world.fakes.metrics.known_routes = (ITEMS, ORDERS)
    return world


def orders_fail(world: World, minutes: int = 60) -> None:
    """From now on, one request in five hundred is an order, and the canary fails each of them."""
    series, share = world.rollout.series, REQUESTS_PER_MINUTE // 20
    for minute in range(minute_of(world.now), minute_of(world.now) + minutes):
        for name, canary, base in (("5XXError", Count(share, 4), 38_000), (f"5XXError {ORDERS.name}", Count(4, 4), 76)):
            world.fakes.metrics.publish(series, name, minute, stage=Count(base, 0), canary=canary)


def test_a_dead_route_rolls_back_and_is_named(routed: World) -> None:
    routed.baking(judge={"metrics": [{"name": "5XXError", "tolerance": {"relative": 1.5, "absolute": 0.01}}]})
    orders_fail(routed)
    assert "ROLL_BACK" == routed.analyzed(minutes=9)["decision"]
    assert routed.rollout.reason.startswith("5XX of POST /orders: canary ")


def test_the_history_keeps_no_minutes_of_routes(routed: World) -> None:
    routed.baking()
    orders_fail(routed)
    routed.analyzed(minutes=5)
    (minute, *_) = routed.last_line["analysis"]["minutes"]
    assert {"5XXError"} == minute["metrics"].keys()


def test_the_reason_of_the_start_says_that_routes_are_judged(routed: World) -> None:
    routed.prepared()
    assert "harm is judged by 2 routes, too" in routed.rollout.reason
    assert (ITEMS, ORDERS) == routed.rollout.settings.judge.routes


def test_routes_can_be_left_out(routed: World) -> None:
    routed.prepared(measurement={"routes": False})
    assert () == routed.rollout.settings.judge.routes


def test_a_permission_that_is_not_there_yet_is_no_reason_not_to_begin(routed: World) -> None:
    def refuse() -> None:
        raise NotAllowed("cloudwatch:ListMetrics")

    answer = routed.prepare(Disturbance(only="source.routes", before=refuse))
    assert ("CREATE", ()) == (answer["decision"], routed.rollout.settings.judge.routes)


def test_the_watch_reads_no_routes(routed: World) -> None:
    routed.watching()
    assert "CLOSE" == routed.analyzed(minutes=12)["decision"]
