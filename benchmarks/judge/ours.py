"""The product's own judge over simulated rollouts. Nothing here decides: `observe`, `convicts` and `judge` do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.judge.ending import Ending
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
    convicts,
    judge,
    learned,
    observe,
)

NAME = "5XXError"


def settings_with(dispersion: float = 1.0, **changes: Any) -> JudgeSettings:
    """The product's defaults for one metric of errors, or with these changes."""
    return JudgeSettings.of(metrics=[MetricSettings(NAME, dispersion=dispersion)], **changes)


def follow_all(rollouts: Rollouts, settings: Sequence[JudgeSettings]) -> list[Ending]:
    """Every rollout to its end; the settings are used in turn."""
    histories = zip(
        rollouts.history_requests.sum(axis=1).tolist(), rollouts.history_bad.sum(axis=1).tolist(), strict=True
    )
    arms = zip(*(each.tolist() for each in rollouts.arms), strict=True)
    endings = (
        follow(settings[index % len(settings)], Count(*history), *arm)
        for index, (history, arm) in enumerate(zip(histories, arms, strict=True))
    )
    return [
        ending._replace(bad=rollouts.bad_served(index, ending.step_minutes)) for index, ending in enumerate(endings)
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
    step_minutes = [0]
    while True:
        step, minute = evidence.step, evidence.step_minutes
        canary = Count(canary_requests[step][minute], canary_bad[step][minute])
        base = Count(base_requests[step][minute], base_bad[step][minute])
        reading = MinuteReading(evidence.minutes, step, {NAME: Pair(canary, base)})
        evidence = observe(evidence, reading, settings, PLAN)
        step_minutes[-1] += 1
        action = _action(evidence, settings)
        if action.ends:
            return Ending(action, tuple(step_minutes), dispersion=learned(evidence).get(NAME))
        if action is Action.ADVANCE:
            evidence = begin_step(evidence, step + 1)
            step_minutes.append(0)


def _action(evidence: Evidence, settings: JudgeSettings) -> Action:
    if evidence.step_minutes >= PLAN[evidence.step].bake_minutes:
        return judge(evidence, settings, PLAN).action
    return Action.ROLL_BACK if convicts(evidence, settings, PLAN) else Action.CONTINUE
