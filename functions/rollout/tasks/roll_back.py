"""Roll back: everybody is served by the base again, as it was found."""

from __future__ import annotations

import json
from dataclasses import replace

from rollout.core.cause import Cause, CauseKind
from rollout.core.decision import Decision, Phase
from rollout.core.rollout import Outcome
from rollout.core.texts import fitted
from rollout.errors import ForeignChange, TargetMissing
from rollout.ports import Ports
from rollout.tasks import fence
from rollout.tasks.record import announce, entry, load, stop, transition
from rollout.tasks.task_result import TaskResult, acting

STATE = "Roll back"


def readable(failure: str) -> str:
    """The failure with its cause in words: for a Lambda function's error Step Functions gives a JSON object."""
    before, brace, cause = failure.partition("{")
    try:
        return before + str(json.loads(brace + cause)["errorMessage"])
    except (ValueError, KeyError):
        return failure


def roll_back(ports: Ports, rollout_id: str, failure: str, failed: CauseKind = CauseKind.TASK_FAILURE) -> TaskResult:
    """Bring the target back to what was found. `failure` says what failed, where that is the cause; `failed` its kind.

    Raises: what the ports raise; the workflow tries again, and pages somebody when that does not help.
    """
    rollout = load(ports, rollout_id)
    if rollout.phase is Phase.ENDED or rollout.pending_decision in (Decision.STOP, Decision.CLOSE):
        return acting(rollout, Decision.CLOSE)
    untouched = rollout.expected_states == (rollout.original,)
    if rollout.pending_decision is not Decision.ROLL_BACK:
        rollout = replace(rollout, pending_decision=Decision.ROLL_BACK)
        if failure:
            cause = Cause(failed, reason=fitted(readable(failure)))
            rollout = replace(rollout, cause=cause, reason=cause.reason)
        rollout = transition(rollout, state="ROLLING_BACK", now=ports.clock.now(), decision=Decision.ROLL_BACK)
    wanted = rollout.original
    rollout = ports.store.save(fence.record_intent(ports, rollout, wanted))
    try:
        fence.apply(ports, rollout, wanted)
    except (ForeignChange, TargetMissing) as error:
        return stop(ports, rollout, STATE, f"{error} (while rolling back: {rollout.reason})")
    now = ports.clock.now()
    done = replace(
        rollout,
        expected_states=(wanted, *(state for state in rollout.expected_states if state != wanted)),
        phase=Phase.BAKING,
        changed_at=now,
        pending_decision=Decision.CLOSE,
        outcome=Outcome.FAILED if untouched and failure else Outcome.ROLLED_BACK,
    )
    change = None if untouched else wanted
    line = entry(done, state=STATE, decision=Decision.ROLL_BACK, now=now, change=change)
    return acting(announce(ports, ports.store.save(done, entry=line)), Decision.CLOSE)
