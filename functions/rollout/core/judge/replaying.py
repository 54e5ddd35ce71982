"""The judge over recorded minutes: what it would have done, minute by minute."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .judging import judge
from .named import NamedTuple
from .observing import begin, begin_step, observe
from .plan import Plan
from .readings import Measure, MinuteReading, Pair
from .settings import JudgeSettings
from .verdict import Action, Judgement


class ReplayMinute(NamedTuple):
    """One minute: the step it was in (from 0), and the judgement after it."""

    step: int
    judgement: Judgement

    def to_dict(self) -> dict[str, object]:
        """Plain JSON."""
        return {
            "step": self.step,
            "action": self.judgement.action.value,
            "logE": self.judgement.log_e,
            "metrics": {
                each.name: {
                    "logE": each.log_e,
                    "logECapped": each.log_e_capped,
                    "logS": each.log_s,
                    "verdict": each.verdict.value,
                }
                for each in self.judgement.verdicts
            },
        }


class Replay(NamedTuple):
    """All minutes up to the first promote, hold or rollback; `at_minute` counts from 1 (0: there were none).

    `verdict` is the last action, which is one of those three unless the record ends before.
    """

    verdict: Action
    at_minute: int
    minutes: tuple[ReplayMinute, ...]

    def to_dict(self) -> dict[str, object]:
        """Plain JSON, as `rollout judge --json` prints it."""
        return {
            "verdict": self.verdict.value,
            "atMinute": self.at_minute,
            "minutes": [minute.to_dict() for minute in self.minutes],
        }


def replay(
    settings: JudgeSettings,
    plan: Plan,
    base_history: Mapping[str, Measure],
    minutes: Iterable[Mapping[str, Pair]],
) -> Replay:
    """Judge recorded minutes in order, moving through the plan as the rollout would.

    `minutes` holds the metrics of each minute by name. Raises InvalidSettings, InvalidReading.
    """
    evidence = begin(settings, plan, base_history)
    judged: list[ReplayMinute] = []
    for number, pairs in enumerate(minutes, start=1):
        evidence = observe(evidence, MinuteReading(number, evidence.step, pairs), settings, plan)
        judgement = judge(evidence, settings, plan)
        judged.append(ReplayMinute(evidence.step, judgement))
        if judgement.action.ends:
            break
        if judgement.action is Action.ADVANCE:
            evidence = begin_step(evidence, evidence.step + 1)
    verdict = judged[-1].judgement.action if judged else Action.CONTINUE
    return Replay(verdict, len(judged), tuple(judged))
