"""Roll back: everybody is served by the base again, as it was found, and nothing of ours appears afterwards.

Law: the base serves at once; what waits for what is not certain yet is the lock and the word that it is over. A
rollback acts on whatever our own hand may have left, and looks again when it found nothing to do, or when a write of
ours may still land. A target that is somebody else's by now is left to them, but for a canary that is exactly ours.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

from rollout.core.cause import Cause, CauseKind
from rollout.core.certainty import LOOKS_APART, Unclear
from rollout.core.decision import Decision, Phase
from rollout.core.rollout import Outcome, Rollout
from rollout.core.target import Canary, TargetState
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
    if rollout.phase is Phase.ENDED or rollout.pending_decision is Decision.CLOSE:
        return _over(rollout)
    if rollout.pending_decision is Decision.STOP:
        return _leave_to_others(ports, rollout)
    untouched = rollout.expected_states == (rollout.original,)
    if rollout.pending_decision is not Decision.ROLL_BACK:
        rollout = replace(rollout, pending_decision=Decision.ROLL_BACK)
        if failure:
            cause = Cause(failed, reason=fitted(readable(failure)))
            rollout = replace(rollout, cause=cause, reason=cause.reason)
        rollout = transition(rollout, state="ROLLING_BACK", now=ports.clock.now(), decision=Decision.ROLL_BACK)
    began = ports.clock.now()
    wanted = _wanted(rollout, began)
    rollout = fence.begin(ports, rollout, wanted)
    try:
        changed = fence.apply(ports, rollout, wanted, rolling_back=True)
    except (ForeignChange, TargetMissing) as error:
        words = f"{error} (while rolling back: {rollout.reason})"
        return stop(ports, rollout.write_answered(), STATE, words)
    except Unclear as unclear:
        return _look_again(ports, rollout, unclear)
    now = ports.clock.now()
    done = replace(
        rollout.confirmed(wanted, now, *(state for state in rollout.expected_states if state != wanted)),
        restored_at=rollout.restored_at or now,
        changed_at=now,
        phase=Phase.BAKING,
    )
    if rollout.restored_at is None and not changed and rollout.may_have_written:
        done = done.may_look_back(now)
    # It is over only if nothing could land when it was chosen what to bring the target to.
    seconds = done.quiet_seconds(began)
    if not seconds:
        outcome = Outcome.FAILED if untouched and failure else Outcome.ROLLED_BACK
        done = replace(done, pending_decision=Decision.CLOSE, outcome=outcome)
    line = None
    if changed or rollout.restored_at is None:
        line = entry(done, state=STATE, decision=Decision.ROLL_BACK, now=now, change=None if untouched else wanted)
    done = announce(ports, ports.store.save(done, entry=line))
    return _over(done) if not seconds else _in(done, seconds)


def _over(rollout: Rollout) -> TaskResult:
    """The base serves for good: what is left is to find out why, where that is asked, and to close."""
    return acting(rollout, Decision.EXPLAIN if rollout.wants_explanation else Decision.CLOSE)


def _wanted(rollout: Rollout, now: datetime) -> TargetState:
    """What was found; while a write of ours may still land, the spare aliases stay on the candidate's versions.

    A canary that is made in that time reaches them. No request may meet its deployment and the old versions.
    """
    if not rollout.write_answered().quiet_seconds(now):
        return rollout.original
    spare = rollout.settings.target.behind.spare
    return replace(rollout.original, aliases={**rollout.original.aliases, **spare})


def _in(rollout: Rollout, seconds: int) -> TaskResult:
    """Look again, at the latest in so many seconds."""
    return replace(acting(rollout, Decision.LOOK_AGAIN), seconds=min(seconds, int(LOOKS_APART.total_seconds())))


def _look_again(ports: Ports, rollout: Rollout, unclear: Unclear) -> TaskResult:
    """What the target shows is not what we left. What is exactly ours goes at once; a second look tells the rest."""
    try:
        after = fence.clear_away(ports, rollout, unclear.seen)
    except ForeignChange:  # it was changed in this very moment
        after = unclear.seen
    now = ports.clock.now()
    remembering, seconds = fence.look_again_at(rollout.write_answered(), Unclear(str(unclear), after), now)
    line = None
    if after != unclear.seen:
        line = entry(remembering, state=STATE, decision=Decision.ROLL_BACK, now=now, change=after)
    return _in(announce(ports, ports.store.save(remembering, entry=line)), seconds)


def _leave_to_others(ports: Ports, rollout: Rollout) -> TaskResult:
    """Somebody else has changed the target: take away what is exactly ours, say what else serves, and go."""
    rollout = ports.store.save(rollout.write_begun(ports.clock.now()))
    target = rollout.settings.target
    seen: TargetState | None = None
    after: TargetState | None = None
    try:
        seen = ports.shifter(target).read(target)
        after = fence.clear_away(ports, rollout, seen)
    except TargetMissing:
        pass
    now = ports.clock.now()
    cleared = rollout.write_answered()
    change = after if after != seen else None
    if seen is not None and change is not None:
        cleared = replace(cleared, reason=f"{cleared.reason}; removed {seen.canary}, which was ours", changed_at=now)
    if cleared.last_confirmed.canary is not None and (after is None or after.canary is None):
        base = cleared.last_confirmed.without_canary()
        cleared = replace(cleared, expected_states=(base, *cleared.expected_states))
    seconds = cleared.quiet_seconds(now)
    if not seconds:
        serving = "" if after is None or after.canary is None else f"; {_serves_on(ports, rollout, after.canary)}"
        cleared = replace(cleared, pending_decision=Decision.CLOSE, reason=cleared.reason + serving)
    line = entry(cleared, state=STATE, decision=Decision.STOP, now=now, change=change) if change else None
    cleared = announce(ports, ports.store.save(cleared, entry=line))
    return acting(cleared, Decision.CLOSE) if not seconds else _in(cleared, seconds)


def _serves_on(ports: Ports, rollout: Rollout, canary: Canary) -> str:
    """That a canary which is not quite ours is left there, and how to end that."""
    target = rollout.settings.target
    command = ports.shifter(target).removal_command(target)
    return f"{canary} still serves, and nobody watches it; to remove it: {command}"
