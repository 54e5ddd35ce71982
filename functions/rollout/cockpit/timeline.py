"""The decisions of a rollout in rows for people: when, why, by which cause, and what was changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from rollout.cockpit import history as facts
from rollout.core.cause import JUDGE, Cause, CauseKind, cause_in
from rollout.core.decision import WAITING, Decision
from rollout.core.rollout import Rollout
from rollout.core.target import Json

NOT_RECORDED = "not recorded"
"""Instead of the cause of a decision that an earlier version stored without it."""


class Tone(StrEnum):
    """How a decision is coloured."""

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


_DONE = {"Close": "ended; the target is free for the next rollout"}
"""The text of a state that repeats the reason of the line before and changes nothing of the target."""


@dataclass(frozen=True, slots=True)
class Row:
    """One decision, or one change of the target; `times` of the same in a row are one, until `until`.

    word: what was decided or done. cause: what brought it about; None where an earlier version did not store it.
    change: what was done to the target. found: what the analysis found out, which the reason has too. marked: whether
    it is marked in the chart of the weight. quiet: whether it may be joined with the next row of its kind.
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
    cause: Cause | None
    change: str
    tone: Tone
    marked: bool
    quiet: bool
    notes: tuple[str, ...] = ()

    @property
    def who(self) -> str:
        """The cause in few words."""
        return self.cause.who if self.cause else NOT_RECORDED

    @property
    def told(self) -> tuple[str, ...]:
        """The reason, what was changed, and the notes, as far as there are any."""
        return tuple(filter(None, (self.reason, self.change, *self.notes)))


def timeline(rollout: Rollout, history: Sequence[Json]) -> Iterator[Row]:
    """The rows, oldest first. Analyses of which each decided the same are one row, with the reason of the last."""
    number = 0
    held: Row | None = None
    before: Json = {}
    for line in history:
        row = _row(rollout, line, before)
        before = line
        if held is not None and _continues(held, row):
            held = replace(held, until=row.minute, times=held.times + 1, reason=row.reason)
            continue
        goes_on = held is not None and held.word == row.word and row.quiet
        if held is not None:
            yield held
        number += 1
        held = replace(row, number=number, marked=row.marked and not goes_on)
    if held is not None:
        yield held


def _continues(row: Row, later: Row) -> bool:
    waiting = later.word.upper() in WAITING
    return row.quiet and later.quiet and waiting and (row.word, row.step) == (later.word, later.step)


def _row(rollout: Rollout, line: Json, before: Json) -> Row:
    at = datetime.fromisoformat(line["at"])
    minute = (at - rollout.started_at).total_seconds() / 60
    analyzed = line["state"] == facts.ANALYZE
    repeats = not analyzed and line["reason"] == before.get("reason", "")
    change, notes = facts.change(line), facts.notes(line)
    return Row(
        number=0,
        at=at,
        minute=minute,
        until=minute,
        times=1,
        step=line["step"],
        weight_percent=float(line["weightPercent"]),
        word=facts.word(line),
        reason=_DONE.get(line["state"], "") if repeats else line["reason"],
        cause=cause_in(line),
        change=change,
        tone=_tone(line),
        marked=_is_marked(line),
        quiet=not change and not notes and not facts.found(line) and _is_routine(line, before),
        notes=notes,
    )


def _tone(line: Json) -> Tone:
    return _TONES.get(line["decision"] if facts.is_decision(line) else line["state"], Tone.PLAIN)


def _is_marked(line: Json) -> bool:
    """Whether the line is marked: the first canary, and each decision but CONTINUE and CLOSE of the judge."""
    if line["state"] == "Create canary":
        return True
    if line["state"] != facts.ANALYZE:
        return bool(line["decision"] == Decision.STOP)
    cause = cause_in(line)
    commanded = cause is not None and cause.kind is not CauseKind.JUDGE
    return commanded or line["decision"] not in (Decision.CONTINUE, Decision.CLOSE)


def _is_routine(line: Json, before: Json) -> bool:
    """Whether the line brings no new cause: the judge decided, or the rollout still waits for the cause before.

    Of an earlier version's line the cause is not known; a line that enters another phase then stands alone.
    """
    cause = cause_in(line)
    stays = bool(line["phase"] == before.get("phase"))
    return stays if cause is None else cause == JUDGE or (stays and cause == cause_in(before))
