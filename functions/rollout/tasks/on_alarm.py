"""On alarm: tell every rollout that watches this alarm, and wake it.

Law: a handler never touches the target. It records the signal first and wakes the workflow after; either the signal
finds the bake's token in the record, or the bake finds the signal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rollout.core.signals import Signal, SignalKind
from rollout.errors import Refused
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

    Raises: what the store and the waker raise; the event is then delivered again.
    """
    if event.state != "ALARM" or event.previous_state == "ALARM":
        return []
    signalled = []
    for rollout_id in ports.store.watchers(event.name):
        rollout = ports.store.load(rollout_id)
        if rollout is None or event.at <= rollout.started_at:
            continue
        signal = Signal(SignalKind.ALARM, event.at.isoformat(), event.name, event.reason)
        try:
            token = ports.store.signal(rollout_id, signal)
        except Refused:  # it has ended in the meantime
            continue
        if token is not None:
            ports.waker.wake(token)
        signalled.append(rollout_id)
    return signalled
