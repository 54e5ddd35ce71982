"""Prepare: understand the request, see that the rollout can be done, and take the target's lock."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rollout.core.cause import CauseKind
from rollout.core.decision import Decision, Phase
from rollout.core.judge import Count
from rollout.core.measures import Series
from rollout.core.minutes import minute_of
from rollout.core.rollout import MOST_ALARMS
from rollout.core.target import Json, Target
from rollout.errors import NotAllowed, RolloutError, Unavailable
from rollout_simulator.fakes import Around, Disturbance
from tests.functions.lost_answers import called_twice, disturbed
from tests.functions.world import (
    CANARY,
    EXECUTION,
    FOUND,
    PROMOTED,
    ROLLOUT,
    TARGET,
    WATCHED,
    World,
    at_weight,
    request,
)


def prepare(**fields: Any) -> Callable[[World, Around | None], Json]:
    return lambda world, around: world.prepare(around, **fields)


# --- accepted ----------------------------------------------------------------------------------------------------


def test_a_rollout_begins_with_its_canary(world: World) -> None:
    answer = world.prepare()
    assert ("CREATE", ROLLOUT) == (answer["decision"], answer["rolloutId"])


def test_the_target_is_locked_and_left_as_it_was(world: World) -> None:
    world.prepare()
    assert {TARGET.key: ROLLOUT} == world.fakes.store.locks
    assert [FOUND] == world.fakes.stage.history


def test_the_record_knows_what_was_found(world: World) -> None:
    world.prepare()
    rollout = world.rollout
    found = replace(FOUND, variables={"lambdaAlias": "live"})  # the others are not ours to put back
    assert (found, (found,), -1, Phase.BAKING) == (
        rollout.original,
        rollout.expected_states,
        rollout.step,
        rollout.phase,
    )
    assert (EXECUTION, world.now) == (rollout.execution, rollout.started_at)


def test_a_rollout_whose_record_could_outgrow_the_table_is_rejected_with_the_reason(world: World) -> None:
    variables = {f"variable{nth}": "x" * 512 for nth in range(100)}
    answer = world.prepare(candidate={"deploymentId": "dep-new", "stageVariables": variables})
    assert ("REJECT", True) == (answer["decision"], "could grow to" in answer["reason"])
    assert {} == world.fakes.store.locks


@pytest.mark.parametrize("word", ["continue", "undo"])
def test_only_the_workflow_itself_says_what_is_to_be_carried_on_or_undone(world: World, word: str) -> None:
    world.watching().analyzed()
    world.call("close")
    forged = World(world.fakes, rollout_id="r-2").call(
        "prepare",
        request={word: ROLLOUT, "actor": "cto@example.com"},
        execution=EXECUTION + "-2",
        startedAt=world.now.isoformat(),
    )
    assert ("REJECT", True) == (forged["decision"], "only the workflow itself" in forged["reason"])
    assert PROMOTED == world.stage


def test_a_name_that_was_used_long_ago_is_no_rollout_that_is_there_already(world: World) -> None:
    world.closed()
    world.fakes.clock.pass_time(minutes=60 * 24 * 100)
    answer = world.prepare()
    assert ("REJECT", "REJECTED") == (answer["decision"], answer["outcome"])
    assert "start this one by another name" in answer["reason"]


def test_the_judge_starts_from_what_the_base_did_before(world: World) -> None:
    series = Series({"Stage": "prod"}, {"Stage": "prod/Canary"})
    for minute in range(minute_of(world.now) - 60, minute_of(world.now)):
        world.fakes.metrics.publish(series, "5XXError", minute, stage=Count(100, 1))
    world.prepare()
    assert Count(3000, 30) == world.rollout.evidence.metrics["5XXError"].past_base


def test_the_world_is_told_once(world: World) -> None:
    world.prepare()
    assert ["PREPARED"] == [event["state"] for event in world.fakes.notifier.published]
    assert () == world.rollout.pending_events


def test_the_alarms_of_the_request_and_those_tagged_for_the_target_are_watched(world: World) -> None:
    world.fakes.alarms.put("orders-slow", "OK", world.now, tagged=TARGET)
    world.fakes.alarms.put(WATCHED, "OK", world.now, tagged=TARGET)
    world.prepare(alarms=[WATCHED])
    assert (WATCHED, "orders-slow") == world.rollout.settings.alarms
    assert [ROLLOUT] == list(world.fakes.store.watchers("orders-slow"))


def test_an_alarm_without_enough_data_is_no_obstacle(world: World) -> None:
    world.fakes.alarms.put(WATCHED, "INSUFFICIENT_DATA", world.now)
    assert "CREATE" == world.prepare(alarms=[WATCHED])["decision"]


def test_a_bus_that_is_down_does_not_keep_the_rollout_from_beginning(world: World) -> None:
    world.fakes.notifier.trouble = Unavailable("the bus is down")
    assert "CREATE" == world.prepare()["decision"]
    world.fakes.notifier.trouble = None
    world.call("create_canary")
    assert ["PREPARED", "BAKING"] == world.states_told


# --- nothing to do -----------------------------------------------------------------------------------------------

LIVE: Json = {"deploymentId": FOUND.base, "stageVariables": {"lambdaAlias": "live"}}


def test_what_is_live_already_closes_at_once(world: World) -> None:
    assert "CLOSE" == world.prepare(candidate=LIVE)["decision"]
    answer = world.call("close")
    assert ("PROMOTED", "nothing to do: dep-old is live already") == (answer["outcome"], answer["reason"])
    assert [FOUND] == world.fakes.stage.history
    assert {} == world.fakes.store.locks
    assert ["PROMOTED"] == world.states_told


def test_the_same_deployment_with_other_variables_is_a_rollout(world: World) -> None:
    assert "CREATE" == world.prepare(candidate={**LIVE, "stageVariables": {"lambdaAlias": "next"}})["decision"]


def test_the_api_as_now_defined_is_a_rollout(world: World) -> None:
    assert "CREATE" == world.prepare(candidate={})["decision"]


# --- refused -----------------------------------------------------------------------------------------------------


def fires(world: World) -> None:
    world.fakes.alarms.put(WATCHED, "ALARM", world.now - timedelta(hours=1))


def has_a_canary(world: World) -> None:
    world.foreign(replace(FOUND, canary=CANARY))


def is_held(world: World) -> None:
    World(world.fakes, rollout_id="r-0").prepare()


def is_held_by_a_canary(world: World) -> None:
    World(world.fakes, rollout_id="r-0").prepared().call("create_canary")


def leaves_its_canary(world: World, weight: int) -> None:
    """Rollout r-0 is stopped by somebody else's change and over; its canary is there at this weight."""
    first = World(world.fakes, rollout_id="r-0").baking()
    first.foreign(replace(at_weight(77), base="dep-theirs"))
    assert first.call("analyze")["decision"] == "STOP"
    first.roll_back()
    first.call("close")
    world.foreign(at_weight(weight))


REFUSALS: dict[str, tuple[Callable[[World], object], Json, str]] = {
    "an unknown field": (lambda _: None, {"colour": "green"}, "colour: unknown field"),
    "a missing target": (lambda _: None, {"target": {"type": "apigateway-stage"}}, r"target\.restApiId: required"),
    "a stage that does not exist": (lambda world: world.fakes.stage.delete(TARGET), {}, "prod does not exist"),
    "a deployment that does not exist": (lambda _: None, {"candidate": {"deploymentId": "nowhere"}}, "nowhere"),
    "a canary of somebody else": (has_a_canary, {}, "already has a canary dep-new at 5 %.*promote or remove it"),
    "an alarm that fires": (fires, {"alarms": [WATCHED]}, "orders-5xx is already firing.*ignoreAlarmsAlreadyFiring"),
    "an alarm that does not exist": (lambda _: None, {"alarms": ["gone"]}, "gone is not found"),
    "a target that is held": (is_held, {}, "held by rollout r-0"),
    "a target that is held and has a canary": (is_held_by_a_canary, {}, "held by rollout r-0"),
}


@pytest.mark.parametrize("weight", [5, 77])
def test_a_canary_that_a_rollout_has_left_is_told_with_that_rollout_and_the_command_that_removes_it(
    world: World, weight: int
) -> None:
    leaves_its_canary(world, weight)
    reason = world.prepare()["reason"]
    assert f"already has a canary dep-new at {weight} %, lambdaAlias=next, which rollout r-0 left there" in reason
    assert "(it ended STOPPED at 2026-03-02" in reason
    assert f"remove the canary of {TARGET.key}" in reason


def test_a_canary_of_another_deployment_than_the_last_rollouts_is_nobodys_that_we_know(world: World) -> None:
    leaves_its_canary(world, 5)
    world.foreign(replace(FOUND, canary=replace(CANARY, revision="dep-theirs")))
    reason = world.prepare()["reason"]
    assert "already has a canary dep-theirs at 5 %, lambdaAlias=next, and no rollout of it is running" in reason
    assert f"remove the canary of {TARGET.key}" in reason


def test_who_has_begun_a_rollout_that_lost_its_lock_is_named(world: World) -> None:
    World(world.fakes, rollout_id="r-0").baking()
    world.fakes.store.locks.clear()  # somebody has deleted it
    assert "which rollout r-0 left there (it is BAKING" in world.prepare()["reason"]


@pytest.mark.parametrize("why", REFUSALS)
def test_a_request_is_refused_for(world: World, why: str) -> None:
    arrange, fields, reason = REFUSALS[why]
    arrange(world)
    stage_before, locks_before = list(world.fakes.stage.history), dict(world.fakes.store.locks)
    told_before = len(world.states_told)

    answer = world.prepare(**fields)

    assert ("REJECT", "REJECTED") == (answer["decision"], answer["outcome"])
    assert re.search(reason, answer["reason"]), answer["reason"]
    assert stage_before == world.fakes.stage.history
    assert locks_before == world.fakes.store.locks
    assert ["REJECTED"] == world.states_told[told_before:]
    assert answer["reason"] == world.fakes.store.rejected[ROLLOUT]["reason"]
    assert request(**fields) == world.fakes.store.rejected[ROLLOUT]["request"]


def test_a_request_that_is_no_object_is_refused(world: World) -> None:
    answer = world.call("prepare", request="roll out!", execution=EXECUTION, startedAt=world.now.isoformat())
    assert "REJECT" == answer["decision"]
    assert re.search("^request: .* got 'roll out!'", answer["reason"])


def test_more_alarms_than_can_be_released_together_are_refused(world: World) -> None:
    for number in range(MOST_ALARMS + 1):
        world.fakes.alarms.put(f"alarm-{number:03}", "OK", world.now, tagged=TARGET)
    answer = world.prepare()
    assert "REJECT" == answer["decision"]
    assert re.search(f"{MOST_ALARMS + 1} .*at most {MOST_ALARMS}", answer["reason"])


def test_a_request_refused_for_many_reasons_names_the_first_few(world: World) -> None:
    unknown: Json = {f"unknown{number}": 1 for number in range(8)}
    answer = world.prepare(**unknown)
    assert re.search("unknown0: .*; unknown4: .*; and 3 more$", answer["reason"])


def test_a_refusal_stands_although_what_was_wrong_is_over(world: World) -> None:
    fires(world)
    first = world.prepare(alarms=[WATCHED])
    world.fakes.alarms.put(WATCHED, "OK", world.now)
    assert first == world.prepare(alarms=[WATCHED])
    assert {} == world.fakes.store.locks
    assert ["REJECTED"] == world.states_told


def test_a_refusal_that_could_not_be_told_is_told_by_the_retry(world: World) -> None:
    world.fakes.notifier.trouble = Unavailable("the bus is down")
    with pytest.raises(Unavailable):
        world.prepare(candidate={"deploymentId": "nowhere"})
    world.fakes.notifier.trouble = None
    assert "REJECT" == world.prepare(candidate={"deploymentId": "nowhere"})["decision"]
    assert ["REJECTED"] == world.states_told


# --- alarms that fire already ------------------------------------------------------------------------------------


def test_an_alarm_that_fires_already_may_be_ignored_until_it_fires_again(world: World) -> None:
    fires(world)
    world.baking(alarms=[WATCHED], ignoreAlarmsAlreadyFiring=True)
    assert "ADVANCE" == world.analyzed()["decision"]


LONG = {"steps": [{"weightPercent": 5, "bakeMinutes": 90}]}


def flapping(world: World, **traffic: int) -> World:
    """A rollout that was begun although its alarm fired, and has baked for four minutes; the alarm fires again."""
    fires(world)
    world.baking(alarms=[WATCHED], ignoreAlarmsAlreadyFiring=True)
    if traffic:
        world.traffic(**traffic)
    world.fakes.clock.pass_time(minutes=6)
    world.fakes.alarms.put(WATCHED, "ALARM", world.now)
    return world


def test_an_ignored_alarm_that_fires_again_is_not_the_doing_of_a_canary_like_the_base(world: World) -> None:
    flapping(world)
    assert {"signalled": []} == world.alarm_event()
    assert "ADVANCE" == world.analyzed(minutes=1)["decision"]
    assert "fires again, as it did before the rollout" in world.last_line["analysis"]["notes"][0]


def test_an_ignored_alarm_that_fires_again_rolls_back_for_what_the_candidate_adds(world: World) -> None:
    flapping(world, bad=3, base_bad=9)  # odds of more than 10:1, and less than the judge convicts at
    assert "ROLL_BACK" == world.analyzed(minutes=1)["decision"]
    cause = world.rollout.cause
    assert cause is not None
    assert (CauseKind.ALARM, WATCHED) == (cause.kind, cause.source)
    assert "the canary fares worse than the base" in world.rollout.reason


def test_an_ignored_alarm_that_was_quiet_for_long_counts_like_any_other(world: World) -> None:
    fires(world)
    world.baking(
        alarms=[WATCHED], ignoreAlarmsAlreadyFiring=True, plan={"steps": [{"weightPercent": 5, "bakeMinutes": 90}]}
    )
    world.fakes.alarms.put(WATCHED, "OK", world.now)
    assert "CONTINUE" == world.analyzed(minutes=29)["decision"]
    assert (WATCHED,) == world.rollout.firing_at_start
    assert "CONTINUE" == world.analyzed(minutes=1)["decision"]
    world.fakes.clock.pass_time(minutes=1)
    assert {"signalled": [ROLLOUT]} == world.alarm_event()
    assert "ROLL_BACK" == world.call("analyze")["decision"]


def test_an_alarm_that_is_quiet_while_the_canary_is_proven_better_stays_the_bases(world: World) -> None:
    fires(world)
    world.baking(
        alarms=[WATCHED], ignoreAlarmsAlreadyFiring=True, plan={"steps": [{"weightPercent": 5, "bakeMinutes": 90}]}
    )
    world.traffic(bad=0, base_bad=100)
    world.fakes.alarms.put(WATCHED, "OK", world.now)
    world.analyzed(minutes=29)
    world.analyzed(minutes=5)
    assert {"signalled": []} == world.alarm_event()


# --- requests and rollouts that meet -----------------------------------------------------------------------------


@pytest.mark.parametrize("come_so_far", [World.prepared, World.baking, World.watching, World.closed])
def test_the_same_request_again_is_the_same_rollout(world: World, come_so_far: Callable[..., World]) -> None:
    come_so_far(world, requestId="build-7")
    told = len(world.states_told)
    again = World(world.fakes, rollout_id="r-2").prepare(requestId="build-7")
    assert ("REPEATED", ROLLOUT) == (again["decision"], again["rolloutId"])
    assert told == len(world.states_told)


def test_two_who_start_at_once_are_one_rollout_and_one_refusal(world: World) -> None:
    other = World(world.fakes, rollout_id="r-2")
    answer = world.prepare(Disturbance(only="store.open", before=other.prepare))
    assert "REJECT" == answer["decision"]
    assert re.search("held by rollout r-2", answer["reason"])
    assert {TARGET.key: "r-2"} == world.fakes.store.locks


def test_a_rollout_that_supersedes_another_waits_until_it_has_made_way(world: World) -> None:
    world.baking()
    world.fakes.store.bake(ROLLOUT, "t-1", seen=0)
    later = World(world.fakes, rollout_id="r-2")
    assert "WAIT" == later.prepare(onConflict="supersede")["decision"]
    assert ["t-1"] == world.fakes.waker.woken
    assert "ROLL_BACK" == world.call("analyze")["decision"]
    world.roll_back()
    world.call("close")
    assert "CREATE" == later.prepare(onConflict="supersede")["decision"]


# --- retries -----------------------------------------------------------------------------------------------------


def test_called_twice_it_prepares_once() -> None:
    answer, world = called_twice(World, prepare())
    assert "CREATE" == answer["decision"]
    assert ["PREPARED"] == world.states_told


def test_called_again_later_it_goes_on_where_the_rollout_is(world: World) -> None:
    world.baking()
    assert "CONTINUE" == world.prepare()["decision"]


@pytest.mark.parametrize("fields", [{}, {"candidate": LIVE}, {"colour": "green"}], ids=["begins", "live", "refused"])
def test_a_call_that_fails_anywhere_is_made_up_for_by_the_retry(fields: Json) -> None:
    expected = prepare(**fields)(World(), None)
    for failure, answer, world in disturbed(World, prepare(**fields)):
        assert expected == answer, failure
        assert [FOUND] == world.fakes.stage.history, failure
        told = {"CREATE": ["PREPARED"], "CLOSE": [], "REJECT": ["REJECTED"]}[answer["decision"]]
        assert told == world.states_to_be_told, failure
        assert ({} if answer["decision"] == "REJECT" else {TARGET.key: ROLLOUT}) == world.fakes.store.locks, failure


@pytest.mark.parametrize("why", ["an alarm that fires", "a canary of somebody else", "a stage that does not exist"])
def test_once_stored_a_rollout_is_not_refused_any_more(world: World, why: str) -> None:
    arrange, fields, _ = REFUSALS[why]
    world.prepare(**fields)
    arrange(world)
    assert "CREATE" == world.prepare(**fields)["decision"]
    assert Decision.CREATE is world.rollout.pending_decision
    assert {TARGET.key: ROLLOUT} == world.fakes.store.locks
    assert ["PREPARED"] == world.states_told


@pytest.mark.parametrize("error", [Unavailable("throttled"), NotAllowed("GetStage: AccessDenied")])
@pytest.mark.parametrize("service", ["stage", "metrics", "alarms", "store"])
def test_a_service_that_cannot_be_asked_is_no_refusal(world: World, service: str, error: RolloutError) -> None:
    getattr(world.fakes, service).trouble = error
    with pytest.raises(type(error)):
        world.prepare(alarms=[WATCHED])
    getattr(world.fakes, service).trouble = None
    assert ([FOUND], {}, []) == (world.fakes.stage.history, world.fakes.store.locks, world.states_told)


def test_an_alarm_that_fires_while_the_rollout_is_prepared_is_not_missed(world: World) -> None:
    """Its event finds nobody watching yet; the first analysis finds the alarm."""

    def fire() -> None:
        world.fakes.clock.pass_time(seconds=1)
        world.fakes.alarms.put(WATCHED, "ALARM", world.now)

    world.prepare(Disturbance(only="store.open", before=fire), alarms=[WATCHED])
    world.call("create_canary")
    assert "ROLL_BACK" == world.call("analyze")["decision"]


def test_another_stage_is_another_rollout(world: World) -> None:
    other = Target("apigateway-stage", {"restApiId": "a1b2c3d4e5", "stageName": "test"})
    world.fakes.stage.put(other, at_weight(5).without_canary())
    world.fakes.stage.deploy(other, "dep-new")
    world.prepare()
    answer = World.prepare(World(world.fakes, rollout_id="r-2"), target=other.to_document())
    assert "CREATE" == answer["decision"]
    assert {TARGET.key: ROLLOUT, other.key: "r-2"} == world.fakes.store.locks


def test_a_target_too_long_to_be_one_is_left_out_of_the_event(world: World) -> None:
    world.prepare(target={"type": "apigateway-stage", "restApiId": "x" * 3_000, "stageName": "prod"})
    (event,) = world.fakes.notifier.told.values()
    assert ("REJECTED", None) == (event["state"], event["target"])
