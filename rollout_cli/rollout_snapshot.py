"""A rollout as the commands read it: its record and history, and the view of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rollout.cockpit.page import report, report_of_rejection
from rollout.cockpit.view import RolloutView, view_of
from rollout.core.rollout import Rollout
from rollout.core.undo import Undo
from rollout.tasks.undo import undo_of

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RolloutSnapshot:
    """A rollout with its history, or the record of a request that was refused; as of `at`. undo: what has undone it, if
    anything has.
    """

    at: datetime
    rollout: Rollout | None
    history: Sequence[Json]
    rejection: Json | None
    undo: Undo | None = None

    @property
    def state(self) -> str:
        """BAKING, HELD, …, PROMOTED, …, REJECTED."""
        return self.rollout.state if self.rollout else str((self.rejection or {})["state"])

    def view(self) -> RolloutView | None:
        """The rollout for people; None for a refused request, of which there is nothing to see."""
        return view_of(self.rollout, self.history, self.at, self.undo) if self.rollout else None

    def page(self) -> str:
        """The report."""
        view = self.view()
        return report(view) if view else report_of_rejection(self.rejection or {}, self.at)

    def to_document(self) -> Json:
        """All that is known, as `rollout report --json` prints it."""
        if self.rollout is None:
            return {"rejection": self.rejection}
        signals = [signal.to_document() for signal in self.rollout.signals]
        return {"rollout": self.rollout.to_document(), "signals": signals, "history": list(self.history)}


def look(
    store: Any, rollout_id: str, *, newest: int | None = None, before: RolloutSnapshot | None = None
) -> RolloutSnapshot | None:
    """The rollout of this id as it stands; None when there is none.

    newest: read only so many lines of its history. before: an earlier look, whose history holds as long as the record
    has not changed. An embedded AWS may be ahead of this machine's clock; then the last that was written tells the
    time.
    """
    rollout = store.load(rollout_id)
    now = datetime.now(UTC)
    if rollout is None:
        rejection = store.rejection(rollout_id)
        return RolloutSnapshot(now, None, (), rejection) if rejection is not None else None
    unchanged = before is not None and before.rollout is not None and before.rollout.revision == rollout.revision
    history = before.history if before is not None and unchanged else store.history(rollout_id, newest)
    written = [datetime.fromisoformat(line["at"]) for line in history[-1:]]
    return RolloutSnapshot(max([now, rollout.analyzed_at, *written]), rollout, history, None, undo_of(store, rollout))
