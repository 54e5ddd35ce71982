"""What brought a decision about: a command, an alarm, the judge, a deadline, a failure.

Law: who decided is stored as a fact with the decision. No screen finds it out by reading a sentence.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from rollout.core.signals import Signal, SignalKind

if TYPE_CHECKING:
    from rollout.core.target import Json


class CauseKind(StrEnum):
    """The kinds of cause."""

    REQUEST = "REQUEST"  # the request that began the rollout
    JUDGE = "JUDGE"  # the judge's verdicts, or minutes that passed without harm
    COMMAND = "COMMAND"  # a command, given by an actor
    ALARM = "ALARM"  # an alarm that went to ALARM
    DEADLINE = "DEADLINE"  # nobody answered in time
    FOREIGN_CHANGE = "FOREIGN_CHANGE"  # somebody else changed or removed the target
    TASK_FAILURE = "TASK_FAILURE"  # a task of the workflow failed for good
    RECOVERY = "RECOVERY"  # the execution ended before the rollout did


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause.

    source: the actor of a command, the name of an alarm; "" for other kinds. command: the command's verb, in lower
    case. at: when the command was given or the alarm fired, ISO 8601. reason: what the actor, the alarm or the failed
    task said. step: the step that the command was meant for, from 0; None if for any.
    """

    kind: CauseKind
    source: str = ""
    command: str = ""
    at: str = ""
    reason: str = ""
    step: int | None = None

    @classmethod
    def of_signal(cls, signal: Signal) -> Cause:
        """The command or the alarm that this signal records."""
        if signal.kind is SignalKind.ALARM:
            return cls(CauseKind.ALARM, signal.source, "", signal.at, signal.reason)
        return cls(CauseKind.COMMAND, signal.source, signal.kind.lower(), signal.at, signal.reason, signal.step)

    @property
    def who(self) -> str:
        """The cause in few words. They begin with its kind, so that an actor's name passes for no other cause."""
        kind = self.kind.lower().replace("_", " ")
        if self.kind is CauseKind.COMMAND:
            return f"{kind} by {self.source}"
        return f"{kind} {self.source}" if self.source else kind

    def __str__(self) -> str:
        """The cause as the beginning of a reason."""
        said = f": {self.reason}" if self.reason else ""
        if self.kind is CauseKind.COMMAND:
            return f"{self.command} by {self.source}{said}"
        if self.kind is CauseKind.ALARM:
            return f"alarm {self.source} is firing{said}"
        return f"{self.who}{said}"

    def to_document(self) -> Json:
        """A JSON object, as history lines and events carry it; it has the fields that its kind has."""
        if self.kind is CauseKind.COMMAND:
            return {
                "kind": self.kind.value,
                "command": self.command,
                "actor": self.source,
                "reason": self.reason,
                "at": self.at,
                "step": self.step,
            }
        if self.kind is CauseKind.ALARM:
            return {"kind": self.kind.value, "alarm": self.source, "reason": self.reason, "at": self.at}
        return {"kind": self.kind.value, **({"reason": self.reason} if self.reason else {})}

    @classmethod
    def from_document(cls, document: Json) -> Cause:
        """The inverse of `to_document`."""
        return cls(
            CauseKind(document["kind"]),
            document.get("actor") or document.get("alarm") or "",
            document.get("command", ""),
            document.get("at", ""),
            document.get("reason", ""),
            document.get("step"),
        )


JUDGE = Cause(CauseKind.JUDGE)
REQUEST = Cause(CauseKind.REQUEST)


def cause_in(document: Json) -> Cause | None:
    """The cause that a history line, an event or a record carries; None where an older version stored none."""
    return Cause.from_document(document["cause"]) if document.get("cause") else None
