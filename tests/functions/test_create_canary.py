"""Create canary: give the candidate its first share of the traffic. What it shares with others: test_changes."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import get_args

import pytest

from rollout.cockpit.history import change
from rollout.core.decision import OnRegression, Phase
from rollout.core.minutes import minute_of
from rollout.core.signals import STOP_SIGNALS, SignalKind
from rollout.core.target import Canary, Json
from rollout.errors import Unavailable
from rollout_simulator.fakes import Around, Disturbance
from tests.functions.world import FOUND, ROLLOUT, TARGET, World, at_weight, kept


def create(world: World, around: Around | None = None) -> Json:
    return world.call("create_canary", around)


@pytest.fixture
def prepared(world: World) -> World:
    return world.prepared()


# --- what it does ------------------------------------------------------------------------------------------------


def test_the_first_step_begins_to_bake(prepared: World) -> None:
    create(prepared)
    rollout = prepared.rollout
    assert (0, Phase.BAKING, None, kept(at_weight(5))) == (
        rollout.step,
        rollout.phase,
        rollout.pending_decision,
        rollout.expected_states,
    )
    assert Decimal(5) == rollout.weight_percent
    assert "canary at 5 %, step 1 of 2, baking 2 min" == rollout.reason


def test_no_minute_is_judged_that_began_before_the_canary_had_settled(prepared: World) -> None:
    prepared.fakes.clock.pass_time(seconds=10)
    create(prepared)
    assert minute_of(prepared.now) + 1 == prepared.rollout.next_minute


def test_the_bake_lasts_until_the_first_minute_can_be_looked_at_early(prepared: World) -> None:
    """The minute of the change, one minute after its end; it is judged later, after the metrics' lag."""
    answer = create(prepared)
    ended = (minute_of(prepared.rollout.changed_at) + 1) * 60
    assert ended + 60 - int(prepared.now.timestamp()) == answer["seconds"]


def test_without_a_deployment_the_api_is_deployed_as_now_defined(world: World) -> None:
    world.prepared(candidate={"stageVariables": {"lambdaAlias": "next"}})
    create(world)
    assert Canary("made-1", Decimal(5), {"lambdaAlias": "next"}) == world.stage.canary


def test_the_world_is_told_that_the_canary_bakes(prepared: World) -> None:
    create(prepared)
    assert ["PREPARED", "BAKING"] == prepared.states_told
    told = prepared.fakes.notifier.published[-1]
    assert (0, 2, 5.0, "CONTINUE") == (told["step"], told["steps"], told["weightPercent"], told["decision"])


def test_the_history_tells_what_was_done(prepared: World) -> None:
    create(prepared)
    assert kept(prepared.stage)[0].to_document() == prepared.last_line["change"]
    assert "set base dep-old, canary dep-new at 5 %, lambdaAlias=next" == change(prepared.last_line)


# --- foreign hands -----------------------------------------------------------------------------------------------


def test_an_api_that_was_deleted_stops_the_rollout(world: World) -> None:
    world.prepared(candidate={})
    world.fakes.stage.delete(TARGET)
    assert "STOP" == create(world)["decision"]


# --- signals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(STOP_SIGNALS))
@pytest.mark.parametrize("policy", get_args(OnRegression))
def test_a_stop_signal_before_the_canary_ends_the_rollout_whatever_the_policy(
    world: World, kind: SignalKind, policy: str
) -> None:
    """There is nothing yet that could be held."""
    world.prepared(onRegression=policy).signal(kind)
    create(world)
    assert "ROLL_BACK" == world.call("analyze")["decision"]
    world.roll_back()
    assert "ROLLED_BACK" == world.call("close")["outcome"]
    assert [FOUND] == world.fakes.stage.history


@pytest.mark.parametrize("kind", sorted(set(SignalKind) - STOP_SIGNALS))
def test_any_other_signal_waits_until_the_canary_bakes(prepared: World, kind: SignalKind) -> None:
    prepared.signal(kind)
    answer = create(prepared)
    assert ("CONTINUE", 0) == (answer["decision"], answer["seen"])
    assert at_weight(5) == prepared.stage
    assert not prepared.fakes.store.bake(ROLLOUT, "t-1", answer["seen"])


# --- failures and retries ----------------------------------------------------------------------------------------


def test_a_canary_that_a_read_does_not_show_yet_is_there_by_the_answer_to_its_making(prepared: World) -> None:
    reads = 0

    def shown_late(name: str, call: Callable[[], object]) -> object:
        nonlocal reads
        reads += name == "shifter.read"
        return FOUND if name == "shifter.read" and reads == 2 else call()

    assert "CONTINUE" == create(prepared, shown_late)["decision"]
    assert [FOUND, at_weight(5)] == prepared.fakes.stage.history
    assert kept(at_weight(5)) == prepared.rollout.expected_states


def test_a_canary_that_was_removed_before_it_was_read_back_is_not_made_again(prepared: World) -> None:
    removed = Disturbance(only="shifter.change", after=lambda: prepared.fakes.stage.put(TARGET, FOUND))
    create(prepared, removed)
    create(prepared)
    assert FOUND == prepared.stage
    assert "STOP" == prepared.analyzed(minutes=6)["decision"]
    assert "there is no canary" in prepared.rollout.reason
    assert "CLOSE" == prepared.roll_back()["decision"]
    assert [FOUND, at_weight(5), FOUND] == prepared.fakes.stage.history


def test_a_retry_makes_no_canary_of_another_deployment(prepared: World) -> None:
    """A CreateDeployment that landed late has made a second one of the same stamp."""
    with pytest.raises(Unavailable):
        create(prepared, Disturbance(only="shifter.change", before=lambda: fail(Unavailable("the connection broke"))))
    other = Disturbance(only="shifter.materialize", before=lambda: fail(AssertionError("it is made already")))
    create(prepared, other)
    assert at_weight(5) == prepared.stage


def fail(error: Exception) -> None:
    raise error
