"""The control: before the promotion the base keeps a few percent, and the canary is judged by them for harm only."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rollout.core.decision import Phase
from rollout.core.rollout import Outcome, Rollout
from rollout.core.signals import STOP_SIGNALS, SignalKind
from tests.functions.test_recover import OVER_MINUTES, died, sweep
from tests.functions.world import FOUND, PROMOTED, WATCHED, World, at_weight, request

CONTROL = {"plan": {**request()["plan"], "control": 5}}
"""Five minutes at 95 %."""


def in_control(world: World, **fields: Any) -> World:
    """A rollout whose base keeps a control, under healthy traffic."""
    world.advancing(**CONTROL, **fields).call("shift_traffic")
    assert world.analyzed()["decision"] == "ADVANCE"
    world.call("shift_traffic")
    return world


def promoted(world: World, **fields: Any) -> World:
    """A rollout that was promoted after a control."""
    assert in_control(world, **fields).analyzed()["decision"] == "PROMOTE"
    world.call("promote")
    return world


def after_promotion(world: World, *, bad: int) -> None:
    """So many of 40,000 requests a minute are bad from now on."""
    world.traffic(requests=40_000, bad=bad, base_requests=0)


def test_after_the_last_step_the_base_keeps_five_percent(world: World) -> None:
    in_control(world)
    assert at_weight(95) == world.stage
    assert (Phase.BAKING, 2) == (world.rollout.phase, world.rollout.step)
    assert "canary at 95 %, step 3 of 3, the base keeps the rest as control for 5 min" == world.rollout.reason


def test_the_control_ends_with_measured_minutes_and_needs_no_proof(world: World) -> None:
    # At so few requests nothing is proven; the steps before it could not have been passed so.
    in_control(world).traffic(requests=9, base_requests=1, base_bad=0)
    assert "CONTINUE" == world.analyzed(minutes=8)["decision"]
    answer = world.analyzed(minutes=2)
    assert ("PROMOTE", "no harm at 95%") == (answer["decision"], answer["reason"][:14])
    assert not world.rollout.evidence.metrics["5XXError"].proven


def test_a_control_of_which_nothing_is_measured_promotes_nobody(world: World) -> None:
    in_control(world).silence()
    decisions = [world.analyzed(minutes=5)["decision"] for _ in range(8)]
    assert ("HOLD", {"CONTINUE", "EXTEND", "HOLD"}) == (decisions[-1], set(decisions))
    assert at_weight(95) == world.stage


def test_what_is_worse_than_the_control_is_rolled_back(world: World) -> None:
    in_control(world).traffic(bad=2_000)
    assert "ROLL_BACK" == world.analyzed(minutes=7)["decision"]
    world.roll_back()
    assert FOUND == world.stage


def test_an_outage_that_the_control_shares_is_nobodys_fault(world: World) -> None:
    in_control(world).traffic(bad=11_400, base_bad=600)
    assert "PROMOTE" == world.analyzed()["decision"]


@pytest.mark.parametrize("kind", sorted(STOP_SIGNALS))
def test_a_stop_signal_in_the_control_rolls_back(world: World, kind: SignalKind) -> None:
    in_control(world).signal(kind)
    assert "ROLL_BACK" == world.call("analyze")["decision"]
    world.roll_back()
    assert FOUND == world.stage


def test_a_person_may_promote_from_the_control_at_once(world: World) -> None:
    in_control(world).signal(SignalKind.ADVANCE)
    assert "PROMOTE" == world.call("analyze")["decision"]


def test_a_person_who_promotes_from_a_step_leaves_the_control_out(world: World) -> None:
    world.baking(**CONTROL).signal(SignalKind.PROMOTE)
    world.call("analyze")
    world.call("promote")
    assert PROMOTED == world.stage


def test_recovery_puts_the_base_back_from_the_control(world: World) -> None:
    died(in_control(world))
    world.fakes.clock.pass_time(minutes=OVER_MINUTES)
    sweep(world)
    assert FOUND == world.stage


# --- after the promotion -----------------------------------------------------------------------------------------


def test_after_the_promotion_the_frozen_base_tells_once_and_rolls_nothing_back(world: World) -> None:
    after_promotion(promoted(world), bad=8_000)
    told = len(world.fakes.notifier.published)
    assert "CONTINUE" == world.analyzed(minutes=6)["decision"]
    assert "CONTINUE" == world.analyzed(minutes=1)["decision"]
    (event,) = world.fakes.notifier.published[told:]
    assert ("WATCHING", True) == (event["state"], "nothing is left to compare with" in event["reason"])
    answer = world.analyzed(minutes=3)
    assert ("CLOSE", True) == (answer["decision"], "worse than the base was before the promotion" in answer["reason"])
    world.call("close")
    assert (PROMOTED, Outcome.PROMOTED) == (world.stage, world.rollout.outcome)
    assert "`rollout rollback` puts the base back" in world.fakes.notifier.published[-1]["reason"]


def test_after_the_promotion_an_alarm_rolls_back(world: World) -> None:
    promoted(world, alarms=[WATCHED])
    world.fakes.clock.pass_time(minutes=1)
    world.fakes.alarms.put(WATCHED, "ALARM", world.now)
    assert "ROLL_BACK" == world.call("analyze")["decision"]
    world.roll_back()
    assert FOUND == world.stage


def test_after_the_promotion_it_rolls_back_for_whoever_wants_that(world: World) -> None:
    after_promotion(promoted(world, onRegressionAfterPromotion="rollback"), bad=8_000)
    assert "ROLL_BACK" == world.analyzed(minutes=7)["decision"]


def test_after_a_promotion_that_nobody_can_see_it_says_so(world: World) -> None:
    promoted(world).silence()
    answer = world.analyzed()
    assert ("CLOSE", True) == (answer["decision"], "nothing was measured" in answer["reason"])


# --- records -----------------------------------------------------------------------------------------------------


def test_the_record_of_a_control_is_read_as_it_was_written(world: World) -> None:
    rollout = in_control(world).rollout
    stored = json.loads(json.dumps(rollout.to_document()))
    assert rollout.settings == Rollout.from_document(stored, [], 0).settings
    assert rollout.settings.plan[-1].harm_only


def test_a_rollout_that_began_without_controls_goes_on_as_it_was_begun(world: World) -> None:
    stored = world.watching().rollout.to_document()
    del stored["worseThanBefore"], stored["settings"]["onRegressionAfterPromotion"]
    rollout = Rollout.from_document(stored, [], 0)
    assert ("rollback", False) == (
        rollout.settings.policy.on_regression_after_promotion,
        any(step.harm_only for step in rollout.settings.plan),
    )
    assert (5, Phase.WATCHING) == (rollout.planned_minutes, rollout.phase)
