"""A plan made of what the base's traffic allows, before the rollout begins.

Little traffic. The fixed default plan (5, 10, 25, 50 %, ten minutes each) brings a few canary requests at a few
requests a minute, and holds every healthy release. So a request without steps gets fewer and larger ones below five
requests a second, each with the bake that the proof of a healthy canary needs, and half as much again; at most a day.

Much traffic. Where the first step alone would bring more than a thousand canary requests a minute, a probe precedes it:
one rung of a ramp at two hundred requests a minute, enough to convict a disaster in one. At 2,000 requests a second the
first five minutes at 5 % cost 30,000 requests if all fail.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_UP, Decimal
from math import ceil

from .plan import Plan, Ramp, Step
from .previewing import BaseTraffic, preview
from .settings import JudgeSettings, MetricKind

ENOUGH_PER_MINUTE = 300.0
"""Requests for which the fixed default plan is made."""
FEW_PER_MINUTE = 30.0
WEIGHTS = (Decimal(10), Decimal(50))
WEIGHTS_WHERE_FEW = (Decimal(25), Decimal(50))
LEAST_BAKE = 10
LONGEST_BAKE = 1_440
RESERVE = 1.5
"""A healthy canary is unlucky half of the time; a bake may also last three times as long."""

PROBED_PER_MINUTE = 1_000.0
PROBE_PER_MINUTE = 200.0
PROBE_MARGIN = 0.05
"""How many bad requests more than the base's (a fraction) the first step may have, at what the probe has proven."""
PROBE_MINUTES = 3
LEAST_WEIGHT = Decimal("0.01")


def probed(plan: Plan, requests_per_minute: float, lag_minutes: int) -> Plan:
    """The plan of fixed steps, preceded by a probe where its first step would bring too many requests at once."""
    first = plan[0]
    if first.ramp is not None or requests_per_minute * first.weight <= PROBED_PER_MINUTE:
        return plan
    weight = max(LEAST_WEIGHT, Decimal(100.0 * PROBE_PER_MINUTE / requests_per_minute).quantize(LEAST_WEIGHT, ROUND_UP))
    if weight >= first.weight_percent:
        return plan
    risk_seconds = PROBE_MARGIN * first.weight * 60.0 * (lag_minutes + 4)
    return (Step(weight, PROBE_MINUTES, ramp=Ramp(risk_seconds, lag_minutes, 0)), *plan)


def derived(settings: JudgeSettings, default: Plan, traffic: Mapping[str, BaseTraffic]) -> Plan:
    """The plan of a request that names no steps: the default one where there is traffic enough, or where it is unknown.

    A control stays as it is. The bakes are for the metrics that must be proven.
    """
    gating = {each.name for each in settings.metrics if each.gates and each.kind is MetricKind.ERRORS}
    known = {name: base for name, base in traffic.items() if name in gating}
    per_minute = min((base.requests_per_minute for base in known.values()), default=0.0)
    if not 0.0 < per_minute < ENOUGH_PER_MINUTE:
        return default
    weights = WEIGHTS_WHERE_FEW if per_minute < FEW_PER_MINUTE else WEIGHTS
    control = tuple(step for step in default if step.harm_only)
    plan = (*(Step(weight, LONGEST_BAKE) for weight in weights), *control)
    seen = preview(settings, plan, known)
    bakes = [max((each.proof_minutes or LONGEST_BAKE for each in step.metrics), default=LONGEST_BAKE) for step in seen]
    steps = (
        step._replace(bake_minutes=min(LONGEST_BAKE, max(LEAST_BAKE, ceil(RESERVE * bake))))
        for step, bake in zip(plan, bakes, strict=True)
        if not step.harm_only
    )
    return (*steps, *control)
