"""Close: record how the rollout ended, release its target, and tell the world."""

from __future__ import annotations

from dataclasses import replace

from rollout.core.decision import Decision, Phase
from rollout.core.rollout import Outcome
from rollout.ports import Ports
from rollout.tasks.next import Next, acting
from rollout.tasks.record import announce, entry, transition

STATE = "Close"


def close(ports: Ports, rollout_id: str) -> Next:
    """End the rollout. Called again, it releases and tells nothing twice.

    Raises: what the store raises.
    """
    rollout = ports.store.load(rollout_id)
    if rollout is None:
        return Next(
            Decision.CLOSE,
            rollout_id,
            reason="the rollout failed before anything was recorded or touched",
            outcome=Outcome.FAILED,
        )
    if rollout.phase is not Phase.ENDED:
        now = ports.clock.now()
        outcome = rollout.outcome or Outcome.FAILED
        ended = replace(rollout, outcome=outcome, phase=Phase.ENDED, phase_since=now, ended_at=now, decided=None)
        ended = transition(ended, state=outcome, now=now, decision=Decision.CLOSE)
        line = entry(ended, state=STATE, decision=Decision.CLOSE, now=now)
        rollout = ports.store.close(ended, entry=line)
    rollout = announce(ports, rollout)
    outcome_name = rollout.outcome.value if rollout.outcome else Outcome.FAILED.value
    return replace(acting(rollout, Decision.CLOSE), outcome=outcome_name)
