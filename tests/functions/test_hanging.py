"""Invocations that hang: their minutes are read again, waited for, and weighed anew."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rollout.core.judge import Count
from rollout.core.minutes import minute_of, minutes_more
from tests.functions.world import REQUESTS_PER_MINUTE, World

CANARY = REQUESTS_PER_MINUTE // 20
BASE = REQUESTS_PER_MINUTE - CANARY


def hung_have_ended(world: World, minute: int, requests: int, bad: int) -> None:
    """So many of the canary's requests come to a minute."""
    canary = Count(CANARY + requests, bad)
    world.fakes.metrics.publish(world.rollout.series, "5XXError", minute, stage=Count(BASE, 4), canary=canary)


def test_a_minute_that_grew_after_it_was_counted_is_weighed_anew(world: World) -> None:
    world.baking(plan={"steps": [{"weightPercent": 5, "bakeMinutes": 60}]})
    world.analyzed(minutes=8)
    newest = world.rollout.next_minute - 1
    before = world.rollout.evidence.metrics["5XXError"].canary[0]
    for minute in (newest - 2, newest - 1, newest):
        hung_have_ended(world, minute, 500, 500)
    assert "ROLL_BACK" == world.analyzed(minutes=1)["decision"]
    assert "1500 errors more have come to minutes that were counted already" in world.rollout.reason
    assert world.rollout.evidence.metrics["5XXError"].canary[0] >= before + 1_500
    assert [newest - 2, newest - 1, newest] == [each["minute"] for each in world.last_line["analysis"]["lateMinutes"]]


def test_what_has_grown_is_weighed_once(world: World) -> None:
    world.baking(plan={"steps": [{"weightPercent": 5, "bakeMinutes": 60}]})
    world.analyzed(minutes=6)
    hung_have_ended(world, world.rollout.next_minute - 1, 10, 1)
    world.analyzed(minutes=1)
    requests = world.rollout.evidence.metrics["5XXError"].canary[0]
    world.call("analyze")
    assert requests == world.rollout.evidence.metrics["5XXError"].canary[0]


@pytest.mark.parametrize("dips", ["canary", "stage"])
def test_what_a_read_shows_less_of_for_a_moment_is_not_weighed_twice(world: World, dips: str) -> None:
    """One series may show its update before the other; and a read may show the past."""
    world.baking(plan={"steps": [{"weightPercent": 5, "bakeMinutes": 60}]})
    world.analyzed(minutes=8)
    newest, evidence = world.rollout.next_minute - 1, world.rollout.evidence
    full = {"stage": Count(BASE, 4), "canary": Count(CANARY, 0)}
    less = full | {dips: Count(full[dips].requests // 2, 0)}
    for shown in (less, full, less, full):
        world.fakes.metrics.publish(world.rollout.series, "5XXError", newest, **shown)
        world.call("analyze")
    assert world.rollout.evidence.metrics["5XXError"] == evidence.metrics["5XXError"]


def test_no_more_minutes_are_remembered_than_may_grow(world: World) -> None:
    world.baking(plan={"steps": [{"weightPercent": 5, "bakeMinutes": 60}]})
    world.analyzed(minutes=30)
    assert 3 == len(world.rollout.counted)


@pytest.mark.parametrize(("seconds", "minutes"), [(0, 0), (3, 0), (30, 0), (31, 1), (180, 3), (181, 4), (900, 15)])
def test_a_long_invocation_makes_its_minute_wait(seconds: float, minutes: int) -> None:
    assert minutes == minutes_more(seconds)


def of_long_timeout(world: World) -> World:
    world.fakes.inspector.found = replace(world.fakes.inspector.found, timeout_seconds=900)
    return world


def test_the_last_raise_waits_until_the_bakes_invocations_must_have_ended(world: World) -> None:
    of_long_timeout(world).baking()
    answer = world.analyzed(minutes=14)
    assert "EXTEND" == answer["decision"]
    assert "invocations may take 15 min, and some may hang still" in answer["reason"]
    while (answer := world.analyzed(minutes=1))["decision"] == "EXTEND":
        pass
    assert "ADVANCE" == answer["decision"]
    bake = world.rollout.settings.plan[0].bake_minutes
    start = world.rollout.evidence.starts_of(0, 0)
    assert start + bake - 1 == world.rollout.settings.calendar.last_closed(world.now) - 15


def test_the_promotion_waits_too(world: World) -> None:
    of_long_timeout(world).baking()
    while world.analyzed(minutes=1)["decision"] != "ADVANCE":
        pass
    world.call("shift_traffic")
    began = minute_of(world.now)
    while world.analyzed(minutes=1)["decision"] != "PROMOTE":
        pass
    assert minute_of(world.now) - began >= 15 + world.rollout.settings.plan[1].bake_minutes


def test_an_earlier_raise_does_not_wait(world: World) -> None:
    steps = [{"weightPercent": weight, "bakeMinutes": 5} for weight in (5, 10, 50)]
    of_long_timeout(world).baking(plan={"steps": steps})
    assert "ADVANCE" == world.analyzed(minutes=12)["decision"]
