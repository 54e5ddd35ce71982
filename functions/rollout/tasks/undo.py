"""Finding the rollout that undoes a promoted one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.core.rollout import Outcome, Rollout
from rollout.core.undo import Undo, undo_by, undo_id_of

if TYPE_CHECKING:
    from rollout.ports import RolloutStore


def undo_of(store: RolloutStore, rollout: Rollout) -> Undo | None:
    """What has become of undoing this rollout; None when nobody has wanted it undone. Asks only about promoted ones.

    Raises: what the store raises.
    """
    if rollout.outcome is not Outcome.PROMOTED or rollout.ended_at is None:
        return None
    undo_id = undo_id_of(rollout.rollout_id)
    undoing = store.load(undo_id)
    return undo_by(rollout, undoing, None if undoing else store.rejection(undo_id))
