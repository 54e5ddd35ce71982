"""A run told in words: its plan, and everything that happened, in order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

from rollout_simulator.chaos.recorded import Invocation, ItemWrite, Recorded

Moment = tuple[datetime, int, str]


def told(recorded: Recorded) -> Iterator[str]:
    """The plan, then the time line: minutes:seconds since the start, and what happened."""
    yield from recorded.plan.lines()
    yield "  time line:"
    moments = [
        *_acts(recorded),
        *_invocations(recorded),
        *_target(recorded),
        *_items(recorded),
        *_executions(recorded),
        *_events(recorded),
    ]
    for at, _, what in sorted(moments, key=lambda moment: moment[:2]):
        seconds = (at - recorded.started).total_seconds()
        yield f"    {int(seconds // 60):4d}:{seconds % 60:06.3f} {what}"


def _acts(recorded: Recorded) -> Iterator[Moment]:
    for at, act in recorded.done:
        yield at, 0, f"<<< {act}"
    for answer in recorded.answers:
        yield recorded.finished, 0, f"(answer to {answer.actor}'s {answer.command}: {answer.accepted} {answer.message})"


def _invocations(recorded: Recorded) -> Iterator[Moment]:
    for one in recorded.invocations:
        ended = one.ended or recorded.finished
        yield ended, 3, f"{one.function} of {one.began:%H:%M:%S.%f} → {_answer(one)}"


def _answer(one: Invocation) -> str:
    if one.error:
        return f"raised {one.error[:200]}"
    if isinstance(one.answer, dict) and "decision" in one.answer:
        return f"{one.answer['decision']} {one.answer['outcome']} ({one.answer['reason'][:160]})"
    return json.dumps(one.answer)[:160]


def _target(recorded: Recorded) -> Iterator[Moment]:
    for write in recorded.target_writes:
        yield write.at, 1, f"[{write.number}] target := {write.after or 'deleted'}, by {write.caller}"


def _items(recorded: Recorded) -> Iterator[Moment]:
    for write in recorded.item_writes:
        what = _item(write)
        if what:
            yield write.at, 1, f"[{write.number}] {write.caller}: {what}"


def _item(write: ItemWrite) -> str:
    item = write.item
    if write.sk == "LOCK":
        return f"lock held by {item['rolloutId']['S']}" if item else "lock released"
    if write.sk != "RECORD" or item is None:
        return ""
    if "signalCount" not in item:
        return f"{item['rolloutId']['S']} is {item['state']['S']}"
    document = json.loads(item["document"]["S"])
    signals = [json.loads(one["S"])["kind"] for one in item["signals"]["L"]]
    return (
        f"{item['rolloutId']['S']} r{item['revision']['N']} {item['state']['S']} step {document['step']} "
        f"decided {document['decided']} outcome {document['outcome']} ours {len(document['ours'])} "
        f"signals {signals} seen {document['signalsSeen']} ({document['reason'][:80]})"
    )


def _executions(recorded: Recorded) -> Iterator[Moment]:
    for one in recorded.executions:
        yield one.started, 0, f"execution {one.name} started"
        if one.stopped:
            yield one.stopped, 4, f"execution {one.name} {one.status} {one.error} {one.cause[:120]}"


def _events(recorded: Recorded) -> Iterator[Moment]:
    for event in recorded.events:
        detail = event["detail"]
        at = datetime.fromisoformat(event["time"])
        if event["detail-type"] == "Rollout State Changed":
            yield at, 2, f">>> {detail['eventId']} {detail['decision']}: {detail['reason'][:120]}"
        elif event["source"] == "aws.cloudwatch":
            yield at, 2, f">>> alarm {detail['alarmName']} is {detail['state']['value']}"
