"""Rollouts in memory, stored as in the table: documents in JSON, a condition on every write."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from rollout.core.account import AccountFacts
from rollout.core.budget import bounded, room_for, text_of
from rollout.core.decision import Phase
from rollout.core.learning import Lesson
from rollout.core.rollout import Outcome, Rollout
from rollout.core.signals import Signal
from rollout.core.target import Json, Target, target_named
from rollout.errors import Busy, RecordChanged, RecordFull, Refused, Repeated
from rollout_simulator.fakes.trouble import Troubled


@dataclass
class _Record:
    document: str
    revision: int
    phase: Phase
    signals: list[str] = field(default_factory=list)
    signal_ids: set[str] = field(default_factory=set)
    token: str | None = None
    history: list[str] = field(default_factory=list)
    noted: set[tuple[int, str]] = field(default_factory=set)
    untold: bool = False


class FakeStore(Troubled):
    """Implements `RolloutStore`. `locks` tells who holds which target; `rejected` has the refused requests."""

    def __init__(self) -> None:
        super().__init__()
        self.locks: dict[str, str] = {}
        self.rejected: dict[str, Json] = {}
        self.lessons: dict[str, dict[str, Lesson]] = {}
        self.account_document: Json = {}
        self._records: dict[str, _Record] = {}
        self._since: dict[str, datetime] = {}
        self._last: dict[str, str] = {}
        self._watches: dict[str, list[str]] = {}
        self._requests: dict[tuple[str, str], str] = {}
        self._orders: dict[str, Json] = {}

    def open(self, rollout: Rollout) -> None:
        """Store a new rollout and take its target's lock.

        Raises: Busy, Repeated, RecordChanged (it is stored), and the `trouble`.
        """
        self._called()
        identity, key = rollout.rollout_id, rollout.settings.target.key
        if identity in self._records or identity in self.rejected:
            raise RecordChanged(f"rollout {identity} is stored already")
        if rollout.request_id is not None and (key, rollout.request_id) in self._requests:
            first = self._requests[key, rollout.request_id]
            raise Repeated(f"request {rollout.request_id} is rollout {first}", first)
        if key in self.locks:
            holder = self.locks[key]
            raise Busy(key, holder, self._since[key])
        if rollout.request_id is not None:
            self._requests[key, rollout.request_id] = identity
        self._records[identity] = _Record(_text(rollout), rollout.revision, rollout.phase)
        self.locks[key] = identity
        self._last[key] = identity
        self._since[key] = rollout.started_at
        for alarm in rollout.settings.alarms:
            self._watches.setdefault(alarm, []).append(identity)

    def learned(self, target: Target) -> Mapping[str, Lesson]:
        """What promoted rollouts of this target taught, by metric.

        Raises: the `trouble`, such as Unavailable.
        """
        self._called()
        return self.lessons.get(target.key, {})

    def account(self) -> AccountFacts | None:
        """What a probe has found of the account.

        Raises: the `trouble`, such as Unavailable.
        """
        self._called()
        return AccountFacts.from_document(self.account_document) if self.account_document else None

    def keep_account(self, document: Json) -> None:
        """Keep what a probe has found."""
        self._called()
        self.account_document = dict(document)

    def load(self, rollout_id: str) -> Rollout | None:
        """The rollout as last written.

        Raises: the `trouble`, such as Unavailable.
        """
        self._called()
        record = self._records.get(rollout_id)
        if record is None:
            return None
        signals = [json.loads(signal) for signal in record.signals]
        return Rollout.from_document(json.loads(record.document), signals, record.revision)

    def save(self, rollout: Rollout, *, entry: Json | None = None, unless_signalled: bool = False) -> Rollout:
        """Write the rollout over the revision it was read at.

        Raises: RecordChanged, and the `trouble`.
        """
        self._called()
        record = self._at_revision(rollout)
        if unless_signalled and len(record.signals) != len(rollout.signals):
            raise RecordChanged(f"rollout {rollout.rollout_id} was signalled")
        return self._write(record, rollout, entry)

    def close(self, rollout: Rollout, *, entry: Json) -> Rollout:
        """Write the ended rollout and release its lock and alarms.

        Raises: RecordChanged, and the `trouble`.
        """
        self._called()
        record = self._at_revision(rollout)
        if record.phase is Phase.ENDED:
            raise RecordChanged(f"rollout {rollout.rollout_id} has ended already")
        key = rollout.settings.target.key
        if self.locks.get(key) == rollout.rollout_id:
            del self.locks[key]
        for alarm in rollout.settings.alarms:
            self._watches[alarm].remove(rollout.rollout_id)
        if rollout.outcome is Outcome.PROMOTED and rollout.learned:
            self.lessons[key] = dict(rollout.learned)
        return self._write(record, rollout, entry)

    def reject(self, rollout_id: str, record: Json) -> Json:
        """Keep the record of a refused request; the first one kept.

        Raises: RecordChanged (this rollout is stored), and the `trouble`.
        """
        self._called()
        if rollout_id in self._records:
            raise RecordChanged(f"rollout {rollout_id} is stored already")
        return self.rejected.setdefault(rollout_id, _copy(record))

    def signal(self, rollout_id: str, signal: Signal) -> str | None:
        """Append a signal, once; the token of the bake, if there is one.

        Raises: Refused (unknown or ended rollout), and the `trouble`.
        """
        self._called()
        record = self._records.get(rollout_id)
        if record is None:
            raise Refused(f"there is no rollout {rollout_id}")
        if record.phase is Phase.ENDED:
            raise Refused(f"rollout {rollout_id} has ended")
        identity = _identity(signal)
        if identity not in record.signal_ids:
            text = text_of(bounded(signal).to_document())
            if sum(len(each.encode()) for each in (*record.signals, text)) > room_for(signal.kind):
                raise RecordFull(rollout_id)
            record.signal_ids.add(identity)
            record.signals.append(text)
        return record.token

    def note(self, rollout: Rollout, signal: Signal, *, entry: Json) -> None:
        """Once per signal. Raises: Unavailable."""
        self._called()
        record = self._records[rollout.rollout_id]
        if (noted := (rollout.revision, _identity(signal))) not in record.noted:
            record.noted.add(noted)
            record.history.append(text_of(entry))

    def order(self, execution_name: str, order: Json) -> None:
        """The first order of a name stays. Raises: Unavailable."""
        self._called()
        self._orders.setdefault(execution_name, _copy(order))

    def ordered(self, execution_name: str) -> Json | None:
        """The order of this name. Raises: Unavailable."""
        self._called()
        return self._orders.get(execution_name)

    def release(self, rollout_id: str) -> bool:
        """Whether a lock was held. Raises: Unavailable."""
        self._called()
        held = [key for key, holder in self.locks.items() if holder == rollout_id]
        for key in held:
            del self.locks[key]
        return bool(held)

    def watchers(self, alarm: str) -> Sequence[str]:
        """The ids of the rollouts that watch this alarm, sorted.

        Raises: the `trouble`, such as Unavailable.
        """
        self._called()
        return sorted(self._watches.get(alarm, ()))

    def holder(self, target: Target) -> str | None:
        """The id of the rollout that holds the target.

        Raises: the `trouble`, such as Unavailable.
        """
        self._called()
        return self.locks.get(target.key)

    def last(self, target: Target) -> str | None:
        """The id of the rollout that was begun last on the target.

        Raises: the `trouble`, such as Unavailable.
        """
        self._called()
        return self._last.get(target.key)

    def unfinished(self) -> Sequence[str]:
        """The ids of the rollouts that hold a target, or ended with events to send.

        Raises: the `trouble`, such as Unavailable.
        """
        self._called()
        untold = [name for name, record in self._records.items() if record.phase is Phase.ENDED and record.untold]
        return [*self.locks.values(), *untold]

    def bake(self, rollout_id: str, token: str, seen: int) -> bool:
        """What the state Bake writes: the token, unless a signal beyond those `seen` is there. Whether it was."""
        record = self._records[rollout_id]
        if len(record.signals) != seen:
            return False
        record.token = token
        return True

    def history(self, rollout_id: str, newest: int | None = None) -> Sequence[Json]:
        """The history lines, oldest first; if asked, the newest ones.

        Raises: the `trouble`, such as Unavailable.
        """
        self._called()
        lines = self._records[rollout_id].history if rollout_id in self._records else []
        return [json.loads(line) for line in lines[-newest if newest else 0 :]]

    def rejection(self, rollout_id: str) -> Json | None:
        """The record of a refused request.

        Raises: the `trouble`, such as Unavailable.
        """
        self._called()
        return self.rejected.get(rollout_id)

    def recent(self, limit: int) -> Sequence[Json]:
        """The newest rollouts, refused requests included.

        Raises: the `trouble`, such as Unavailable.
        """
        self._called()
        rollouts = [Rollout.from_document(json.loads(each.document), [], 0) for each in self._records.values()]
        begun = [
            (each.rollout_id, each.started_at.isoformat(), each.settings.target.key, each.state) for each in rollouts
        ]
        begun += [
            (name, record["at"], target_named(record.get("target")), record["state"])
            for name, record in self.rejected.items()
        ]
        newest = sorted(begun, key=lambda each: each[1], reverse=True)[:limit]
        return [dict(zip(("rolloutId", "startedAt", "target", "state"), each, strict=True)) for each in newest]

    def _at_revision(self, rollout: Rollout) -> _Record:
        record = self._records.get(rollout.rollout_id)
        if record is None or record.revision != rollout.revision:
            raise RecordChanged(f"rollout {rollout.rollout_id} moved on")
        return record

    @staticmethod
    def _write(record: _Record, rollout: Rollout, entry: Json | None) -> Rollout:
        written = replace(rollout, revision=rollout.revision + 1)
        record.document, record.revision, record.phase = _text(written), written.revision, written.phase
        record.untold = bool(written.pending_events)
        if entry is not None:
            record.history.append(json.dumps(entry))
        return written


def _identity(signal: Signal) -> str:
    return f"{signal.kind}/{signal.source}/{signal.at}"


def _text(rollout: Rollout) -> str:
    return text_of(rollout.to_document())


def _copy(record: Json) -> Json:
    copied: Json = json.loads(json.dumps(record))
    return copied
