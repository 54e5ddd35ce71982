"""The product's own judge over simulated rollouts. Nothing here decides: `observe`, `is_harmful` and `conclude` do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from benchmarks.judge.traffic import PLAN, Rollouts
from rollout.core.judge import (
    Action,
    Count,
    Evidence,
    JudgeSettings,
    MetricSettings,
    MinuteReading,
    Pair,
    begin,
    begin_step,
    conclude,
    is_harmful,
    learned,
    observe,
)

NAME = "5XXError"


def settings_with(dispersion: float = 1.0, **changes: Any) -> JudgeSettings:
    """The product's defaults for one metric of errors, or with these changes."""
    return JudgeSettings.of(metrics=[MetricSettings(NAME, dispersion=dispersion)], **changes)


class Ending(NamedTuple):
    """How one rollout ended, after how many minutes, with how many bad canary requests served; and the
    dispersion that it taught, if any."""

    action: Action
    minutes: int
    bad: int
    dispersion: float | None


def follow_all(rollouts: Rollouts, settings: Sequence[JudgeSettings]) -> list[Ending]:
    """Every rollout to its end; the settings are used in turn."""
    histories = zip(rollouts.history_requests.tolist(), rollouts.history_bad.tolist(), strict=True)
    arms = zip(*(each.tolist() for each in rollouts[2:]), strict=True)
    return [
        follow(settings[index % len(settings)], Count(*history), *arm)
        for index, (history, arm) in enumerate(zip(histories, arms, strict=True))
    ]


Counts = Sequence[Sequence[int]]
"""By step, then by minute of the step."""


def follow(
    settings: JudgeSettings,
    history: Count,
    canary_requests: Counts,
    canary_bad: Counts,
    base_requests: Counts,
    base_bad: Counts,
) -> Ending:
    """One rollout, minute by minute, as the workflow would move it.

    While a step bakes the only question is whether the judge convicts; then it is asked what to do.
    """
    evidence = begin(settings, PLAN, {NAME: history})
    served = 0
    while True:
        step, minute = evidence.step, evidence.step_minutes
        canary = Count(canary_requests[step][minute], canary_bad[step][minute])
        base = Count(base_requests[step][minute], base_bad[step][minute])
        served += canary.bad
        reading = MinuteReading(evidence.minutes, step, {NAME: Pair(canary, base)})
        evidence = observe(evidence, reading, settings, PLAN)
        evidence, action = _concluded(evidence, settings)
        if action.ends:
            return Ending(action, evidence.minutes, served, learned(evidence).get(NAME))
        if action is Action.ADVANCE:
            evidence = begin_step(evidence, step + 1, settings, PLAN)


def _concluded(evidence: Evidence, settings: JudgeSettings) -> tuple[Evidence, Action]:
    if evidence.step_minutes >= PLAN[evidence.step].bake_minutes:
        evidence, judgement = conclude(evidence, settings, PLAN)
        return evidence, judgement.action
    return evidence, Action.ROLL_BACK if is_harmful(evidence, settings, PLAN) else Action.CONTINUE
