"""The laws, read off what a run left behind: the stage's history, the stored bytes, the events, the calls.

Law of this file: nothing is imported from the controller, so that no mistake of its can hide here.

What each law means, to the letter:

SILENCE. The weight rises from a step's only when the canary's series had shown requests since the weight was set, and
    had not, after many requests, been silent for the last three minutes and more; or when a person said so (advance,
    approve, promote) and that was not answered before. And never sooner than the step's `bakeMinutes` after it was set.
STOP. No write that raises the candidate's share was *intended* after a stop signal (abort, alarm) was recorded: the
    record first contained the state it led to only after the signal. A raise whose intent came first may land; what
    counts is the end, and the end is never PROMOTED unless that was decided before the signal came. The exception:
    under onRegression "hold" or "holdAtZero" an alarm leaves it to a person, and what a person says after it counts.
MINUTES. The minutes in a rollout's history rise by exactly one within a step; each was over and past the lag when it
    was counted; and no change of the weight lies in it, or less than `settleSeconds` before it.
ONE WRITER. The controller changes the stage only in Create canary, Shift traffic, Promote, Roll back and Recover, for
    the rollout that holds the target's lock; Recover never while the rollout's execution runs.
FENCE. Each of its writes finds the stage as the record says it was left, unless somebody changed it between the task's
    own read and the write, which API Gateway cannot exclude (a near miss; a task that runs on after its execution was
    stopped may meet recovery so). A canary is made once per rollout, by Create
    canary; one that a write brought back, and that was taken away again, is a near miss.
END. Everything ends: executions over, locks released, one terminal event per rollout under one id, which says what
    the record says; executions' statuses too; the stage in the state that goes with the outcome. A rollback that fails
    is paged.
INTENT. Each write leads to a state that the record contained before; after a near miss, as far as it was ours.
HEARD. A command that was answered with "accepted" is in the record, and an alarm that fires for a rollout that watches
    it is, too, unless the function that records it was itself kept from working.
MIX. Where the functions behind the stage are reached by alias, no request meets an old deployment with a new version,
    or the other way round, at any moment.
AWAKE. Where nothing was made to fail, a task of the rollout begins within a minute of a stop signal: no wait is slept
    through to its end.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from rollout_simulator.chaos.mix import mixes
from rollout_simulator.chaos.plan import What
from rollout_simulator.chaos.recorded import Arrival, Execution, ItemWrite, Recorded, StageWrite
from rollout_simulator.chaos.states import Record, State, of_stage

Json = dict[str, Any]

WRITERS = frozenset({"CreateCanary", "ShiftTraffic", "Promote", "RollBack", "Recover"})
OUTCOMES = frozenset({"PROMOTED", "ROLLED_BACK", "STOPPED", "REJECTED", "FAILED"})
ERRORS = {"ROLLED_BACK": "RolledBack", "STOPPED": "Stopped", "REJECTED": "Rejected", "FAILED": "Failed"}
STOPPING = frozenset({"ABORT", "ALARM"})
ENCOURAGING = frozenset({"ADVANCE", "APPROVE", "PROMOTE"})
PEOPLE = frozenset({"outside", "state machine"})
HOLDING = frozenset({"hold", "holdAtZero"})

TASKS = frozenset({"CreateCanary", "ShiftTraffic", "Promote", "RollBack", "Analyze", "Close"})
MOST_ASLEEP = timedelta(minutes=1)

LONGEST_SILENCE_MINUTES = 3
SOME_REQUESTS = 7.0
LATEST_MINUTES = 5
"""A late point of the simulated CloudWatch comes four minutes after the usual ones."""


class Law(StrEnum):
    """Named as above."""

    SILENCE = "silence"
    STOP = "stop"
    MINUTES = "minutes"
    ONE_WRITER = "one writer"
    FENCE = "fence"
    END = "end"
    INTENT = "intent"
    HEARD = "heard"
    AWAKE = "awake"
    MIX = "mix"


@dataclass(frozen=True, slots=True)
class Violation:
    """A law that was broken, and by what."""

    law: Law
    what: str

    def __str__(self) -> str:
        return f"{self.law}: {self.what}"


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
    """A write of the controller to the stage, and the rollout it was made for."""

    write: StageWrite
    rollout_id: str | None
    before: State | None
    after: State | None


def broken_laws(recorded: Recorded) -> list[Violation]:
    """Every law that the run broke."""
    return list(_Checker(recorded).violations())


def near_misses(recorded: Recorded) -> list[str]:
    """What no optimistic lock excludes and the controller put right: a race with a person, a canary brought back."""
    checker = _Checker(recorded)
    for _ in checker.violations():
        pass
    return checker.near_misses


class _Checker:
    def __init__(self, recorded: Recorded) -> None:
        self._recorded = recorded
        self._records: dict[str, list[Record]] = defaultdict(list)
        self._signals: dict[str, list[SignalWrite]] = defaultdict(list)
        self._holders: list[tuple[int, str | None]] = [(0, None)]
        self._changes: list[Change] = []
        self.near_misses: list[str] = []
        self._read_item_writes()
        self._read_stage_writes()

    def violations(self) -> Iterator[Violation]:
        """Law by law."""
        self.near_misses.clear()
        yield from self._silence()
        yield from self._stop()
        yield from self._minutes()
        yield from self._one_writer()
        yield from self._fence()
        yield from self._end()
        yield from self._intent()
        yield from self._heard()
        yield from self._awake()
        yield from (Violation(Law.MIX, what) for what in mixes(self._recorded))

    # --- reading -------------------------------------------------------------------------------------------

    def _read_item_writes(self) -> None:
        for write in self._recorded.item_writes:
            if write.sk == "LOCK":
                self._holders.append((write.number, write.item["rolloutId"]["S"] if write.item else None))
            elif write.sk == "RECORD" and write.item is not None and "signalCount" in write.item:
                self._read_record(write)

    def _read_record(self, write: ItemWrite) -> None:
        assert write.item is not None
        rollout_id = write.item["rolloutId"]["S"]
        records, signals = self._records[rollout_id], self._signals[rollout_id]
        stored = write.item["signals"]["L"]
        signals.extend(SignalWrite(write.number, write.at, json.loads(one["S"])) for one in stored[len(signals) :])
        record = Record(write.number, write.item)
        if not records or records[-1].document != record.document:
            records.append(record)

    def _read_stage_writes(self) -> None:
        for write in self._recorded.stage_writes:
            if write.caller not in PEOPLE:
                rollout_id = self._rollout_of(write)
                self._changes.append(Change(write, rollout_id, of_stage(write.before), of_stage(write.after)))

    def _rollout_of(self, write: StageWrite) -> str | None:
        """Whom the task worked for; recovery works for whoever holds the target."""
        if write.invocation is not None:
            event = self._recorded.invocations[write.invocation].event
            if isinstance(event, dict) and "rolloutId" in event:
                return str(event["rolloutId"])
        return self._holder(write.number)

    def _holder(self, number: int) -> str | None:
        return self._holders[bisect_left(self._holders, (number, "")) - 1][1]

    def _record_at(self, rollout_id: str | None, number: int) -> Record | None:
        """The record as it was stored just before."""
        found = None
        for record in self._records.get(rollout_id or "", ()):
            if record.number >= number:
                break
            found = record
        return found

    def _foreign_changes(self, after: int, before: int) -> list[StageWrite]:
        return [
            write
            for write in self._recorded.stage_writes
            if write.caller in PEOPLE and after < write.number < before and write.before != write.after
        ]

    def _raced(self, change: Change) -> bool:
        """Whether anybody else, be it another task of ours, changed the stage between the task's read and its write."""
        read = self._last_read(change)
        return any(
            write.invocation != change.write.invocation and write.before != write.after
            for write in self._recorded.stage_writes
            if read < write.number < change.write.number
        )

    def _last_read(self, change: Change) -> int:
        """The number of the task's own last GetStage before the write; 0 if there was none."""
        return max(
            (
                call.number
                for call in self._recorded.arrivals
                if call.operation == "GetStage"
                and call.done
                and call.number < change.write.number
                and call.invocation == change.write.invocation
            ),
            default=0,
        )

    def _altering(self) -> Iterator[Change]:
        """The writes that changed something."""
        return (change for change in self._changes if change.before != change.after)

    def _raises(self) -> Iterator[tuple[Change, Record]]:
        """The writes that gave the candidate more, with the record as it was then."""
        for change in self._changes:
            record = self._record_at(change.rollout_id, change.write.number)
            if record is not None and record.share(change.after) > record.share(change.before):
                yield change, record

    # --- 1: silence ----------------------------------------------------------------------------------------

    def _silence(self) -> Iterator[Violation]:
        for change, record in self._raises():
            if record.share(change.before) == 0 and record.step < 0:
                continue  # the first step's weight needs no evidence
            since = self._last_change(record, change)
            if self._is_told_to_rise(change, since):
                continue
            raised = f"{_when(change)} raised to {record.share(change.after):f} %"
            needed = record.settings["plan"][max(0, record.step)]["bakeMinutes"]
            baked = (change.write.at - since.at).total_seconds() / 60
            if baked < needed:
                yield Violation(Law.SILENCE, f"{raised} after {baked:.1f} min; the step asks for {needed}")
            seen = self._requests_seen(since.at, change.write.at, record.settings["settleSeconds"])
            if not seen:
                yield Violation(Law.SILENCE, f"{raised}, and no request of the canary had been seen")
            elif self._is_silent(seen, change.write.at, record.settings["lagMinutes"]):
                yield Violation(Law.SILENCE, f"{raised}, and since minute {max(seen)} the canary was silent")

    def _last_change(self, record: Record, change: Change) -> StageWrite:
        """The write that set the weight which was left."""
        changes = [other for other in self._changes if other.write.number < change.write.number]
        altering = [other for other in changes if record.share(other.before) != record.share(other.after)]
        return (altering or [change])[-1].write

    def _is_told_to_rise(self, change: Change, since: StageWrite) -> bool:
        """Whether a person said so, and had not been answered yet when the present weight was set."""
        before = self._record_at(change.rollout_id, since.number + 1)
        answered = int(before.document["signalsSeen"]) if before else 0
        signals = self._signals[change.rollout_id or ""][answered:]
        return any(signal.kind in ENCOURAGING and signal.number < change.write.number for signal in signals)

    def _requests_seen(self, since: datetime, until: datetime, settle_seconds: int) -> dict[int, int]:
        """The canary's requests by minute, as CloudWatch showed them when the weight was raised."""
        first = since.timestamp() + settle_seconds
        return {
            point.minute: point.requests
            for point in self._recorded.canary_points
            if point.requests and point.minute * 60 >= first and point.visible_from <= until.timestamp()
        }

    @staticmethod
    def _is_silent(seen: dict[int, int], now: datetime, lag_minutes: int) -> bool:
        """Three minutes and more of silence are a sign when requests came often enough before."""
        silent = int(now.timestamp()) // 60 - lag_minutes - LATEST_MINUTES - max(seen)
        return silent > LONGEST_SILENCE_MINUTES and sum(seen.values()) / len(seen) * silent >= SOME_REQUESTS

    # --- 2: stop signals -----------------------------------------------------------------------------------

    def _stop(self) -> Iterator[Violation]:
        for change, record in self._raises():
            intent = self._intended(change, record)
            for stop in self._stops(change.rollout_id or "", record, until=change.write.number):
                if intent is None or intent > stop.number:
                    yield Violation(
                        Law.STOP,
                        f"{_when(change)} raised to {record.share(change.after):f} %, intended after "
                        f"{stop.kind.lower()} by {stop.signal['source']} was recorded at {stop.at:%H:%M:%S}",
                    )
        for rollout_id, records in self._records.items():
            last = records[-1]
            if last.outcome != "PROMOTED":
                continue
            decided = next(record.number for record in records if record.outcome == "PROMOTED")
            for stop in self._stops(rollout_id, last, until=decided):
                yield Violation(
                    Law.STOP,
                    f"{rollout_id} ended promoted, although {stop.kind.lower()} by {stop.signal['source']} was "
                    f"recorded at {stop.at:%H:%M:%S}, before that was decided",
                )

    def _intended(self, change: Change, record: Record) -> int | None:
        """When the record first contained the state that the write led to."""
        assert change.after is not None
        wanted = change.after.matters(record.names)
        for earlier in self._records[change.rollout_id or ""]:
            if any(wanted == own.matters(earlier.names) for own in earlier.ours):
                return earlier.number
        return None

    def _stops(self, rollout_id: str, record: Record, until: int) -> Iterator[SignalWrite]:
        """The stop signals recorded by then, but for those that were left to a person who has spoken since."""
        signals = self._signals[rollout_id]
        for signal in signals:
            if signal.kind not in STOPPING or signal.number >= until:
                continue
            answered = any(other.kind in ENCOURAGING and signal.number < other.number < until for other in signals)
            left_to_person = signal.kind == "ALARM" and record.settings["onRegression"] in HOLDING
            if not (left_to_person and answered):
                yield signal

    # --- 3: minutes ----------------------------------------------------------------------------------------

    def _minutes(self) -> Iterator[Violation]:
        for rollout_id, records in self._records.items():
            settings = records[-1].settings
            previous: tuple[int, int, str] | None = None
            for line in self._recorded.history(rollout_id):
                at = datetime.fromisoformat(line["at"])
                for minute in line.get("analysis", {}).get("minutes", ()):
                    number = int(minute["minute"])
                    here = f"{rollout_id} counted minute {number} at {at:%H:%M:%S}"
                    closed = datetime.fromtimestamp((number + 1 + settings["lagMinutes"]) * 60, UTC)
                    if closed > at:
                        yield Violation(Law.MINUTES, f"{here}, which is to be trusted from {closed:%H:%M:%S} on")
                    phase = "WATCHING" if line["phase"] == "WATCHING" else "BAKING"
                    if previous is not None and number <= previous[0]:
                        yield Violation(Law.MINUTES, f"{here}, after minute {previous[0]}")
                    if previous is not None and previous[1:] == (line["step"], phase):
                        yield from self._gapless(here, previous[0], number, rollout_id)
                    previous = (number, line["step"], phase)
                    yield from self._unmixed(here, number, settings["settleSeconds"], rollout_id)

    def _gapless(self, here: str, previous: int, number: int, rollout_id: str) -> Iterator[Violation]:
        """No minute is left out, but where the weight was changed in between."""
        first = datetime.fromtimestamp(previous * 60, UTC)
        end = datetime.fromtimestamp(number * 60 + 60, UTC)
        changed = any(one.rollout_id == rollout_id and first < one.write.at < end for one in self._changes)
        if number > previous + 1 and not changed:
            yield Violation(Law.MINUTES, f"{here}, but not minute {previous + 1}")

    def _unmixed(self, here: str, minute: int, settle_seconds: int, rollout_id: str) -> Iterator[Violation]:
        first = datetime.fromtimestamp(minute * 60 - settle_seconds, UTC)
        end = datetime.fromtimestamp(minute * 60 + 60, UTC)
        for change in self._changes:
            if change.rollout_id == rollout_id and change.before != change.after and first < change.write.at < end:
                yield Violation(Law.MINUTES, f"{here}, although {_when(change)} changed the weight")

    # --- 4: one writer -------------------------------------------------------------------------------------

    def _one_writer(self) -> Iterator[Violation]:
        for change in self._changes:
            function = _function(change)
            if function not in WRITERS:
                yield Violation(Law.ONE_WRITER, f"{_when(change)} wrote to the stage")
            holder = self._holder(change.write.number)
            if holder != change.rollout_id:
                yield Violation(Law.ONE_WRITER, f"{_when(change)} wrote, but the target was held by {holder}")
            record = self._record_at(change.rollout_id, change.write.number)
            if function == "Recover" and record is not None and self._runs(record.execution, change.write.at):
                yield Violation(Law.ONE_WRITER, f"{_when(change)} wrote while execution {record.execution} ran")

    def _runs(self, arn: str, at: datetime) -> bool:
        return any(
            one.arn == arn and one.started <= at and (one.stopped is None or one.stopped > at)
            for one in self._recorded.executions
        )

    # --- 5: the fence --------------------------------------------------------------------------------------

    def _fence(self) -> Iterator[Violation]:
        created: set[str | None] = set()
        for change in self._altering():
            record = self._record_at(change.rollout_id, change.write.number)
            if record is None or change.before is None:
                yield Violation(Law.FENCE, f"{_when(change)} wrote to a stage that no record knows")
                continue
            raced = self._raced(change)
            if not record.owns(change.before):
                if raced:
                    self.near_misses.append(f"{_when(change)} wrote over a change that somebody made since its read")
                elif not self._is_undoing(change):
                    yield Violation(Law.FENCE, f"{_when(change)} wrote over {change.before}, which it had not left")
            if change.before.canary is None and change.after is not None and change.after.canary is not None:
                first = _function(change) == "CreateCanary" and change.rollout_id not in created
                created.add(change.rollout_id)
                if first:
                    continue
                if raced and self._is_undone(change):
                    self.near_misses.append(f"{_when(change)} brought a canary back and took it away again")
                else:
                    yield Violation(Law.FENCE, f"{_when(change)} brought a canary back: {change.after}")

    def _is_undone(self, change: Change) -> bool:
        """Whether the rollout's own hand took the canary away again."""
        return any(
            other.rollout_id == change.rollout_id
            and other.write.number > change.write.number
            and other.after is not None
            and other.after.canary is None
            for other in self._changes
        )

    def _is_undoing(self, change: Change) -> bool:
        """Whether this takes away what an earlier write for the same rollout has brought back."""
        return (
            change.after is not None
            and change.after.canary is None
            and any(
                other.rollout_id == change.rollout_id
                and other.write.number < change.write.number
                and other.after == change.before
                for other in self._changes
            )
        )

    # --- 6: the end ----------------------------------------------------------------------------------------

    def _end(self) -> Iterator[Violation]:
        recorded = self._recorded
        if not recorded.ended:
            yield Violation(Law.END, f"not ended by {recorded.finished:%d %H:%M:%S}")
        for lock in recorded.locks:
            yield Violation(Law.END, f"{lock['pk']['S']} is still held by {lock['rolloutId']['S']}")
        for execution in recorded.executions:
            yield from self._true_status(execution)
        for rollout_id, item in recorded.records.items():
            yield from self._one_terminal_event(rollout_id, item["state"]["S"])
            if rollout_id in self._records:
                yield from self._known_state(rollout_id)

    def _true_status(self, execution: Execution) -> Iterator[Violation]:
        handed = execution.input.get("continue") if isinstance(execution.input, dict) else None
        rollout_id = handed or execution.name
        item = self._recorded.records.get(rollout_id)
        state = item["state"]["S"] if item else None
        ended = f"execution {execution.name} is {execution.status} {execution.error} ({execution.cause[:200]})"
        records = self._records.get(rollout_id)
        handed_on = records is not None and records[-1].execution != execution.arn
        match execution.status:
            case "SUCCEEDED":
                repeated = item is None and self._answered(execution, "REPEATED")
                if not (repeated or handed_on or state == "PROMOTED"):
                    yield Violation(Law.END, f"{ended}, but {rollout_id} is {state}")
            case "FAILED" if execution.error == "RollbackFailed":
                if not self._paged(execution):
                    yield Violation(Law.END, f"{ended}, and nobody was paged")
            case "FAILED":
                if execution.error not in ERRORS.values() or ERRORS.get(state or "FAILED") != execution.error:
                    yield Violation(Law.END, f"{ended}, but {rollout_id} is {state}")
            case "ABORTED":
                pass
            case _:
                yield Violation(Law.END, ended)

    def _answered(self, execution: Execution, decision: str) -> bool:
        return any(
            isinstance(one.event, dict)
            and one.event.get("execution") == execution.arn
            and isinstance(one.answer, dict)
            and one.answer.get("decision") == decision
            for one in self._recorded.invocations
        )

    def _paged(self, execution: Execution) -> bool:
        pages = [call for call in self._recorded.arrivals if call.operation == "Publish"]
        refused = [call for call in self._recorded.calls if call[1] == "Publish" and call[2] == "before"]
        return bool(refused) or any(call.done and call.at >= execution.started for call in pages)

    def _one_terminal_event(self, rollout_id: str, state: str) -> Iterator[Violation]:
        contents: dict[str, set[str]] = defaultdict(set)
        terminal = set()
        for event in self._recorded.events:
            detail = event["detail"]
            if event["detail-type"] == "Rollout State Changed" and detail["rolloutId"] == rollout_id:
                contents[detail["eventId"]].add(json.dumps(detail, sort_keys=True))
                if detail["state"] in OUTCOMES:
                    terminal.add((detail["eventId"], detail["state"]))
        if len(terminal) != 1:
            yield Violation(Law.END, f"{rollout_id} is {state}, and the world was told {sorted(terminal)}")
        elif next(iter(terminal))[1] != state:
            yield Violation(Law.END, f"{rollout_id} is {state}, but the world was told {next(iter(terminal))[1]}")
        for event_id, told in contents.items():
            if len(told) > 1:
                yield Violation(Law.END, f"event {event_id} was told in {len(told)} ways")

    def _known_state(self, rollout_id: str) -> Iterator[Violation]:
        """The stage when the rollout let go of it."""
        released = next(
            (
                number
                for (_, holder), (number, _) in zip(self._holders, self._holders[1:], strict=False)
                if holder == rollout_id
            ),
            None,
        )
        record = self._records[rollout_id][-1]
        if released is None:
            return
        read = max(
            (call.number for call in self._stage_calls(rollout_id) if call.number < released),
            default=0,
        )
        if self._foreign_changes(read, released):
            return  # what somebody did after the last look is theirs
        state = self._stage_at(released)
        match record.outcome:
            case "PROMOTED":
                good = state is not None and state.canary is None and record.owns(state)
                good = good and (record.share(state) == 100 or not record.candidates)
            case "ROLLED_BACK" | "FAILED":
                good = state is not None and state.matters(record.names) == record.found.matters(record.names)
            case _:
                good = True  # STOPPED: as somebody else left it, which the fence watches over
        if not good:
            yield Violation(Law.END, f"{rollout_id} ended {record.outcome} and left {state}; found {record.found}")

    def _stage_calls(self, rollout_id: str) -> Iterator[Arrival]:
        for call in self._recorded.arrivals:
            if call.operation in ("GetStage", "UpdateStage") and call.done and call.invocation is not None:
                event = self._recorded.invocations[call.invocation].event
                named = event.get("rolloutId") if isinstance(event, dict) else None
                if named == rollout_id or (named is None and self._holder(call.number) == rollout_id):
                    yield call

    def _stage_at(self, number: int) -> State | None:
        writes = self._recorded.stage_writes
        earlier = [write for write in writes if write.number < number]
        if earlier:
            return of_stage(earlier[-1].after)
        if writes:
            return of_stage(writes[0].before)
        records = next(iter(self._records.values()))
        return records[0].found

    # --- 7: intent before effect ---------------------------------------------------------------------------

    def _intent(self) -> Iterator[Violation]:
        for change in self._altering():
            record = self._record_at(change.rollout_id, change.write.number)
            if record is None or record.owns(change.after):
                continue
            if not self._raced(change) and not self._is_undoing(change):
                yield Violation(Law.INTENT, f"{_when(change)} led to {change.after}, which no record had announced")

    # --- 8: nothing goes unheard ---------------------------------------------------------------------------

    def _heard(self) -> Iterator[Violation]:
        stored = [signal.signal for signals in self._signals.values() for signal in signals]
        sources = [str(signal["source"]) for signal in stored]
        for answer in self._recorded.answers:
            if not answer.accepted or answer.command == "rollback":
                continue
            count = sources.count(answer.actor)
            if not count:
                yield Violation(Law.HEARD, f"{answer.command} by {answer.actor} was accepted, and never stored")
        for rollout_id, signals in self._signals.items():
            alarms = [(s.signal["source"], s.signal["at"]) for s in signals if s.kind == "ALARM"]
            for alarm in set(alarms):
                if alarms.count(alarm) > 1:
                    yield Violation(Law.HEARD, f"{rollout_id} was told twice of alarm {alarm[0]} at {alarm[1]}")
        yield from self._alarms_heard()

    def _alarms_heard(self) -> Iterator[Violation]:
        """Each alarm that went to ALARM while a rollout watched it is in that rollout's record."""
        if any(one.function == "OnAlarm" and (one.error or one.ended is None) for one in self._recorded.invocations):
            return
        for event in self._recorded.events:
            if event["detail-type"] != "CloudWatch Alarm State Change":
                continue
            detail = event["detail"]
            if detail["state"]["value"] != "ALARM" or detail["previousState"]["value"] == "ALARM":
                continue
            yield from self._alarm_heard(detail["alarmName"], datetime.fromisoformat(detail["state"]["timestamp"]))

    def _alarm_heard(self, name: str, at: datetime) -> Iterator[Violation]:
        for rollout_id, records in self._records.items():
            first, last = records[0], records[-1]
            ended = datetime.fromisoformat(last.document["endedAt"]) if last.document["endedAt"] else None
            margin = timedelta(seconds=self._recorded.plan.event_delay_seconds + 60)
            watches = name in first.settings["alarms"] and first.started_at + margin < at
            if not watches or (ended is not None and at + margin > ended):
                continue
            known = [s for s in self._signals[rollout_id] if s.kind == "ALARM" and s.signal["source"] == name]
            if not any(datetime.fromisoformat(signal.signal["at"]) == at for signal in known):
                yield Violation(Law.HEARD, f"{rollout_id} was never told that {name} fired at {at:%H:%M:%S}")

    # --- 9: nobody sleeps through a stop signal ------------------------------------------------------------

    def _awake(self) -> Iterator[Violation]:
        disturbing = {What.CRASH, What.HANG, What.STOP_EXECUTION}
        if self._recorded.faults_injected or any(act.what in disturbing for _, act in self._recorded.done):
            return
        for rollout_id, signals in self._signals.items():
            ended = self._records[rollout_id][-1].document["endedAt"]
            for signal in signals:
                until = signal.at + MOST_ASLEEP
                if signal.kind not in STOPPING or (ended and datetime.fromisoformat(ended) <= until):
                    continue
                if not any(
                    signal.at <= (one.ended or until) and one.began <= until and one.function in TASKS
                    for one in self._recorded.invocations
                    if isinstance(one.event, dict) and one.event.get("rolloutId") == rollout_id
                ):
                    yield Violation(
                        Law.AWAKE,
                        f"{rollout_id} slept for a minute after {signal.kind.lower()} at {signal.at:%H:%M:%S}",
                    )


def _function(change: Change) -> str:
    return change.write.caller.rpartition("-")[2].removesuffix("Function")


def _when(change: Change) -> str:
    return f"{change.write.at:%H:%M:%S.%f}"[:12] + f" {_function(change)} (call {change.write.number})"
