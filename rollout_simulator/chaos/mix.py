"""What base and canary invoke, moment by moment, where a rollout moves the function aliases behind its stage.

Read off the writes alone; nothing here comes from the controller.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from rollout_simulator.chaos.plan import What
from rollout_simulator.chaos.recorded import AliasWrite, Recorded, StageWrite

View = Mapping[str, Any]

ALIAS, OLD = "lambdaAlias", "1"
"""The stage variable that names the alias, and the version on which every alias begins."""


def mixes(recorded: Recorded) -> Iterator[str]:
    """The moments at which a request would have met the old deployment and a new version, or the other way round.

    None where no alias was moved, or somebody else had a hand in it.
    """
    if not recorded.alias_writes or any(act.what is What.FOREIGN_CHANGE for _, act in recorded.done):
        return
    writes: list[StageWrite | AliasWrite] = sorted(
        chain(recorded.stage_writes, recorded.alias_writes), key=lambda write: write.number
    )
    first = recorded.stage_writes[0].before if recorded.stage_writes else None
    stage, aliases = first, recorded.alias_writes[0].before
    old = (first or {}).get("deploymentId")
    for write in writes:
        if isinstance(write, AliasWrite):
            aliases = write.after
        else:
            stage = write.after
        for deployment, name, version in _served(stage or {}, aliases):
            if (deployment == old) != (version == OLD):
                yield f"call {write.number} by {write.caller}: deployment {deployment} invokes {name} on {version}"


def _served(stage: View, aliases: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Deployment, alias and version of every request that could be made now."""
    variables = stage.get("variables", {})
    arms = [(stage.get("deploymentId", ""), variables)] if stage else []
    if canary := stage.get("canarySettings"):
        overridden = {**variables, **canary.get("stageVariableOverrides", {})}
        arms.append((canary.get("deploymentId", stage["deploymentId"]), overridden))
    for deployment, seen in arms:
        for name, version in aliases.items():
            if name.partition(":")[2] == seen.get(ALIAS):
                yield deployment, name, version
