"""Two situations with a shape of their own: a release that warms up, and a target with hardly any traffic.

Warm-up. For a minute after each raise a tenth of the newly moved requests is slow, in the second minute half as many,
in the third half again: caches and pools fill. The first judged minute begins 30 to 90 seconds after the raise.
Latencies are log-normal (σ = 0.5) and the same in both arms, so a healthy canary has p90 and p99 like the base's.

Quiet. One request in 50 seconds (0.02 a second), a plan of four steps of a day, a base with 0.1 % errors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from math import log
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from benchmarks.judge.measure import Json
from benchmarks.judge.traffic import BAKE, HISTORY_MINUTES, LONGEST, PLAN, WEIGHTS
from rollout.core.judge import (
    Action,
    Count,
    JudgeSettings,
    MetricKind,
    MetricSettings,
    MinuteReading,
    Pair,
    Plan,
    Step,
    begin,
    begin_step,
    conclude,
    is_harmful,
    observe,
    with_base_dispersion,
)
from rollout.core.judge.settings import LATENCY_TOLERANCE

ERRORS = "5XXError"
QUANTILES = (0.90, 0.99)
SIGMA, ALLOWED_SLOWER = 0.5, 1.10
SLOW_SHARES = (0.10, 0.05, 0.025)
"""Of the newly moved requests, in the first, second and third minute after a raise."""
ERROR_RATE = 0.001

QUIET_RPS = 0.02
DAY = 24 * 60
QUIET_PLAN: Plan = tuple(Step(step.weight_percent, DAY) for step in PLAN)

Minutes = Iterator[Mapping[str, Pair]]


class Situation(NamedTuple):
    """One cell: what it is called, and how many rollouts of it."""

    kind: str
    name: str
    value: float
    rollouts: int


def situations(count: int) -> list[Situation]:
    """All of them with so many rollouts each."""
    warm = [Situation("warm-up", f"{rps:g} rps", rps, count) for rps in (2.0, 20.0, 200.0)]
    cold = [Situation("warm-up counted", f"{rps:g} rps", rps, count) for rps in (2.0, 20.0, 200.0)]
    quiet = [Situation("quiet", what, factor, count) for what, factor in (("healthy", 1.0), ("ten times worse", 10.0))]
    return [*quiet, *warm, *cold]


def measured(situation: Situation, seed: int) -> Json:
    """How its rollouts ended; the same seed gives the same figures."""
    endings = []
    for index in range(situation.rollouts):
        rng = np.random.default_rng([seed, 77, round(1000 * situation.value), len(situation.kind), index])
        endings.append(_quiet(situation.value, rng) if situation.kind == "quiet" else _warm_up(situation, rng))
    return {
        "kind": situation.kind,
        "name": situation.name,
        "rollouts": len(endings),
        "rolledBack": endings.count(Action.ROLL_BACK),
        "promoted": endings.count(Action.PROMOTE),
        "held": endings.count(Action.HOLD),
    }


def followed(
    settings: JudgeSettings, plan: Plan, history: Mapping[str, Sequence[Count]], minute: Mapping[int, Minutes]
) -> Action:
    """How one rollout ends; `minute` yields the minutes of each step."""
    settings = with_base_dispersion(settings, history)
    sums = {
        name: Count(sum(each[0] for each in counts), sum(each[1] for each in counts))
        for name, counts in history.items()
    }
    evidence = begin(settings, plan, sums)
    while True:
        reading = MinuteReading(evidence.minutes, evidence.step, next(minute[evidence.step]))
        evidence = observe(evidence, reading, settings, plan)
        if evidence.step_minutes < plan[evidence.step].bake_minutes:
            if is_harmful(evidence, settings, plan):
                return Action.ROLL_BACK
            continue
        evidence, judgement = conclude(evidence, settings, plan)
        if judgement.action.ends:
            return judgement.action
        if judgement.action is Action.ADVANCE:
            evidence = begin_step(evidence, evidence.step + 1, settings, plan)


def _warm_up(situation: Situation, rng: np.random.Generator) -> Action:
    """One rollout of a release whose newly moved requests are slow at first."""
    shown_only = None if situation.kind == "warm-up" else 0
    metrics = [MetricSettings(ERRORS)] + [
        MetricSettings(
            f"Latency.p{100 * each:g}",
            MetricKind.LATENCY,
            LATENCY_TOLERANCE,
            required=False,
            warm_up_minutes=shown_only,
        )
        for each in QUANTILES
    ]
    settings = JudgeSettings.of(metrics=metrics)
    per_minute = 60.0 * situation.value
    history = {
        metric.name: _counts(rng, per_minute, rate, HISTORY_MINUTES)
        for metric, rate in zip(metrics, (ERROR_RATE, *(1.0 - each for each in QUANTILES)), strict=True)
    }
    return followed(settings, PLAN, history, {step: _warming(rng, per_minute, step) for step in range(len(PLAN))})


def _counts(rng: np.random.Generator, per_minute: float, rate: float, minutes: int) -> list[Count]:
    requests = rng.poisson(per_minute, minutes)
    return list(map(Count, requests.tolist(), rng.binomial(requests, rate).tolist()))


def _warming(rng: np.random.Generator, per_minute: float, step: int) -> Minutes:
    weight = float(WEIGHTS[step])
    moved = (weight - (float(WEIGHTS[step - 1]) if step else 0.0)) / weight
    normal = NormalDist()
    first_judged = 0.5 + float(rng.random())
    for minute in range(LONGEST):
        slow = moved * _slow_share(first_judged + minute)
        canary, base = int(rng.poisson(per_minute * weight)), int(rng.poisson(per_minute * (1.0 - weight)))
        draw = partial(_drawn, rng)
        pairs = {ERRORS: Pair(draw(canary, ERROR_RATE), draw(base, ERROR_RATE))}
        for quantile in QUANTILES:
            beyond = 1.0 - normal.cdf(normal.inv_cdf(quantile) + log(ALLOWED_SLOWER) / SIGMA)
            pairs[f"Latency.p{100 * quantile:g}"] = Pair(draw(canary, beyond + slow), draw(base, 1.0 - quantile))
        yield pairs


def _slow_share(begin: float) -> float:
    """Of the newly moved requests, in the minute that begins so many minutes after the raise."""
    whole = int(begin)
    later = begin - whole
    now, then = (SLOW_SHARES[each] if each < len(SLOW_SHARES) else 0.0 for each in (whole, whole + 1))
    return (1.0 - later) * now + later * then


def _drawn(rng: np.random.Generator, requests: int, rate: float) -> Count:
    return Count(requests, int(rng.binomial(requests, min(1.0, rate))))


def _quiet(factor: float, rng: np.random.Generator) -> Action:
    """One rollout at a request in 50 seconds; most minutes have none."""
    settings = JudgeSettings.of(metrics=[MetricSettings(ERRORS)])
    per_minute = 60.0 * QUIET_RPS
    history = {ERRORS: _counts(rng, per_minute, ERROR_RATE, HISTORY_MINUTES)}
    steps = {step: _quiet_minutes(rng, per_minute, step, factor) for step in range(len(QUIET_PLAN))}
    return followed(settings, QUIET_PLAN, history, steps)


def _quiet_minutes(rng: np.random.Generator, per_minute: float, step: int, factor: float) -> Minutes:
    weight = float(WEIGHTS[step])
    minutes = DAY * LONGEST // BAKE
    canary, base = rng.poisson(per_minute * weight, minutes), rng.poisson(per_minute * (1.0 - weight), minutes)
    canary_bad, base_bad = rng.binomial(canary, ERROR_RATE * factor), rng.binomial(base, ERROR_RATE)
    for counts in zip(canary.tolist(), canary_bad.tolist(), base.tolist(), base_bad.tolist(), strict=True):
        yield {ERRORS: Pair(Count(*counts[:2]), Count(*counts[2:]))}
