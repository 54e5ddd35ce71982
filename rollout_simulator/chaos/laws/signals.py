"""HEARD and AWAKE: nothing that is said to a rollout is lost, or slept through."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from rollout_simulator.chaos.laws.course import STOPPING, Course
from rollout_simulator.chaos.laws.verdicts import Law, Violation
from rollout_simulator.chaos.plan import What

TASKS = frozenset({"CreateCanary", "ShiftTraffic", "Promote", "RollBack", "Analyze", "Close"})
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
    yield from _alarms_heard(course)


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
        yield from _alarm_heard(course, detail["alarmName"], datetime.fromisoformat(detail["state"]["timestamp"]))


def _alarm_heard(course: Course, name: str, at: datetime) -> Iterator[Violation]:
    for rollout_id, records in course.records.items():
        first, last = records[0], records[-1]
        ended = datetime.fromisoformat(last.document["endedAt"]) if last.document["endedAt"] else None
        margin = timedelta(seconds=course.recorded.plan.event_delay_seconds + 60)
        watches = name in first.settings["alarms"] and first.started_at + margin < at
        if not watches or (ended is not None and at + margin > ended):
            continue
        known = [s.signal for s in course.signals[rollout_id] if s.kind == "ALARM" and s.signal["source"] == name]
        noted = [line for line in course.recorded.history(rollout_id) if line["state"] == "Noted" and known]
        if not any(datetime.fromisoformat(told["at"]) == at for told in (*known, *noted)):
            yield Violation(Law.HEARD, f"{rollout_id} was never told that {name} fired at {at:%H:%M:%S}")


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
