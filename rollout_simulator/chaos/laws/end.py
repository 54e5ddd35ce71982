"""END: what is left when all is over."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator

from rollout_simulator.chaos.laws.course import Course
from rollout_simulator.chaos.laws.verdicts import Law, Violation
from rollout_simulator.chaos.plan import What
from rollout_simulator.chaos.recorded import Execution

OUTCOMES = frozenset({"PROMOTED", "ROLLED_BACK", "STOPPED", "REJECTED", "FAILED"})
BELOW = (What.CRASH, What.HANG, What.COLD_START, What.STOP_EXECUTION)
HINDERING = frozenset({"before", "after", "slow", "late", "duplicate"})
ERRORS = {"ROLLED_BACK": "RolledBack", "STOPPED": "Stopped", "REJECTED": "Rejected", "FAILED": "Failed"}


def end(course: Course) -> Iterator[Violation]:
    """Everything is over, told, and as the outcome says."""
    recorded = course.recorded
    if not recorded.ended:
        yield Violation(Law.END, f"not ended by {recorded.finished:%d %H:%M:%S}")
    for lock in recorded.locks:
        yield Violation(Law.END, f"{lock['pk']['S']} is still held by {lock['rolloutId']['S']}")
    for execution in recorded.executions:
        yield from _true_status(course, execution)
    yield from _nothing_fails_by_itself(course)
    for rollout_id, item in recorded.records.items():
        yield from _one_terminal_event(course, rollout_id, item["state"]["S"])
        if rollout_id in course.records:
            yield from _known_state(course, rollout_id)


def _true_status(course: Course, execution: Execution) -> Iterator[Violation]:
    ordered = course.ordered(execution.name)
    if ordered is None and course.says_what_must_be_ordered(execution.input):
        yield from _came_to_nothing(execution, "it was forged")
        return
    if _is_named_as_one_before(course, execution):
        yield from _came_to_nothing(execution, "its name had been used before")
        return
    rollout_id = (ordered or {}).get("continue") or execution.name
    item = course.recorded.records.get(rollout_id)
    state = item["state"]["S"] if item else None
    ended = f"execution {execution.name} is {execution.status} {execution.error} ({execution.cause[:200]})"
    records = course.records.get(rollout_id)
    handed_on = records is not None and records[-1].execution != execution.arn
    match execution.status:
        case "SUCCEEDED":
            repeated = item is None and _answered(course, execution, "REPEATED")
            if not (repeated or handed_on or state == "PROMOTED"):
                yield Violation(Law.END, f"{ended}, but {rollout_id} is {state}")
        case "FAILED" if execution.error == "RollbackFailed":
            if not _paged(course, execution):
                yield Violation(Law.END, f"{ended}, and nobody was paged")
        case "FAILED":
            if execution.error not in ERRORS.values() or ERRORS.get(state or "FAILED") != execution.error:
                yield Violation(Law.END, f"{ended}, but {rollout_id} is {state}")
        case "ABORTED":
            pass
        case _:
            yield Violation(Law.END, ended)


def _nothing_fails_by_itself(course: Course) -> Iterator[Violation]:
    """Where nothing was hindered, a request is refused and does not fail, and no rollout is left to recovery."""
    if course.anybody_did(*BELOW) or any(outcome in HINDERING for _, _, outcome in course.recorded.calls):
        return
    for execution in course.recorded.executions:
        if (execution.status, execution.error) == ("FAILED", "Failed") and execution.name not in course.records:
            yield Violation(Law.END, f"execution {execution.name} failed by itself: {execution.cause[:200]}")
    for rollout_id, records in course.records.items():
        if (records[-1].document["cause"] or {}).get("kind") == "RECOVERY":
            yield Violation(Law.END, f"{rollout_id} was left to recovery, though nobody had stopped its execution")


def _came_to_nothing(execution: Execution, why: str) -> Iterator[Violation]:
    """Such an execution is refused, or at worst fails before it has done anything; what it did would be told of."""
    if execution.status != "FAILED" or execution.error not in ("Rejected", "Failed"):
        yield Violation(Law.END, f"execution {execution.name} is {execution.status} {execution.error}, though {why}")


def _is_named_as_one_before(course: Course, execution: Execution) -> bool:
    """Whether the record of its name is of an execution that was over when this one began."""
    return any(
        other.name == execution.name and other.stopped is not None and other.stopped <= execution.started
        for other in course.recorded.executions
        if other is not execution
    )


def _answered(course: Course, execution: Execution, decision: str) -> bool:
    return any(
        isinstance(one.event, dict)
        and one.event.get("execution") == execution.arn
        and isinstance(one.answer, dict)
        and one.answer.get("decision") == decision
        for one in course.recorded.invocations
    )


def _paged(course: Course, execution: Execution) -> bool:
    pages = [call for call in course.recorded.arrivals if call.operation == "Publish"]
    refused = [call for call in course.recorded.calls if call[1] == "Publish" and call[2] == "before"]
    return bool(refused) or any(call.done and call.at >= execution.started for call in pages)


def _one_terminal_event(course: Course, rollout_id: str, state: str) -> Iterator[Violation]:
    contents: dict[str, set[str]] = defaultdict(set)
    terminal = set()
    for event in course.recorded.events:
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


def _known_state(course: Course, rollout_id: str) -> Iterator[Violation]:
    """The target when the rollout let go of it."""
    released = next(
        (
            number
            for (_, holder), (number, _) in zip(course.holders, course.holders[1:], strict=False)
            if holder == rollout_id
        ),
        None,
    )
    record = course.records[rollout_id][-1]
    if released is None:
        return
    looks = [call for call in course.target_calls(rollout_id) if call.number < released]
    shown = max((call.at for call in looks), default=course.recorded.started) - course.staleness
    read = max((call.number for call in looks), default=0)
    if any(write.number > read or write.at > shown for write in course.foreign_changes(0, released)):
        return  # what somebody did after the last look, or after the moment that it showed, is theirs
    state = course.state_at(released)
    match record.outcome:
        case "PROMOTED":
            whole = state is not None and state.canary is None and record.share(state) == 100
            good = whole and record.owns(state)
        case "ROLLED_BACK" | "FAILED":
            good = state is not None and state.matters(record.names) == record.original.matters(record.names)
        case _:  # STOPPED: as somebody else left it, which the fence watches over, and nothing of ours
            good = state is None or state.canary is None or not record.made(state.canary, state.base)
            if not course.foreign_changes(0, released):
                yield Violation(Law.END, f"{rollout_id} ended {record.outcome}, and nobody had changed its target")
    if not good:
        yield Violation(Law.END, f"{rollout_id} ended {record.outcome} and left {state}; found {record.original}")
