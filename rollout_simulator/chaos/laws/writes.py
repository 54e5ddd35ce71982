"""ONE WRITER, FENCE and INTENT: who may write to the target, over what, and announced where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from rollout_simulator.chaos.laws.course import Change, Course
from rollout_simulator.chaos.laws.verdicts import Law, NearMiss, Violation
from rollout_simulator.chaos.states import Record

WRITERS = frozenset({"CreateCanary", "ShiftTraffic", "Promote", "RollBack", "Recover"})


def one_writer(course: Course) -> Iterator[Violation]:
    """Only those write whose business it is, while they hold the target."""
    for change in course.changes:
        if change.function not in WRITERS:
            yield Violation(Law.ONE_WRITER, f"{change} wrote to the target")
        holder = course.holder(change.write.number)
        if holder != change.rollout_id:
            yield Violation(Law.ONE_WRITER, f"{change} wrote, but the target was held by {holder}")
        record = course.record_at(change.rollout_id, change.write.number)
        if change.function == "Recover" and record is not None and _runs(course, record.execution, change.write.at):
            yield Violation(Law.ONE_WRITER, f"{change} wrote while execution {record.execution} ran")


def _runs(course: Course, arn: str, at: datetime) -> bool:
    return any(
        one.arn == arn and one.started <= at and (one.stopped is None or one.stopped > at)
        for one in course.recorded.executions
    )


def fence(course: Course) -> Iterator[Violation | NearMiss]:
    """Nothing is written over what somebody else left, and no canary comes back."""
    created: set[str | None] = set()
    for change in course.altering():
        record = course.record_at(change.rollout_id, change.write.number)
        if record is None or change.before is None:
            yield Violation(Law.FENCE, f"{change} wrote to a target that no record knows")
            continue
        if _takes_away_ours(change, record):
            continue
        raced = course.raced(change)
        if not record.owns(change.before):
            if raced:
                yield NearMiss(f"{change} wrote over a change that somebody made since its read")
            elif not course.is_undoing(change):
                yield Violation(Law.FENCE, f"{change} wrote over {change.before}, which it had not left")
        if change.before.canary is None and change.after is not None and change.after.canary is not None:
            first = change.function == "CreateCanary" and change.rollout_id not in created
            created.add(change.rollout_id)
            if first:
                continue
            if raced and _is_undone(course, change):
                yield NearMiss(f"{change} brought a canary back and took it away again")
            else:
                yield Violation(Law.FENCE, f"{change} brought a canary back: {change.after}")


def _takes_away_ours(change: Change, record: Record) -> bool:
    """Whether this only removes a canary that is exactly one of the rollout's own, whatever else is not."""
    before, after = change.before, change.after
    if before is None or before.canary is None or after is None:
        return False
    return record.made(before.canary, before.base) and after == replace(before, canary=None)


def _is_undone(course: Course, change: Change) -> bool:
    """Whether the rollout's own hand took the canary away again."""
    return any(
        other.rollout_id == change.rollout_id
        and other.write.number > change.write.number
        and other.after is not None
        and other.after.canary is None
        for other in course.changes
    )


def intent(course: Course) -> Iterator[Violation]:
    """What is written was announced."""
    for change in course.altering():
        record = course.record_at(change.rollout_id, change.write.number)
        if record is None or record.owns(change.after) or _takes_away_ours(change, record):
            continue
        if not course.raced(change) and not course.is_undoing(change):
            yield Violation(Law.INTENT, f"{change} led to {change.after}, which no record had announced")
