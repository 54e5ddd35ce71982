"""MIX: what base and canary invoke, moment by moment, where a rollout moves the function aliases behind its stage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

from rollout_simulator.chaos.laws.course import Course
from rollout_simulator.chaos.laws.verdicts import Law, Violation
from rollout_simulator.chaos.plan import What
from rollout_simulator.chaos.recorded import AliasWrite, TargetWrite
from rollout_simulator.chaos.states import State

ALIAS, OLD = "lambdaAlias", "1"
"""The stage variable that names the alias, and the version on which every alias begins."""


def mix(course: Course) -> Iterator[Violation]:
    """No request would have met the old deployment and a new version, or the other way round.

    Nothing is said where no alias was moved, or somebody else had a hand in it.
    """
    recorded = course.recorded
    if not recorded.alias_writes or course.anybody_did(What.FOREIGN_CHANGE):
        return
    writes: list[TargetWrite | AliasWrite] = sorted(
        chain(recorded.target_writes, recorded.alias_writes), key=lambda write: write.number
    )
    stage = recorded.target_writes[0].before if recorded.target_writes else None
    aliases = recorded.alias_writes[0].before
    old = stage.base if stage else None
    for write in writes:
        if isinstance(write, AliasWrite):
            aliases = write.after
        else:
            stage = write.after
        for deployment, name, version in _served(stage, aliases):
            if (deployment == old) != (version == OLD):
                what = f"call {write.number} by {write.caller}: deployment {deployment} invokes {name} on {version}"
                yield Violation(Law.MIX, what)


def _served(stage: State | None, aliases: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Deployment, alias and version of every request that could be made now."""
    if stage is None:
        return
    arms = [(stage.base, dict(stage.variables))]
    if stage.canary is not None:
        arms.append((stage.canary.revision, {**dict(stage.variables), **dict(stage.canary.overrides)}))
    for deployment, seen in arms:
        for name, version in aliases.items():
            if name.partition(":")[2] == seen.get(ALIAS):
                yield deployment, name, version
