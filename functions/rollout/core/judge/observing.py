"""Taking in what was measured: each minute once, and never across a change of weight.

Each minute, per metric, in this order: the stake goes in; the split between the arms is tested; the counts go
to `pending`; and if pending is ripe, it is one e-value on its sums, for harm and for each line of safety.

Blocks. With one request in either arm the odds n_c/n_b of a minute say nothing, and a minute in which one arm
is silent has no odds at all. So counts wait until a block has at least 1 request of the canary and 10 of the base,
or until 60 minutes were added and both arms have one. Where there is traffic every minute is a block.

Points that are not there. CloudWatch has no point for a minute without requests, and none for one that it has
not got yet. A missing point is taken for a zero only where fewer than seven requests were expected; exp(−7) <
0.1 %. Otherwise the minute gives nothing to either arm, and is remembered: its points may come late, and are
counted then, once.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from math import exp, log
from typing import Any, NamedTuple, TypeAlias

from . import counts, harm, safety, values
from .checks import check_plan, check_settings
from .dispersion import of_history, spread_after
from .errors import InvalidEvidence, InvalidReading
from .evidence import MOST_MISSED, Evidence, MetricEvidence, Wealth
from .metric_defaults import SERVER_ERRORS, source_of
from .minute import plugin_rate
from .plan import Plan, later_starts
from .readings import Count, MinuteReading, Moments, Pair, Totals, checked_count, checked_moments
from .settings import FastLane, JudgeSettings, MetricKind, MetricSettings, Tolerance, split_route
from .split import Split

LEAST_BASE_REQUESTS = 10
LONGEST_BLOCK_MINUTES = 60
LEAST_SAMPLES = 20
SURE_TO_HAVE_A_POINT = 7.0
"""Where so many requests are expected, a missing point is not a zero."""
FAILING_TOO_FAST = 0.05
"""Where more of the base's requests fail than this, its latency is that of its failures."""

_NO_POINTS = Pair()
Arms: TypeAlias = tuple[Totals, Totals]
"""Canary and base of a minute; a point that is not there is a zero."""
_Wealths: TypeAlias = tuple[Wealth, Wealth]
"""ln W of the bets, and the capped ones; one and the same as long as no block was capped."""


def with_base_dispersion(settings: JudgeSettings, base_minutes: Mapping[str, Iterable[Count | None]]) -> JudgeSettings:
    """The settings with the dispersion of the base's own minutes before the rollout (oldest first; None: no point),
    for each metric of which none is set or learned."""
    return settings._replace(
        metrics=tuple(
            metric._replace(dispersion=of_history(tuple(base_minutes[metric.name])))
            if metric.dispersion is None and metric.name in base_minutes
            else metric
            for metric in settings.metrics
        )
    )


def begin(settings: JudgeSettings, plan: Plan, base_history: Mapping[str, Totals]) -> Evidence:
    """The evidence before the first minute.

    `base_history` has the base's counts from before the rollout (30 minutes, say), by metric; for a
    metric that is not in it the judge starts from a guess of 0.1 % and learns. Raises InvalidSettings,
    InvalidReading.
    """
    check_settings(settings)
    check_plan(plan)
    _refuse_strangers(base_history, settings, "base history")
    metrics = {metric.name: _fresh(metric, base_history.get(metric.name)) for metric in settings.judged}
    failed = any(_share(metrics[name].past_base) > FAILING_TOO_FAST for name in SERVER_ERRORS if name in metrics)
    return Evidence(metrics, base_failed=failed)


def begin_step(
    evidence: Evidence, step: int, settings: JudgeSettings, plan: Plan, unread: Iterable[int] = ()
) -> Evidence:
    """The evidence at the start of a later step (from 0): harm goes on, safety and the split start afresh.

    What is pending is weighed first: no block spans a change of weight. `unread` are minutes of the step that ends
    whose points are still to come; like those that were missing they may be given to `observe_late`. Beginning the
    present step again changes nothing, so that a retried task is harmless. Raises InvalidEvidence for an earlier one.
    """
    if step == evidence.step:
        return evidence
    if step < evidence.step:
        raise InvalidEvidence(f"step {step} cannot begin: the rollout is already in step {evidence.step}")
    evidence = settle(evidence, settings, plan)
    if unread := tuple(unread):
        evidence = evidence._replace(
            metrics={
                name: metric
                if split_route(name)[1]
                else metric._replace(missed=(*metric.missed, *unread[-MOST_MISSED:]))
                for name, metric in evidence.metrics.items()
            }
        )
    ended = dict(evidence.ended_splits)
    if any(metric.missed for metric in evidence.metrics.values()):
        ended[evidence.step] = evidence.splits
    return evidence._replace(
        metrics={name: metric.in_new_step() for name, metric in evidence.metrics.items()},
        step=step,
        step_minutes=0,
        bake_minutes=0,
        baked_before=evidence.baked_before + evidence.bake_minutes,
        splits={},
        ended_splits=ended,
    )


def observe(evidence: Evidence, reading: MinuteReading, settings: JudgeSettings, plan: Plan) -> Evidence:
    """The evidence after one more minute; a minute that was already counted, or an older one, changes
    nothing.

    Raises InvalidReading (a count that cannot have happened, a metric nobody asked for, a minute of
    another step), and InvalidEvidence if the evidence is not of these settings and this plan.
    """
    minute, step = reading.minute, evidence.step
    if type(minute) is not int:
        raise InvalidReading("minute", f"expected a whole number, found {minute!r}")
    if evidence.last_minute is not None and minute <= evidence.last_minute:
        return evidence
    if reading.step != step:
        raise InvalidReading(f"minute {minute}", f"it belongs to step {reading.step!r}, the rollout is in step {step}")
    all_terms = _checked_terms(evidence, reading, settings, plan, step)

    starts_step = evidence.minutes > 0 and evidence.step_minutes == 0 and step > 0
    stake = harm.stake(evidence.minutes, starts_step=starts_step, later_starts=later_starts(plan))
    lower, upper = reading.weights or (plan[step].weight,) * 2
    arms: dict[str, Arms | None] = {}
    for terms in all_terms:  # a route comes after its parent
        name, parent = terms.metric.name, terms.metric.parent
        if parent and arms[parent] is None:
            arms[name] = None
        else:
            arms[name] = _arms(evidence.metrics[name], terms.metric, reading, (lower + upper) / 2.0)
    splits = _splits_after(evidence.splits, all_terms, arms, reading, settings, (lower, upper))
    fails = evidence.base_failed or base_fails_fast(evidence)
    metrics = {}
    for terms in all_terms:
        name = terms.metric.name
        before, both = evidence.metrics[name], arms[name]
        wealths = _staked(before, terms, stake)
        if both is None and terms.metric.parent:
            metrics[name] = before._replace(harm=wealths[0], harm_capped=wealths[1], newest=None, fast=False)
        elif both is None:
            metrics[name] = _after_missing_minute(before, wealths, minute, evidence.starts_of(step, minute))
        else:
            doubted = _is_doubted(splits, terms)
            comparable = not fails or terms.metric.kind is not MetricKind.LATENCY
            metrics[name] = _after_minute(before, wealths, terms, both, doubted=doubted, comparable=comparable)
    measured = all(arms[terms.metric.name] is not None for terms in all_terms if terms.metric.gates)
    starts = evidence.starts
    if evidence.step_minutes == 0:
        starts = (*starts, *(None,) * (step - len(starts)), minute)
    return evidence._replace(
        metrics=metrics,
        last_minute=minute,
        minutes=evidence.minutes + 1,
        step_minutes=evidence.step_minutes + 1,
        step_starts=evidence.step_starts + starts_step,
        bake_minutes=evidence.bake_minutes + measured,
        starts=starts,
        splits=splits,
    )


def observe_late(
    evidence: Evidence, readings: Iterable[MinuteReading], settings: JudgeSettings, plan: Plan
) -> Evidence:
    """The evidence with what has come late: minutes that were counted as missing, and have both points now.

    Each is counted once, in whatever order they are given, under the weight of its own step: for harm and for the
    split; the safety of a step that has ended is closed. Their stake went in at their time. This is valid in any
    order: a bet is placed by what was counted before, and the counts of different minutes are independent.

    Raises InvalidReading, and InvalidEvidence if the evidence is not of these settings and this plan.
    """
    ended: dict[int, list[MinuteReading]] = {}
    for reading in sorted(readings, key=lambda each: each.minute):
        if reading.step == evidence.step:
            evidence = _with_late_minute(evidence, reading, settings, plan)
        elif reading.step < evidence.step:
            ended.setdefault(reading.step, []).append(reading)
    for step, of_step in sorted(ended.items()):
        evidence = _with_late_minutes_of_ended_step(evidence, step, of_step, settings, plan)
    return evidence


def observe_grown(
    evidence: Evidence,
    minutes: Iterable[tuple[MinuteReading, MinuteReading]],
    settings: JudgeSettings,
    plan: Plan,
) -> Evidence:
    """The evidence with minutes whose counts have grown since they were counted: (as counted, as they are now).

    A request that takes minutes is in its minute's counts when it has ended. Where the minute was a block by itself,
    the e-value of all its requests is put in. What it had won for harm is taken out, what it had lost is not: new
    stakes have come since, which did not lose it. So the minute counts for min(1, e as counted)·(e of all), which is
    never more than the e-value that it would have had if it had been counted now. Else what has come is added to
    `pending`.

    The proof of the present step, to which no stakes are added, is weighed anew, and taken back where it does not hold;
    that of a step that has ended is closed. Counts that shrank are a correction, and are left.

    Raises InvalidReading, and InvalidEvidence if the evidence is not of these settings and this plan.
    """
    for before, now in minutes:
        step = now.step
        if not 0 <= step <= evidence.step:
            continue
        metrics = dict(evidence.metrics)
        for terms in _checked_terms(evidence, now, settings, plan, step):
            name = terms.metric.name
            old, new = _counted_arms(before, terms), _counted_arms(now, terms)
            if terms.metric.parent or old is None or new is None or not _has_grown(old, new):
                continue
            start = evidence.starts_of(step, now.minute)
            warms_up = now.minute < start + terms.metric.warm_up
            fails = evidence.base_failed and terms.metric.kind is MetricKind.LATENCY
            is_left_out = warms_up or fails or (step == evidence.step and _is_doubted(evidence.splits, terms))
            present = step == evidence.step
            metrics[name] = _with_growth(metrics[name], terms, old, new, present=present, is_left_out=is_left_out)
        evidence = evidence._replace(metrics=metrics)
    return evidence


def settle(evidence: Evidence, settings: JudgeSettings, plan: Plan) -> Evidence:
    """The evidence with nothing pending: a block that both arms are in is weighed, another one dropped.

    Whether there is a block depends on how many requests there were, never on how many were bad.
    """
    if not any(metric.is_pending for metric in evidence.metrics.values()):
        return evidence
    return evidence._replace(
        metrics={
            terms.metric.name: _settled(evidence.metrics[terms.metric.name], terms)
            for terms in _terms(settings, plan, evidence.step)
        }
    )


def base_fails_fast(evidence: Evidence) -> bool:
    """Whether in this step so far so many of the base's requests failed that its latency is that of failures."""
    metrics = evidence.metrics
    return any(_share(metrics[name].base) > FAILING_TOO_FAST for name in SERVER_ERRORS if name in metrics)


class _Terms(NamedTuple):
    """What one metric is judged by in one step. `source` is None where the split cannot be tested."""

    metric: MetricSettings
    gates: int
    lines: tuple[Tolerance, ...]
    log_cap: float
    log_limit: float
    least_wealth: float
    log_proof: float
    fast_lane: FastLane
    source: str | None


@lru_cache(maxsize=32)
def _terms(settings: JudgeSettings, plan: Plan, step: int) -> tuple[_Terms, ...]:
    """The same for every minute of a step, and there may be hundreds to catch up on."""
    shares = settings.shares()
    return tuple(
        _Terms(
            metric,
            len(gates := () if metric.parent else safety.gates(metric.kind, settings.gate, plan, step)),
            safety.lines(metric.kind, gates) if gates else (),
            settings.log_cap(shares[metric.name]),
            limit := settings.log_limit(shares[metric.name]),
            log(max(exp(limit) - 1.0, 0.5)) - 1e-6,
            settings.log_proof,
            settings.fast_lane,
            source_of(metric.parent or metric.name)
            if settings.tests_split and metric.kind is not MetricKind.BUSINESS_VALUE
            else None,
        )
        for metric in settings.judged
    )


def _checked_terms(
    evidence: Evidence, reading: MinuteReading, settings: JudgeSettings, plan: Plan, step: int
) -> tuple[_Terms, ...]:
    """The terms of every metric. Raises InvalidReading, InvalidEvidence."""
    if step >= len(plan):
        raise InvalidEvidence(f"the rollout is in step {step} of a plan of {len(plan)}")
    _refuse_strangers(reading.pairs, settings, f"minute {reading.minute}")
    all_terms = _terms(settings, plan, step)
    for terms in all_terms:
        if terms.metric.name not in evidence.metrics:
            raise InvalidEvidence(f"the evidence knows no metric {terms.metric.name!r}")
    return all_terms


def _arms(before: MetricEvidence, metric: MetricSettings, reading: MinuteReading, weight: float) -> Arms | None:
    """Both arms of the minute, a point that is not there taken for a zero where few requests were expected; None
    where the minute gives nothing.

    A route's minute is its parent's: where the target was measured and the route has no point in either arm, it had no
    request. So its minutes are not remembered as missing; what comes late is counted with its parent's.
    """
    pair = reading.pairs.get(metric.name, _NO_POINTS)
    if type(pair) is not Pair:
        raise InvalidReading(f"minute {reading.minute}, {metric.name}", f"expected a Pair, found {pair!r}")
    check = checked_moments if metric.kind is MetricKind.BUSINESS_VALUE else checked_count
    canary = check(pair.canary, reading.minute, metric.name, "canary")
    base = check(pair.base, reading.minute, metric.name, "base")
    if pair.canary is not None and pair.base is not None:
        return canary, base
    if not reading.readable or (metric.parent and pair.canary is pair.base):
        return None
    if pair.base is not None:
        expected = base[0] * weight / (1.0 - weight)
    elif pair.canary is not None:
        expected = canary[0] * (1.0 - weight) / weight
    else:
        # While no minute of the step had points nobody knows what there is to expect: not a zero.
        expected = (before.canary[0] + before.base[0]) / before.seen if before.seen else SURE_TO_HAVE_A_POINT
    return (canary, base) if expected < SURE_TO_HAVE_A_POINT else None


def _splits_after(
    before: Mapping[str, Split],
    all_terms: tuple[_Terms, ...],
    arms: Mapping[str, Arms | None],
    reading: MinuteReading,
    settings: JudgeSettings,
    weights: tuple[float, float],
) -> Mapping[str, Split]:
    """What each source has shown of the split, with one more minute."""
    if not settings.tests_split:
        return before
    requests: dict[str, tuple[int, int]] = {}
    for terms in all_terms:
        both = arms.get(terms.metric.name)
        if terms.source is None or both is None or terms.metric.parent:
            continue
        counted = (both[0][0], both[1][0])
        # The metric that counts most of the source's requests: throttled ones are in no invocation.
        if sum(counted) > sum(requests.get(terms.source, (0, -1))):
            requests[terms.source] = counted
    requests |= {source: sent for source, sent in (reading.sent or {}).items() if source in requests}
    after = dict(before)
    for source, (canary, base) in requests.items():
        after[source] = before.get(source, _UNTESTED).after(canary, base, *weights)
    return after


def _is_doubted(splits: Mapping[str, Split], terms: _Terms) -> bool:
    return terms.source is not None and splits.get(terms.source, _UNTESTED).doubted


_UNTESTED = Split()


def _staked(before: MetricEvidence, terms: _Terms, stake: float) -> _Wealths:
    """The wealth of the bets and the capped one, after the stake of a minute went in."""
    bets = len(harm.log_weights(terms.metric.kind))
    wealth = harm.staked(before.harm, stake, bets)
    return wealth, wealth if before.harm_capped == before.harm else harm.staked(before.harm_capped, stake, bets)


def _after_missing_minute(before: MetricEvidence, wealths: _Wealths, minute: int, start: int) -> MetricEvidence:
    """A minute that gives nothing to either arm, to be read again."""
    missed = (*before.missed, minute)
    of_step = [each for each in missed if each >= start]
    if len(of_step) > MOST_MISSED:
        missed = tuple([each for each in missed if each != of_step[0]])
    return before._replace(
        harm=wealths[0],
        harm_capped=wealths[1],
        newest=None,
        fast=False,
        missing=before.missing + 1,
        silent=before.silent + 1,
        missed=missed,
    )


def _after_minute(
    before: MetricEvidence, wealths: _Wealths, terms: _Terms, both: Arms, *, doubted: bool, comparable: bool
) -> MetricEvidence:
    canary, base = both
    has_both = bool(canary[0] and base[0])
    warms_up = has_both and before.warmed < terms.metric.warm_up
    changes: dict[str, Any] = {
        "harm": wealths[0],
        "harm_capped": wealths[1],
        "canary": _plus(before.canary, canary),
        "base": _plus(before.base, base),
        "newest": None,
        "fast": False,
        "comparable": comparable,
        "seen": before.seen + 1,
        "missing": 0,
        "silent": 0 if has_both else before.silent + 1,
    }
    if doubted:
        changes |= _dropping(before)
    elif warms_up:
        changes["warmed"] = before.warmed + 1
    elif comparable:
        changes |= _counting(before, terms, both, wealths, newest=True)
    return before._replace(**changes)


def _counting(before: MetricEvidence, terms: _Terms, both: Arms, wealths: _Wealths, *, newest: bool) -> dict[str, Any]:
    """What changes when the counts of one minute go to `pending`, and with its block if it is ripe then.

    Changes are collected and made at once: there may be hundreds of minutes to catch up on.
    """
    canary, base, minutes = both[0], both[1], 1
    if before.pending_minutes:
        canary, base = _plus(before.pending_canary, canary), _plus(before.pending_base, base)
        minutes += before.pending_minutes
    own = both if newest else None
    if _is_ripe(canary, base, minutes, terms.metric):
        return _closing(before, terms, (canary, base), wealths, own)
    return {"pending_canary": canary, "pending_base": base, "pending_minutes": minutes, "newest": own}


def _is_ripe(canary: Totals, base: Totals, minutes: int, metric: MetricSettings) -> bool:
    if metric.kind is MetricKind.BUSINESS_VALUE:
        return canary[0] >= LEAST_SAMPLES and base[0] >= LEAST_SAMPLES
    enough = base[0] >= LEAST_BASE_REQUESTS or minutes >= LONGEST_BLOCK_MINUTES
    return canary[0] >= 1 and base[0] >= 1 and enough


def _settled(metric: MetricEvidence, terms: _Terms) -> MetricEvidence:
    if not metric.is_pending:
        return metric
    canary, base = metric.pending_canary, metric.pending_base
    if terms.metric.kind is MetricKind.BUSINESS_VALUE:
        weighs = _is_ripe(canary, base, metric.pending_minutes, terms.metric)
    else:
        weighs = bool(canary[0] and base[0])
    if not weighs:
        return metric._replace(**_dropping(metric))
    wealths = metric.harm, metric.harm_capped
    return metric._replace(**_closing(metric, terms, (canary, base), wealths, metric.newest))


def _dropping(metric: MetricEvidence) -> dict[str, Any]:
    """What changes when what is pending is dropped. It says nothing, and later bets learn of it."""
    if not metric.pending_minutes:
        return {}
    nothing = metric.nothing
    return {
        "past_base": _plus(metric.past_base, metric.pending_base),
        "past_canary": _plus(metric.past_canary, metric.pending_canary),
        "pending_canary": nothing,
        "pending_base": nothing,
        "pending_minutes": 0,
        "newest": None,
    }


def _closing(
    metric: MetricEvidence, terms: _Terms, block: Arms, wealths: _Wealths, newest: Arms | None
) -> dict[str, Any]:
    """What changes when a block is weighed. `newest` are the newest minute's own counts, if they are in it."""
    canary, base = block
    changes, safe_gains = _weighing(metric, terms, canary, base, wealths)
    before = metric.safety or ((),) * len(safe_gains)
    if len(before) < len(safe_gains):  # of a record of the first edition
        before = (*before, *((),) * (len(safe_gains) - len(before)))
    lines = tuple([safety.grown(wealth, gains) for wealth, gains in zip(before, safe_gains, strict=True)])
    proof, gates = terms.log_proof, terms.gates
    rungs = safety.rungs_reached(metric.rungs, gates, lines, proof)
    changes |= {
        "past_base": _plus(metric.past_base, base),
        "past_canary": _plus(metric.past_canary, canary),
        "newest": None,
        "safety": lines,
        "proven": metric.proven or rungs > 0,
        "rungs": rungs,
        "half_as_bad": metric.half_as_bad or (len(lines) > gates + 1 and safety.reaches(lines[gates + 1 :], proof)),
        "fast": newest is not None and _is_fast(metric, terms, newest, changes["harm"]),
        "blocks": metric.blocks + 1,
    }
    if metric.pending_minutes:
        nothing = metric.nothing
        changes |= {"pending_canary": nothing, "pending_base": nothing, "pending_minutes": 0}
    return changes


def _is_fast(metric: MetricEvidence, terms: _Terms, newest: Arms, wealth: Sequence[float]) -> bool:
    """Whether the newest minute alone is bad enough for the fast lane, where the uncapped evidence may be enough."""
    # E is at most the largest wealth and the stake that is not in yet.
    if max(wealth) < terms.least_wealth or isinstance(newest[0], Moments):
        return False
    past = metric.past_canary, metric.past_base
    return counts.is_fast(terms.metric, newest, past, terms.fast_lane, terms.log_limit)


def _weighing(
    metric: MetricEvidence, terms: _Terms, canary: Totals, base: Totals, wealths: _Wealths
) -> tuple[dict[str, Any], list[list[float]]]:
    """What changes in the harm with a block, and its gains for each line of safety."""
    changes: dict[str, Any] = {}
    if isinstance(canary, Moments) and isinstance(base, Moments):
        gains, changes["harm_scale"] = values.harm_log_es(terms.metric, canary, base, metric.harm_scale)
        safe, changes["safety_scale"] = values.safety_log_es(
            terms.metric, terms.lines[0], canary, base, metric.safety_scale
        )
        safe_gains = [safe]
    else:
        base_rate = plugin_rate(metric.past_base)
        gains = counts.harm_log_es(terms.metric, canary, base, base_rate, metric.past_canary)
        safe_gains = [counts.safety_log_es(terms.metric, line, canary, base, base_rate) for line in terms.lines]
        if isinstance(canary, Count) and isinstance(base, Count) and not terms.metric.parent:
            changes["spread"] = spread_after(metric.spread, canary, base)
    wealth, capped = wealths
    changes["harm"] = grown = harm.grown(wealth, gains)
    if capped is wealth and max(gains) <= terms.log_cap:
        changes["harm_capped"] = grown
    else:
        changes["harm_capped"] = harm.grown_capped(capped, gains, terms.log_cap)
    return changes, safe_gains


def _with_late_minute(evidence: Evidence, reading: MinuteReading, settings: JudgeSettings, plan: Plan) -> Evidence:
    """A minute of the present step that had no points, and has them now: as if it came at its time, but for p̂."""
    step, minute = evidence.step, reading.minute
    all_terms = _checked_terms(evidence, reading, settings, plan, step)
    arms = _late_arms(evidence, reading, all_terms)
    if not arms:
        return evidence
    weights = reading.weights or (plan[step].weight,) * 2
    splits = _splits_after(evidence.splits, _untested(evidence, all_terms, reading), arms, reading, settings, weights)
    fails = evidence.base_failed or base_fails_fast(evidence)
    metrics = dict(evidence.metrics)
    for terms in all_terms:
        name = terms.metric.name
        if name not in arms:
            continue
        before = _without_missed(metrics[name], minute, evidence.last_minute)
        after = before._replace(
            canary=_plus(before.canary, arms[name][0]), base=_plus(before.base, arms[name][1]), seen=before.seen + 1
        )
        warm_until = evidence.starts_of(step, minute) + terms.metric.warm_up
        if _is_doubted(splits, terms):
            after = after._replace(**_dropping(after))
        elif minute >= warm_until and not (fails and terms.metric.kind is MetricKind.LATENCY):
            wealths = _staked(after, terms, 0.0)
            after = after._replace(**_counting(after, terms, arms[name], wealths, newest=False))
        metrics[name] = after
    measured = all(minute not in metrics[terms.metric.name].missed for terms in all_terms if terms.metric.gates)
    gained = measured and any(terms.metric.gates and terms.metric.name in arms for terms in all_terms)
    return evidence._replace(metrics=metrics, splits=splits, bake_minutes=evidence.bake_minutes + gained)


def _with_late_minutes_of_ended_step(
    evidence: Evidence, step: int, readings: Iterable[MinuteReading], settings: JudgeSettings, plan: Plan
) -> Evidence:
    """Minutes of a step that has ended: one block for each metric, for harm only."""
    splits = evidence.ended_splits.get(step, {})
    metrics = dict(evidence.metrics)
    sums: dict[str, Arms] = {}
    for reading in readings:
        all_terms = _checked_terms(evidence, reading, settings, plan, step)
        now = evidence._replace(metrics=metrics)
        arms = _late_arms(now, reading, all_terms)
        weights = reading.weights or (plan[step].weight,) * 2
        splits = _splits_after(splits, _untested(now, all_terms, reading), arms, reading, settings, weights)
        for terms in all_terms:
            name = terms.metric.name
            if name not in arms:
                continue
            metrics[name] = _without_missed(metrics[name], reading.minute, evidence.last_minute)
            warm_until = evidence.starts_of(step, reading.minute) + terms.metric.warm_up
            fails = evidence.base_failed and terms.metric.kind is MetricKind.LATENCY
            if reading.minute >= warm_until and not fails:
                nothing = metrics[name].nothing
                canary, base = sums.get(name, (nothing, nothing))
                sums[name] = (_plus(canary, arms[name][0]), _plus(base, arms[name][1]))
    for terms in _terms(settings, plan, step):
        name = terms.metric.name
        if name not in sums or _is_doubted(splits, terms):
            continue
        canary, base = sums[name]
        before = metrics[name]
        least = LEAST_SAMPLES if terms.metric.kind is MetricKind.BUSINESS_VALUE else 1
        after = before
        if canary[0] >= least and base[0] >= least:
            changes, _ = _weighing(before, terms, canary, base, _staked(before, terms, 0.0))
            after = before._replace(**changes)._replace(safety_scale=before.safety_scale)
        metrics[name] = after._replace(
            past_base=_plus(before.past_base, base), past_canary=_plus(before.past_canary, canary)
        )
    if not sums and metrics == evidence.metrics:
        return evidence
    return evidence._replace(metrics=metrics, ended_splits={**evidence.ended_splits, step: splits})


def _counted_arms(reading: MinuteReading, terms: _Terms) -> tuple[Count, Count] | None:
    """Both arms, where they are counts."""
    pair = reading.pairs.get(terms.metric.name, _NO_POINTS)
    if not isinstance(pair.canary, Count) or not isinstance(pair.base, Count):
        return None
    canary = checked_count(pair.canary, reading.minute, terms.metric.name, "canary")
    return canary, checked_count(pair.base, reading.minute, terms.metric.name, "base")


def _has_grown(before: tuple[Count, Count], now: tuple[Count, Count]) -> bool:
    return before != now and all(
        new >= old for was, is_now in zip(before, now, strict=True) for old, new in zip(was, is_now, strict=True)
    )


def _with_growth(
    metric: MetricEvidence,
    terms: _Terms,
    before: tuple[Count, Count],
    now: tuple[Count, Count],
    *,
    present: bool,
    is_left_out: bool,
) -> MetricEvidence:
    """One metric with what has come to a minute of the present step, or of one that has ended."""
    more: Arms = tuple(  # type: ignore[assignment]
        [Count(new.requests - old.requests, new.bad - old.bad) for old, new in zip(before, now, strict=True)]
    )
    if present:
        metric = metric._replace(canary=_plus(metric.canary, more[0]), base=_plus(metric.base, more[1]))
    if is_left_out:
        return metric
    if not _is_ripe(*before, 1, terms.metric):
        wealths = metric.harm, metric.harm_capped
        return metric._replace(**_counting(metric, terms, more, wealths, newest=False)) if present else metric
    rate, past = plugin_rate(metric.past_base), metric.past_canary
    out, into = (counts.harm_log_es(terms.metric, *arms, rate, past) for arms in (before, now))
    cap = terms.log_cap
    changes: dict[str, Any] = {
        "harm": tuple([log - max(0.0, old) + new for log, old, new in zip(metric.harm, out, into, strict=True)]),
        "harm_capped": tuple(
            [
                log - max(0.0, min(old, cap)) + min(new, cap)
                for log, old, new in zip(metric.harm_capped, out, into, strict=True)
            ]
        ),
        "past_canary": _plus(metric.past_canary, more[0]),
        "past_base": _plus(metric.past_base, more[1]),
    }
    if present and metric.safety:
        safety_lines = []
        for line, wealth in zip(terms.lines, metric.safety, strict=False):
            old, new = (counts.safety_log_es(terms.metric, line, *arms, rate) for arms in (before, now))
            safety_lines.append(tuple([log - was + gain for log, was, gain in zip(wealth, old, new, strict=True)]))
        proof, gates = terms.log_proof, terms.gates
        # A record of the first edition is proven without a rung.
        rungs = safety.rungs_kept(max(metric.rungs, int(metric.proven)), gates, safety_lines, proof)
        changes |= {
            "safety": tuple(safety_lines),
            "proven": rungs > 0,
            "rungs": rungs,
            "half_as_bad": metric.half_as_bad and safety.reaches(safety_lines[gates + 1 :], proof),
        }
    return metric._replace(**changes)


def _late_arms(evidence: Evidence, reading: MinuteReading, all_terms: tuple[_Terms, ...]) -> dict[str, Arms]:
    """Both arms of each metric that missed this minute and has both points now."""
    arms = {}
    for terms in all_terms:
        name = terms.metric.name
        pair = reading.pairs.get(name, _NO_POINTS)
        if (
            reading.minute not in evidence.metrics[terms.metric.parent or name].missed
            or pair.canary is None
            or pair.base is None
        ):
            continue
        check = checked_moments if terms.metric.kind is MetricKind.BUSINESS_VALUE else checked_count
        arms[name] = (
            check(pair.canary, reading.minute, name, "canary"),
            check(pair.base, reading.minute, name, "base"),
        )
    return arms


def _untested(evidence: Evidence, all_terms: tuple[_Terms, ...], reading: MinuteReading) -> tuple[_Terms, ...]:
    """The metrics of which no other of the same source had this minute at its time: their split is not tested yet."""
    on_time = {
        terms.source
        for terms in all_terms
        if terms.source is not None
        and not terms.metric.parent
        and reading.minute not in evidence.metrics[terms.metric.name].missed
    }
    return tuple([terms for terms in all_terms if terms.source not in on_time])


def _without_missed(metric: MetricEvidence, minute: int, last_minute: int | None) -> MetricEvidence:
    missing = metric.missing
    if last_minute is not None and minute > last_minute - missing:
        missing = last_minute - minute
    return metric._replace(missed=tuple([each for each in metric.missed if each != minute]), missing=missing)


def _plus(total: Totals, minute: Totals) -> Totals:
    first, second = total[0] + minute[0], total[1] + minute[1]
    return Moments(first, second) if isinstance(total, Moments) else Count(first, int(second))


def _share(base: Totals) -> float:
    return base[1] / base[0] if base[0] else 0.0


def _fresh(metric: MetricSettings, history: Totals | None) -> MetricEvidence:
    check = checked_moments if metric.kind is MetricKind.BUSINESS_VALUE else checked_count
    return MetricEvidence.fresh(check(history, None, metric.name, "base"))


def _refuse_strangers(measured: Mapping[str, object], settings: JudgeSettings, where: str) -> None:
    known = {metric.name for metric in settings.judged}
    for name in measured:
        if name not in known:
            raise InvalidReading(where, f"nobody asked for {name!r} (known: {', '.join(sorted(known))})")
