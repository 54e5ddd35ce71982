"""The judgement: from evidence to one action.

    harm ≥ 1/α?   minutes ≥ bake?   bake measured, all proven?   minutes left?   action
    yes           –                 –                            –               roll back
    no            no                –                            –               continue
    no            yes               yes                          –               advance, after the last step promote
    no            yes               no                           yes             extend
    no            yes               no                           no              hold

Time passed is not time watched: a bake is over when so many of its minutes were *measured*; a step may last three
times its bake in minutes of any kind. Where the answer would be to advance, promote or hold, `conclude` weighs what
is still pending first, and asks again.

Several metrics. Harm is the average of the e-values of the metrics that decide, weighted by their shares:
an e-value again, under any dependence between them. An advance needs the proof of every required metric.

Fast lane. Capped evidence lets no single minute convict, because clumps of errors come in single minutes.
But when everything fails, waiting hurts: a metric whose newest minute is terrible by itself convicts on
its uncapped evidence, if that reaches its own limit 1/(α·share). Uncapped evidence is never below the
capped, and a condition on top of "uncapped E ≥ 1/(α·share)" can only make that event smaller, so both lanes
together are within the same α.

Routes. A dead route of few requests drowns in the whole, so a fifth of the shares of 5XX and of 4XX is spread over the
routes, by their requests before the rollout: e-values like the others, for harm only. A route's verdict is shown
where it convicts.

Silence. A metric is unmeasured, not safe, until a block of its step was closed, while its newest two minutes had no
points, and from when on its source was doubted.
"""

from collections.abc import Iterable
from math import log
from typing import NamedTuple

from . import explain, harm, ramp, safety
from .effect import effect_of
from .errors import InvalidEvidence
from .evidence import Evidence, MetricEvidence
from .log_space import log_sum_exp
from .metric_defaults import source_of
from .observing import FAILING_TOO_FAST, observe, settle
from .plan import Plan, Step, is_probe, later_starts
from .readings import MinuteReading, Totals
from .settings import JudgeSettings, MetricKind, MetricSettings
from .split import Split
from .verdict import Action, Judgement, MetricVerdict, Proof, Standing

UNREADABLE_MINUTES = 2
"""So many newest minutes without points, and a metric is unmeasured."""

_CONCLUDING = frozenset({Action.ADVANCE, Action.PROMOTE, Action.HOLD})

_ROUNDING = 1e-9
"""An α of 0.05 shared by five is 0.01, whatever binary fractions make of it."""


def judge(evidence: Evidence, settings: JudgeSettings, plan: Plan) -> Judgement:
    """What the rollout should do next, after the newest minute. Raises InvalidEvidence."""
    if not 0 <= evidence.step < len(plan):
        raise InvalidEvidence(f"the rollout is in step {evidence.step} of a plan of {len(plan)}")
    views = _views(evidence, settings, plan)
    log_e = combine((view.share, view.log_e) for view in views if view.metric.decides)
    log_e_capped = combine((view.share, view.log_e_capped) for view in views if view.metric.decides)
    log_e_limit = settings.log_limit()

    name: str | None
    next_step: int | None = None
    proof: Proof | None = None
    deciding = _deciding_view(views, log_e_capped, log_e_limit)
    verdicts = tuple(
        _metric_verdict(view, deciding, evidence, settings, plan[evidence.step])
        for view in views
        if not view.metric.parent or view is deciding or view.convicts_alone
    )
    if deciding is not None:
        reason = _reason_of_harm(deciding, verdicts, log_e_capped, log_e_limit)
        action, name = Action.ROLL_BACK, deciding.metric.name
    elif plan[evidence.step].ramp is not None:
        action, reason, name, next_step, proof = _on_the_ramp(evidence, settings, plan, verdicts, log_e)
    else:
        action, reason, name = _without_harm(evidence, settings, plan, verdicts)
    return Judgement(action, reason, name, log_e, log_e_capped, log_e_limit, verdicts, next_step, proof)


def conclude(evidence: Evidence, settings: JudgeSettings, plan: Plan) -> tuple[Evidence, Judgement]:
    """The judgement, and the evidence that it is of: where it would move the rollout on, promote or hold it, what is
    pending is weighed first, and the answer is taken anew. Raises InvalidEvidence."""
    judgement = judge(evidence, settings, plan)
    if judgement.action in _CONCLUDING:
        settled = settle(evidence, settings, plan)
        if settled is not evidence:
            return settled, judge(settled, settings, plan)
    return evidence, judgement


def would_convict(
    evidence: Evidence, readings: Iterable[MinuteReading], settings: JudgeSettings, plan: Plan
) -> Judgement | None:
    """The judgement of a copy of the evidence that also has these minutes, which are not closed yet, if it convicts.

    Nothing of it is kept: what is stored are closed minutes only. The copy is evidence like any other of the minutes
    as they are known now, and to convict by it is to look once more. A minute whose counts may still grow must
    not be given: its errors could be there before its requests. Raises what `observe` and `judge` raise.
    """
    for reading in readings:
        evidence = observe(evidence, reading, settings, plan)
        if is_harmful(evidence, settings, plan):
            return judge(evidence, settings, plan)
    return None


def is_harmful(evidence: Evidence, settings: JudgeSettings, plan: Plan) -> bool:
    """Whether `judge` would roll back; mostly without having to judge. Raises InvalidEvidence."""
    # E is at most the largest wealth + the stake not yet put in (1 or less), and so is the average over metrics.
    far_from_it = log(1.0 / settings.alpha - 1.0) - 2.0 * _ROUNDING
    if all(not seen.harm or max(seen.harm) < far_from_it for seen in evidence.metrics.values()):
        return False
    return judge(evidence, settings, plan).action is Action.ROLL_BACK


def observe_all(
    evidence: Evidence, readings: Iterable[MinuteReading], settings: JudgeSettings, plan: Plan
) -> tuple[Evidence, Judgement]:
    """Minutes that have piled up, judged one after the other: harm seen in any of them counts, and ends it.

    Without harm, what `conclude` says after the newest. Raises what `observe` and `judge` raise.
    """
    for reading in readings:
        evidence = observe(evidence, reading, settings, plan)
        if is_harmful(evidence, settings, plan):
            break
    return conclude(evidence, settings, plan)


def combine(weighted_logs: Iterable[tuple[float, float]]) -> float:
    """ln Σ w·E, of pairs (w, ln E) whose weights add up to 1."""
    return log_sum_exp([log(weight) + log_e for weight, log_e in weighted_logs])


class _View(NamedTuple):
    """One metric as the judge looks at it."""

    metric: MetricSettings
    evidence: MetricEvidence
    share: float
    log_e: float
    log_e_capped: float
    log_e_limit: float
    log_s: float

    @property
    def convicts_by_fast_lane(self) -> bool:
        return self.evidence.fast and self.log_e >= self.log_e_limit - _ROUNDING

    @property
    def convicts_alone(self) -> bool:
        return self.log_e_capped >= self.log_e_limit - _ROUNDING or self.convicts_by_fast_lane

    @property
    def weight_of_evidence(self) -> float:
        """What decides who is named when several convict."""
        return log(self.share) + (self.log_e if self.convicts_by_fast_lane else self.log_e_capped)


def _views(evidence: Evidence, settings: JudgeSettings, plan: Plan) -> list[_View]:
    left = harm.stake_left(evidence.minutes, evidence.step_starts, later_starts(plan))
    shares = settings.shares()
    views = []
    for metric in settings.judged:
        seen = evidence.metrics.get(metric.name)
        if seen is None:
            raise InvalidEvidence(f"the evidence knows no metric {metric.name!r}")
        share, weights = shares[metric.name], harm.log_weights(metric.kind)
        views.append(
            _View(
                metric,
                seen,
                share,
                log_e := harm.log_evidence(seen.harm, left, weights),
                log_e if seen.harm_capped == seen.harm else harm.log_evidence(seen.harm_capped, left, weights),
                settings.log_limit(share),
                safety.log_evidence(
                    seen.safety, len(safety.gates(metric.kind, settings.gate, plan, evidence.step)), seen.rungs
                ),
            )
        )
    return views


def _deciding_view(views: list[_View], log_e_capped: float, log_e_limit: float) -> _View | None:
    """The metric that convicts, or that does most of it where only all together do."""
    deciding = [view for view in views if view.metric.decides]
    suspects = [view for view in deciding if view.convicts_alone]
    if not suspects and log_e_capped >= log_e_limit - _ROUNDING:
        suspects = deciding
    # By name where equally strong, so that the order of the metrics does not matter.
    return min(suspects, key=lambda view: (-view.weight_of_evidence, view.metric.name), default=None)


def _metric_verdict(
    view: _View, deciding: _View | None, evidence: Evidence, settings: JudgeSettings, step: Step
) -> MetricVerdict:
    metric, seen = view.metric, view.evidence
    allowed_rate = _allowed_rate(metric, seen.base)
    log_e_shown = view.log_e if view.convicts_by_fast_lane else view.log_e_capped
    higher_is_better = metric.kind.higher_is_better
    effect = None
    if metric.tolerance.relative:  # else it is held against a fixed ceiling, and the base is not compared with
        effect = effect_of(seen.canary, seen.base, metric.phi, higher_is_better=higher_is_better)
    reason = explain.explain(
        metric.name,
        seen.canary,
        seen.base,
        allowed_rate=allowed_rate,
        log_e=log_e_shown,
        log_e_limit=view.log_e_limit,
        weight_percent=step.weight_percent,
        minutes=evidence.step_minutes,
        higher_is_better=higher_is_better,
    )
    if effect is not None:
        reason += f"; {explain.size(effect)}"
    convicts = view.convicts_alone or view is deciding
    if convicts:
        standing = Standing.HARMFUL
    elif words := _unmeasured(view, evidence, settings, step):
        standing, reason, effect = Standing.UNMEASURED, words, None
    else:
        standing = Standing.SAFE if seen.proven else Standing.UNDECIDED
        reason += "" if step.harm_only else f"; {_state_of_proof(view, settings.log_proof)}"
        if metric.gates and not step.harm_only and _base_fails(view):
            standing = Standing.UNDECIDED
            reason += f"; the base itself fails ({explain.percent(_rate(seen.base))}), and the canary is not shown "
            reason += "to be at most half as bad"
    return MetricVerdict(
        metric.name,
        standing,
        reason,
        view.log_e,
        view.log_e_capped,
        view.log_e_limit,
        view.log_s,
        seen.canary,
        seen.base,
        allowed_rate,
        metric.dry_run,
        metric.required,
        effect,
        convicts and metric.dry_run,
        view.convicts_by_fast_lane,
    )


def _unmeasured(view: _View, evidence: Evidence, settings: JudgeSettings, step: Step) -> str:
    """Why a metric has nothing to say, if it has not: "" else."""
    metric, seen = view.metric, view.evidence
    name, at = explain.display_name(metric.name), explain.where(step.weight_percent, evidence.step_minutes)
    split = evidence.splits.get(source_of(metric.parent or metric.name), Split())
    is_tested = settings.tests_split and metric.kind is not MetricKind.BUSINESS_VALUE
    if split.doubted and is_tested:
        return f"{name}: not measured, {explain.doubted_split(split.share, step.weight)} {at}"
    if seen.missing >= UNREADABLE_MINUTES:
        return f"{name}: not measured, its last {seen.missing} min have no data {at}"
    if seen.blocks:
        return ""
    if not seen.comparable:
        return (
            f"{name}: not comparable, more than {explain.percent(FAILING_TOO_FAST)} of the base's requests fail, and "
            f"failures have a latency of their own {at}"
        )
    if 0 < seen.warmed <= metric.warm_up:
        return f"{name}: warming up, {seen.warmed} min are shown and not counted {at}"
    return explain.unmeasured(metric.name, seen.canary, seen.base, step.weight_percent, evidence.step_minutes)


def _base_fails(view: _View) -> bool:
    """Whether the base fails so often that a canary which is no worse proves nothing."""
    metric, seen = view.metric, view.evidence
    return metric.kind is MetricKind.ERRORS and _rate(seen.base) >= safety.FAILING_BASE_RATE and not seen.half_as_bad


def _rate(base: Totals) -> float:
    return base[1] / base[0] if base[0] else 0.0


def _state_of_proof(view: _View, log_proof: float) -> str:
    numbers = f"{explain.odds(view.log_s)} (needs {explain.odds(log_proof)})"
    if not view.evidence.proven:
        return f"not yet shown safe enough for the next step, {numbers}"
    if view.log_s >= log_proof:
        return f"safe enough for the next step, {numbers}"
    return f"shown safe enough for the next step earlier, now {numbers}"


def _allowed_rate(metric: MetricSettings, base: Totals) -> float | None:
    if not base[0]:
        return None
    rate = base[1] / base[0]
    return metric.line(rate).of(rate)


def _without_harm(
    evidence: Evidence, settings: JudgeSettings, plan: Plan, verdicts: tuple[MetricVerdict, ...]
) -> tuple[Action, str, str | None]:
    step = plan[evidence.step]
    minutes, measured, bake = evidence.step_minutes, evidence.bake_minutes, step.bake_minutes
    longest = bake * settings.max_bake_factor
    at = explain.weight(step.weight_percent)
    if minutes < bake:
        most = min((each for each in verdicts if not each.dry_run), key=lambda each: (-each.log_e_capped, each.name))
        doing = f"judged for harm only at {at}" if step.harm_only else f"baking at {at}"
        return Action.CONTINUE, f"{doing}, {minutes} of {bake} min; {most.reason}", None

    gates = set() if step.harm_only else {metric.name for metric in settings.metrics if metric.gates}
    unproven = [each for each in verdicts if each.name in gates and each.verdict is not Standing.SAFE]
    if not unproven and measured >= bake:
        words = [each.reason for each in verdicts if each.name in gates] or [f"no harm at {at} in {measured} min"]
        return (Action.PROMOTE if evidence.step + 1 == len(plan) else Action.ADVANCE), "; ".join(words), None

    blocking = min(unproven, key=lambda each: (each.log_s, each.name), default=None)
    lacks = f"only {measured} of {bake} min at {at} were measured"
    problem = f"no proof of safety at {at}" if blocking else lacks
    proof = f"; {blocking.reason}" if blocking else ""
    name = blocking.name if blocking else None
    if minutes >= longest - _ROUNDING:
        return Action.HOLD, f"{problem} in {minutes} min, {longest:.0f} were allowed{proof}", name
    return Action.EXTEND, f"{problem} yet, {minutes} of at most {longest:.0f} min{proof}", name


def _on_the_ramp(
    evidence: Evidence, settings: JudgeSettings, plan: Plan, verdicts: tuple[MetricVerdict, ...], log_e: float
) -> tuple[Action, str, str | None, int | None, Proof]:
    safe = frozenset(each.name for each in verdicts if each.verdict is Standing.SAFE)
    rise = ramp.rise(evidence, settings, plan, safe, log_e)
    at = explain.weight(plan[evidence.step].weight_percent)
    if rise.to is not None:
        words = [each.reason for each in verdicts if each.name in safe and each.required and not each.dry_run]
        action = Action.PROMOTE if rise.to == len(plan) else Action.ADVANCE
        return action, "; ".join([rise.words, *words]), None, rise.to, rise.proof
    reason = next(each.reason for each in verdicts if each.name == rise.blocking)
    over = evidence.bake_minutes >= ramp.LONGEST_MINUTES or evidence.step_minutes >= ramp.LONGEST_OF_ANY_KIND
    action = Action.HOLD if over else Action.CONTINUE
    here = f"{'probe' if is_probe(plan, evidence.step) else 'ramp'} at {at}"
    said = f"no raise in {evidence.step_minutes} min at {at}" if over else here
    return action, f"{said}; {rise.words}; {reason}", rise.blocking, None, rise.proof


def _reason_of_harm(
    deciding: _View, verdicts: tuple[MetricVerdict, ...], log_e_capped: float, log_e_limit: float
) -> str:
    reason = next(each.reason for each in verdicts if each.name == deciding.metric.name)
    if not deciding.convicts_alone:
        together = f"{explain.odds(log_e_capped)} (limit {explain.odds(log_e_limit)})"
        return f"{reason}; all metrics together {together}"
    return reason
