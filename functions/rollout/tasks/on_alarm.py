"""On alarm: tell every rollout that watches this alarm, and wake it.

Law: a handler never touches the target. It records the signal first and wakes the workflow after; either the signal
finds the bake's token in the record, or the bake finds the signal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from rollout.core.signals import Signal
from rollout.errors import Refused, RolloutError

if TYPE_CHECKING:
    from rollout.ports import Ports


@dataclass(frozen=True, slots=True)
class AlarmEvent:
    """A `CloudWatch Alarm State Change`: the alarm, its new and its previous state, and when it changed."""

    name: str
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
    for rollout_id in ports.store.watchers(event.name):
        try:
            if _signal(ports, rollout_id, event):
                signalled.append(rollout_id)
        except RolloutError as error:
            problems.append(error)
    if problems:
        raise problems[0]
    return signalled


def _signal(ports: Ports, rollout_id: str, event: AlarmEvent) -> bool:
    """Whether the event was for this rollout, which is then signalled and woken."""
    rollout = ports.store.load(rollout_id)
    if rollout is None or event.at <= rollout.started_at:
        return False
    signal = Signal.of_alarm(event.name, event.at.isoformat(), event.reason)
    try:
        token = ports.store.signal(rollout_id, signal)
    except Refused:  # it has ended in the meantime
        return False
    if token is not None:
        ports.waker.wake(token)
    return True
