"""Whose doing an alarm is: by the judge's odds on canary and base, not by raw rates.

An alarm sees the stage as a whole. When the base fails as much as the canary, the rollback is still done, because no
traffic should be moved during an outage; but a person should not look for the cause in the candidate.

An alarm that was firing before the rollout began is another matter: it says that the base is bad. Around its threshold
it fires again and again, and none of that is the candidate's doing. It counts only for what the candidate adds, that is
when the odds are `CANDIDATE_ADDS` or more that the canary is worse than tolerated. The odds are an e-value: a canary
within tolerance ever reaches 10:1 in at most one rollout of ten, and only then does such an alarm matter at all.
"""

from __future__ import annotations

from math import log

from rollout.core.judge import Count, Evidence, JudgeSettings, MetricKind, MetricVerdict, Plan, judge
from rollout.core.judge.explain import compared, display_name, odds

CANDIDATE_ADDS = log(10.0)
"""ln of the odds from which on harm is the candidate's."""
QUIET_MINUTES = 30
"""An alarm that was firing at the start and has not fired for so long counts like any other."""


def attribution(evidence: Evidence, settings: JudgeSettings, plan: Plan) -> str:
    """How canary and base compare in the errors of the minutes counted in this step; "" when there are none."""
    verdicts = judge(evidence, settings, plan).verdicts
    errors = {metric.name for metric in settings.metrics if metric.decides and metric.kind is MetricKind.ERRORS}
    seen = [verdict for verdict in verdicts if verdict.name in errors and _has_both(verdict)]
    if worse := [verdict for verdict in seen if _is_worse(verdict)]:
        return f"the canary fares worse than the base: {'; '.join(map(_words, worse))}"
    if seen:
        return f"the canary is not shown to be worse than the base: {'; '.join(map(_words, seen))}"
    return ""


def candidate_adds(evidence: Evidence, settings: JudgeSettings, plan: Plan) -> bool:
    """Whether the judge's odds say that the candidate makes something worse that the rollout is judged by."""
    return any(_is_worse(verdict) for verdict in judge(evidence, settings, plan).verdicts if not verdict.dry_run)


def worst_odds(evidence: Evidence, settings: JudgeSettings, plan: Plan) -> str:
    """The highest odds of the deciding metrics that the canary is worse than tolerated, in words."""
    logs = [verdict.log_e for verdict in judge(evidence, settings, plan).verdicts if not verdict.dry_run]
    return odds(max(logs, default=0.0))


def is_proven_better(evidence: Evidence, settings: JudgeSettings) -> bool:
    """Whether the canary is shown, in this step, to have at most half of the base's errors of some deciding kind."""
    return any(
        evidence.metrics[metric.name].half_as_bad
        for metric in settings.metrics
        if metric.decides and metric.kind is MetricKind.ERRORS and metric.name in evidence.metrics
    )


def _is_worse(verdict: MetricVerdict) -> bool:
    return verdict.log_e >= CANDIDATE_ADDS


def _has_both(verdict: MetricVerdict) -> bool:
    arms = verdict.canary, verdict.base
    return all(isinstance(arm, Count) and arm.requests > 0 for arm in arms)


def _words(verdict: MetricVerdict) -> str:
    return f"{display_name(verdict.name)} {compared(verdict.canary, verdict.base)}, odds {odds(verdict.log_e)}"
