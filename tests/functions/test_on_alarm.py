"""On alarm: tell the rollouts that watch an alarm that it fires, and wake them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rollout.core.signals import SignalKind
from rollout.core.target import Target
from rollout.errors import NotAllowed, RolloutError, Unavailable
from rollout_simulator.fakes import Disturbance
from tests.functions.lost_answers import called_twice, disturbed
from tests.functions.world import FOUND, ROLLOUT, WATCHED, World


@pytest.fixture
def watched(world: World) -> World:
    return bake()


def bake() -> World:
    """A rollout that waits in its bake, behind the token `t-1`, and watches `WATCHED`."""
    world = World().baking(alarms=[WATCHED])
    world.fakes.clock.pass_time(minutes=1)
    assert world.fakes.store.bake(ROLLOUT, "t-1", seen=0)
    return world


def two_stages() -> World:
    """The same, and another rollout that watches the same alarm for another stage."""
    world = bake()
    stage = Target("apigateway-stage", {"restApiId": "a1b2c3d4e5", "stageName": "test"})
    world.fakes.stage.put(stage, FOUND)
    world.fakes.stage.deploy(stage, "dep-new")
    World(world.fakes, rollout_id="r-2").prepared(alarms=[WATCHED], target=stage.to_document())
    world.fakes.clock.pass_time(minutes=1)
    world.fakes.store.bake("r-2", "t-2", seen=0)
    return world


def test_the_rollout_that_watches_the_alarm_is_signalled_and_woken(watched: World) -> None:
    assert {"signalled": [ROLLOUT]} == watched.alarm_event()
    signal = watched.rollout.signals[0]
    assert (SignalKind.ALARM, WATCHED, "6 errors", watched.now.isoformat()) == (
        signal.kind,
        signal.source,
        signal.reason,
        signal.at,
    )
    assert ["t-1"] == watched.fakes.waker.woken
    assert "ROLL_BACK" == watched.call("analyze")["decision"]


def test_the_target_is_not_touched(watched: World) -> None:
    before = list(watched.fakes.stage.history)
    watched.alarm_event()
    assert before == watched.fakes.stage.history


def test_the_signal_is_recorded_before_the_workflow_is_woken(watched: World) -> None:
    recorded = []
    watched.alarm_event(Disturbance(only="waker.wake", before=lambda: recorded.append(len(watched.rollout.signals))))
    assert [1] == recorded


def test_a_rollout_that_does_not_wait_finds_the_signal_when_it_begins_to(world: World) -> None:
    world.baking(alarms=[WATCHED])
    world.fakes.clock.pass_time(minutes=1)
    assert {"signalled": [ROLLOUT]} == world.alarm_event()
    assert [] == world.fakes.waker.woken
    assert not world.fakes.store.bake(ROLLOUT, "t-1", seen=0)


def test_every_rollout_that_watches_the_alarm_is_signalled() -> None:
    world = two_stages()
    assert {"signalled": [ROLLOUT, "r-2"]} == world.alarm_event()
    assert ["t-1", "t-2"] == world.fakes.waker.woken


# --- what is not for it ------------------------------------------------------------------------------------------


def test_an_alarm_that_nobody_watches_is_nobodys_business(watched: World) -> None:
    assert {"signalled": []} == watched.alarm_event(name="orders-slow")
    assert () == watched.rollout.signals


@pytest.mark.parametrize("value", ["OK", "INSUFFICIENT_DATA"])
def test_an_alarm_that_stops_firing_is_no_signal(watched: World, value: str) -> None:
    assert {"signalled": []} == watched.alarm_event(value=value, previous="ALARM")


def test_an_alarm_that_only_changed_its_reason_is_no_signal(watched: World) -> None:
    assert {"signalled": []} == watched.alarm_event(previous="ALARM")


def test_an_alarm_that_recovers_from_too_little_data_is_a_signal(watched: World) -> None:
    assert {"signalled": [ROLLOUT]} == watched.alarm_event(previous="INSUFFICIENT_DATA")


@pytest.mark.parametrize(("seconds", "signalled"), [(-1, []), (0, []), (1, [ROLLOUT])], ids=["before", "at", "after"])
def test_an_event_from_before_the_rollout_is_not_for_it(watched: World, seconds: int, signalled: list[str]) -> None:
    """At the very second it is still preflight's to judge, as Analyze takes it, too."""
    at = watched.rollout.started_at + timedelta(seconds=seconds)
    assert {"signalled": signalled} == watched.alarm_event(at=at.isoformat())
    assert ["t-1"] * len(signalled) == watched.fakes.waker.woken


def test_a_rollout_that_has_ended_is_not_signalled(world: World) -> None:
    world.closed(alarms=[WATCHED])
    assert {"signalled": []} == world.alarm_event()


def test_a_rollout_that_ends_meanwhile_is_not_signalled(world: World) -> None:
    world.closing(alarms=[WATCHED])
    world.fakes.clock.pass_time(minutes=1)
    assert {"signalled": []} == world.alarm_event(Disturbance(only="store.load", after=lambda: world.call("close")))


# --- at least once, in any order ---------------------------------------------------------------------------------


def test_an_event_that_is_delivered_twice_is_recorded_once(watched: World) -> None:
    at = watched.now.isoformat()
    watched.alarm_event(at=at)
    watched.fakes.clock.pass_time(seconds=30)
    watched.alarm_event(at=at)
    assert 1 == len(watched.rollout.signals)


def test_an_event_that_is_delivered_twice_wakes_twice_for_the_first_waking_may_have_been_lost(watched: World) -> None:
    at = watched.now.isoformat()
    watched.alarm_event(at=at)
    watched.alarm_event(at=at)
    assert ["t-1", "t-1"] == watched.fakes.waker.woken


def test_a_flapping_alarm_rolls_back_once(watched: World) -> None:
    for _ in range(3):
        watched.alarm_event()
        watched.alarm_event(value="OK", previous="ALARM")
        watched.fakes.clock.pass_time(seconds=10)
    assert "ROLL_BACK" == watched.call("analyze")["decision"]
    watched.roll_back()
    assert "ROLLED_BACK" == watched.call("close")["outcome"]
    assert 1 == watched.states_told.count("ROLLING_BACK")


@pytest.mark.parametrize("stamp", ["2026-03-02T12:05:00.000+0000", "2026-03-02T12:05:00Z"])
def test_the_time_is_read_as_cloudwatch_writes_it(watched: World, stamp: str) -> None:
    watched.alarm_event(at=stamp)
    assert "2026-03-02T12:05:00+00:00" == watched.rollout.signals[0].at


# --- failures and retries ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [Unavailable("throttled"), NotAllowed("AccessDenied")])
@pytest.mark.parametrize("service", ["store", "waker"])
def test_what_cannot_be_done_now_is_delivered_again(watched: World, service: str, error: RolloutError) -> None:
    getattr(watched.fakes, service).trouble = error
    with pytest.raises(type(error)):
        watched.alarm_event()
    getattr(watched.fakes, service).trouble = None
    assert {"signalled": [ROLLOUT]} == watched.alarm_event()
    assert (1, ["t-1"]) == (len(watched.rollout.signals), watched.fakes.waker.woken)


@pytest.mark.parametrize("call", ["store.load", "store.signal", "waker.wake"])
def test_a_failure_with_one_rollout_does_not_keep_the_others_from_being_signalled(call: str) -> None:
    world = two_stages()
    broken = Disturbance.failing_before(0)
    broken.only = call
    with pytest.raises(Unavailable):
        world.alarm_event(broken)
    assert ["t-2"] == world.fakes.waker.woken
    assert 1 == len(World(world.fakes, rollout_id="r-2").rollout.signals)


def test_called_twice_it_signals_once() -> None:
    answer, world = called_twice(bake, World.alarm_event)
    assert {"signalled": [ROLLOUT]} == answer
    assert 1 == len(world.rollout.signals)


def test_a_call_that_fails_anywhere_is_made_up_for_by_the_next_delivery() -> None:
    for failure, answer, world in disturbed(two_stages, World.alarm_event):
        assert {"signalled": [ROLLOUT, "r-2"]} == answer, failure
        for rollout_id, token in ((ROLLOUT, "t-1"), ("r-2", "t-2")):
            assert 1 == len(World(world.fakes, rollout_id=rollout_id).rollout.signals), failure
            assert token in world.fakes.waker.woken, failure


@pytest.mark.parametrize("place", ["eu-central-1:999999999999", "eu-west-1:123456789012"])
def test_an_alarm_of_the_same_name_elsewhere_is_not_heard(place: str) -> None:
    world = bake()
    assert {"signalled": []} == world.alarm_event(arn=f"arn:aws:cloudwatch:{place}:alarm:{WATCHED}")
    assert () == world.rollout.signals


def test_the_alarm_of_a_monitoring_account_is_heard_when_its_arn_is_watched() -> None:
    arn = "arn:aws:cloudwatch:eu-west-1:999999999999:alarm:orders-5xx"
    world = World().baking(alarms=[arn])
    world.fakes.clock.pass_time(minutes=1)
    assert {"signalled": []} == world.alarm_event(name="orders-5xx")
    assert {"signalled": [ROLLOUT]} == world.alarm_event(arn=arn)
    assert arn == world.rollout.signals[0].source
    assert "ROLL_BACK" == world.call("analyze")["decision"]


def test_an_alarm_that_nobody_here_can_read_keeps_no_rollout_from_rising() -> None:
    arn = "arn:aws:cloudwatch:eu-west-1:999999999999:alarm:orders-5xx"
    assert "ADVANCE" == World().baking(alarms=[arn]).analyzed()["decision"]


def test_an_alarm_that_flaps_while_the_rollout_is_held_fills_no_record() -> None:
    world = World().baking(alarms=[WATCHED], onRegression="hold")
    for _ in range(300):
        world.fakes.clock.pass_time(minutes=5)
        assert {"signalled": [ROLLOUT]} == world.alarm_event(reason="€" * 500)
        world.call("analyze")
    assert ("HELD", 1) == (world.rollout.phase, len(world.rollout.signals))
    noted = [line for line in world.fakes.store.history(ROLLOUT) if line["state"] == "Noted"]
    assert 299 == len(noted)


def test_an_alarm_that_comes_while_somebody_lets_the_rollout_go_on_is_not_only_noted() -> None:
    world = World().baking(alarms=[WATCHED], onRegression="hold")
    world.fakes.clock.pass_time(minutes=5)
    world.alarm_event()
    world.call("analyze")
    world.fakes.clock.pass_time(minutes=5)

    def go_on() -> None:
        world.signal(SignalKind.ADVANCE)
        world.call("analyze")
        world.call("shift_traffic")

    world.alarm_event(Disturbance(only="store.note", before=go_on))
    assert 2 == len([signal for signal in world.rollout.signals if signal.kind is SignalKind.ALARM])


def test_one_rollout_that_takes_no_more_keeps_the_alarm_from_no_other() -> None:
    world = two_stages()

    unforeseen = Disturbance(only="store.signal", before=lambda: fail(ValueError("nobody has thought of")))
    with pytest.raises(ValueError, match="nobody has thought of"):
        world.alarm_event(unforeseen)
    assert 1 == len(World(world.fakes, rollout_id="r-2").rollout.signals)


def fail(error: Exception) -> None:
    raise error
