"""The commands that the controller would accept for a rollout now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rollout.core.commands import ROLLBACK, objection, purpose, undo_objection
from rollout.core.rollout import Rollout
from rollout.core.signals import SignalKind
from rollout.core.undo import Undo


@dataclass(frozen=True, slots=True)
class Hint:
    """One command and what it does. `step` (from 0) is the one that it must name; None if it need not."""

    command: str
    does: str
    step: int | None = None

    def typed(self, rollout_id: str) -> str:
        """The command line; it counts steps from 1."""
        step = "" if self.step is None else f" --step {self.step + 1}"
        return f"rollout {self.command} {rollout_id}{step}"


_ORDER = (
    SignalKind.APPROVE,
    SignalKind.RESUME,
    SignalKind.PAUSE,
    SignalKind.ADVANCE,
    SignalKind.PROMOTE,
    SignalKind.ABORT,
)


def hints_for(rollout: Rollout, now: datetime, undo: Undo | None = None) -> tuple[Hint, ...]:
    """The commands that the controller would accept now, in a fixed order. A promotion is undone only once."""
    hints = []
    for kind in _ORDER:
        step = rollout.step if kind is SignalKind.APPROVE else None
        if objection(rollout, kind, step) is None:
            command = kind.value.lower()
            hints.append(Hint(command, purpose(command, rollout.phase), step))
    if undo is None and undo_objection(rollout, now) is None:
        hints.append(Hint(ROLLBACK, purpose(ROLLBACK)))
    return tuple(hints)
