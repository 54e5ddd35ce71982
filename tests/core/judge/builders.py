"""Builders for the judge's tests: each takes only what the test is about."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from rollout.core.judge import (
    Count,
    Evidence,
    JudgeSettings,
    MetricKind,
    MetricSettings,
    MinuteReading,
    Pair,
    Plan,
    Step,
    Tolerance,
    Totals,
    begin,
    observe,
)

NAME = "5XXError"
FOUR_STEPS = ((5, 10), (10, 10), (25, 10), (50, 10))

Minute = tuple[int, int, int, int]
"""Canary requests, bad; base requests, bad."""

HEALTHY: Minute = (60, 1, 1140, 12)


def a_plan(*steps: tuple[float, int]) -> Plan:
    return tuple(Step(Decimal(str(weight)), bake) for weight, bake in steps or FOUR_STEPS)


def some_settings(*names: str, **changes: Any) -> JudgeSettings:
    return JudgeSettings.of(metrics=[MetricSettings(name) for name in names or (NAME,)], **changes)


def orders(**changes: Any) -> MetricSettings:
    metric = MetricSettings("OrdersPlaced", MetricKind.BUSINESS_COUNT, Tolerance(0.9, 0.0))
    return metric._replace(**changes)


def a_pair(minute: Minute) -> Pair:
    canary_requests, canary_bad, base_requests, base_bad = minute
    return Pair(Count(canary_requests, canary_bad), Count(base_requests, base_bad))


def a_reading(number: int, minute: Minute, step: int = 0, name: str = NAME) -> MinuteReading:
    return MinuteReading(number, step, {name: a_pair(minute)})


def evidence_of(
    minutes: Iterable[Minute],
    settings: JudgeSettings | None = None,
    plan: Plan | None = None,
    history: Totals | None = None,
    name: str = NAME,
) -> Evidence:
    """The evidence after these minutes of the first step."""
    settings, plan = settings or some_settings(name), plan or a_plan()
    evidence = begin(settings, plan, {name: history} if history else {})
    for number, minute in enumerate(minutes, start=1):
        evidence = observe(evidence, a_reading(number, minute, name=name), settings, plan)
    return evidence
