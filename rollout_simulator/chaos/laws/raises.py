"""SILENCE and STOP: when the candidate may be given more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from rollout_simulator.chaos.laws.course import ENCOURAGING, HOLDING, STOPPING, Change, Course, SignalWrite
from rollout_simulator.chaos.laws.verdicts import Law, Violation
from rollout_simulator.chaos.plan import What
from rollout_simulator.chaos.recorded import TargetWrite
from rollout_simulator.chaos.states import Record

LONGEST_SILENCE_MINUTES = 3
SOME_REQUESTS = 7.0
SOON = timedelta(minutes=2)
FAILURES = frozenset({"before", "after", "slow", "duplicate"})
BELOW = (What.CRASH, What.HANG, What.COLD_START, What.STOP_EXECUTION)
LATEST_MINUTES = 5
"""A late point of the simulated CloudWatch comes four minutes after the usual ones."""


def silence(course: Course) -> Iterator[Violation]:
    """No weight is raised from a step's without the canary having been seen, or a person's word."""
    for change, record in course.raises():
        if record.share(change.before) == 0 and record.step < 0:
            continue  # the first step's weight needs no evidence
        if course.is_late(change):
            continue  # nobody decided that it should rise now; what it has led to is END's business
        since = _last_change(course, record, change)
        if _is_told_to_rise(course, change, since):
            continue
        raised = f"{change} raised to {record.share(change.after):f} %"
        needed = record.settings["plan"][max(0, record.step)]["bakeMinutes"]
        baked = (change.write.at - since.at).total_seconds() / 60
        if baked < needed:
            yield Violation(Law.SILENCE, f"{raised} after {baked:.1f} min; the step asks for {needed}")
        seen = _requests_seen(course, record, since.at, change.write.at)
        if not seen:
            yield Violation(Law.SILENCE, f"{raised}, and no request of the canary had been seen")
        elif _is_silent(seen, change.write.at, record.settings["lagMinutes"]):
            yield Violation(Law.SILENCE, f"{raised}, and since minute {max(seen)} the canary was silent")


def _last_change(course: Course, record: Record, change: Change) -> TargetWrite:
    """The write that set the weight which was left."""
    changes = [other for other in course.changes if other.write.number < change.write.number]
    altering = [other for other in changes if record.share(other.before) != record.share(other.after)]
    return (altering or [change])[-1].write


def _is_told_to_rise(course: Course, change: Change, since: TargetWrite) -> bool:
    """Whether a person said so, and had not been answered yet when the present weight was set."""
    before = course.record_at(change.rollout_id, since.number + 1)
    answered = int(before.document["signalsSeen"]) if before else 0
    signals = course.signals[change.rollout_id or ""][answered:]
    return any(signal.kind in ENCOURAGING and signal.number < change.write.number for signal in signals)


def _requests_seen(course: Course, record: Record, since: datetime, until: datetime) -> dict[int, int]:
    """The canary's requests by minute, as CloudWatch showed them when the weight was raised."""
    # A change is noted by the clock of the function that made it; settleSeconds is what covers the difference.
    first = since.timestamp() + record.settings["settleSeconds"] - course.clocks_apart
    return {
        point.minute: point.requests
        for point in course.recorded.canary_points
        if point.requests
        and point.revision in (None, *record.candidates)
        and point.minute * 60 >= first
        and point.visible_from <= until.timestamp()
    }


def _is_silent(seen: dict[int, int], now: datetime, lag_minutes: int) -> bool:
    """Three minutes and more of silence are a sign when requests came often enough before."""
    silent = int(now.timestamp()) // 60 - lag_minutes - LATEST_MINUTES - max(seen)
    return silent > LONGEST_SILENCE_MINUTES and sum(seen.values()) / len(seen) * silent >= SOME_REQUESTS


def stop(course: Course) -> Iterator[Violation]:
    """No raise is intended after a stop signal, and no promotion decided after one."""
    for change, record in course.raises():
        intent = _intended(course, change, record)
        for signal in _stops(course, change.rollout_id or "", record, until=change.write.number):
            if (intent is None or intent > signal.number) and not course.was_sent_by(change, signal.at):
                yield Violation(
                    Law.STOP,
                    f"{change} raised to {record.share(change.after):f} %, intended after "
                    f"{signal.kind.lower()} by {signal.signal['source']} was recorded at {signal.at:%H:%M:%S}",
                )
        if _is_held_at_zero(record) and not _is_lowered_again(course, change, record):
            what = f"raised to {record.share(change.after):f} %, held at zero, and was not lowered again"
            yield Violation(Law.STOP, f"{change} {what}")
    for rollout_id, records in course.records.items():
        last = records[-1]
        if last.outcome != "PROMOTED":
            continue
        decided = next(record.number for record in records if record.outcome == "PROMOTED")
        for signal in _stops(course, rollout_id, last, until=decided):
            yield Violation(
                Law.STOP,
                f"{rollout_id} ended promoted, although {signal.kind.lower()} by {signal.signal['source']} was "
                f"recorded at {signal.at:%H:%M:%S}, before that was decided",
            )


def _is_held_at_zero(record: Record) -> bool:
    """Whether no request was to go to the canary that is there."""
    state, held = record.expected_states[0], record.document["phase"] == "HELD"
    return held and record.pending_decision is None and state.canary is not None and record.share(state) == 0


def _is_lowered_again(course: Course, change: Change, record: Record) -> bool:
    """Whether it was soon, by anybody; or a person has said meanwhile that it may rise, or something kept the
    controller from it.
    """
    by = change.write.at + SOON
    if course.anybody_did(*BELOW) or any(outcome in FAILURES for _, _, outcome in course.recorded.calls):
        return True
    lower = record.share(change.after)
    lowered = any(
        record.share(write.after) < lower
        for write in course.recorded.target_writes
        if write.number > change.write.number and write.at <= by
    )
    signals = course.signals[change.rollout_id or ""]
    return lowered or any(signal.kind in ENCOURAGING and signal.number > record.number for signal in signals)


def _intended(course: Course, change: Change, record: Record) -> int | None:
    """When the record first contained the state that the write led to, or its canary: what somebody else had changed
    beside that is theirs.
    """
    assert change.after is not None
    wanted, canary = change.after.matters(record.names), change.after.canary
    for earlier in course.records[change.rollout_id or ""]:
        for own in earlier.expected_states:
            if wanted == own.matters(earlier.names) or (canary is not None and canary == own.canary):
                return earlier.number
    return None


def _stops(course: Course, rollout_id: str, record: Record, until: int) -> Iterator[SignalWrite]:
    """The stop signals recorded by then, but for those that were left to a person who has spoken since."""
    signals = course.signals[rollout_id]
    for signal in signals:
        if signal.kind not in STOPPING or signal.number >= until:
            continue
        answered = any(other.kind in ENCOURAGING and signal.number < other.number < until for other in signals)
        left_to_person = signal.kind == "ALARM" and record.settings["onRegression"] in HOLDING
        if not (left_to_person and answered):
            yield signal
