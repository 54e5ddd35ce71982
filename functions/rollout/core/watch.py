"""The watch after 100 %: there is no base any more, so the candidate is held against the base as it last was.

The frozen base gives each metric a ceiling; the judge's fixed-ceiling null (a tolerance with r = 0) is what must not
be exceeded. Traffic of another hour is not the traffic of the bake, so the ceiling is generous: what the gate would
have let pass at 100 %.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from rollout.core.judge import Count, Evidence, JudgeSettings, MetricKind, MetricVerdict, Tolerance, begin
from rollout.core.judge.explain import display_name
from rollout.core.judge.observing import base_fails_fast
from rollout.core.judge.plan import Plan

HIGHEST_CEILING = 0.95


def watch_limits(evidence: Evidence, settings: JudgeSettings, without: Container[str] = ()) -> dict[str, float]:
    """The bad rate that each deciding metric may reach during the watch.

    A metric whose base was never measured has none and is not judged, nor is one of those `without`, nor latency where
    the base failed: failures have a latency of their own.
    """
    found = {}
    failed = evidence.base_failed or base_fails_fast(evidence)
    for metric in settings.metrics:
        if metric.name in without or not metric.decides or metric.kind not in (MetricKind.ERRORS, MetricKind.LATENCY):
            continue
        if failed and metric.kind is MetricKind.LATENCY:
            continue
        base = evidence.metrics[metric.name].past_base
        if isinstance(base, Count) and base.requests > 0:
            rate = (base.bad + 1) / (base.requests + 1)
            ceiling = settings.gate.relative * metric.line(rate).of(rate) + settings.gate.absolute
            found[metric.name] = min(HIGHEST_CEILING, ceiling)
    return found


def judge_of(settings: JudgeSettings, limits: Mapping[str, float]) -> JudgeSettings | None:
    """The judge's settings for the watch; None when nothing can be judged."""
    metrics = tuple(
        metric._replace(tolerance=Tolerance(0.0, limits[metric.name]), max_excess=1.0, required=True)
        for metric in settings.metrics
        if metric.name in limits
    )
    return settings._replace(metrics=metrics, tests_split=False, routes=()) if metrics else None


def describe(verdicts: Sequence[MetricVerdict], limits: Mapping[str, float]) -> str:
    """What the watch sees, in words: each metric's rate and what it may reach."""
    seen = [
        f"{display_name(verdict.name)} {verdict.canary.bad}/{verdict.canary.requests} "
        f"({verdict.canary.bad / verdict.canary.requests:.2%}, at most {limits[verdict.name]:.2%})"
        for verdict in verdicts
        if isinstance(verdict.canary, Count) and verdict.canary.requests and verdict.name in limits
    ]
    return "; ".join(seen) or "no requests yet"


def begin_watch(settings: JudgeSettings, plan: Plan, limits: Mapping[str, float]) -> Evidence | None:
    """Fresh evidence for the watch; None when nothing can be judged."""
    judge = judge_of(settings, limits)
    return begin(judge, plan[-1:], {}) if judge else None
