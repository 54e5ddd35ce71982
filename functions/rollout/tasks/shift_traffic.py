"""Shift traffic: give the canary the weight of the next step."""

from __future__ import annotations

from rollout.core.decision import Decision
from rollout.ports import Ports
from rollout.tasks.next import Next
from rollout.tasks.raise_weight import overtaken, raise_weight
from rollout.tasks.record import load, not_for


def shift_traffic(ports: Ports, rollout_id: str) -> Next:
    """Raise the weight to the next step's.

    Raises: what the ports raise.
    """
    rollout = load(ports, rollout_id)
    if (answer := not_for(Decision.ADVANCE, ports, rollout) or overtaken(ports, rollout)) is not None:
        return answer
    weight = rollout.settings.plan[rollout.step + 1].weight_percent
    return raise_weight(ports, rollout, rollout.left.with_weight(weight), state="Shift traffic")
