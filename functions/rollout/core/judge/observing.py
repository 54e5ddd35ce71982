"""Taking in what was measured: each minute once, in order, and never across a change of weight."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from . import counts, harm, safety, values
from .checks import check_plan, check_settings
from .errors import InvalidEvidence, InvalidReading
from .evidence import Evidence, MetricEvidence
from .named import NamedTuple
from .plan import Plan, next_weight
from .readings import NO_SAMPLES, SILENCE, Measure, MinuteReading, Pair, checked_count, checked_moments
from .settings import FastLane, JudgeSettings, MetricKind, MetricSettings, Tolerance

_UNMEASURED = Pair()


def begin(settings: JudgeSettings, plan: Plan, base_history: Mapping[str, Measure]) -> Evidence:
    """The evidence before the first minute.

    `base_history` has the base's counts from before the rollout (30 minutes, say), by metric; for a
    metric that is not in it the judge starts from a guess of 0.1 % and learns. Raises InvalidSettings,
    InvalidReading.
    """
    check_settings(settings)
    check_plan(plan)
    _refuse_strangers(base_history, settings, "base history")
    return Evidence({metric.name: _fresh(metric, base_history.get(metric.name)) for metric in settings.metrics})


def begin_step(evidence: Evidence, step: int) -> Evidence:
    """The evidence at the start of a later step (from 0): harm goes on, safety starts afresh.

    Beginning the present step again changes nothing, so that a retried task is harmless. Raises
    InvalidEvidence for an earlier one.
    """
    if step == evidence.step:
        return evidence
    if step < evidence.step:
        raise InvalidEvidence(f"step {step} cannot begin: the rollout is already in step {evidence.step}")
    return evidence._replace(
        metrics={name: metric.in_new_step() for name, metric in evidence.metrics.items()},
        step=step,
        step_minutes=0,
    )


def observe(evidence: Evidence, reading: MinuteReading, settings: JudgeSettings, plan: Plan) -> Evidence:
    """The evidence after one more minute; a minute that was already counted, or an older one, changes
    nothing.

    Raises InvalidReading (a count that cannot have happened, a metric nobody asked for, a minute of
    another step), and InvalidEvidence if the evidence is not of these settings and this plan.
    """
    minute = reading.minute
    if type(minute) is not int:
        raise InvalidReading("minute", f"expected a whole number, found {minute!r}")
    if evidence.last_minute is not None and minute <= evidence.last_minute:
        return evidence
    step = evidence.step
    if reading.step != step:
        raise InvalidReading(f"minute {minute}", f"it belongs to step {reading.step!r}, the rollout is in step {step}")
    if step >= len(plan):
        raise InvalidEvidence(f"the rollout is in step {step} of a plan of {len(plan)}")
    _refuse_strangers(reading.pairs, settings, f"minute {minute}")

    starts_step = evidence.minutes > 0 and evidence.step_minutes == 0 and step > 0
    stake = harm.stake(evidence.minutes, starts_step=starts_step, steps=len(plan))
    log_proof = settings.log_proof
    metrics = {}
    for terms in _terms(settings, plan, step):
        name = terms.metric.name
        before = evidence.metrics.get(name)
        if before is None:
            raise InvalidEvidence(f"the evidence knows no metric {name!r}")
        after = _observed(before, terms, reading.pairs.get(name, _UNMEASURED), minute, stake)
        if not after.proven and safety.reaches(after.safety, log_proof):
            after = after._replace(proven=True)
        metrics[name] = after
    return Evidence(
        metrics,
        minute,
        evidence.minutes + 1,
        step,
        evidence.step_minutes + 1,
        evidence.step_starts + starts_step,
    )


class _Terms(NamedTuple):
    """What one metric is judged by in one step."""

    metric: MetricSettings
    margin: Tolerance
    log_cap: float
    fast_lane: FastLane


@lru_cache(maxsize=32)
def _terms(settings: JudgeSettings, plan: Plan, step: int) -> tuple[_Terms, ...]:
    """The same for every minute of a step, and there may be hundreds to catch up on."""
    weight, shares = next_weight(plan, step), settings.shares()
    return tuple(
        _Terms(
            metric,
            safety.margin(metric.kind, settings.gate, weight),
            settings.log_cap(shares[metric.name]),
            settings.fast_lane,
        )
        for metric in settings.metrics
    )


def _observed(before: MetricEvidence, terms: _Terms, pair: Pair, minute: int, stake: float) -> MetricEvidence:
    metric, margin, log_cap, fast_lane = terms
    name = metric.name
    if type(pair) is not Pair:
        raise InvalidReading(f"minute {minute}, {name}", f"expected a Pair, found {pair!r}")
    if metric.kind is MetricKind.BUSINESS_VALUE:
        return values.observed(
            before,
            metric,
            checked_moments(pair.canary, minute, name, "canary"),
            checked_moments(pair.base, minute, name, "base"),
            margin=margin,
            log_cap=log_cap,
            stake=stake,
        )
    return counts.observed(
        before,
        metric,
        checked_count(pair.canary, minute, name, "canary"),
        checked_count(pair.base, minute, name, "base"),
        margin=margin,
        log_cap=log_cap,
        stake=stake,
        fast_lane=fast_lane,
    )


def _fresh(metric: MetricSettings, history: Measure | None) -> MetricEvidence:
    if metric.kind is MetricKind.BUSINESS_VALUE:
        return MetricEvidence(checked_moments(history, None, metric.name, "base"), NO_SAMPLES, NO_SAMPLES)
    return MetricEvidence(checked_count(history, None, metric.name, "base"), SILENCE, SILENCE)


def _refuse_strangers(measured: Mapping[str, object], settings: JudgeSettings, where: str) -> None:
    known = [metric.name for metric in settings.metrics]
    for name in measured:
        if name not in known:
            raise InvalidReading(where, f"nobody asked for {name!r} (known: {', '.join(sorted(known))})")
