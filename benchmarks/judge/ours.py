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
    conclude,
    is_harmful,
    learned,
    observe,
    with_base_dispersion,
)

NAME = "5XXError"


def settings_with(dispersion: float | None = None, **changes: Any) -> JudgeSettings:
    """The product's defaults for one metric of errors, or with these changes."""
    return JudgeSettings.of(metrics=[MetricSettings(NAME, dispersion=dispersion)], **changes)


def follow_all(rollouts: Rollouts, settings: Sequence[JudgeSettings]) -> list[Ending]:
    """Every rollout to its end; the settings are used in turn. Where they name no dispersion, it is that of the base's
    own minutes before the rollout, as Prepare takes it.
    """
    histories = zip(rollouts.history_requests.tolist(), rollouts.history_bad.tolist(), strict=True)
    arms = zip(*(each.tolist() for each in rollouts.arms), strict=True)
    endings = (
        follow(settings[index % len(settings)], list(map(Count, *history)), *arm)
        for index, (history, arm) in enumerate(zip(histories, arms, strict=True))
    )
    return [ending.counted(rollouts, index) for index, ending in enumerate(endings)]


Counts = Sequence[Sequence[int]]
"""By step, then by minute of the step."""


def follow(
    settings: JudgeSettings,
    history: Sequence[Count],
    canary_requests: Counts,
    canary_bad: Counts,
    base_requests: Counts,
    base_bad: Counts,
) -> Ending:
    """One rollout, minute by minute, as the workflow would move it.

    While a step bakes the only question is whether the judge convicts; then it is asked what to do.
    """
    settings = with_base_dispersion(settings, {NAME: history})
    total = Count(sum(each.requests for each in history), sum(each.bad for each in history))
    evidence = begin(settings, PLAN, {NAME: total})
    step_minutes = [0]
    while True:
        step, minute = evidence.step, evidence.step_minutes
        canary = Count(canary_requests[step][minute], canary_bad[step][minute])
        base = Count(base_requests[step][minute], base_bad[step][minute])
        reading = MinuteReading(evidence.minutes, step, {NAME: Pair(canary, base)})
        evidence = observe(evidence, reading, settings, PLAN)
        step_minutes[-1] += 1
        evidence, action = _concluded(evidence, settings)
        if action.ends:
            return Ending(action, tuple(step_minutes), dispersion=learned(evidence).get(NAME))
        if action is Action.ADVANCE:
            evidence = begin_step(evidence, step + 1, settings, PLAN)
            step_minutes.append(0)


def _concluded(evidence: Evidence, settings: JudgeSettings) -> tuple[Evidence, Action]:
    if evidence.step_minutes >= PLAN[evidence.step].bake_minutes:
        evidence, judgement = conclude(evidence, settings, PLAN)
        return evidence, judgement.action
    return evidence, Action.ROLL_BACK if is_harmful(evidence, settings, PLAN) else Action.CONTINUE
