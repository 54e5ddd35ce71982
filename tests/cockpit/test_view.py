"""The view: what a rollout's record and history say to a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from math import exp

import pytest

from rollout.cockpit.chart_data import MOST_DOTS, MOST_POINTS
from rollout.cockpit.formatting import deciding_odds, duration, short_count, short_odds
from rollout.cockpit.history import harm
from rollout.cockpit.sections import verdict_words
from rollout.cockpit.timeline import Tone
from rollout.cockpit.view import view_of
from rollout.core.decision import Phase
from rollout.core.measures import Series
from rollout.core.rollout import Outcome
from rollout.core.target import Target
from rollout.core.undo import Undo, undo_by, undo_id_of
from rollout.request.judge import parse_judge
from tests.cockpit.lived import long_view, seen, view
from tests.rollouts import JUDGE, NOON, rollout, settings

ENDS = {
    "errors-double": ("ROLLED_BACK", Tone.BAD),
    "promoted": ("PROMOTED", Tone.GOOD),
    "held": ("HELD", Tone.WARNING),
    "stage-deleted": ("STOPPED", Tone.WARNING),
}


@pytest.mark.parametrize(("scenario", "expected"), ENDS.items())
def test_the_view_tells_how_a_rollout_stands(scenario: str, expected: tuple[str, Tone]) -> None:
    assert expected == (view(scenario).state, view(scenario).tone)


def test_a_target_is_called_by_its_name() -> None:
    assert "orders / prod" == view("promoted").series
    alias = Target("lambda-alias", {"functionName": "orders", "aliasName": "live"})
    versions = Series({"Resource": "orders:live", "ExecutedVersion": "1"}, {})
    assert "orders / live" == view_of(rollout(settings=settings(target=alias), series=versions), (), NOON).series


def test_the_weights_are_those_of_the_plan_in_order() -> None:
    assert [0.0, 5.0, 25.0, 100.0] == [weight.percent for weight in view("promoted").weights]


def test_after_a_rollback_the_weight_is_nothing() -> None:
    assert [0.0, 5.0, 25.0, 0.0] == [weight.percent for weight in view("aborted").weights]
    assert view("aborted").highest_weight == 25.0


def test_evidence_that_convicts_has_come_all_the_way_to_a_rollback() -> None:
    convicted = next(metric for metric in view("errors-double").metrics if metric.verdict == "harmful")
    assert convicted.last
    assert convicted.last.harm is not None
    assert convicted.last.harm >= 1.0
    assert convicted.name in ("5XXError",)
    assert exp(convicted.harm_limit) == pytest.approx(100)


def test_a_canary_within_tolerance_never_comes_near_a_rollback_and_comes_to_its_proof() -> None:
    errors = view("promoted").metrics[0]
    assert max(point.harm for point in errors.judged if point.harm is not None) < 1.0
    assert max(point.proof for point in errors.judged if point.proof is not None) > 1.0


def test_each_arm_is_shown_with_the_counts_that_were_judged() -> None:
    last = seen("errors-double").history[-3]["analysis"]["verdicts"][0]
    errors = view("errors-double").metrics[0]
    assert (errors.canary, errors.base) == (last["canary"], last["base"])
    assert errors.last
    assert errors.last.canary == pytest.approx(last["canary"]["bad"] / last["canary"]["requests"])


def test_a_stretch_without_measurement_has_no_rate_and_no_evidence() -> None:
    last = view("held").metrics[0].judged[-1]
    assert (None, None, None, None) == (last.canary, last.base, last.harm, last.proof)


def test_in_the_control_there_is_a_base_and_nothing_to_prove() -> None:
    seen = view("in-control")
    errors = seen.metrics[0]
    assert (95, True, False) == (int(seen.weight_percent), errors.in_control, errors.watched)
    assert (True, None) == (errors.base is not None, errors.log_proof)
    assert [] == [judged for judged in errors.judged if judged.part == 2 and judged.proof is not None]
    assert "no worse than the base" == verdict_words(errors)


def test_during_the_watch_there_is_no_base_and_nothing_to_prove() -> None:
    errors = view("worse-after-promotion").metrics[0]
    assert errors.watched
    assert errors.base is None
    assert {(point.base, point.proof) for point in errors.judged if point.part < 0} == {(None, None)}


def test_metrics_that_only_are_shown_come_last() -> None:
    decides = [metric.decides for metric in view("promoted").metrics]
    assert sorted(decides, reverse=True) == decides


# --- the story -----------------------------------------------------------------------------------------------------


def test_looks_that_decide_the_same_are_one_row() -> None:
    rows = view("promoted").rows
    assert len(rows) < len(seen("promoted").history)
    assert len(seen("promoted").history) == sum(row.times for row in rows)
    assert list(range(1, len(rows) + 1)) == [row.number for row in rows]


def test_who_gave_a_command_is_named_with_the_reason() -> None:
    paused = next(row for row in view("paused").rows if row.word == "pause")
    assert paused.who == "command by somebody"
    assert "customer demo" in paused.reason
    assert paused.times == 1


def test_an_alarm_is_named_as_the_actor() -> None:
    back = next(row for row in view("alarm-fires").rows if row.word == "roll back")
    assert back.who.startswith("alarm ")
    assert back.marked


def test_what_was_done_to_the_target_is_told_where_it_was_done() -> None:
    changes = [row.change for row in view("aborted").rows if row.change]
    assert len(changes) == 3
    assert "at 5 %" in changes[0]
    assert "no canary" in changes[-1]


def test_no_sentence_of_the_story_stands_twice_in_a_row() -> None:
    found = [row for row in view("healthy").rows if "the stage's series" in f"{row.reason} {row.notes}"]
    assert found
    for row in found:
        assert 1 == "; ".join(row.told).count("the stage's series")
    assert all(row.told for row in view("healthy").rows)


def test_what_is_proven_or_not_is_said_in_the_words_of_one_that_has_ended() -> None:
    said = {metric.name: verdict_words(metric) for metric in view("promoted").metrics}
    assert said["5XXError"] == said["4XXError"] == "no worse than before"
    assert "worse than tolerated" == verdict_words(view("errors-double").metrics[0])


def test_only_what_is_more_than_another_look_is_marked() -> None:
    words = [row.word for row in view("paused").rows if row.marked]
    assert ["create canary", "pause", "continue", "advance", "promote"] == words


# --- what can be done ----------------------------------------------------------------------------------------------


def commands(name: str) -> list[str]:
    return [hint.command for hint in view(name).hints]


def test_a_held_rollout_can_be_approved_with_its_step_named() -> None:
    held = view("held")
    assert ["approve", "advance", "promote", "abort"] == commands("held")
    assert held.hints[0].typed("r-1") == "rollout approve r-1 --step 2"


def test_a_promoted_rollout_can_be_rolled_back_until_its_time_is_over() -> None:
    assert ["rollback"] == commands("promoted")
    promoted = seen("promoted")
    assert promoted.rollout
    late = promoted.at + timedelta(days=2)
    assert view_of(promoted.rollout, promoted.history, late).hints == ()


UNDOING = Undo("promoted-undo", Outcome.ROLLED_BACK, "by ada: customers complain", NOON)


def test_one_that_has_been_undone_says_by_which_rollout_and_cannot_be_again() -> None:
    there = seen("promoted")
    assert there.rollout
    undone = view_of(there.rollout, there.history, there.at, UNDOING)
    assert ("Promoted, and undone since", ()) == (undone.state_words, undone.hints)
    assert ("Undone by rollout promoted-undo at 2026-03-02 12:00 UTC: by ada: customers complain",) == undone.remarks
    assert 0 == undone.weight_percent


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (None, "Being undone by rollout promoted-undo since "),
        (Outcome.STOPPED, "Not undone: rollout promoted-undo, which was to do it, was stopped at "),
    ],
)
def test_one_that_is_not_undone_yet_or_could_not_be_stays_promoted(outcome: Outcome | None, said: str) -> None:
    there = seen("promoted")
    assert there.rollout
    shown = view_of(there.rollout, there.history, there.at, replace(UNDOING, outcome=outcome))
    assert ("Promoted", ()) == (shown.state_words, shown.hints)
    assert shown.remarks[0].startswith(said)


def test_a_rollout_that_only_bears_the_name_undoes_nothing() -> None:
    first = rollout()
    other = rollout(undo_id_of(first.rollout_id))
    assert undo_by(first, other, None) is None
    assert undo_by(first, None, {"rolloutId": other.rollout_id, "request": {"target": {}}}) is None
    assert undo_by(first, None, None) is None


def test_nothing_can_be_done_about_what_was_rolled_back() -> None:
    assert commands("errors-double") == []


def test_a_running_rollout_tells_how_long_it_takes_at_least() -> None:
    begun = view_of(rollout(step=0), (), NOON)
    assert begun.least_minutes_left == 4 + 10 + 14.5 + 10
    held = view_of(rollout(step=0, phase=Phase.HELD), (), NOON)
    assert held.least_minutes_left is None


# --- long rollouts -------------------------------------------------------------------------------------------------


def test_a_rollout_of_two_weeks_is_drawn_with_few_points() -> None:
    long = long_view(14)
    assert long.minutes > 14 * 24 * 60 - 10
    for metric in long.metrics:
        assert 0 < len(metric.judged) <= MOST_POINTS + 1
        assert 0 < len(metric.dots) <= MOST_DOTS + 1
    assert len(long.rows) == 2


def test_thinning_keeps_the_last_look() -> None:
    long = long_view(14)
    assert long.metrics[0].judged[-1].minute == pytest.approx(long.minutes)


def test_a_history_that_lacks_its_beginning_is_shown_from_where_it_begins() -> None:
    whole = seen("promoted")
    assert whole.rollout
    late = view_of(whole.rollout, whole.history[-6:], whole.at)
    assert late.from_minute > 0
    assert late.weights[0].minute >= late.from_minute
    assert late.rows[-1].word == "close"


# --- words ---------------------------------------------------------------------------------------------------------


def test_durations_are_in_the_units_that_matter() -> None:
    assert ["45 min", "1 h", "3 h 20 min", "2 d 4 h", "14 d"] == [
        duration(minutes) for minutes in (45, 60, 200, 3_120, 20_160)
    ]


def test_the_odds_that_decide_are_those_of_the_metrics_that_decide() -> None:
    assert deciding_odds(JUDGE) == "worse: rolled back at odds of 100:1; ready for the next step: proven at 20:1"
    heavier = {"metrics": [{"name": "5XXError", "weight": 3}, {"name": "Latency.p90"}], "alpha": 0.02, "beta": 0.04}
    assert (
        deciding_odds(parse_judge(heavier))
        == "worse: rolled back at odds of 67:1 to 200:1; ready for the next step: proven at 25:1"
    )


@pytest.mark.parametrize(
    ("number", "shown"), [(0, "0"), (9_999, "9,999"), (10_000, "10k"), (999_499, "999k"), (1_234_567, "1.2M")]
)
def test_counts_are_short(number: float, shown: str) -> None:
    assert short_count(number) == shown


@pytest.mark.parametrize(
    ("log_e", "shown"),
    [(-9.0, "<0.01:1"), (-3.0, "0.05:1"), (0.0, "1.0:1"), (5.2, "181:1"), (10.0, "22k:1"), (30.0, ">10⁹:1")],
)
def test_odds_are_short(log_e: float, shown: str) -> None:
    assert short_odds(log_e) == shown


@pytest.mark.parametrize(("fast", "shown"), [(True, 20.0), (False, 1.5)])
def test_the_odds_that_are_shown_are_those_that_convict(fast: bool, shown: float) -> None:
    verdict = {"logE": 20.0, "logECapped": 1.5, **({"fastLane": True} if fast else {})}
    assert shown == harm(verdict)
