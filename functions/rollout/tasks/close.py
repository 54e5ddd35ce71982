"""Close: record how the rollout ended, release its target, and tell the world.

Law: while a write of this rollout may still land, its target is not released.
"""

from __future__ import annotations

from dataclasses import replace

from rollout.core.decision import Decision, Phase
from rollout.core.rollout import Outcome
from rollout.core.why import Why
from rollout.ports import Ports
from rollout.tasks.record import announce, entry, find, refuse, tell_all, transition
from rollout.tasks.roll_back import readable
from rollout.tasks.task_result import TaskResult, acting

STATE = "Close"


UNRECORDED = "the rollout failed before anything was recorded or touched"


def close(
    ports: Ports,
    rollout_id: str,
    *,
    request: object = None,
    execution: str = "",
    failure: str = "",
    last_try: bool = False,
) -> TaskResult:
    """End the rollout. Called again, it releases and tells nothing twice.

    `request`, `execution` and `failure` are for a rollout of which nothing is recorded, for its preparation failed. For
    one that was rolled back and whose logs were to be read, `failure` says why that was not done.
    On the `last_try` a rollout that has ended ends the workflow with its true outcome, told or not.

    Raises: what the store raises; Unavailable, too, as long as the world cannot be told.
    """
    rollout = find(ports, rollout_id)
    if rollout is None:
        return _close_unrecorded(ports, rollout_id, request, execution, failure, last_try=last_try)
    if rollout.phase is not Phase.ENDED:
        now = ports.clock.now()
        if seconds := rollout.quiet_seconds(now):
            return replace(acting(rollout, Decision.LOOK_AGAIN), seconds=seconds)
        outcome = rollout.outcome or Outcome.FAILED
        if failure and rollout.wants_explanation:
            rollout = replace(rollout, why=Why.unread(f"the logs could not be read: {readable(failure)}"))
        ended = replace(
            rollout, outcome=outcome, phase=Phase.ENDED, phase_since=now, ended_at=now, pending_decision=None
        )
        ended = transition(ended, state=outcome, now=now, decision=Decision.CLOSE)
        line = entry(ended, state=STATE, decision=Decision.CLOSE, now=now)
        rollout = ports.store.close(ended, entry=line)
    rollout = announce(ports, rollout) if last_try else tell_all(ports, rollout)
    outcome_name = rollout.outcome.value if rollout.outcome else Outcome.FAILED.value
    return replace(acting(rollout, Decision.CLOSE), outcome=outcome_name)


def _close_unrecorded(
    ports: Ports, rollout_id: str, request: object, execution: str, failure: str, *, last_try: bool
) -> TaskResult:
    """Keep and tell that the request came to nothing; a rejection that could not be told before is told now."""
    if not execution:  # the workflow's definition of before, which does not say
        return TaskResult(Decision.CLOSE, rollout_id, reason=UNRECORDED, outcome=Outcome.FAILED)
    event = refuse(
        ports,
        rollout_id,
        request=request,
        execution=execution,
        outcome=Outcome.FAILED,
        reason=f"{UNRECORDED}: {readable(failure)}" if failure else UNRECORDED,
        now=ports.clock.now(),
        even_untold=last_try,
    )
    return TaskResult(Decision.CLOSE, rollout_id, reason=event["reason"], outcome=event["state"])
