"""The judge over recorded minutes: what it would have done, minute by minute."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from .evidence import Evidence
from .explain import with_shown_only
from .judging import conclude
from .observing import begin, begin_step, observe, observe_late
from .plan import Plan
from .readings import MinuteReading, Pair, Totals
from .settings import JudgeSettings
from .verdict import Action, Judgement


class RecordedMinute(NamedTuple):
    """One minute as it was recorded: the metrics by name, and, where the record has them, its number and the weight
    of the canary in it (a fraction)."""

    pairs: Mapping[str, Pair]
    number: int | None = None
    weight: float | None = None


class ReplayMinute(NamedTuple):
    """One minute: the step it was in (from 0), and the judgement after it."""

    step: int
    judgement: Judgement

    def to_dict(self) -> dict[str, Any]:
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

    @property
    def reason(self) -> str:
        """Of the verdict, with what is shown only and would have convicted in any minute; "" if there was none."""
        if not self.minutes:
            return ""
        found: dict[str, Pair] = {}
        for minute in self.minutes:
            found |= minute.judgement.would_have_convicted
        return with_shown_only(self.minutes[-1].judgement.reason, found)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, as `rollout judge --json` prints it."""
        return {
            "verdict": self.verdict.value,
            "atMinute": self.at_minute,
            "minutes": [minute.to_dict() for minute in self.minutes],
        }


def replay(
    settings: JudgeSettings,
    plan: Plan,
    base_history: Mapping[str, Totals],
    minutes: Iterable[Mapping[str, Pair] | RecordedMinute],
) -> Replay:
    """Judge recorded minutes in order, moving through the plan as the rollout would.

    `minutes` holds the metrics of each minute by name. A minute that has a number already passed comes late: it is
    counted once, if it was missing at its time. Raises InvalidSettings, InvalidReading.
    """
    evidence = begin(settings, plan, base_history)
    judged: list[ReplayMinute] = []
    for each in minutes:
        recorded = each if isinstance(each, RecordedMinute) else RecordedMinute(each)
        evidence = _observed(evidence, recorded, settings, plan)
        evidence, judgement = conclude(evidence, settings, plan)
        judged.append(ReplayMinute(evidence.step, judgement))
        if judgement.action.ends:
            break
        if judgement.action is Action.ADVANCE:
            evidence = begin_step(evidence, evidence.step + 1, settings, plan)
    verdict = judged[-1].judgement.action if judged else Action.CONTINUE
    return Replay(verdict, len(judged), tuple(judged))


def _observed(evidence: Evidence, recorded: RecordedMinute, settings: JudgeSettings, plan: Plan) -> Evidence:
    last = evidence.last_minute
    number = recorded.number if recorded.number is not None else 1 if last is None else last + 1
    weights = None if recorded.weight is None else (recorded.weight, recorded.weight)
    if last is None or number > last:
        reading = MinuteReading(number, evidence.step, recorded.pairs, weights=weights)
        return observe(evidence, reading, settings, plan)
    step = evidence.step_of(number)
    if step is None:
        return evidence
    reading = MinuteReading(number, step, recorded.pairs, weights=weights)
    return observe_late(evidence, [reading], settings, plan)
