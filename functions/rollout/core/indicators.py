"""What the controller tells of itself in numbers: its own CloudWatch metrics, and what each counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from rollout.core.decision import Decision, Phase
from rollout.core.judge import Count, JudgeSettings, MetricKind, MinuteReading
from rollout.core.signals import SignalKind

if TYPE_CHECKING:
    from rollout.core.rollout import Rollout


@dataclass(frozen=True, slots=True)
class Indicator:
    """One of the controller's own metrics. `unit` is CloudWatch's; beside the dimensions each has `service`."""

    name: str
    unit: str
    dimensions: tuple[str, ...]
    meaning: str


@dataclass(frozen=True, slots=True)
class Measurement:
    """One value of one indicator."""

    name: str
    value: float
    dimensions: Mapping[str, str] = field(default_factory=dict)


INDICATORS = {
    indicator.name: indicator
    for indicator in (
        Indicator("RolloutsEnded", "Count", ("outcome",), "Rollouts that have ended; a rejected request is one."),
        Indicator("RolloutDuration", "Seconds", ("outcome",), "From a rollout's start to its end."),
        Indicator(
            "DetectionTime",
            "Seconds",
            (),
            "From a rollout's start to the decision to roll it back, when the judge or an alarm made it, not a person.",
        ),
        Indicator(
            "BadRequestsServed",
            "Count",
            (),
            "Errors that the canary answered with in the judged minutes of all bakes, by the first deciding error "
            "metric; told once, at the rollout's end.",
        ),
        Indicator(
            "CandidateWeight",
            "Percent",
            ("target",),
            "The candidate's share of the target's requests: told after every decision, 100 once promoted, 0 without a "
            "canary.",
        ),
        Indicator(
            "UnmeasuredAnalyses",
            "Count",
            (),
            "Analyses whose newest counted minute lacked a required metric in one arm: no requests, or no data.",
        ),
        Indicator("RollbacksDecided", "Count", (), "Decisions to roll back, whoever made them."),
        Indicator("Recoveries", "Count", (), "Rollouts whose dead execution was cleaned up after."),
    )
}


def measurements(rollout: Rollout, decision: Decision, now: datetime) -> Iterator[Measurement]:
    """What there is to tell after this decision about the rollout as it now stands."""
    yield Measurement("CandidateWeight", float(rollout.weight_percent), {"target": rollout.settings.target.key})
    if rollout.phase is Phase.ENDED and rollout.outcome is not None and rollout.ended_at is not None:
        by_outcome = {"outcome": rollout.outcome.value}
        yield Measurement("RolloutsEnded", 1, by_outcome)
        yield Measurement("RolloutDuration", (rollout.ended_at - rollout.started_at).total_seconds(), by_outcome)
        yield Measurement("BadRequestsServed", rollout.bad_served)
    elif decision is Decision.ROLL_BACK:
        yield Measurement("RollbacksDecided", 1)
        if _detected(rollout):
            yield Measurement("DetectionTime", (now - rollout.started_at).total_seconds())
    elif is_unmeasured(rollout):
        yield Measurement("UnmeasuredAnalyses", 1)


def never_begun(outcome: str) -> Iterator[Measurement]:
    """What there is to tell of a request that never became a rollout."""
    yield Measurement("RolloutsEnded", 1, {"outcome": outcome})


def is_unmeasured(rollout: Rollout) -> bool:
    """Whether the newest counted minute lacked a required metric in one of the arms."""
    required = {metric.name for metric in rollout.settings.judge.metrics if metric.required}
    return any(evidence.silent for name, evidence in rollout.evidence.metrics.items() if name in required)


def bad_requests(reading: MinuteReading, judge: JudgeSettings) -> int:
    """The canary's errors of one minute, by the first error metric that decides."""
    for metric in judge.metrics:
        if metric.decides and metric.kind is MetricKind.ERRORS and metric.name in reading.pairs:
            canary = reading.pairs[metric.name].canary
            return canary.bad if isinstance(canary, Count) else 0
    return 0


def _detected(rollout: Rollout) -> bool:
    """Whether the judge or an alarm decided: nobody aborted, and nobody was waited for in vain."""
    aborted = any(signal.kind is SignalKind.ABORT for signal in rollout.signals)
    return not aborted and rollout.phase in (Phase.BAKING, Phase.WATCHING)
