"""The self-driving ramp: where it begins, how far it leaps, and what it waits for."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from rollout.core.judge import (
    Action,
    BaseTraffic,
    Count,
    Evidence,
    Judgement,
    JudgeSettings,
    MetricSettings,
    MinuteReading,
    Pair,
    Ramp,
    Step,
    Tolerance,
    begin,
    begin_step,
    conclude,
    observe,
    preview,
)
from rollout.core.judge.plan import reachable
from rollout.core.judge.ramp import LONGEST_MINUTES, WEIGHTS, from_start, likely_course, rungs

RAMP = Ramp(20.0, 3, 20)
CONTROL = Step(Decimal(95), 10, harm_only=True)
PLAN = (*rungs(RAMP), CONTROL)
SETTINGS = JudgeSettings.of(metrics=[MetricSettings("5XXError")])
HISTORY = {"5XXError": Count(3_600_000, 3_600)}


def weight_of(step: int) -> float:
    return float(PLAN[step].weight_percent)


def minutes(
    evidence: Evidence, count: int, *, bad_rate: float = 0.001, per_minute: int = 120_000
) -> tuple[Evidence, Judgement]:
    """So many more minutes at the present weight, as they are expected, and the judgement after them."""
    judgement = None
    for _ in range(count):
        canary = round(per_minute * PLAN[evidence.step].weight)
        base = per_minute - canary
        pair = Pair(Count(canary, round(canary * bad_rate)), Count(base, base // 1_000))
        number = (evidence.last_minute or 0) + 1
        evidence = observe(evidence, MinuteReading(number, evidence.step, {"5XXError": pair}), SETTINGS, PLAN)
        evidence, judgement = conclude(evidence, SETTINGS, PLAN)
    assert judgement is not None
    return evidence, judgement


def at_step(step: int, **traffic: float) -> tuple[Evidence, Judgement]:
    evidence = begin_step(begin(SETTINGS, PLAN, HISTORY), step, SETTINGS, PLAN)
    return minutes(evidence, 3, **traffic)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("per_minute", "percent"),
    [(120, 5), (1_200, 5), (12_000, 1), (60_000, 0.2), (120_000, 0.1), (12_000_000, 0.1), (0, 5)],
)
def test_it_begins_where_a_disaster_is_convicted_in_a_minute_and_costs_least(per_minute: float, percent: float) -> None:
    assert Decimal(str(percent)) == from_start(PLAN, per_minute)[0].weight_percent


def test_a_smaller_risk_begins_lower() -> None:
    assert Decimal(1) == from_start(rungs(Ramp(4.0, 3, 20)), 120)[0].weight_percent


def test_a_plan_without_a_ramp_is_left_alone() -> None:
    plan = (Step(Decimal(5), 10), CONTROL)
    assert plan == from_start(plan, 120_000)


def test_it_leaps_to_ten_times_its_weight_at_most_and_never_over_a_rung_above_ten_percent() -> None:
    leaps = {weight_of(step): [weight_of(to) for to in reachable(PLAN, step)] for step in range(len(WEIGHTS))}
    assert leaps == {
        0.1: [0.2, 0.5, 1],
        0.2: [0.5, 1, 2],
        0.5: [1, 2, 5],
        1: [2, 5, 10],
        2: [5, 10],
        5: [10],
        10: [25],
        25: [50],
        50: [95],
    }


@pytest.mark.parametrize("plan", [PLAN, PLAN[:-1]], ids=["with a control", "without one"])
def test_every_step_of_a_ramp_leads_on_and_the_last_to_the_promotion(plan: tuple[Step, ...]) -> None:
    onward = [reachable(plan, step) for step in range(len(plan))]
    assert all(step + 1 in to for step, to in enumerate(onward))
    assert onward[-1] == (len(plan),)
    assert [step.step for step in preview(SETTINGS, plan, {"5XXError": BaseTraffic(120_000, 0.001)})] == list(
        range(len(plan))
    )


def test_one_raise_may_cost_its_risk_until_it_is_seen() -> None:
    assert pytest.approx(0.0952, abs=1e-4) == RAMP.excess(0.5)
    assert pytest.approx(20.0) == RAMP.excess(0.25) * 0.25 * 60 * (3 + 4)


def test_a_healthy_canary_leaps_after_three_minutes_and_not_before() -> None:
    evidence, judgement = at_step(0)
    assert (Action.ADVANCE, 1.0) == (judgement.action, weight_of(judgement.next_step or 0))
    fresh = begin(SETTINGS, PLAN, HISTORY)
    assert Action.CONTINUE is minutes(fresh, 2)[1].action
    assert 3 == evidence.bake_minutes


def test_a_canary_that_would_cost_more_than_the_risk_is_not_raised() -> None:
    """The tolerance is 90 points, so that harm has no say; at 50 % the risk is worth 9.5 points."""
    (metric,) = SETTINGS.metrics
    lenient = metric._replace(max_excess=1.0, tolerance=Tolerance(1.0, 0.9))
    settings = SETTINGS._replace(metrics=(lenient,))
    evidence = begin_step(begin(settings, PLAN, HISTORY), 7, settings, PLAN)
    costly = 1.5 * RAMP.excess(0.5)
    for number in range(1, 6):
        pair = Pair(Count(30_000, round(30_000 * costly)), Count(90_000, 90))
        evidence = observe(evidence, MinuteReading(number, 7, {"5XXError": pair}), settings, PLAN)
    _, judgement = conclude(evidence, settings, PLAN)
    assert (Action.CONTINUE, None) == (judgement.action, judgement.next_step)
    assert "next: 50 % when p_c < p_b + 9.5 points is proven" in judgement.reason


def test_a_raise_says_what_was_proven_for_it() -> None:
    _, judgement = at_step(7)
    assert (Action.ADVANCE, True) == (judgement.action, judgement.proof is not None)
    assert judgement.proof is not None
    assert ("5XXError", 50.0) == (judgement.proof.metric, float(judgement.proof.weight_percent))
    assert pytest.approx(RAMP.excess(0.5)) == judgement.proof.margin.absolute
    assert judgement.proof.proven
    assert judgement.proof.log_s >= SETTINGS.log_proof
    assert judgement.reason.startswith("to 50 %: p_c < p_b + 9.5 points is proven, ")


@pytest.mark.parametrize("step", range(9))
def test_each_look_of_a_ramp_names_the_next_weight_and_its_margin(step: int) -> None:
    for minute in range(1, 4):
        _, judgement = minutes(begin_step(begin(SETTINGS, PLAN, HISTORY), step, SETTINGS, PLAN), minute)
        assert judgement.proof is not None
        target = judgement.next_step
        assert target is None or weight_of(target) == float(judgement.proof.weight_percent)
        assert weight_of(step) < float(judgement.proof.weight_percent)
        assert judgement.proof.words in judgement.reason


def test_what_is_proven_and_waits_for_its_minutes_is_said_to_be_proven() -> None:
    _, judgement = at_step(8)
    assert judgement.proof is not None
    assert (None, True) == (judgement.next_step, judgement.proof.proven)
    assert f"next: 95 % for {judgement.proof.words} is proven, now " in judgement.reason


def test_suspicion_holds_the_raise() -> None:
    _, judgement = at_step(3, bad_rate=0.003)
    assert (Action.CONTINUE, None) == (judgement.action, judgement.next_step)
    assert "a raise needs less than 0.74:1" in judgement.reason


def test_what_the_next_rung_lacks_is_said() -> None:
    _, judgement = minutes(begin_step(begin(SETTINGS, PLAN, HISTORY), 7, SETTINGS, PLAN), 1, per_minute=40)
    assert "ramp at 25%; next: 50 % when p_c < p_b + 9.5 points is proven; now " in judgement.reason
    assert " of 20:1; 1 of 3 min measured at this weight" in judgement.reason


def test_before_a_hundred_percent_it_has_measured_twenty_minutes_in_all() -> None:
    evidence, judgement = at_step(8)
    assert (Action.CONTINUE, True) == (judgement.action, "3 of 20 min measured in all" in judgement.reason)
    evidence, judgement = minutes(evidence, 16)
    assert Action.CONTINUE is judgement.action
    evidence, judgement = minutes(evidence, 1)
    assert (Action.ADVANCE, len(PLAN) - 1) == (judgement.action, judgement.next_step)


def test_minutes_of_earlier_rungs_count_for_the_soak() -> None:
    evidence, judgement = at_step(0)
    for _ in range(4):
        assert judgement.next_step is not None
        evidence = begin_step(evidence, judgement.next_step, SETTINGS, PLAN)
        evidence, judgement = minutes(evidence, 3)
    assert (50.0, 15) == (weight_of(evidence.step), evidence.baked_before + evidence.bake_minutes)


def test_thirty_minutes_without_a_raise_ask_a_person() -> None:
    evidence, judgement = minutes(
        begin_step(begin(SETTINGS, PLAN, HISTORY), 5, SETTINGS, PLAN), LONGEST_MINUTES - 1, per_minute=3
    )
    assert Action.CONTINUE is judgement.action
    _, judgement = minutes(evidence, 1, per_minute=3)
    assert (Action.HOLD, True) == (judgement.action, "no raise in 30 min at 5%" in judgement.reason)


def test_harm_rolls_back_from_any_rung() -> None:
    assert Action.ROLL_BACK is at_step(3, bad_rate=0.2)[1].action


def test_the_evidence_of_a_ramp_is_read_as_it_was_written() -> None:
    evidence, _ = at_step(0)
    assert evidence == Evidence.from_dict(json.loads(json.dumps(evidence.to_dict())))
    assert 3 == evidence.metrics["5XXError"].rungs


def test_a_rung_is_warned_of_only_where_it_would_hold() -> None:
    def warned(per_minute: float) -> list[int]:
        plan = from_start(PLAN, per_minute)
        seen = preview(SETTINGS, plan, {"5XXError": BaseTraffic(per_minute, 0.001)})
        return [step.step for step in seen[:-1] if step.warnings]

    assert ([], True) == (warned(120_000), bool(warned(3)))


def test_the_likely_course_leaps_to_ten_percent_and_soaks_at_fifty() -> None:
    steps, measured = likely_course(PLAN)
    assert [0.1, 1, 10, 25, 50, 95] == [float(step.weight_percent) for step in steps]
    assert ([3, 3, 3, 3, 8, 10], 30) == ([step.bake_minutes for step in steps], measured)


def test_the_likely_course_of_steps_is_the_steps() -> None:
    plan = (Step(Decimal(5), 10), Step(Decimal(50), 20), CONTROL)
    assert (plan, 40) == likely_course(plan)
