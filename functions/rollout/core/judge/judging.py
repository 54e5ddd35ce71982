"""The judgement: from evidence to one action.

    harm ≥ 1/α?   bake over?   all proven?   time left?   action
    yes           –            –             –            roll back
    no            no           –             –            continue
    no            yes          yes           –            advance, after the last step promote
    no            yes          no            yes          extend
    no            yes          no            no           hold

Several metrics. Harm is the average of the e-values of the metrics that decide, weighted by their shares:
an e-value again, under any dependence between them. An advance needs the proof of every required metric.

Fast lane. Capped evidence lets no single minute convict, because clumps of errors come in single minutes.
But when everything fails, waiting hurts: a metric whose newest minute has many bad requests, far above
the base, convicts on its uncapped evidence, if that reaches its own limit 1/(α·share). Uncapped evidence
is never below the capped, so both lanes together are within the same α.

Silence. A proof is worth what it is worth while requests keep coming. When a metric falls silent for
three minutes or more, in which its own traffic would have brought seven requests or more (exp(−7) < 0.1
%), it is unmeasured, not safe.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import log

from . import explain, harm, safety
from .errors import InvalidEvidence
from .evidence import Evidence, MetricEvidence
from .logs import log_sum_exp
from .named import NamedTuple
from .observing import observe
from .plan import Plan, Step
from .readings import Measure, MinuteReading
from .settings import JudgeSettings, MetricSettings
from .verdict import Action, Judgement, MetricVerdict, Verdict

SUSPICIOUS_SILENCE_MINUTES = 3
SUSPICIOUS_SILENCE_REQUESTS = 7.0

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

    culprit = _culprit(views, log_e_capped, log_e_limit)
    verdicts = tuple(_metric_verdict(view, culprit, evidence, settings, plan[evidence.step]) for view in views)
    if culprit is not None:
        reason = _reason_of_harm(culprit, verdicts, log_e_capped, log_e_limit)
        action, deciding = Action.ROLL_BACK, culprit.metric.name
        return Judgement(action, reason, deciding, log_e, log_e_capped, log_e_limit, verdicts)
    action, reason, blocking = _without_harm(evidence, settings, plan, verdicts)
    return Judgement(action, reason, blocking, log_e, log_e_capped, log_e_limit, verdicts)


def convicts(evidence: Evidence, settings: JudgeSettings, plan: Plan) -> bool:
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

    Without harm, the judgement after the newest. Raises what `observe` and `judge` raise.
    """
    for reading in readings:
        evidence = observe(evidence, reading, settings, plan)
        if convicts(evidence, settings, plan):
            break
    return evidence, judge(evidence, settings, plan)


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
    left = harm.stake_left(evidence.minutes, evidence.step_starts, len(plan))
    shares = settings.shares()
    views = []
    for metric in settings.metrics:
        seen = evidence.metrics.get(metric.name)
        if seen is None:
            raise InvalidEvidence(f"the evidence knows no metric {metric.name!r}")
        share = shares[metric.name]
        views.append(
            _View(
                metric,
                seen,
                share,
                harm.log_evidence(seen.harm, left),
                harm.log_evidence(seen.harm_capped, left),
                settings.log_limit(share),
                safety.log_evidence(seen.safety),
            )
        )
    return views


def _culprit(views: list[_View], log_e_capped: float, log_e_limit: float) -> _View | None:
    """The metric that convicts, or that does most of it where only all together do."""
    deciding = [view for view in views if view.metric.decides]
    suspects = [view for view in deciding if view.convicts_alone]
    if not suspects and log_e_capped >= log_e_limit - _ROUNDING:
        suspects = deciding
    # By name where equally strong, so that the order of the metrics does not matter.
    return min(suspects, key=lambda view: (-view.weight_of_evidence, view.metric.name), default=None)


def _metric_verdict(
    view: _View, culprit: _View | None, evidence: Evidence, settings: JudgeSettings, step: Step
) -> MetricVerdict:
    metric, seen = view.metric, view.evidence
    allowed_rate = _allowed_rate(metric, seen.base)
    log_e_shown = view.log_e if view.convicts_by_fast_lane else view.log_e_capped
    reason = explain.explain(
        metric.name,
        seen.canary,
        seen.base,
        allowed_rate=allowed_rate,
        log_e=log_e_shown,
        log_e_limit=view.log_e_limit,
        weight_percent=step.weight_percent,
        minutes=evidence.step_minutes,
        higher_is_better=metric.kind.higher_is_better,
    )
    if view.convicts_alone or view is culprit:
        verdict = Verdict.HARMFUL
    elif not seen.measured:
        verdict = Verdict.UNMEASURED
        reason = explain.unmeasured(metric.name, seen.canary, seen.base, step.weight_percent, evidence.step_minutes)
    elif _is_suspiciously_silent(seen, evidence.step_minutes):
        verdict = Verdict.UNMEASURED
        reason += f"; silent for the last {seen.silent} min"
    else:
        verdict = Verdict.SAFE if seen.proven else Verdict.UNDECIDED
        reason += f"; {_state_of_proof(view, settings.log_proof)}"
    return MetricVerdict(
        metric.name,
        verdict,
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
    )


def _state_of_proof(view: _View, log_proof: float) -> str:
    numbers = f"{explain.odds(view.log_s)} (needs {explain.odds(log_proof)})"
    if not view.evidence.proven:
        return f"not yet shown safe enough for the next step, {numbers}"
    if view.log_s >= log_proof:
        return f"safe enough for the next step, {numbers}"
    return f"shown safe enough for the next step earlier, now {numbers}"


def _allowed_rate(metric: MetricSettings, base: Measure) -> float | None:
    return metric.tolerance.of(base[1] / base[0]) if base[0] else None


def _is_suspiciously_silent(seen: MetricEvidence, step_minutes: int) -> bool:
    if seen.silent < SUSPICIOUS_SILENCE_MINUTES:
        return False
    before = step_minutes - seen.silent
    missed = min(seen.canary[0], seen.base[0]) / before * seen.silent
    return missed >= SUSPICIOUS_SILENCE_REQUESTS


def _without_harm(
    evidence: Evidence, settings: JudgeSettings, plan: Plan, verdicts: tuple[MetricVerdict, ...]
) -> tuple[Action, str, str | None]:
    step = plan[evidence.step]
    minutes, bake = evidence.step_minutes, step.bake_minutes
    longest = bake * settings.max_bake_factor
    at = explain.weight(step.weight_percent)
    if minutes < bake:
        most = min((each for each in verdicts if not each.dry_run), key=lambda each: (-each.log_e_capped, each.name))
        return Action.CONTINUE, f"baking at {at}, {minutes} of {bake} min; {most.reason}", None

    gates = {metric.name for metric in settings.metrics if metric.gates}
    unproven = [each for each in verdicts if each.name in gates and each.verdict is not Verdict.SAFE]
    if not unproven:
        reason = "; ".join(each.reason for each in verdicts if each.name in gates)
        return (Action.PROMOTE if evidence.step + 1 == len(plan) else Action.ADVANCE), reason, None

    blocking = min(unproven, key=lambda each: (each.log_s, each.name))
    if minutes >= longest - _ROUNDING:
        reason = f"no proof of safety at {at} in {minutes} min, {longest:.0f} were allowed; {blocking.reason}"
        return Action.HOLD, reason, blocking.name
    reason = f"no proof of safety at {at} yet, {minutes} of at most {longest:.0f} min; {blocking.reason}"
    return Action.EXTEND, reason, blocking.name


def _reason_of_harm(
    culprit: _View, verdicts: tuple[MetricVerdict, ...], log_e_capped: float, log_e_limit: float
) -> str:
    reason = next(each.reason for each in verdicts if each.name == culprit.metric.name)
    if not culprit.convicts_alone:
        together = f"{explain.odds(log_e_capped)} (limit {explain.odds(log_e_limit)})"
        return f"{reason}; all metrics together {together}"
    return reason
