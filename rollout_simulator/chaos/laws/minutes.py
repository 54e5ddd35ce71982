"""MINUTES: which minutes count as evidence, and when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from rollout_simulator.chaos.laws.course import Change, Course
from rollout_simulator.chaos.laws.verdicts import Law, Violation


def minutes(course: Course) -> Iterator[Violation]:
    """Each minute is counted once, in its turn, and served by one weight alone."""
    for rollout_id, records in course.records.items():
        settings = records[-1].settings
        previous: tuple[int, int, str] | None = None
        for line in course.recorded.history(rollout_id):
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
                    yield from _gapless(course, here, previous[0], number, rollout_id)
                previous = (number, line["step"], phase)
                yield from _unmixed(course, here, number, settings["settleSeconds"], rollout_id)


def _gapless(course: Course, here: str, previous: int, number: int, rollout_id: str) -> Iterator[Violation]:
    """No minute is left out, but where the weight was changed in between."""
    first = datetime.fromtimestamp(previous * 60, UTC)
    end = datetime.fromtimestamp(number * 60 + 60, UTC)
    changed = any(one.rollout_id == rollout_id and first < one.write.at < end for one in course.changes)
    if number > previous + 1 and not changed:
        yield Violation(Law.MINUTES, f"{here}, but not minute {previous + 1}")


def _unmixed(course: Course, here: str, minute: int, settle_seconds: int, rollout_id: str) -> Iterator[Violation]:
    # A change is noted by the clock of the function that made it; settleSeconds is what covers the difference.
    first = datetime.fromtimestamp(minute * 60 - settle_seconds + course.clocks_apart, UTC)
    end = datetime.fromtimestamp(minute * 60 + 60, UTC)
    for change in course.changes:
        if course.is_late(change) and _puts_back(course, change):
            continue  # nobody had told the rollout that its canary was gone for a moment
        if change.rollout_id == rollout_id and change.before != change.after and first < change.write.at < end:
            yield Violation(Law.MINUTES, f"{here}, although {change} changed the weight")


def _puts_back(course: Course, change: Change) -> bool:
    """Whether this write undoes what somebody else had just done to the target."""
    return any(
        write.after == change.before and write.before == change.after
        for write in course.foreign_changes(0, change.write.number)
    )
