"""Create canary: make the candidate's revision if there is none yet, and give it the first step's weight.

The spare aliases behind the target, where the request names some, get the candidate's versions before that.
"""

from __future__ import annotations

from dataclasses import replace

from rollout.core.decision import Decision
from rollout.core.rollout import Rollout
from rollout.core.target import Canary
from rollout.errors import TargetMissing
from rollout.ports import Ports
from rollout.tasks.raise_weight import overtaken, raise_weight
from rollout.tasks.record import load, not_for, stop
from rollout.tasks.task_result import TaskResult

STATE = "Create canary"


def create_canary(ports: Ports, rollout_id: str) -> TaskResult:
    """Put the canary on the target at the first step's weight.

    Raises: what the ports raise.
    """
    rollout = load(ports, rollout_id)
    if (answer := not_for(Decision.CREATE, ports, rollout) or overtaken(ports, rollout)) is not None:
        return answer
    settings = rollout.settings
    try:
        # What was announced stands: a late CreateDeployment may have made another one of the same stamp since.
        revision = _announced(rollout) or ports.shifter(settings.target).materialize(
            settings.target, settings.candidate, rollout_id
        )
    except TargetMissing as error:
        return stop(ports, rollout, STATE, str(error))
    canary = Canary(
        revision,
        settings.plan[0].weight_percent,
        settings.candidate.overrides,
        settings.candidate.use_stage_cache,
    )
    stand_in = rollout.stand_in.of_candidate(revision) if rollout.stand_in else None
    rollout = replace(rollout, series=rollout.series.of_candidate(revision), stand_in=stand_in)
    aliases = {**rollout.last_confirmed.aliases, **settings.target.behind.spare}
    return raise_weight(ports, rollout, replace(rollout.last_confirmed, canary=canary, aliases=aliases), state=STATE)


def _announced(rollout: Rollout) -> str | None:
    """The revision of the canary that an earlier try of this task was about to make."""
    return next((state.canary.revision for state in rollout.expected_states if state.canary), None)
