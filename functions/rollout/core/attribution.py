"""Whose fault an alarm is: what canary and base have shown in this step, in words for the reason.

An alarm sees the stage as a whole. When the base fails as much as the canary, the rollback is still done, because no
traffic should be moved during an outage; but a person should not look for the cause in the candidate.
"""

from __future__ import annotations

from rollout.core.judge import Count, Evidence, JudgeSettings, MetricKind
from rollout.core.judge.explain import display_name


def attribution(evidence: Evidence, settings: JudgeSettings) -> str:
    """How canary and base compare in the errors of the minutes counted in this step; "" when there are none."""
    worse: list[str] = []
    equal: list[str] = []
    for metric in settings.metrics:
        seen = evidence.metrics[metric.name]
        if not metric.decides or metric.kind is not MetricKind.ERRORS:
            continue
        if not (isinstance(seen.canary, Count) and isinstance(seen.base, Count)):
            continue
        if not seen.canary.requests or not seen.base.requests:
            continue
        canary, base = seen.canary.bad / seen.canary.requests, seen.base.bad / seen.base.requests
        words = (
            f"{display_name(metric.name)} canary {seen.canary.bad}/{seen.canary.requests} ({canary:.2%}) "
            f"vs base {seen.base.bad}/{seen.base.requests} ({base:.2%})"
        )
        (equal if canary <= metric.line(base).of(base) else worse).append(words)
    if worse:
        return f"the canary fares worse than the base: {'; '.join(worse)}"
    if equal:
        return f"so far the canary looks no worse than the base: {'; '.join(equal)}"
    return ""
