"""By what a rollout is measured: settled while it runs, once, and said in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rollout.core.access_log import AccessLog
from rollout.core.base_semantics import BaseSetting
from rollout.core.judge import Count
from rollout.core.measures import ACCESS_LOG, OWN, Series
from rollout.core.minutes import minute_of
from rollout.core.rollout import Rollout
from rollout.core.sources import access_log_series
from rollout.core.target import Target
from rollout.errors import Unavailable
from rollout_simulator.example_api import ACCESS_LOG_FORMAT
from rollout_simulator.fakes import FakeMetrics
from tests.functions.world import TARGET, World

OVERDUE_MINUTES = 6
"""The first minute under the canary is over after two, closed after three more, and waited for no longer after two."""

LOG_GROUP = "arn:aws:logs:eu-central-1:123456789012:log-group:orders"


def logged() -> Series:
    series = access_log_series(TARGET)
    assert series is not None
    return series


@pytest.fixture
def world() -> World:
    """A stage with both kinds of metrics; what the canary's do is the test's."""
    world = World()
    found = world.fakes.inspector.found
    world.fakes.inspector.found = replace(found, access_log=AccessLog(LOG_GROUP, ACCESS_LOG_FORMAT))
    both(world, base=True)
    world.prepared(measurement={}).call("create_canary")
    assert (world.rollout.series.source, world.rollout.stand_in) == (OWN, logged())
    return world


def publish(
    world: World, metrics: FakeMetrics, series: Series, *, base: bool = True, canary: bool = False, bad: int = 0
) -> None:
    now = minute_of(world.now)
    for minute in range(now - 40, now + 60):
        metrics.publish(
            series,
            "5XXError",
            minute,
            stage=Count(20_000, 2) if base else None,
            canary=Count(2_000, bad) if canary else None,
        )


def both(world: World, *, base: bool) -> None:
    publish(world, world.fakes.metrics, world.fakes.stage.series(TARGET, None), base=base)
    publish(world, world.fakes.access_log, logged(), base=base)


def sources(world: World) -> tuple[str, bool]:
    rollout: Rollout = world.rollout
    return rollout.series.source, rollout.stand_in is not None


def analyzed(world: World, minutes: int) -> str:
    world.analyzed(minutes=minutes)
    return str(world.last_line["reason"])


def test_a_canary_with_a_series_of_its_own_is_measured_by_it(world: World) -> None:
    publish(world, world.fakes.metrics, world.rollout.series, canary=True)
    assert "the canary has a CloudWatch series of its own" in analyzed(world, OVERDUE_MINUTES)
    assert sources(world) == (OWN, False)


def test_a_canary_without_one_is_measured_by_the_access_log(world: World) -> None:
    publish(world, world.fakes.access_log, logged(), canary=True)
    reason = analyzed(world, OVERDUE_MINUTES + 1)
    assert "measured by the access log from 12:01 UTC on" in reason
    assert sources(world) == (ACCESS_LOG, False)
    assert world.rollout.semantics.setting is BaseSetting.EXCLUSIVE
    assert world.last_line["analysis"]["found"] == [reason.partition("; ")[0]]


def test_no_minute_is_lost_by_the_change(world: World) -> None:
    publish(world, world.fakes.access_log, logged(), canary=True)
    analyzed(world, OVERDUE_MINUTES + 1)
    counted = world.last_line["analysis"]["minutes"]
    first = minute_of(world.rollout.changed_at) + 1
    assert [each["minute"] for each in counted] == list(range(first, first + len(counted)))
    assert all(each["metrics"]["5XXError"]["canary"] == {"requests": 2_000, "bad": 0} for each in counted)


def test_a_failing_canary_is_convicted_by_the_access_log(world: World) -> None:
    publish(world, world.fakes.access_log, logged(), canary=True, bad=1_000)
    assert world.analyzed(minutes=OVERDUE_MINUTES + 1)["decision"] == "ROLL_BACK"


def test_a_series_that_may_only_be_late_is_waited_for(world: World) -> None:
    publish(world, world.fakes.access_log, logged(), canary=True)
    analyzed(world, OVERDUE_MINUTES - 1)
    assert sources(world) == (OWN, True)


def test_a_canary_that_nobody_calls_settles_nothing(world: World) -> None:
    assert "not measured" in analyzed(world, 10)
    assert sources(world) == (OWN, True)


def test_an_access_log_that_cannot_be_read_settles_nothing(world: World) -> None:
    world.fakes.access_log.trouble = Unavailable("throttled")
    analyzed(world, 10)
    assert sources(world) == (OWN, True)
    assert "the metrics could not be read: throttled" in world.last_line["analysis"]["notes"]


def test_what_is_settled_stays_so(world: World) -> None:
    publish(world, world.fakes.access_log, logged(), canary=True)
    analyzed(world, OVERDUE_MINUTES + 1)
    publish(world, world.fakes.metrics, world.fakes.stage.series(TARGET, None), canary=True)
    analyzed(world, 2)
    assert sources(world) == (ACCESS_LOG, False)


@pytest.mark.parametrize(
    ("share_of", "words"),
    [(200_000, "contains the canary's requests"), (190_000, "does not contain the canary's requests")],
)
def test_whether_the_base_contains_the_canary_is_told_by_the_counts_and_said(share_of: int, words: str) -> None:
    """At 5 % of 200,000 requests the canary has 10,000; the stage's series shows all of them, or the others."""
    world = World()
    plan = {"steps": [{"weightPercent": 5, "bakeMinutes": 30}]}
    world.baking(plan=plan, measurement={"baseSemantics": "auto"})
    world.traffic(requests=10_000, base_requests=share_of)
    assert words in analyzed(world, 8)
    assert "by their counts" not in analyzed(world, 1)


def test_a_target_without_an_access_log_has_no_series_of_one() -> None:
    assert access_log_series(Target("lambda-alias", {"functionName": "orders", "aliasName": "live"})) is None


def test_the_record_keeps_what_stands_in(world: World) -> None:
    rollout = world.rollout
    assert Rollout.from_document(rollout.to_document(), (), rollout.revision) == rollout
