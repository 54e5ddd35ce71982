"""What a person can do about a rollout now: the commands that the controller would accept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rollout.core.commands import objection, undo_objection
from rollout.core.rollout import Rollout
from rollout.core.signals import SignalKind
from rollout.core.undo import Undo

ROLLBACK = "rollback"


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


_KINDS: dict[SignalKind, str] = {
    SignalKind.APPROVE: "go on to the next step although it is not proven",
    SignalKind.RESUME: "let the ramp go on",
    SignalKind.PAUSE: "stop the ramp; the judge and the alarms go on watching",
    SignalKind.ADVANCE: "skip the wait: the next step now",
    SignalKind.PROMOTE: "give the canary all traffic now",
    SignalKind.ABORT: "give all traffic back to the base now",
}


def hints_for(rollout: Rollout, now: datetime, undo: Undo | None = None) -> tuple[Hint, ...]:
    """The commands that make sense now, the gentlest first; what has an `undo` is not undone again."""
    hints = []
    for kind, does in _KINDS.items():
        step = rollout.step if kind is SignalKind.APPROVE else None
        if objection(rollout, kind, step) is None:
            hints.append(Hint(kind.value.lower(), does, step))
    if undo is None and undo_objection(rollout, now) is None:
        hints.append(Hint(ROLLBACK, "put the previous deployment and its variables back"))
    return tuple(hints)
