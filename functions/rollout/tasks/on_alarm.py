"""On alarm: tell every rollout that watches this alarm, and wake it.

Law: a handler never touches the target. It records the signal first and wakes the workflow after; either the signal
finds the bake's token in the record, or the bake finds the signal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from rollout.core.cause import Cause
from rollout.core.decision import Decision, Phase
from rollout.core.signals import Signal, SignalKind
from rollout.errors import RecordFull, Refused
from rollout.tasks.record import entry

if TYPE_CHECKING:
    from rollout.core.rollout import Rollout
    from rollout.ports import Ports

STATE = "Noted"
"""Of a history line: an alarm fired that nobody has to consider."""


@dataclass(frozen=True, slots=True)
class AlarmEvent:
    """A `CloudWatch Alarm State Change`: as what the alarm may be watched, its new and its previous state, and when it
    changed.
    """

    names: Sequence[str]
    state: str
    previous_state: str
    at: datetime
    reason: str


def on_alarm(ports: Ports, event: AlarmEvent) -> Sequence[str]:
    """Signal the rollouts that watch the alarm; their ids.

    Events come at least once and in any order: a signal is recorded once per alarm and time, and one from before a
    rollout began is not for that rollout.

    Raises: what the store and the waker raise, once all other rollouts are signalled; the event is then delivered
    again.
    """
    if event.state != "ALARM" or event.previous_state == "ALARM":
        return []
    signalled, problems = [], []
    # One name after the other: who is found first does not wait for the next look-up.
    watching = ((rollout_id, name) for name in event.names for rollout_id in ports.store.watchers(name))
    for rollout_id, name in watching:
        try:
            if _signal(ports, rollout_id, name, event):
                signalled.append(rollout_id)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one rollout, the others hear of it
            problems.append(error)
    if problems:
        raise problems[0]
    return signalled


def _signal(ports: Ports, rollout_id: str, name: str, event: AlarmEvent) -> bool:
    """Whether the event was for this rollout, which is then signalled and woken."""
    rollout = ports.store.load(rollout_id)
    if rollout is None or event.at <= rollout.started_at:
        return False
    signal = Signal.of_alarm(name, event.at.isoformat(), event.reason)
    if name in rollout.firing_at_start:
        _note(ports, rollout, signal, event.at)
        return False  # the next analysis weighs whether it is the candidate's doing
    if _is_told_already(rollout, signal):
        _note(ports, rollout, signal, event.at)
        now = ports.store.load(rollout_id)
        if now is not None and _is_told_already(now, signal):
            return True  # whoever answers the rollout answers it after this
    try:
        token = ports.store.signal(rollout_id, signal)
    except RecordFull:  # of alarms, one of which is enough
        _note(ports, rollout, signal, event.at)
        return True
    except Refused:  # it has ended in the meantime
        return False
    if token is not None:
        ports.waker.wake(token)
    return True


def _note(ports: Ports, rollout: Rollout, signal: Signal, at: datetime) -> None:
    """Record in the history alone that the alarm fired."""
    cause = Cause.of_signal(signal)
    noted = replace(rollout, cause=cause, reason=str(cause))
    ports.store.note(rollout, signal, entry=entry(noted, state=STATE, decision=Decision.CONTINUE, now=at))


def _is_told_already(rollout: Rollout, signal: Signal) -> bool:
    """Whether the rollout is held and knows that this alarm fires: an alarm that flaps for days is one reason to hold.

    A person is waited for, who sees the others in the history. One that is delivered again is woken for again.
    """
    known = [each for each in rollout.signals if each.kind is SignalKind.ALARM and each.source == signal.source]
    return rollout.phase is Phase.HELD and bool(known) and all(each.at != signal.at for each in known)
