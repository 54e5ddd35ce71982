"""Recover: finish what a dead execution left behind.

Law: recovery never races a live execution. It acts only on a rollout whose execution is over, and releases the target
only when no task of that execution can still be running.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zlib import crc32

from rollout.core.cause import Cause, CauseKind
from rollout.core.certainty import LONGEST_TASK, Unclear
from rollout.core.decision import Decision, Phase
from rollout.core.rollout import Outcome, Rollout
from rollout.core.signals import stopping
from rollout.errors import ForeignChange, RolloutError, TargetMissing
from rollout.ports import ExecutionState, Ports
from rollout.tasks import fence
from rollout.tasks.close import close
from rollout.tasks.record import entry, stop, tell_all
from rollout.tasks.roll_back import roll_back
from rollout.tasks.task_result import CONTINUE

STATE = "Recover"
LONGEST_SWEEP = timedelta(minutes=3)
"""A sweep begins with no further rollout after this; the function has as long again, nearly, for the one it is at."""
LONGEST_HAND_OVER = timedelta(minutes=10)
"""For so long after a hand-over the new execution may not be there yet."""


def recover_all(ports: Ports) -> Sequence[str]:
    """Look at every rollout that holds a target or has something left to tell; the ids of those that were recovered.

    In an order that changes with the time, and not for longer than a function's time: where there are too many for one
    sweep, or one that takes long, the others have their turn in the next.

    Raises: what the store raises. What goes wrong with one rollout does not keep the others from recovery; it is
    raised in the end.
    """
    recovered, problems = [], []
    began = ports.clock.now()
    for rollout_id in sorted(ports.store.unfinished(), key=lambda each: crc32(f"{began}{each}".encode())):
        if ports.clock.now() > began + LONGEST_SWEEP:
            break
        try:
            if recover(ports, rollout_id):
                recovered.append(rollout_id)
        except RolloutError as error:
            problems.append(error)
    if problems:
        raise problems[0]
    return recovered


def rollout_of(execution_name: str, execution_input: str | None) -> str:
    """The rollout that an execution carried: the one it was handed, or else the one of its own name."""
    try:
        document = json.loads(execution_input or "{}")
    except ValueError:  # too long an input is left out of the event, or cut
        document = {}
    handed = document.get(CONTINUE) if isinstance(document, dict) else None
    return str(handed or execution_name)


def recover(ports: Ports, rollout_id: str) -> bool:
    """Bring a rollout whose execution is over to its end: target to base unless it had been promoted, lock released.

    Whether there was anything to recover. Called again, it goes on where it was.

    Raises: what the ports raise.
    """
    rollout = ports.store.load(rollout_id)
    if rollout is None:
        return ports.store.release(rollout_id)  # a lock without a record: nobody else would ever release it
    if rollout.phase is Phase.ENDED:
        tell_all(ports, rollout)
        return False
    execution = ports.executions.state(rollout.execution)
    now = ports.clock.now()
    if execution.status == "RUNNING" or _is_coming(execution, rollout, now):
        return False
    # An execution records that it hands over, or ends the rollout, before it is over itself: what was read while it
    # may still have run says nothing of that.
    looked_at, rollout = rollout.execution, ports.store.load(rollout_id)
    if rollout is None or rollout.execution != looked_at or rollout.phase is Phase.ENDED:
        return False
    rollout = _confirmed(ports, rollout, execution)
    if rollout.pending_decision is not Decision.CLOSE or _may_still_write(execution, now):
        return True  # the next sweep looks again
    if rollout.outcome in (Outcome.ROLLED_BACK, Outcome.FAILED):
        # A task of the dead execution may have written after it was rolled back for the first time.
        rollout = fence.begin(ports, rollout, rollout.original)
        try:
            fence.apply(ports, rollout, rollout.original, rolling_back=True)
        except (ForeignChange, TargetMissing) as error:
            reason = f"{error} (after it had been rolled back: {rollout.reason})"
            stop(ports, rollout.write_answered(), STATE, reason)
            roll_back(ports, rollout_id, "")
        except Unclear as unclear:
            ports.store.save(fence.look_again_at(rollout.write_answered(), unclear, ports.clock.now())[0])
            return True
        else:
            fence.note_answer(ports, rollout)
    close(ports, rollout_id)
    return True


def _confirmed(ports: Ports, rollout: Rollout, execution: ExecutionState) -> Rollout:
    """The rollout with its outcome decided and its target in the state that goes with it."""
    if rollout.pending_decision is Decision.CLOSE:
        return rollout
    words = " ".join(part for part in (execution.error, execution.cause) if part)
    ended = f"the execution was {execution.status.lower().replace('_', ' ')}" + (f": {words}" if words else "")
    if rollout.pending_decision is not Decision.STOP and _was_promoted(ports, rollout):
        now = ports.clock.now()
        promoted = replace(
            rollout,
            pending_decision=Decision.CLOSE,
            outcome=Outcome.PROMOTED,
            cause=Cause(CauseKind.RECOVERY, reason=ended),
            reason=f"promoted; {ended} before the watch was over",
        )
        line = entry(promoted, state=STATE, decision=Decision.CLOSE, now=now)
        return ports.store.save(promoted, entry=line)
    if roll_back(ports, rollout.rollout_id, ended, CauseKind.RECOVERY).decision is Decision.STOP:
        roll_back(ports, rollout.rollout_id, ended, CauseKind.RECOVERY)
    settled = ports.store.load(rollout.rollout_id)
    return settled if settled is not None else rollout


def _was_promoted(ports: Ports, rollout: Rollout) -> bool:
    """Whether the canary serves everybody already, by the record or, where a promotion was under way, by the target."""
    if rollout.pending_decision is Decision.ROLL_BACK or stopping(rollout.pending_signals) is not None:
        return False
    if rollout.phase is Phase.WATCHING:
        return True
    if rollout.pending_decision is not Decision.PROMOTE:
        return False
    target = rollout.settings.target
    try:
        seen = ports.shifter(target).read(target)
    except TargetMissing:
        return False
    promoted = rollout.expected_states[-1]
    names = rollout.settings.watched_variables
    return promoted.canary is None and promoted != rollout.original and seen.agrees_with(promoted, names)


def _is_coming(execution: ExecutionState, rollout: Rollout, now: datetime) -> bool:
    """Whether the rollout has been handed over to an execution that is just being started."""
    missing = execution.status == "MISSING" and rollout.execution_number > 1
    return missing and now < rollout.analyzed_at + LONGEST_HAND_OVER


def _may_still_write(execution: ExecutionState, now: datetime) -> bool:
    return execution.stopped_at is not None and now < execution.stopped_at + LONGEST_TASK
