"""What has become of taking a promotion back: a rollout of its own, in the words of the one that it undoes.

The promoted rollout's record stays as it ended. Which rollout undoes it follows from its id, and that one says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rollout.core.execution_names import named_after
from rollout.core.minutes import utc
from rollout.core.rollout import Outcome, Rollout
from rollout.core.target import Json

UNDO = "undo"
"""The field of the workflow's own request for it; it names the promoted rollout."""
_SUFFIX = f"-{UNDO}"


def undo_id_of(rollout_id: str) -> str:
    """The id of the rollout that undoes this one; one can be undone once."""
    return named_after(rollout_id, _SUFFIX)


@dataclass(frozen=True, slots=True)
class Undo:
    """The rollout that undoes a promoted one, and when it began or ended. outcome: None while it is under way."""

    rollout_id: str
    outcome: Outcome | None
    reason: str
    at: datetime

    @property
    def done(self) -> bool:
        """Whether the target is as it was before the promotion."""
        return self.outcome is Outcome.ROLLED_BACK

    def __str__(self) -> str:
        if self.outcome is None:
            return f"being undone by rollout {self.rollout_id} since {utc(self.at)}: {self.reason}"
        if self.done:
            return f"undone by rollout {self.rollout_id} at {utc(self.at)}: {self.reason}"
        ended = self.outcome.value.lower()
        return (
            f"not undone: rollout {self.rollout_id}, which was to do it, was {ended} at {utc(self.at)}: {self.reason}"
        )


def undo_by(promoted: Rollout, undoing: Rollout | None, rejection: Json | None) -> Undo | None:
    """What the record of this id tells, or the rejection in its place; None when it is not about `promoted`."""
    if undoing is not None:
        if undoing.undoes != promoted.rollout_id:
            return None
        outcome = undoing.outcome if undoing.ended_at else None
        return Undo(undoing.rollout_id, outcome, undoing.reason, undoing.ended_at or undoing.started_at)
    request = (rejection or {}).get("request")
    if rejection is None or not isinstance(request, dict) or request.get(UNDO) != promoted.rollout_id:
        return None
    at = datetime.fromisoformat(rejection["at"])
    return Undo(rejection["rolloutId"], Outcome(rejection["state"]), rejection["reason"], at)
