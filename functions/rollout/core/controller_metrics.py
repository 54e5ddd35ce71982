"""What the controller tells of itself in numbers: its own CloudWatch metrics, and what each counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from rollout.core.cause import CauseKind
from rollout.core.decision import Decision, Phase
from rollout.core.judge import Count, JudgeSettings, MetricKind, MinuteReading

if TYPE_CHECKING:
    from rollout.core.rollout import Rollout


@dataclass(frozen=True, slots=True)
class ControllerMetric:
    """One of the controller's own metrics. `unit` is CloudWatch's; beside the dimensions each has `service`, which is
    the name of the controller's stack.
    """

    name: str
    unit: str
    dimensions: tuple[str, ...]
    meaning: str


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """One value of one metric."""

    name: str
    value: float
    dimensions: Mapping[str, str] = field(default_factory=dict)


CONTROLLER_METRICS = {
    metric.name: metric
    for metric in (
        ControllerMetric(
            "RolloutsEnded", "Count", ("outcome",), "Rollouts that have ended; a rejected request is one."
        ),
        ControllerMetric("RolloutDuration", "Seconds", ("outcome",), "From a rollout's start to its end."),
        ControllerMetric(
            "DetectionTime",
            "Seconds",
            (),
            "From a rollout's start to the decision to roll it back, when the judge or an alarm made it, not a person.",
        ),
        ControllerMetric(
            "BadRequestsServed",
            "Count",
            (),
            "Errors that the canary answered with in the judged minutes of all bakes, by the first deciding error "
            "metric; told once, at the rollout's end.",
        ),
        ControllerMetric(
            "CandidateWeight",
            "Percent",
            ("target",),
            "The candidate's share of the target's requests: told after every decision, 100 once promoted, 0 without a "
            "canary.",
        ),
        ControllerMetric(
            "UnmeasuredAnalyses",
            "Count",
            (),
            "Analyses whose newest counted minute lacked a required metric in one arm: no requests, or no data.",
        ),
        ControllerMetric("RollbacksDecided", "Count", (), "Decisions to roll back, whoever made them."),
        ControllerMetric("Recoveries", "Count", (), "Rollouts whose dead execution was cleaned up after."),
    )
}


def metric_points(rollout: Rollout, decision: Decision, now: datetime) -> Iterator[MetricPoint]:
    """What there is to tell after this decision about the rollout as it now stands."""
    yield MetricPoint("CandidateWeight", float(rollout.weight_percent), {"target": rollout.settings.target.key})
    if rollout.phase is Phase.ENDED and rollout.outcome is not None and rollout.ended_at is not None:
        by_outcome = {"outcome": rollout.outcome.value}
        yield MetricPoint("RolloutsEnded", 1, by_outcome)
        yield MetricPoint("RolloutDuration", (rollout.ended_at - rollout.started_at).total_seconds(), by_outcome)
        yield MetricPoint("BadRequestsServed", rollout.bad_served)
    elif decision is Decision.ROLL_BACK:
        yield MetricPoint("RollbacksDecided", 1)
        if _detected(rollout):
            yield MetricPoint("DetectionTime", (now - rollout.started_at).total_seconds())
    elif is_unmeasured(rollout):
        yield MetricPoint("UnmeasuredAnalyses", 1)


def never_begun(outcome: str) -> Iterator[MetricPoint]:
    """What there is to tell of a request that never became a rollout."""
    yield MetricPoint("RolloutsEnded", 1, {"outcome": outcome})


def is_unmeasured(rollout: Rollout) -> bool:
    """Whether the newest counted minute lacked a required metric in one of the arms."""
    required = {metric.name for metric in rollout.settings.judge.metrics if metric.required}
    return any(evidence.silent for name, evidence in rollout.evidence.metrics.items() if name in required)


def bad_requests(reading: MinuteReading, judge: JudgeSettings) -> int:
    """The canary's errors of one minute, by the first error metric that decides and was read."""
    for metric in judge.metrics:
        if metric.decides and metric.kind is MetricKind.ERRORS and metric.name in reading.pairs:
            canary = reading.pairs[metric.name].canary
            return canary.bad if isinstance(canary, Count) else 0
    return 0


def _detected(rollout: Rollout) -> bool:
    """Whether the judge or an alarm brought the decision about while the rollout ran by itself."""
    detected = rollout.cause is not None and rollout.cause.kind in (CauseKind.JUDGE, CauseKind.ALARM)
    return detected and rollout.phase in (Phase.BAKING, Phase.WATCHING)
