"""Plans that are made of the base's traffic."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rollout.core.judge import BaseTraffic, JudgeSettings, Step
from rollout.core.judge.planning import LONGEST_BAKE, derived
from rollout.core.judge.previewing import preview

SETTINGS = JudgeSettings.of()
CONTROL = Step(Decimal(95), 10, harm_only=True)
DEFAULT = (*(Step(Decimal(weight), 10) for weight in (5, 10, 25, 50)), CONTROL)


def at(per_minute: float, bad_rate: float = 0.005) -> dict[str, BaseTraffic]:
    return {"5XXError": BaseTraffic(per_minute, bad_rate)}


@pytest.mark.parametrize("per_minute", [300, 1_200, 120_000])
def test_where_there_is_traffic_enough_the_default_plan_stays(per_minute: float) -> None:
    assert DEFAULT == derived(SETTINGS, DEFAULT, at(per_minute))


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
