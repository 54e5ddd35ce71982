"""What was decided, when, why and by whom, and what that changed: a rollout's history in rows for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from rollout.core.decision import WAITING, Decision
from rollout.core.rollout import Rollout
from rollout.core.signals import Signal, SignalKind
from rollout.core.target import Json

ANALYZE = "Analyze"
JUDGE = "judge"


class Tone(StrEnum):
    """How a decision should look."""

    PLAIN = "plain"
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


_TONES: dict[str, Tone] = {
    Decision.ADVANCE: Tone.GOOD,
    Decision.PROMOTE: Tone.GOOD,
    Decision.CLOSE: Tone.GOOD,
    Decision.EXTEND: Tone.WARNING,
    Decision.HOLD: Tone.WARNING,
    Decision.PAUSE: Tone.WARNING,
    Decision.LOWER: Tone.WARNING,
    Decision.STOP: Tone.WARNING,
    Decision.ROLL_BACK: Tone.BAD,
    "Roll back": Tone.BAD,
    "Create canary": Tone.GOOD,
    "Shift traffic": Tone.GOOD,
    "Promote": Tone.GOOD,
}


_DONE = {"Close": "over; the target is free for the next rollout"}
"""What a state says that has nothing to add to the reason before, and changes nothing of the target."""


@dataclass(frozen=True, slots=True)
class Row:
    """One decision, or one change of the target; `times` of the same in a row are one, until `until`.

    word: what was decided or done. actor: the judge, a person, or an alarm. change: what was done to the target.
    marked: whether it is worth a mark in the picture of the weight.
    """

    number: int
    at: datetime
    minute: float
    until: float
    times: int
    step: int
    weight_percent: float
    word: str
    reason: str
    actor: str
    change: str
    tone: Tone
    marked: bool
    notes: tuple[str, ...] = ()

    @property
    def said(self) -> tuple[str, ...]:
        """The reason, what was changed, and the notes, as far as there are any; a note is not said twice."""
        return tuple(filter(None, (self.reason, self.change, *unsaid(self.notes, self.reason))))


def unsaid(notes: Sequence[str], reason: str) -> tuple[str, ...]:
    """The notes that the reason does not say already."""
    return tuple(note for note in notes if note not in reason)


def story(rollout: Rollout, history: Sequence[Json]) -> Iterator[Row]:
    """The rows, oldest first. Looks of which each decided the same are one row, with the reason of the last."""
    number = 0
    held: Row | None = None
    reason_before = ""
    for line in history:
        row = _row(rollout, line, reason_before)
        reason_before = line["reason"]
        if held is not None and _continues(held, row):
            held = replace(held, until=row.minute, times=held.times + 1, reason=row.reason)
            continue
        goes_on = held is not None and held.word == row.word and row.actor == JUDGE
        if held is not None:
            yield held
        number += 1
        held = replace(row, number=number, marked=row.marked and not goes_on)
    if held is not None:
        yield held


def _continues(row: Row, later: Row) -> bool:
    quiet = row.actor == later.actor == JUDGE and not later.change and not later.notes and not row.notes
    waiting = later.word.upper() in WAITING
    return quiet and waiting and not row.change and (row.word, row.step) == (later.word, later.step)


def _row(rollout: Rollout, line: Json, reason_before: str) -> Row:
    at = datetime.fromisoformat(line["at"])
    minute = (at - rollout.started_at).total_seconds() / 60
    state, decision = line["state"], line["decision"]
    analyzed = state == ANALYZE
    signal = _cause(rollout, line["reason"]) if analyzed else None
    repeats = not analyzed and line["reason"] == reason_before
    return Row(
        number=0,
        at=at,
        minute=minute,
        until=minute,
        times=1,
        step=line["step"],
        weight_percent=float(line["weightPercent"]),
        word=(decision if analyzed or decision == Decision.STOP else state).replace("_", " ").lower(),
        reason=_DONE.get(state, "") if repeats else line["reason"],
        actor=_actor(signal) if analyzed else "workflow",
        change=line["change"],
        tone=_tone(line, analyzed=analyzed),
        marked=_is_marked(line, signal, analyzed=analyzed),
        notes=tuple(line.get("analysis", {}).get("notes", ())),
    )


def _tone(line: Json, *, analyzed: bool) -> Tone:
    decision = line["decision"]
    if analyzed or decision == Decision.STOP:
        return _TONES.get(decision, Tone.PLAIN)
    return _TONES.get(line["state"], Tone.PLAIN)


def _is_marked(line: Json, signal: Signal | None, *, analyzed: bool) -> bool:
    """The first canary, and every decision that is more than another look; what carries one out follows at once."""
    if line["state"] == "Create canary" or signal is not None:
        return True
    quiet = (Decision.CONTINUE, Decision.CLOSE)
    return line["decision"] not in quiet if analyzed else line["decision"] == Decision.STOP


def _cause(rollout: Rollout, reason: str) -> Signal | None:
    """The signal that a reason begins with."""
    return next((signal for signal in rollout.signals if reason.startswith(str(signal))), None)


def _actor(signal: Signal | None) -> str:
    if signal is None:
        return JUDGE
    return f"alarm {signal.source}" if signal.kind is SignalKind.ALARM else signal.source
