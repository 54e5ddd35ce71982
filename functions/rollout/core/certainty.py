"""What is not certain yet about a target, and for how long: writes that may still land, reads that may show the past.

Law: a change is foreign when it is seen twice. A state that this rollout itself left moments ago is stale, not foreign;
anything else is foreign when two reads at least `SECOND_LOOK` apart agree. While a write of ours may still land, the
target's lock is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rollout.core.target import TargetState
from rollout.errors import RolloutError

if TYPE_CHECKING:
    from rollout.core.target import Json

LONGEST_TASK = timedelta(seconds=75)
"""For so long a task may run: the functions' time-out, and some more."""
LATEST_LANDING = LONGEST_TASK
"""So long after it was sent a write may still be carried out, although its client has given up on it. Nobody documents
how long that can be; 40 s have been seen."""
QUIET = LONGEST_TASK + LATEST_LANDING
"""From the announcement of a write until it can land no more: a task may send it at the very end of its time."""
STALE_FOR = timedelta(minutes=5)
"""For so long after our own hand has left a state, a read that shows it shows the past."""
SECOND_LOOK = timedelta(seconds=5)
"""Two looks are so far apart at least."""
LOOKS_APART = timedelta(seconds=30)
"""While a write may still land the target is looked at so often: for so long what lands may serve."""
MOST_KEPT = 12
"""Of unanswered writes, and of states that were left: the record has an end."""


@dataclass(frozen=True, slots=True)
class UnansweredWrite:
    """A write that was announced and whose end is not known.

    revision: of the record in which it was announced. until: it can land until then.
    """

    revision: int
    until: datetime

    def to_document(self) -> Json:
        """A JSON object."""
        return {"revision": self.revision, "until": self.until.isoformat()}

    @classmethod
    def from_document(cls, document: Json) -> UnansweredWrite:
        """The inverse of `to_document`."""
        return cls(document["revision"], datetime.fromisoformat(document["until"]))


@dataclass(frozen=True, slots=True)
class StateAt:
    """A state of the target, and when it was seen, or left."""

    state: TargetState
    at: datetime

    def to_document(self) -> Json:
        """A JSON object."""
        return {"state": self.state.to_document(), "at": self.at.isoformat()}

    @classmethod
    def from_document(cls, document: Json) -> StateAt:
        """The inverse of `to_document`."""
        return cls(TargetState.from_document(document["state"]), datetime.fromisoformat(document["at"]))


class Unclear(RolloutError):
    """The target shows what it should not, and a second look will tell whether that is somebody's doing.

    seen: what it shows. stale: our own hand has left that a short while ago, so this may be the past. Tasks answer it
    with a wait; it never reaches the workflow.
    """

    def __init__(self, message: str, seen: TargetState, *, stale: bool = False) -> None:
        super().__init__(message)
        self.seen = seen
        self.stale = stale


def write_begun(writes: Sequence[UnansweredWrite], revision: int, now: datetime) -> tuple[UnansweredWrite, ...]:
    """The writes that may still land, with the one that this revision of the record announces."""
    return (*[each for each in writes if each.until > now], UnansweredWrite(revision, now + QUIET))[-MOST_KEPT:]


def states_left(
    left: Sequence[StateAt], states: Sequence[TargetState], now: datetime, names: frozenset[str]
) -> tuple[StateAt, ...]:
    """What a read may show although it is over, with the states that are left now.

    Kept without the variables that the rollout does not care for.
    """
    leaving = [state.only(names) for state in states]
    earlier = [each for each in left if now - each.at < STALE_FOR and each.state not in leaving]
    return (*earlier, *(StateAt(state, now) for state in leaving))[-MOST_KEPT:]


def is_stale(
    left: Sequence[StateAt],
    seen: TargetState,
    expected: Sequence[TargetState],
    now: datetime,
    names: frozenset[str],
    *,
    under_way: bool = False,
) -> bool:
    """Whether this is what our own hand has left a short while ago.

    A stage and each alias behind it are read one by one, and each read may show another moment: where aliases are
    moved, a mixture of what we left and what is expected is stale, too. While a rollback is `under_way`, so is a
    mixture of what is expected alone: its own write has just led from the one to the other.
    """
    recent = [each.state for each in left if now - each.at < STALE_FOR]
    if any(seen.agrees_with(state, names) for state in recent):
        return True
    if not (recent or under_way) or not seen.aliases or any(seen.agrees_with(state, names) for state in expected):
        return False
    ours = (*recent, *expected)
    return any(seen.agrees_with(replace(state, aliases=seen.aliases), names) for state in ours) and all(
        any(version == state.aliases.get(name) for state in ours) for name, version in seen.aliases.items()
    )
