"""What the controller tells of itself in numbers, from a rollout and the decision just taken."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from rollout.core.cause import JUDGE, Cause
from rollout.core.controller_metrics import (
    CONTROLLER_METRICS,
    bad_requests,
    is_unmeasured,
    metric_points,
    never_begun,
)
from rollout.core.decision import Decision, Phase
from rollout.core.judge import MetricKind, MetricSettings, MinuteReading
from rollout.core.judge.settings import JudgeSettings
from rollout.core.rollout import Outcome, Rollout
from rollout.core.signals import Signal, SignalKind
from tests.core.judge.builders import NAME, Minute, a_pair, evidence_of
from tests.rollouts import NOON, rollout, settings

LATER = NOON + timedelta(minutes=3)
SILENT: Minute = (0, 0, 1200, 12)
RUNNING = [phase for phase in Phase if phase is not Phase.ENDED]


def told(of: Rollout, decision: Decision = Decision.CONTINUE) -> dict[str, float]:
    points = list(metric_points(of, decision, LATER))
    assert {point.name for point in points} <= set(CONTROLLER_METRICS)
    return {point.name: point.value for point in points}


@pytest.mark.parametrize(("phase", "decision"), list(product(RUNNING, Decision)))
def test_a_running_rollout_tells_its_weight_after_every_decision_and_no_end(phase: Phase, decision: Decision) -> None:
    names = set(told(rollout(phase=phase), decision))
    assert "CandidateWeight" in names
    assert {"RolloutsEnded", "RolloutDuration", "BadRequestsServed"}.isdisjoint(names)


@pytest.mark.parametrize("outcome", Outcome)
def test_an_ended_rollout_tells_how_it_ended_after_how_long_and_at_what_cost(outcome: Outcome) -> None:
    ended = rollout(phase=Phase.ENDED, outcome=outcome, ended_at=LATER, bad_served=7)
    points = {point.name: point for point in metric_points(ended, Decision.CLOSE, LATER + timedelta(hours=1))}
    assert {"outcome": outcome.value} == points["RolloutsEnded"].dimensions == points["RolloutDuration"].dimensions
    assert (1, 180.0, 7) == tuple(
        points[name].value for name in ("RolloutsEnded", "RolloutDuration", "BadRequestsServed")
    )


@pytest.mark.parametrize("kind", [None, *SignalKind])
@pytest.mark.parametrize("phase", RUNNING)
def test_a_rollback_is_a_detection_unless_somebody_aborted_or_was_waited_for(
    phase: Phase, kind: SignalKind | None
) -> None:
    cause = JUDGE if kind is None else Cause.of_signal(Signal(kind, NOON.isoformat(), "ada", ""))
    points = told(rollout(phase=phase, cause=cause), Decision.ROLL_BACK)
    detected = kind in (None, SignalKind.ALARM) and phase in (Phase.BAKING, Phase.WATCHING)
    assert 1 == points["RollbacksDecided"]
    assert (180.0 if detected else None) == points.get("DetectionTime")


@pytest.mark.parametrize("decision", [decision for decision in Decision if decision is not Decision.ROLL_BACK])
def test_nothing_but_a_rollback_is_one(decision: Decision) -> None:
    assert {"RollbacksDecided", "DetectionTime"}.isdisjoint(told(rollout(), decision))


@pytest.mark.parametrize(("required", "expected"), [(True, 1), (False, None)])
def test_an_analysis_is_unmeasured_when_a_required_metric_is_silent(required: bool, expected: int | None) -> None:
    judge = JudgeSettings.of(metrics=[MetricSettings(NAME, required=required), MetricSettings("Other")])
    silent = evidence_of([SILENT], judge)
    heard = replace(rollout(settings=replace(settings(), judge=judge)), evidence=silent)
    heard = replace(heard, evidence=silent._replace(metrics={NAME: silent.metrics[NAME]}))
    assert required == is_unmeasured(heard)
    assert expected == told(heard).get("UnmeasuredAnalyses")


def test_a_request_that_never_became_a_rollout_ends_as_it_was_refused() -> None:
    (point,) = never_begun("REJECTED")
    assert ("RolloutsEnded", 1, {"outcome": "REJECTED"}) == (point.name, point.value, point.dimensions)


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        ([MetricSettings("4XXError"), MetricSettings(NAME)], 4),
        ([MetricSettings("4XXError", dry_run=True), MetricSettings(NAME)], 5),
        ([MetricSettings("4XXError", MetricKind.LATENCY), MetricSettings(NAME)], 5),
        ([MetricSettings("Missing"), MetricSettings(NAME)], 5),
        ([MetricSettings("Missing")], 0),
    ],
    ids=["the first", "that decides", "of errors", "that was read", "none"],
)
def test_bad_requests_are_the_canarys_by_the_first_error_metric_that_decides_and_was_read(
    metrics: list[MetricSettings], expected: int
) -> None:
    reading = MinuteReading(1, 0, {"4XXError": a_pair((50, 4, 950, 10)), NAME: a_pair((50, 5, 950, 10))})
    assert expected == bad_requests(reading, JudgeSettings.of(metrics=metrics))
