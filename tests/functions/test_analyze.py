"""Analyze: decide what the rollout does next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rollout.core.decision import Decision, Phase
from rollout.core.judge import Count
from rollout.core.minutes import minute_of
from rollout.core.rollout import Outcome
from rollout.core.signals import STOP_SIGNALS, SignalKind
from rollout.core.target import Json
from rollout.errors import NotAllowed, RecordChanged, RolloutError, Unavailable
from rollout_simulator.fakes import Around, Disturbance
from tests.functions.lost_answers import disturbed
from tests.functions.world import FOREIGN, FOUND, PROMOTED, ROLLOUT, TARGET, WATCHED, World, at_weight, foreign_states

LAG_MINUTES = 3
DOWN = [Unavailable("throttled"), NotAllowed("AccessDenied")]


def analyze(world: World, around: Around | None = None) -> Json:
    return world.call("analyze", around)


def until_decided(world: World, *, most_minutes: int = 120) -> str:
    """Analyze every minute until something other than waiting is decided."""
    for _ in range(most_minutes):
        decision = str(world.analyzed(minutes=1)["decision"])
        if decision not in ("CONTINUE", "EXTEND", "PAUSE"):
            return decision
    return "still waiting"


# --- evidence ----------------------------------------------------------------------------------------------------


def test_before_a_minute_is_closed_there_is_nothing_to_decide(world: World) -> None:
    world.baking()
    answer = analyze(world)
    assert ("CONTINUE", []) == (answer["decision"], world.last_line["analysis"]["minutes"])


def test_a_healthy_canary_advances_when_its_bake_is_over(world: World) -> None:
    world.baking()
    assert "CONTINUE" == world.analyzed(minutes=LAG_MINUTES + 2)["decision"]
    assert "ADVANCE" == world.analyzed(minutes=1)["decision"]


def test_after_the_last_step_it_is_promoted(world: World) -> None:
    world.advancing().call("shift_traffic")
    assert "PROMOTE" == world.analyzed()["decision"]


def test_a_harmful_canary_is_rolled_back(world: World) -> None:
    world.baking().traffic(bad=400)
    answer = world.analyzed(minutes=8)
    assert "ROLL_BACK" == answer["decision"]
    assert "canary 400/2000 (20.00%) vs base 4/38000" in answer["reason"]


def test_a_canary_that_turns_bad_at_a_later_step_is_rolled_back(world: World) -> None:
    world.advancing().call("shift_traffic")
    world.traffic(bad=400)
    assert "ROLL_BACK" == world.analyzed()["decision"]


def test_a_canary_as_bad_as_its_base_is_not_blamed(world: World) -> None:
    world.baking().traffic(bad=20, base_bad=200)
    assert "ADVANCE" == until_decided(world)


def test_one_bad_request_of_three_does_not_roll_back(world: World) -> None:
    world.baking().traffic(bad=1, requests=3, minutes=2)
    assert "ROLL_BACK" != world.analyzed(minutes=6)["decision"]


def test_the_decision_is_recorded_with_its_reasons_and_its_numbers(world: World) -> None:
    world.advancing()
    line = world.last_line
    verdict = line["analysis"]["verdicts"][0]
    assert ("Analyze", "ADVANCE", 5.0, "BAKING") == (
        line["state"],
        line["decision"],
        line["weightPercent"],
        line["phase"],
    )
    assert ("5XXError", "safe") == (verdict["metric"], verdict["verdict"])
    assert verdict["canary"]["requests"] == 2_000 * len(line["analysis"]["minutes"])
    assert Decision.ADVANCE is world.rollout.pending_decision


# --- every minute once -------------------------------------------------------------------------------------------


def minutes_counted(world: World) -> list[tuple[int, int]]:
    lines = world.fakes.store.history(ROLLOUT)
    return [
        (minute["step"], minute["minute"])
        for line in lines
        if "analysis" in line
        for minute in line["analysis"].get("minutes", ())
    ]


def test_every_minute_is_counted_once_however_often_it_is_analyzed(world: World) -> None:
    first = minute_of(world.now) + 1
    world.baking(plan={"steps": [{"weightPercent": 5, "bakeMinutes": 30}], "watchMinutes": 0})
    for minutes in (0, 1, 0, 0.5, 2, 7, 0):
        world.analyzed(minutes=minutes)  # type: ignore[arg-type]
    last = minute_of(world.now) - 1 - LAG_MINUTES
    assert [(0, minute) for minute in range(first, last + 1)] == minutes_counted(world)


def test_no_minute_is_counted_for_two_steps_or_across_a_change(world: World) -> None:
    world.promoting()
    counted = minutes_counted(world)
    assert len({minute for _, minute in counted}) == len(counted)
    before = [minute for step, minute in counted if step == 0]
    after = [minute for step, minute in counted if step == 1]
    raised = world.rollout.changed_at
    assert max(before) < minute_of(raised) < min(after)


def test_a_minute_of_which_more_is_to_come_is_waited_for(world: World) -> None:
    world.baking()
    world.fakes.metrics.incomplete_from = minute_of(world.now) + 1
    world.analyzed(minutes=LAG_MINUTES + 2)
    assert [] == minutes_counted(world)
    world.fakes.metrics.incomplete_from = None
    world.analyzed(minutes=0)
    assert 1 == len(minutes_counted(world))


# --- silence -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "traffic",
    [{"requests": 0, "base_requests": 0}, {"requests": 0}, {"base_requests": 0}],
    ids=["nobody", "no canary", "no base"],
)
def test_silence_never_advances_and_is_held_in_the_end(world: World, traffic: dict[str, int]) -> None:
    world.baking().traffic(**traffic)
    assert "HOLD" == until_decided(world)
    assert at_weight(5) == world.stage
    assert Phase.HELD is world.rollout.phase
    assert "HELD" == world.states_told[-1]


def test_traffic_that_stops_half_way_is_not_taken_for_health(world: World) -> None:
    world.baking(plan={"steps": [{"weightPercent": 5, "bakeMinutes": 8}], "watchMinutes": 0})
    world.traffic(minutes=4)
    world.fakes.clock.pass_time(minutes=4)
    world.silence()
    assert "HOLD" == until_decided(world)


def test_an_inconclusive_step_is_rolled_back_if_the_request_says_so(world: World) -> None:
    world.baking(onInconclusive="rollback").silence()
    assert "ROLL_BACK" == until_decided(world)


def test_extending_is_not_told_minute_by_minute(world: World) -> None:
    world.baking().silence()
    until_decided(world)
    assert ["PREPARED", "BAKING", "HELD"] == world.states_told


@pytest.mark.parametrize("error", DOWN)
def test_metrics_that_are_down_are_unmeasured_and_never_promote(world: World, error: RolloutError) -> None:
    world.baking()
    world.fakes.metrics.trouble = error
    assert "HOLD" == until_decided(world)
    assert at_weight(5) == world.stage
    notes = [line["analysis"]["notes"] for line in world.fakes.store.history(ROLLOUT) if "analysis" in line]
    assert any(f"the metrics could not be read: {error}" in lines for lines in notes)


def test_metrics_that_come_back_are_counted_from_where_they_were_left(world: World) -> None:
    world.baking()
    first = world.rollout.next_minute
    world.fakes.metrics.trouble = Unavailable("throttled")
    for _ in range(8):
        world.analyzed(minutes=1)
    assert first == world.rollout.next_minute
    world.fakes.metrics.trouble = None
    assert "ADVANCE" == world.analyzed(minutes=0)["decision"]


# --- the target --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", FOREIGN)
def test_a_stage_that_somebody_else_changed_stops_the_rollout_and_is_left_alone(world: World, what: str) -> None:
    world.baking()
    theirs = world.foreign(foreign_states(at_weight(5))[what])
    answer = world.analyzed()
    assert ("STOP", Outcome.STOPPED) == (answer["decision"], world.rollout.outcome)
    assert answer["reason"].startswith("somebody else changed the target: ")
    assert "STOPPED" == world.call("close")["outcome"]
    assert theirs == world.stage


def test_a_stage_that_was_deleted_stops_the_rollout(world: World) -> None:
    world.baking().fakes.stage.delete(TARGET)
    assert "STOP" == world.analyzed()["decision"]


@pytest.mark.parametrize("error", DOWN)
def test_a_stage_that_cannot_be_read_is_noted_and_survived(world: World, error: RolloutError) -> None:
    world.baking()
    world.fakes.stage.trouble = error
    assert "CONTINUE" == world.analyzed(minutes=5)["decision"]
    assert [f"the target could not be read: {error}"] == world.last_line["analysis"]["notes"]


# --- alarms ------------------------------------------------------------------------------------------------------


def test_an_alarm_that_went_off_since_the_beginning_rolls_back_although_its_event_was_lost(world: World) -> None:
    world.baking(alarms=[WATCHED])
    world.fakes.clock.pass_time(minutes=1)
    world.fakes.alarms.put(WATCHED, "ALARM", world.now, "6 errors")
    answer = analyze(world)
    assert ("ROLL_BACK", "alarm orders-5xx is firing: 6 errors") == (answer["decision"], answer["reason"])


@pytest.mark.parametrize(
    ("seconds", "expected"), [(-1, "CONTINUE"), (0, "CONTINUE"), (1, "ROLL_BACK")], ids=["before", "at", "after"]
)
def test_an_alarm_that_was_firing_when_the_rollout_began_was_preflights_to_judge(
    world: World, seconds: int, expected: str
) -> None:
    """At the very second it is still so: preflight read the alarms later, and so has seen it firing."""
    world.baking(alarms=[WATCHED])
    started = world.rollout.started_at
    world.fakes.clock.pass_time(minutes=1)
    world.fakes.alarms.put(WATCHED, "ALARM", started + timedelta(seconds=seconds))
    assert expected == analyze(world)["decision"]


@pytest.mark.parametrize("error", DOWN)
def test_while_the_alarms_cannot_be_read_nothing_advances(world: World, error: RolloutError) -> None:
    world.baking(alarms=[WATCHED])
    world.fakes.alarms.trouble = error
    assert "EXTEND" == world.analyzed(minutes=LAG_MINUTES + 3)["decision"]
    assert f"the alarms could not be read: {error}" in world.last_line["analysis"]["notes"]
    world.fakes.alarms.trouble = None
    assert "ADVANCE" == world.analyzed(minutes=1)["decision"]


@pytest.mark.parametrize("what", ["deleted", "unreadable"])
def test_alarms_that_stay_unknown_are_held_for_a_person(world: World, what: str) -> None:
    world.baking(alarms=[WATCHED])
    if what == "deleted":
        world.fakes.alarms.delete(WATCHED)
    else:
        world.fakes.alarms.trouble = NotAllowed("DescribeAlarms: AccessDenied")
    assert "HOLD" == until_decided(world)
    assert "alarm" in world.rollout.reason


# --- signals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(STOP_SIGNALS))
@pytest.mark.parametrize("come_so_far", [World.baking, World.advancing, World.promoting, World.watching])
def test_a_stop_signal_rolls_back_whatever_was_decided(
    world: World, kind: SignalKind, come_so_far: Callable[[World], World]
) -> None:
    come_so_far(world).signal(kind)
    answer = analyze(world)
    assert ("ROLL_BACK", 1) == (answer["decision"], answer["seen"])
    assert "ada" in answer["reason"]


def test_a_stop_signal_rolls_back_although_nothing_can_be_read(world: World) -> None:
    world.baking().signal(SignalKind.ABORT)
    world.fakes.stage.trouble = world.fakes.metrics.trouble = world.fakes.alarms.trouble = Unavailable("all down")
    assert "ROLL_BACK" == analyze(world)["decision"]


def test_a_person_decides_with_name_and_reason(world: World) -> None:
    world.baking().signal(SignalKind.PROMOTE, reason="hot fix")
    answer = analyze(world)
    assert "PROMOTE" == answer["decision"]
    assert answer["reason"].startswith("promote by ada: hot fix; ")


def test_a_paused_rollout_is_still_judged(world: World) -> None:
    world.baking().signal(SignalKind.PAUSE)
    assert "PAUSE" == analyze(world)["decision"]
    world.traffic(bad=400)
    assert "ROLL_BACK" == world.analyzed(minutes=8)["decision"]


def test_a_paused_rollout_goes_on_when_it_is_resumed(world: World) -> None:
    world.baking().signal(SignalKind.PAUSE)
    analyze(world)
    assert "PAUSE" == world.analyzed()["decision"]
    world.signal(SignalKind.RESUME)
    assert "CONTINUE" == analyze(world)["decision"]
    assert "ADVANCE" == world.analyzed(minutes=1)["decision"]


def test_an_approval_of_a_held_step_advances(world: World) -> None:
    world.baking().silence()
    until_decided(world)
    world.signal(SignalKind.APPROVE)
    assert "ADVANCE" == analyze(world)["decision"]


def test_a_signal_that_comes_while_it_decides_is_left_for_the_next_analysis(world: World) -> None:
    world.baking()
    world.fakes.clock.pass_time(minutes=1)
    answer = analyze(world, Disturbance(only="store.save", before=lambda: world.signal(SignalKind.ABORT)))
    assert ("CONTINUE", 0) == (answer["decision"], answer["seen"])
    assert not world.fakes.store.bake(ROLLOUT, "t-1", answer["seen"])
    assert "ROLL_BACK" == analyze(world)["decision"]


# --- holding -----------------------------------------------------------------------------------------------------


def held_for_harm(world: World, **fields: Any) -> World:
    world.baking(onRegression="hold", **fields).traffic(bad=400)
    assert "HOLD" == until_decided(world)
    return world


def test_a_regression_is_held_if_the_request_says_so(world: World) -> None:
    held_for_harm(world)
    assert at_weight(5) == world.stage
    assert ["PREPARED", "BAKING", "HELD"] == world.states_told


def test_a_held_regression_that_nobody_answers_is_rolled_back(world: World) -> None:
    held_for_harm(world, holdMinutes=30)
    assert "HOLD" == world.analyzed(minutes=29)["decision"]
    answer = world.analyzed(minutes=1)
    assert "ROLL_BACK" == answer["decision"]
    assert answer["reason"].startswith("held for 0.5 h and nobody answered; ")


SAID_TO_A_HELD_ROLLOUT = {
    SignalKind.ABORT: "ROLL_BACK",
    SignalKind.PROMOTE: "PROMOTE",
    SignalKind.PAUSE: "HOLD",
    SignalKind.ADVANCE: "ADVANCE",
    SignalKind.APPROVE: "ADVANCE",
    SignalKind.RESUME: "HOLD",
}
EVERY_COMMAND = pytest.mark.parametrize(
    ("kind", "expected"),
    [(kind, SAID_TO_A_HELD_ROLLOUT[kind]) for kind in SignalKind if kind is not SignalKind.ALARM],
)


@EVERY_COMMAND
def test_a_held_regression_is_a_persons_to_decide(world: World, kind: SignalKind, expected: str) -> None:
    held_for_harm(world).signal(kind)
    assert expected == analyze(world)["decision"]


def held_for_an_alarm(world: World, **fields: Any) -> World:
    world.baking(onRegression="hold", alarms=[WATCHED], **fields)
    world.fakes.clock.pass_time(minutes=1)
    world.fakes.alarms.put(WATCHED, "ALARM", world.now)
    assert "HOLD" == analyze(world)["decision"]
    return world


def test_a_rollout_held_for_an_alarm_that_goes_on_firing_still_has_its_deadline(world: World) -> None:
    held_for_an_alarm(world, holdMinutes=30)
    assert "ROLL_BACK" == world.analyzed(minutes=30)["decision"]


def test_a_rollout_held_for_an_alarm_that_fires_again_still_has_its_deadline(world: World) -> None:
    held_for_an_alarm(world, holdMinutes=30)
    world.fakes.clock.pass_time(minutes=10)
    world.fakes.alarms.put(WATCHED, "ALARM", world.now)
    assert "HOLD" == analyze(world)["decision"]
    assert "ROLL_BACK" == world.analyzed(minutes=20)["decision"]


@EVERY_COMMAND
def test_a_rollout_held_for_an_alarm_that_fires_again_is_a_persons_to_decide(
    world: World, kind: SignalKind, expected: str
) -> None:
    held_for_an_alarm(world)
    world.fakes.clock.pass_time(minutes=10)
    world.fakes.alarms.put(WATCHED, "ALARM", world.now)
    world.signal(kind)
    assert expected == analyze(world)["decision"]


def test_an_alarm_during_an_inconclusive_hold_rolls_back(world: World) -> None:
    world.baking(alarms=[WATCHED]).silence()
    assert "HOLD" == until_decided(world)
    world.fakes.clock.pass_time(minutes=10)
    world.fakes.alarms.put(WATCHED, "ALARM", world.now)
    assert "ROLL_BACK" == analyze(world)["decision"]


def test_an_alarm_that_nobody_could_read_before_the_hold_rolls_back_during_it(world: World) -> None:
    world.baking(alarms=[WATCHED]).silence()
    world.fakes.clock.pass_time(minutes=1)
    world.fakes.alarms.put(WATCHED, "ALARM", world.now)
    world.fakes.alarms.trouble = Unavailable("throttled")
    assert "HOLD" == until_decided(world)
    world.fakes.alarms.trouble = None
    assert "ROLL_BACK" == world.analyzed(minutes=1)["decision"]


@pytest.mark.parametrize(("kind", "minutes"), [(None, 60), (SignalKind.PAUSE, 90)])
def test_a_rollout_that_waits_for_a_person_waits_no_longer_than_asked(
    world: World, kind: SignalKind | None, minutes: int
) -> None:
    world.baking(holdMinutes=60, pauseMinutes=90)
    if kind is None:
        world.silence()
        until_decided(world)
    else:
        world.signal(kind)
        analyze(world)
    since = world.rollout.phase_since
    assert list(world.fakes.notifier.told.values())[-1]["answerDue"] == (since + timedelta(minutes=minutes)).isoformat()
    world.fakes.clock.pass_time(seconds=(since + timedelta(minutes=minutes) - world.now).total_seconds() - 1)
    assert analyze(world)["decision"] in ("HOLD", "PAUSE")
    world.fakes.clock.pass_time(seconds=1)
    assert "ROLL_BACK" == analyze(world)["decision"]


# --- the watch ---------------------------------------------------------------------------------------------------


def test_the_watch_goes_on_until_its_time_is_over(world: World) -> None:
    world.watching()
    assert "CONTINUE" == world.analyzed(minutes=4)["decision"]
    assert "CLOSE" == world.analyzed(minutes=1)["decision"]
    assert Outcome.PROMOTED is world.rollout.outcome


def test_an_alarm_during_the_watch_rolls_back_even_if_regressions_are_to_be_held(world: World) -> None:
    world.watching(alarms=[WATCHED], onRegression="hold")
    world.fakes.clock.pass_time(minutes=1)
    world.fakes.alarms.put(WATCHED, "ALARM", world.now)
    assert "ROLL_BACK" == analyze(world)["decision"]


def test_the_watch_goes_on_for_as_long_again_while_nobody_knows_whether_an_alarm_fires(world: World) -> None:
    world.watching(alarms=[WATCHED])
    world.fakes.alarms.trouble = Unavailable("throttled")
    answer = world.analyzed(minutes=5)
    assert ("CONTINUE", True) == (answer["decision"], "alarms could not be read" in answer["reason"])
    assert "CONTINUE" == world.analyzed(minutes=4)["decision"]
    answer = world.analyzed(minutes=1)
    assert ("CLOSE", True) == (answer["decision"], "without its alarms" in answer["reason"])


def test_the_watch_ends_once_the_alarms_can_be_read_again(world: World) -> None:
    world.watching(alarms=[WATCHED])
    world.fakes.alarms.trouble = Unavailable("throttled")
    world.analyzed(minutes=5)
    world.fakes.alarms.trouble = None
    assert "CLOSE" == world.analyzed(minutes=1)["decision"]


def test_somebody_who_changes_the_stage_during_the_watch_stops_the_rollout(world: World) -> None:
    world.watching()
    theirs = world.foreign(replace(PROMOTED, base="dep-theirs"))
    assert "STOP" == world.analyzed(minutes=1)["decision"]
    assert theirs == world.stage


def test_a_stop_signal_that_comes_while_the_watch_is_closed_wins(world: World) -> None:
    world.watching()
    world.fakes.clock.pass_time(minutes=5)
    with pytest.raises(RecordChanged):
        analyze(world, Disturbance(only="store.save", before=lambda: world.signal(SignalKind.ABORT)))
    assert "ROLL_BACK" == analyze(world)["decision"]


def test_a_person_may_end_the_watch(world: World) -> None:
    world.watching().signal(SignalKind.ADVANCE)
    answer = analyze(world)
    assert "CLOSE" == answer["decision"]
    assert answer["reason"].startswith("advance by ada")


# --- retries -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("come_so_far", [World.advancing, World.promoting, World.rolling_back, World.closing])
def test_a_decision_stands_until_it_is_carried_out(world: World, come_so_far: Callable[[World], World]) -> None:
    come_so_far(world)
    decided = world.rollout.pending_decision
    assert decided is not None
    lines = len(world.fakes.store.history(ROLLOUT))
    assert decided.value == world.analyzed()["decision"]
    assert lines == len(world.fakes.store.history(ROLLOUT))


def test_a_rollout_that_has_ended_is_closed(world: World) -> None:
    world.closed()
    assert "CLOSE" == analyze(world)["decision"]


def test_before_the_canary_it_leads_to_the_canary(world: World) -> None:
    world.prepared()
    assert "CREATE" == analyze(world)["decision"]


def healthy() -> World:
    world = World().baking(alarms=[WATCHED])
    world.fakes.clock.pass_time(minutes=LAG_MINUTES + 3)
    return world


def harmful() -> World:
    world = World().baking(alarms=[WATCHED])
    world.traffic(bad=400)
    world.fakes.clock.pass_time(minutes=LAG_MINUTES + 5)
    return world


def firing() -> World:
    world = World().baking(alarms=[WATCHED])
    world.fakes.clock.pass_time(minutes=1)
    world.fakes.alarms.put(WATCHED, "ALARM", world.now)
    return world


def aborted() -> World:
    world = World().baking()
    world.signal(SignalKind.ABORT)
    return world


def paused() -> World:
    world = World().baking()
    world.signal(SignalKind.PAUSE)
    return world


@pytest.mark.parametrize("arrange", [healthy, harmful, firing, aborted, paused])
def test_when_the_store_fails_the_retry_decides_the_same_and_counts_nothing_twice(
    arrange: Callable[[], World],
) -> None:
    undisturbed = arrange()
    expected = analyze(undisturbed)
    for failure, answer, world in disturbed(arrange, analyze):
        if "store" in failure:
            assert expected["decision"] == answer["decision"], failure
            assert undisturbed.rollout.evidence == world.rollout.evidence, failure
            assert undisturbed.rollout.phase == world.rollout.phase, failure
            assert undisturbed.states_to_be_told == world.states_to_be_told, failure
        assert FOUND.base == world.stage.base, failure


@pytest.mark.parametrize("arrange", [healthy, harmful, firing])
def test_a_service_that_fails_once_never_makes_a_worse_decision(arrange: Callable[[], World]) -> None:
    expected = analyze(arrange())["decision"]
    for failure, answer, world in disturbed(arrange, analyze):
        if "store" not in failure:
            assert answer["decision"] in (expected, "CONTINUE", "EXTEND"), failure
            assert expected in (answer["decision"], world.analyzed(minutes=1)["decision"]), failure


# --- late, early and unreadable minutes ---------------------------------------------------------------------------


def test_minutes_that_come_late_are_counted_once_and_waited_for_from_then_on(world: World) -> None:
    world.baking(plan={"steps": [{"weightPercent": 5, "bakeMinutes": 30}], "watchMinutes": 0})
    first = minute_of(world.now) + 1
    world.silence()
    world.analyzed(minutes=LAG_MINUTES + 5)
    given_up = world.rollout.evidence.missed_minutes()
    assert given_up
    assert given_up[0] == first
    series = world.rollout.series
    for minute in given_up:
        world.fakes.metrics.publish(series, "5XXError", minute, stage=Count(38_000, 4), canary=Count(2_000, 0))
    answer = world.analyzed(minutes=6)
    seen = world.rollout.evidence.metrics["5XXError"]
    assert seen.canary == Count(2_000 * len(given_up), 0)
    assert f"minutes late; lagMinutes is {LAG_MINUTES}" in answer["reason"]
    assert world.rollout.calendar.lag_minutes > LAG_MINUTES
    world.analyzed(minutes=0)
    assert world.rollout.evidence.metrics["5XXError"].canary == seen.canary


def test_newer_minutes_convict_once_two_readings_say_the_same_and_are_not_kept(world: World) -> None:
    world.baking(plan={"steps": [{"weightPercent": 5, "bakeMinutes": 30}], "watchMinutes": 0})
    world.analyzed(minutes=LAG_MINUTES + 4)
    world.traffic(bad=2_000)
    decisions = [world.analyzed(minutes=1)["decision"] for _ in range(3)]
    assert "ROLL_BACK" == decisions[-1]
    assert "not closed yet, seen twice" in world.rollout.reason
    assert 0 == world.rollout.evidence.metrics["5XXError"].canary[1]


def test_nothing_is_raised_while_the_newest_minutes_cannot_be_read(world: World) -> None:
    world.baking()
    world.analyzed(minutes=LAG_MINUTES + 2)
    world.fakes.metrics.incomplete_from = minute_of(world.now) - LAG_MINUTES + 2
    answer = world.analyzed(minutes=4)
    assert "EXTEND" == answer["decision"]
    assert "could not be read yet" in answer["reason"]


def test_an_alarm_that_is_deleted_is_told_at_the_next_analysis_and_once(world: World) -> None:
    world.baking(alarms=[WATCHED])
    world.analyzed(minutes=5)
    world.fakes.alarms.delete(WATCHED)
    world.analyzed(minutes=1)
    (told,) = [event for event in world.fakes.notifier.told.values() if "notice" in event]
    assert "alarm orders-5xx does not exist any more; nothing is raised or promoted without it" == told["notice"]
    assert ("BAKING", "BAKING") == (told["state"], world.rollout.phase)
    world.analyzed(minutes=1)
    assert 1 == len([event for event in world.fakes.notifier.told.values() if "notice" in event])


def test_an_alarm_that_is_there_again_and_deleted_again_is_told_again(world: World) -> None:
    world.baking(alarms=[WATCHED])
    for _ in range(2):
        world.fakes.alarms.delete(WATCHED)
        world.analyzed(minutes=1)
        world.fakes.alarms.put(WATCHED, "OK", world.now)
        world.analyzed(minutes=1)
    assert 2 == len([event for event in world.fakes.notifier.told.values() if "notice" in event])
