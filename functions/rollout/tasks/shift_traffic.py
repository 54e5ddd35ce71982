"""Shift traffic: give the canary the weight of the next step, or none while it is held."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from rollout.core.certainty import Unclear
from rollout.core.decision import Decision, Phase
from rollout.core.rollout import Rollout
from rollout.errors import ForeignChange, TargetMissing
from rollout.ports import Ports
from rollout.tasks import fence
from rollout.tasks.raise_weight import look_again, overtaken, raise_weight
from rollout.tasks.record import announce, entry, load, not_for, stop, transition
from rollout.tasks.task_result import TaskResult, waiting

STATE = "Shift traffic"


def shift_traffic(ports: Ports, rollout_id: str) -> TaskResult:
    """Raise the weight to the next step's, or lower it to nothing for as long as a person is waited for.

    Raises: what the ports raise.
    """
    rollout = load(ports, rollout_id)
    if rollout.pending_decision is Decision.LOWER and rollout.phase is not Phase.ENDED:
        return _lower(ports, rollout)
    if (answer := not_for(Decision.ADVANCE, ports, rollout) or overtaken(ports, rollout)) is not None:
        return answer
    weight = rollout.settings.plan[rollout.step_to_begin].weight_percent
    return raise_weight(ports, rollout, rollout.last_confirmed.with_weight(weight), state=STATE)


def _lower(ports: Ports, rollout: Rollout) -> TaskResult:
    """No request goes to the canary, which stays for a person to look at. No signal needs to come before that.

    Called while it is held so already, for a raise of before has landed late: it waits no longer for that.
    """
    wanted = rollout.last_confirmed.with_weight(Decimal(0))
    rollout = fence.begin(ports, rollout, wanted)
    try:
        fence.apply(ports, rollout, wanted, lowering=True)
    except (ForeignChange, TargetMissing) as error:
        return stop(ports, rollout.write_answered(), STATE, str(error))
    except Unclear as unclear:
        return look_again(ports, rollout.write_answered(), unclear)
    now = ports.clock.now()
    held = replace(
        rollout.confirmed(wanted, now),
        pending_decision=None,
        phase=Phase.HELD,
        phase_since=rollout.phase_since if rollout.phase is Phase.HELD else now,
        wait_cause=rollout.cause,
        changed_at=now,
        next_minute=rollout.calendar.first_countable(now),
    )
    held = transition(held, state=Phase.HELD, now=now, decision=Decision.HOLD)
    line = entry(held, state=STATE, decision=Decision.HOLD, now=now, change=wanted)
    return waiting(announce(ports, ports.store.save(held, entry=line)), Decision.HOLD, now)
