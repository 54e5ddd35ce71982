"""Plans that are made of the base's traffic."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rollout.core.judge import (
    Action,
    BaseTraffic,
    Count,
    JudgeSettings,
    MetricKind,
    MetricSettings,
    MinuteReading,
    Pair,
    Ramp,
    Step,
    begin,
    conclude,
    observe,
    safety,
)
from rollout.core.judge.plan import is_probe, reachable
from rollout.core.judge.planning import LONGEST_BAKE, PROBE_MARGIN, derived, probed
from rollout.core.judge.previewing import preview
from rollout.core.judge.ramp import LONGEST_MINUTES, SUSPICION, rungs

SETTINGS = JudgeSettings.of()
CONTROL = Step(Decimal(95), 10, harm_only=True)
DEFAULT = (*(Step(Decimal(weight), 10) for weight in (5, 10, 25, 50)), CONTROL)


def at(per_minute: float, bad_rate: float = 0.005) -> dict[str, BaseTraffic]:
    return {"5XXError": BaseTraffic(per_minute, bad_rate)}


@pytest.mark.parametrize("per_minute", [300, 1_200, 120_000])
def test_where_there_is_traffic_enough_the_default_plan_stays(per_minute: float) -> None:
    assert DEFAULT == derived(SETTINGS, DEFAULT, at(per_minute))


@pytest.mark.parametrize(
    ("per_minute", "first", "probe"),
    [
        (20_000, 5, None),
        (20_001, 5, "1.00"),
        (120_000, 5, "0.17"),
        (3_000, 50, "6.67"),
        (1_000_000_000, 5, "0.01"),
        (50_000_000, "0.01", None),
    ],
)
def test_a_probe_of_two_hundred_requests_precedes_a_step_of_more_than_a_thousand(
    per_minute: float, first: float | str, probe: str | None
) -> None:
    plan = (Step(Decimal(first), 10), CONTROL)
    found = probed(plan, per_minute, 3)
    assert plan == found[-2:]
    assert ([] if probe is None else [Decimal(probe)]) == [step.weight_percent for step in found[:-2]]
    assert is_probe(found, 0) == (probe is not None)


def test_the_first_step_may_cost_five_points_by_what_the_probe_has_proven() -> None:
    plan = probed(DEFAULT, 120_000, 3)
    [gate] = safety.gates(MetricKind.ERRORS, SETTINGS.gate, plan, 0)
    assert pytest.approx((1.0, PROBE_MARGIN)) == tuple(gate)
    assert (1,) == reachable(plan, 0)


def test_a_probe_waits_under_suspicion_for_half_an_hour_and_goes_on_then() -> None:
    """A failure every other minute, where the base would have one in five: no proof of harm, no end of suspicion."""
    settings, plan = JudgeSettings.of(metrics=[MetricSettings("5XXError")]), probed(DEFAULT, 120_000, 3)
    evidence = begin(settings, plan, {"5XXError": Count(3_600_000, 3_600)})
    actions = []
    for minute in range(LONGEST_MINUTES):
        pair = Pair(Count(204, int(minute % 2 == 0)), Count(119_796, 120))
        evidence = observe(evidence, MinuteReading(minute, 0, {"5XXError": pair}), settings, plan)
        evidence, judgement = conclude(evidence, settings, plan)
        actions.append(judgement.action)
        assert judgement.log_e > SUSPICION
    assert [Action.CONTINUE] * (LONGEST_MINUTES - 1) + [Action.ADVANCE] == actions


def test_a_metric_that_counts_little_delays_the_probe_and_holds_nobody() -> None:
    """Ten canary events in half an hour prove nothing; without the probe nobody would ask for a proof before 5 %."""
    settings = JudgeSettings.of(metrics=[MetricSettings("5XXError"), MetricSettings("checkout-errors")])
    plan = probed(DEFAULT, 120_000, 3)
    evidence = begin(settings, plan, {"5XXError": Count(3_600_000, 3_600), "checkout-errors": Count(6_000, 6)})
    actions = []
    for minute in range(LONGEST_MINUTES):
        rare = Pair(Count(int(minute % 3 == 0), 0), Count(200, 0))
        pairs = {"5XXError": Pair(Count(204, 0), Count(119_796, 120)), "checkout-errors": rare}
        evidence = observe(evidence, MinuteReading(minute, 0, pairs), settings, plan)
        evidence, judgement = conclude(evidence, settings, plan)
        actions.append(judgement.action)
    assert [Action.CONTINUE] * (LONGEST_MINUTES - 1) + [Action.ADVANCE] == actions
    assert judgement.reason.startswith("to 5 % without that proof: 30 min of the probe show no harm")


def test_a_ramp_gets_no_probe_and_its_last_rung_is_none() -> None:
    ramp = rungs(Ramp(20.0, 3, 20))
    assert ramp == probed(ramp, 120_000, 3)
    assert not any(is_probe((ramp[-1], *rest), 0) for rest in ((), (CONTROL,)))


def test_where_the_traffic_is_not_known_the_default_plan_stays() -> None:
    assert DEFAULT == derived(SETTINGS, DEFAULT, {})


@pytest.mark.parametrize("per_minute", [3, 30, 120, 299])
@pytest.mark.parametrize("bad_rate", [0.0, 0.001, 0.01, 0.05])
def test_below_five_requests_a_second_every_step_can_be_proven_within_its_bake(
    per_minute: float, bad_rate: float
) -> None:
    plan = derived(SETTINGS, DEFAULT, at(per_minute, bad_rate))
    assert len(DEFAULT) > len(plan)
    assert CONTROL == plan[-1]
    for step, seen in zip(plan[:-1], preview(SETTINGS, plan, at(per_minute, bad_rate)), strict=False):
        assert [] == [
            each for each in seen.metrics if each.proof_minutes is None or each.proof_minutes > step.bake_minutes
        ]


def test_no_step_takes_longer_than_a_day() -> None:
    assert {LONGEST_BAKE} == {step.bake_minutes for step in derived(SETTINGS, DEFAULT, at(0.05)) if not step.harm_only}


def test_less_traffic_means_larger_weights() -> None:
    assert [Decimal(25), Decimal(50)] == [step.weight_percent for step in derived(SETTINGS, DEFAULT, at(3))[:-1]]
    assert [Decimal(10), Decimal(50)] == [step.weight_percent for step in derived(SETTINGS, DEFAULT, at(60))[:-1]]
