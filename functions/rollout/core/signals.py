"""Signals to a running rollout: an alarm fired, or an actor gave a command.

Signals are appended to the rollout's record and never removed. The rollout remembers how many it has considered;
whatever lies beyond is pending.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from rollout.core.texts import LONGEST_NAME, LONGEST_NAME_BYTES, fitted

if TYPE_CHECKING:
    from rollout.core.target import Json


class SignalKind(StrEnum):
    """In order of precedence: when several are pending, the first of this list decides."""

    ABORT = "ABORT"
    ALARM = "ALARM"
    PROMOTE = "PROMOTE"
    PAUSE = "PAUSE"
    ADVANCE = "ADVANCE"
    APPROVE = "APPROVE"
    RESUME = "RESUME"


STOP_SIGNALS = frozenset({SignalKind.ABORT, SignalKind.ALARM})
"""After one of these is recorded, the weight is never raised again."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One recorded signal. `source` is the alarm or the actor; `at` is when it happened, ISO 8601."""

    kind: SignalKind
    at: str
    source: str
    reason: str
    step: int | None = None

    @classmethod
    def of_alarm(cls, name: str, at: str, reason: str) -> Signal:
        """The signal of an alarm that went to ALARM then. Its texts are made to fit: an alarm is never refused."""
        return cls(SignalKind.ALARM, at, fitted(name, LONGEST_NAME, LONGEST_NAME_BYTES), fitted(reason))

    def to_document(self) -> Json:
        """A JSON object, as stored in the record's `signals`."""
        return {
            "kind": self.kind.value,
            "at": self.at,
            "source": self.source,
            "reason": self.reason,
            "step": self.step,
        }

    @classmethod
    def from_document(cls, document: Json) -> Signal:
        """The inverse of `to_document`."""
        return cls(
            SignalKind(document["kind"]),
            document["at"],
            document["source"],
            document["reason"],
            document.get("step"),
        )

    def __str__(self) -> str:
        if self.kind is SignalKind.ALARM:
            return f"alarm {self.source} is firing" + (f": {self.reason}" if self.reason else "")
        return f"{self.kind.lower()} by {self.source}" + (f": {self.reason}" if self.reason else "")


def deciding(pending: Sequence[Signal]) -> Signal | None:
    """The pending signal that takes precedence; of several of a kind, the earliest recorded."""
    order = list(SignalKind)
    return min(pending, key=lambda signal: order.index(signal.kind), default=None)


def overtaking(pending: Sequence[Signal], *, half_done: bool) -> Signal | None:
    """The pending signal that is handled before a raise of the weight that has been decided, if there is one.

    A stop signal is at any time. A pause is only until the change has begun: a change that is half done is finished
    first, because its state is not known for certain.
    """
    return stopping(pending) or next(
        (signal for signal in pending if signal.kind is SignalKind.PAUSE and not half_done), None
    )


def stopping(signals: Sequence[Signal]) -> Signal | None:
    """The stop signal among these that takes precedence, if there is one."""
    return deciding([signal for signal in signals if signal.kind in STOP_SIGNALS])
