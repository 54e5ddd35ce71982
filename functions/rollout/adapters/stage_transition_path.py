"""The way of a stage from one state to another, one call at a time.

Law: no request meets a mix of old and new that nobody asked for. A function alias is moved only while nobody reaches
it: a spare one before the canary is made and after it is gone; a live one while the stage variables lead everybody to
the spare one, on the deployment that belongs to it. Deployment and variables change in one call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from rollout.core.target import Behind, TargetState


def transition_path(behind: Behind, seen: TargetState, wanted: TargetState) -> Sequence[TargetState]:
    """The states after each call, the wanted one last; none when nothing is to be done."""
    steps = _Steps(seen)
    if wanted.canary is not None:
        steps.move(wanted.aliases, behind.spare)
        steps.go(wanted)
        return steps.states
    moves_live = any(seen.aliases[name] != wanted.aliases[name] for name in behind.live)
    forward = moves_live and all(wanted.aliases[name] == version for name, version in behind.live.items())
    ends_on_spare = bool(behind.variables) and behind.variables.items() <= dict(wanted.variables).items()
    if moves_live or ends_on_spare:
        steps.move(behind.spare, behind.spare)
    if moves_live:
        belonging = wanted if forward else seen
        steps.go(replace(steps.now, base=belonging.base, variables={**belonging.variables, **behind.variables}))
        steps.move(wanted.aliases, behind.live)
    steps.go(replace(steps.now, base=wanted.base, variables=wanted.variables))
    steps.go(replace(steps.now, canary=None))
    steps.move(wanted.aliases, behind.spare)
    return steps.states


class _Steps:
    """States one call apart."""

    def __init__(self, start: TargetState) -> None:
        self.now = start
        self.states: list[TargetState] = []

    def go(self, state: TargetState) -> None:
        if state != self.now:
            self.now = state
            self.states.append(state)

    def move(self, versions: Mapping[str, str], names: Iterable[str]) -> None:
        """One alias after the other."""
        for name in sorted(names):
            self.go(replace(self.now, aliases={**self.now.aliases, name: versions[name]}))
