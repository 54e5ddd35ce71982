"""What a run's writes come to: the records, the signals, who held the target, and what the controller changed."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rollout_simulator.chaos.plan import What
from rollout_simulator.chaos.recorded import Arrival, ItemWrite, Recorded, TargetWrite
from rollout_simulator.chaos.states import Record, State

Json = dict[str, Any]

PEOPLE = frozenset({"outside", "state machine"})
STOPPING = frozenset({"ABORT", "ALARM"})
ENCOURAGING = frozenset({"ADVANCE", "APPROVE", "PROMOTE"})
ORDERS = frozenset({"continue", "undo"})
HOLDING = frozenset({"hold", "holdAtZero"})


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls that read and write a kind of target; whether a write can overwrite what nobody has read."""

    read: str
    write: str
    can_race: bool


CALLS: Mapping[str, Calls] = {
    "apigateway-stage": Calls("GetStage", "UpdateStage", can_race=True),
    "lambda-alias": Calls("GetAlias", "UpdateAlias", can_race=False),
}
"""UpdateStage takes no condition; UpdateAlias is refused unless it names the revision that was read."""


@dataclass(frozen=True, slots=True)
class SignalWrite:
    """A signal as it was stored."""

    number: int
    at: datetime
    signal: Json

    @property
    def kind(self) -> str:
        """As in the controller's record."""
        return str(self.signal["kind"])


@dataclass(frozen=True, slots=True)
class Change:
    """A write of the controller to the target, and the rollout it was made for."""

    write: TargetWrite
    rollout_id: str | None

    @property
    def before(self) -> State | None:
        """The state that it met."""
        return self.write.before

    @property
    def after(self) -> State | None:
        """The state that it led to."""
        return self.write.after

    @property
    def function(self) -> str:
        """The function that made it: "ShiftTraffic"."""
        return self.write.caller.rpartition("-")[2].removesuffix("Function")

    def __str__(self) -> str:
        return f"{self.write.at:%H:%M:%S.%f}"[:12] + f" {self.function} (call {self.write.number})"


class Course:
    """What is read off a run once, and the questions that several laws ask of it."""

    def __init__(self, recorded: Recorded) -> None:
        self.recorded = recorded
        self.calls = CALLS[recorded.plan.kind]
        self.records: dict[str, list[Record]] = defaultdict(list)
        self.signals: dict[str, list[SignalWrite]] = defaultdict(list)
        self.holders: list[tuple[int, str | None]] = [(0, None)]
        self._orders: dict[str, Json] = {}
        for write in recorded.item_writes:
            self._read(write)
        self.changes = [
            Change(write, self._rollout_of(write)) for write in recorded.target_writes if write.caller not in PEOPLE
        ]

    def _read(self, write: ItemWrite) -> None:
        if write.sk == "LOCK":
            self.holders.append((write.number, write.item["rolloutId"]["S"] if write.item else None))
        elif write.sk == "RECORD" and write.item is not None and "signalCount" in write.item:
            rollout_id = write.item["rolloutId"]["S"]
            records, signals = self.records[rollout_id], self.signals[rollout_id]
            stored = write.item["signals"]["L"][len(signals) :]
            signals.extend(SignalWrite(write.number, write.at, json.loads(one["S"])) for one in stored)
            record = Record(write.number, write.item, records[-1] if records else None)
            if not records or records[-1].document != record.document:
                records.append(record)
        elif write.sk == "ORDER" and write.item is not None and write.caller not in PEOPLE:
            self._orders[write.pk.removeprefix("EXECUTION#")] = json.loads(write.item["order"]["S"])

    def _rollout_of(self, write: TargetWrite) -> str | None:
        """Whom the task worked for; recovery works for whoever holds the target."""
        if write.invocation is not None:
            event = self.recorded.invocations[write.invocation].event
            if isinstance(event, dict) and "rolloutId" in event:
                return self._continued(str(event["rolloutId"]))
        return self.holder(write.number)

    def _continued(self, name: str) -> str:
        """The rollout of this name; of an execution that goes on with one, whose preparation failed, that one."""
        return str((self.ordered(name) or {}).get("continue") or name)

    # --- moments -------------------------------------------------------------------------------------------

    def holder(self, number: int) -> str | None:
        """Who held the target then."""
        return self.holders[bisect_left(self.holders, (number, "")) - 1][1]

    def record_at(self, rollout_id: str | None, number: int) -> Record | None:
        """The record as it was stored just before."""
        found = None
        for record in self.records.get(rollout_id or "", ()):
            if record.number >= number:
                break
            found = record
        return found

    def state_at(self, number: int) -> State | None:
        """The target just before; None: there was none."""
        writes = self.recorded.target_writes
        earlier = [write for write in writes if write.number < number]
        if earlier:
            return earlier[-1].after
        return writes[0].before if writes else next(iter(self.records.values()))[0].original

    def foreign_changes(self, after: int, before: int) -> list[TargetWrite]:
        """What people did to the target in between."""
        return [
            write
            for write in self.recorded.target_writes
            if write.caller in PEOPLE and after < write.number < before and write.before != write.after
        ]

    @property
    def staleness(self) -> timedelta:
        """How old the answers to reads have been, at most."""
        if not any(outcome == "stale" for _, _, outcome in self.recorded.calls):
            return timedelta(0)
        return timedelta(seconds=max(each.seconds for each in self.recorded.plan.faults if each.mode == "stale"))

    @property
    def clocks_apart(self) -> float:
        """By how many seconds the clock of a function is wrong, at most."""
        return max((abs(ahead) for ahead in self.recorded.plan.skews.values()), default=0.0)

    def target_calls(self, rollout_id: str) -> Iterator[Arrival]:
        """The calls that read or wrote the target for this rollout. Explain reads only where the target's logs are."""
        for call in self.recorded.arrivals:
            if (
                "Explain" not in call.caller
                and call.operation in (self.calls.read, self.calls.write)
                and call.done
                and call.invocation is not None
            ):
                event = self.recorded.invocations[call.invocation].event
                named = event.get("rolloutId") if isinstance(event, dict) else None
                if (named and self._continued(named) == rollout_id) or (
                    named is None and self.holder(call.number) == rollout_id
                ):
                    yield call

    # --- changes -------------------------------------------------------------------------------------------

    def altering(self) -> Iterator[Change]:
        """The writes that changed something."""
        return (change for change in self.changes if change.before != change.after)

    def raises(self) -> Iterator[tuple[Change, Record]]:
        """The writes that gave the candidate more, with the record as it was then."""
        for change in self.changes:
            record = self.record_at(change.rollout_id, change.write.number)
            if record is not None and record.share(change.after) > record.share(change.before):
                yield change, record

    def is_late(self, change: Change) -> bool:
        """Whether it landed when the task that had sent it was over: a time-out had ended its call."""
        if change.write.invocation is None:
            return False
        ended = self.recorded.invocations[change.write.invocation].ended
        return ended is not None and ended < change.write.at

    def was_sent_by(self, change: Change, moment: datetime) -> bool:
        """Whether the task that sent this late write was over by then, so that it was intended before."""
        if not self.is_late(change) or change.write.invocation is None:
            return False
        ended = self.recorded.invocations[change.write.invocation].ended
        return ended is not None and ended <= moment

    def raced(self, change: Change) -> bool:
        """Whether anybody else, be it another task of ours, changed the target between the task's read and its write,
        where no condition on the write excludes that.
        """
        read = self._last_read(change)
        return self.calls.can_race and any(
            write.invocation != change.write.invocation and write.before != write.after
            for write in self.recorded.target_writes
            if read < write.number < change.write.number
        )

    def _last_read(self, change: Change) -> int:
        """The number of the task's own last read of the target before the write; 0 if there was none."""
        return max(
            (
                call.number
                for call in self.recorded.arrivals
                if call.operation == self.calls.read
                and call.done
                and call.number < change.write.number
                and call.invocation == change.write.invocation
            ),
            default=0,
        )

    def is_undoing(self, change: Change) -> bool:
        """Whether this takes away what an earlier write for the same rollout has brought back, or has raised late."""
        if change.after is None:
            return False
        gone, at_zero = change.after.canary is None, change.after.canary is not None and not change.after.canary.weight
        return any(
            other.rollout_id == change.rollout_id
            and other.write.number < change.write.number
            and other.after == change.before
            and (gone or (at_zero and self.is_late(other)))
            for other in self.changes
        )

    # --- executions ----------------------------------------------------------------------------------------

    def ordered(self, execution: str) -> Json | None:
        """For what the controller itself ordered this execution; None: it did not."""
        return self._orders.get(execution)

    def says_what_must_be_ordered(self, document: object) -> bool:
        """Whether this input says what only the controller may say."""
        return isinstance(document, dict) and bool(ORDERS & document.keys())

    # --- what was done ---------------------------------------------------------------------------------------

    def anybody_did(self, *what: What) -> bool:
        """Whether anything of this kind was done from outside or below."""
        return any(act.what in what for _, act in self.recorded.done)
