"""HEARD and AWAKE: nothing that is said to a rollout is lost, or slept through."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from rollout_simulator.chaos.laws.course import STOPPING, Course
from rollout_simulator.chaos.laws.verdicts import Law, Violation
from rollout_simulator.chaos.plan import What

Json = dict[str, Any]

TASKS = frozenset({"CreateCanary", "ShiftTraffic", "Promote", "RollBack", "Analyze", "Explain", "Close"})
ENDING = frozenset({"ROLL_BACK", "STOP", "CLOSE"})
HOME = ("123456789012", "us-east-1")
"""The account and the region in which the controller runs."""
MOST_ASLEEP = timedelta(minutes=1)


def heard(course: Course) -> Iterator[Violation]:
    """What was accepted, and what fired, is in the record, once."""
    sources = {str(one.signal["source"]) for signals in course.signals.values() for one in signals}
    for answer in course.recorded.answers:
        if not answer.accepted or answer.command == "rollback":
            continue
        if answer.actor not in sources:
            yield Violation(Law.HEARD, f"{answer.command} by {answer.actor} was accepted, and never stored")
    for rollout_id, signals in course.signals.items():
        alarms = [(s.signal["source"], s.signal["at"]) for s in signals if s.kind == "ALARM"]
        for alarm in set(alarms):
            if alarms.count(alarm) > 1:
                yield Violation(Law.HEARD, f"{rollout_id} was told twice of alarm {alarm[0]} at {alarm[1]}")
    yield from _aborts_heard(course)
    yield from _of_home(course)
    yield from _alarms_heard(course)


def _aborts_heard(course: Course) -> Iterator[Violation]:
    """Nobody is told that a rollout which goes on cannot be aborted."""
    for answer in course.recorded.answers:
        if answer.command != "abort" or answer.accepted or not answer.message or not answer.for_any_step:
            continue
        before = course.record_at(answer.rollout_id, answer.begun + 1)
        after = course.record_at(answer.rollout_id, answer.ended + 1)
        if (
            before is None
            or after is None
            or any(one.ended or one.pending_decision in ENDING for one in (before, after))
        ):
            continue
        yield Violation(Law.HEARD, f"{answer.actor} could not abort {answer.rollout_id}: {answer.message}")


def _of_home(course: Course) -> Iterator[Violation]:
    """No rollout is told of an alarm of another account or region, unless it watches just that one."""
    fired: dict[datetime, list[tuple[str, ...]]] = defaultdict(list)
    for event in course.recorded.events:
        if event["detail-type"] == "CloudWatch Alarm State Change":
            fired[datetime.fromisoformat(event["detail"]["state"]["timestamp"])].append(_names(event))
    for rollout_id, signals in course.signals.items():
        for signal in signals:
            names = fired.get(datetime.fromisoformat(signal.signal["at"])) if signal.kind == "ALARM" else None
            if names and not any(signal.signal["source"] in known for known in names):
                yield Violation(Law.HEARD, f"{rollout_id} was told of {signal.signal['source']}, and {names} had fired")


def _names(event: Json) -> tuple[str, ...]:
    """As what the alarm of an event may be watched: one that is not of here by its ARN alone."""
    arn, name = str(event["resources"][0]), str(event["detail"]["alarmName"])
    return (arn,) if (event["account"], event["region"]) != HOME else (name, arn)


def _alarms_heard(course: Course) -> Iterator[Violation]:
    """Each alarm that went to ALARM while a rollout watched it is in that rollout's record."""
    if any(one.function == "OnAlarm" and (one.error or one.ended is None) for one in course.recorded.invocations):
        return
    for event in course.recorded.events:
        if event["detail-type"] != "CloudWatch Alarm State Change":
            continue
        detail = event["detail"]
        if detail["state"]["value"] != "ALARM" or detail["previousState"]["value"] == "ALARM":
            continue
        sent, at = (datetime.fromisoformat(text) for text in (event["time"], detail["state"]["timestamp"]))
        yield from _alarm_heard(course, _names(event), at, sent)


def _alarm_heard(course: Course, names: tuple[str, ...], at: datetime, sent: datetime) -> Iterator[Violation]:
    """`at`: when it fired, by its event; `sent`: when that came, which may be much later."""
    for rollout_id, records in course.records.items():
        first, last = records[0], records[-1]
        ended = datetime.fromisoformat(last.document["endedAt"]) if last.document["endedAt"] else None
        margin = timedelta(seconds=course.recorded.plan.event_delay_seconds + 60)
        watched = [name for name in names if name in first.settings["alarms"]]
        watches = watched and first.started_at + margin < at
        if not watches or (ended is not None and max(at, sent) + margin > ended):
            continue
        known = [s.signal for s in course.signals[rollout_id] if s.kind == "ALARM" and s.signal["source"] in watched]
        before = set(watched) & set(first.document.get("firingAtStart", ()))
        noted = [line for line in course.recorded.history(rollout_id) if line["state"] == "Noted" and (known or before)]
        if not any(datetime.fromisoformat(told["at"]) == at for told in (*known, *noted)):
            yield Violation(Law.HEARD, f"{rollout_id} was never told that {watched[0]} fired at {at:%H:%M:%S}")


def awake(course: Course) -> Iterator[Violation]:
    """Nobody sleeps through a stop signal."""
    if course.recorded.faults_injected or course.anybody_did(What.CRASH, What.HANG, What.STOP_EXECUTION):
        return
    for rollout_id, signals in course.signals.items():
        ended = course.records[rollout_id][-1].document["endedAt"]
        for signal in signals:
            until = signal.at + MOST_ASLEEP
            if signal.kind not in STOPPING or (ended and datetime.fromisoformat(ended) <= until):
                continue
            if not any(
                signal.at <= (one.ended or until) and one.began <= until and one.function in TASKS
                for one in course.recorded.invocations
                if isinstance(one.event, dict) and one.event.get("rolloutId") == rollout_id
            ):
                yield Violation(
                    Law.AWAKE,
                    f"{rollout_id} slept for a minute after {signal.kind.lower()} at {signal.at:%H:%M:%S}",
                )
