"""What every task answers the workflow with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from rollout.core.certainty import LOOKS_APART
from rollout.core.decision import Decision, Phase
from rollout.core.minutes import MINUTE_SECONDS

if TYPE_CHECKING:
    from rollout.core.rollout import Rollout
    from rollout.core.target import Json

CONTINUE = "continue"
"""The only field of the document that an execution begins with which carries a rollout on: its id."""


@dataclass(frozen=True, slots=True)
class TaskResult:
    """The decision that "What next?" branches on, and what the states after it need.

    seconds: how long the bake, or the wait for a second look, lasts at most. seen: how many signals the decision has
    considered; the bake does not begin when there are more. outcome: set by Close. execution: the name of the one to
    hand over to. rollout: as it stands, for logs and metrics; it is no part of the answer.
    """

    decision: Decision
    rollout_id: str
    seconds: int = 1
    seen: int = 0
    reason: str = ""
    outcome: str = ""
    execution: str = ""
    rollout: Rollout | None = None

    def to_document(self) -> Json:
        """The task's result, as the state machine reads it."""
        return {
            "decision": self.decision.value,
            "rolloutId": self.rollout_id,
            "seconds": self.seconds,
            "seen": self.seen,
            "reason": self.reason,
            "outcome": self.outcome,
            "execution": self.execution,
        }


def waiting(rollout: Rollout, decision: Decision, now: datetime, minutes: int = 1) -> TaskResult:
    """Go and bake until that many minutes more can be counted (one, unless the pace says otherwise).

    Before the first minute of a step is counted, each minute is looked at early: what fails from the first request on
    need not wait for the metrics' lag. Where the lag was found to be longer than the request says, what has come to
    minutes that were counted already need not wait for it, either. And while a raise may still land on a canary that is
    to get no requests, the target is looked at so often that it serves for a short time only.
    """
    calendar = rollout.calendar
    minute = max(rollout.next_minute, calendar.last_closed(now) + 1) + minutes - 1
    seconds = calendar.seconds_until_closed(minute, now)
    if rollout.phase is Phase.BAKING and rollout.weight_percent and not rollout.evidence.step_minutes:
        seconds = min(seconds, calendar.seconds_until_early(rollout.changed_at, now))
    if calendar.lag_minutes > rollout.settings.calendar.lag_minutes:
        seconds = min(seconds, minutes * MINUTE_SECONDS)
    quiet = rollout.quiet_seconds(now) if rollout.phase is Phase.HELD and not rollout.weight_percent else 0
    if quiet:
        seconds = min(seconds, quiet, int(LOOKS_APART.total_seconds()))
    return TaskResult(decision, rollout.rollout_id, seconds, rollout.signals_seen, rollout.told_reason, rollout=rollout)


def in_a_moment(rollout: Rollout, seconds: int) -> TaskResult:
    """Go and bake for so long, or until somebody signals what this task has not read yet."""
    return TaskResult(
        Decision.CONTINUE, rollout.rollout_id, seconds, len(rollout.signals), rollout.told_reason, rollout=rollout
    )


def acting(rollout: Rollout, decision: Decision) -> TaskResult:
    """Go to the state that carries this decision out."""
    return TaskResult(decision, rollout.rollout_id, 1, rollout.signals_seen, rollout.told_reason, rollout=rollout)
