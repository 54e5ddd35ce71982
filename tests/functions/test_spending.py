"""A rollout may be bounded by what it costs, whatever the odds say."""

from __future__ import annotations

from rollout.core.rollout import Rollout
from rollout.core.signals import SignalKind
from tests.functions.test_preflight import judged, lively
from tests.functions.world import FOUND, TARGET, World

LONG = {"plan": {"steps": [{"weightPercent": 5, "bakeMinutes": 600}], "watchMinutes": 0}}
LENIENT = {"judge": {"metrics": [{"name": "5XXError", "tolerance": {"relative": 5.0, "absolute": 0.02}}]}}


def test_what_it_may_cost_ends_it_although_all_is_within_tolerance(world: World) -> None:
    world.baking(**LONG, **LENIENT, maxBadRequests=100).traffic(bad=20, base_bad=38)  # one in a hundred, and 0.1 %
    decisions = [world.analyzed(minutes=1) for _ in range(12)]
    ended = next(answer for answer in decisions if answer["decision"] == "ROLL_BACK")
    assert "bad requests more than the base's rate explains; 100 are allowed" in ended["reason"]
    assert {"CONTINUE", "ROLL_BACK"} == {answer["decision"] for answer in decisions}
    world.roll_back()
    assert FOUND == world.stage


def test_without_a_bound_the_same_rollout_goes_on(world: World) -> None:
    world.baking(**LONG, **LENIENT).traffic(bad=20, base_bad=38)
    assert {"CONTINUE"} == {world.analyzed(minutes=1)["decision"] for _ in range(12)}


def test_who_holds_regressions_holds_this_one(world: World) -> None:
    world.baking(**LONG, **LENIENT, maxBadRequests=100, onRegression="hold").traffic(bad=20, base_bad=38)
    assert "HOLD" == [world.analyzed(minutes=1)["decision"] for _ in range(12)][-1]


def test_a_person_cannot_advance_what_has_spent_its_bound(world: World) -> None:
    world.baking(**LONG, **LENIENT, maxBadRequests=100).traffic(bad=20, base_bad=38)
    world.fakes.clock.pass_time(minutes=12)
    world.signal(SignalKind.ADVANCE)
    assert "ROLL_BACK" == world.call("analyze")["decision"]


def test_what_was_spent_is_stored(world: World) -> None:
    world.baking(**LONG, **LENIENT, maxBadRequests=1_000).traffic(bad=20, base_bad=38)
    world.analyzed(minutes=10)
    rollout = world.rollout
    assert rollout.excess.requests > 50
    assert rollout.excess == Rollout.from_document(rollout.to_document(), [], 0).excess


def test_the_share_of_an_error_budget_is_computed_of_the_traffic_of_the_base(world: World) -> None:
    lively(world, world.fakes.metrics, world.fakes.stage.series(TARGET, None), requests=1_200)
    budget = {"slo": 99.9, "windowDays": 30, "share": 0.05}
    assert 2_592 == judged(world, errorBudget=budget).prospect.settings.max_bad_requests
    assert 100 == judged(world, errorBudget=budget, maxBadRequests=100).prospect.settings.max_bad_requests


def test_without_traffic_a_share_of_an_error_budget_is_nothing(world: World) -> None:
    assert 0 == judged(world, errorBudget={"slo": 99.9}).prospect.settings.max_bad_requests
