"""Stages and aliases in memory, changed in the same steps as by API Gateway and Lambda.

A stage's promotion takes two calls, so here it can break off between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from rollout.adapters.stage_transition_path import transition_path
from rollout.core.measures import CANDIDATE, Series
from rollout.core.rollout import Candidate
from rollout.core.target import Target, TargetState
from rollout.errors import ForeignChange, Refused, TargetMissing, Unavailable
from rollout_simulator.fakes.trouble import Troubled


class FakeShifter(Troubled):
    """Implements `TrafficShifter`. `history` has every state that any target was in, the oldest first."""

    field: ClassVar[str] = "candidate.deploymentId"
    """Where a request names the candidate."""

    def __init__(self) -> None:
        super().__init__()
        self.history: list[TargetState] = []
        self.breaks_off_promotions = False
        self._states: dict[str, TargetState] = {}
        self._revisions: dict[str, set[str]] = {}
        self._made: dict[str, str] = {}

    def deploy(self, target: Target, revision: str) -> None:
        """Let there be this deployment or version, which could be rolled out on the target."""
        self._revisions.setdefault(target.key, set()).add(revision)

    def put(self, target: Target, state: TargetState) -> None:
        """Set the target to this state, as somebody else would who owns it too."""
        self.deploy(target, state.base)
        if state.canary is not None:
            self.deploy(target, state.canary.revision)
        self._set(target, state)

    def delete(self, target: Target) -> None:
        """Delete the stage or alias."""
        del self._states[target.key]

    def state(self, target: Target) -> TargetState:
        """The target as it is, however deep in trouble its service may be."""
        return self._states[target.key]

    def read(self, target: Target) -> TargetState:
        """The target as it is now, with the aliases that it names.

        Raises: TargetMissing, and the `trouble`.
        """
        self._called()
        return self._shown(target)

    def verify(self, target: Target, candidate: Candidate) -> None:
        """See that the candidate exists.

        Raises: Refused, and the `trouble`.
        """
        self._called()
        if candidate.revision is not None and candidate.revision not in self._revisions[target.key]:
            raise Refused(f"{self.field}: {candidate.revision} does not exist; leave it out to make one")

    def materialize(self, target: Target, candidate: Candidate, stamp: str) -> str:
        """The candidate's revision; one that is made is found again by its stamp.

        Raises: Refused, TargetMissing, and the `trouble`.
        """
        self._called()
        if candidate.revision is not None:
            return candidate.revision
        self._existing(target)
        if stamp not in self._made:
            self._made[stamp] = f"made-{len(self._made) + 1}"
            self.deploy(target, self._made[stamp])
        return self._made[stamp]

    def transition_path(self, target: Target, seen: TargetState, wanted: TargetState) -> Sequence[TargetState]:
        """The steps that a stage takes."""
        return transition_path(target.behind, seen, wanted)

    def change(self, target: Target, seen: TargetState, wanted: TargetState) -> TargetState:
        """Bring the target into the wanted state, one call at a time; the target as it is then.

        Raises: ForeignChange, TargetMissing, Unavailable (a promotion was broken off), and the `trouble`.
        """
        self._called()
        if self._shown(target) != seen:
            raise ForeignChange(f"{target.key} was changed since it was read")
        if wanted.canary is not None and wanted.canary.revision not in self._revisions[target.key]:
            raise ForeignChange("Deployment id does not exist")
        promotes = seen.canary is not None and wanted.canary is None and wanted.base == seen.canary.revision
        for number, state in enumerate(self.transition_path(target, seen, wanted)):
            if number == 1 and promotes and self.breaks_off_promotions:
                self.breaks_off_promotions = False
                raise Unavailable("the connection broke between the two calls of a promotion")
            self._set(target, replace(state, aliases={**self._states[target.key].aliases, **state.aliases}))
        return self._shown(target)

    def remove_canary(self, target: Target, seen: TargetState) -> TargetState:  # noqa: ARG002 - it reads what is there
        """Remove the canary that is there now, if there is one; the target as it is then.

        Raises: TargetMissing, and the `trouble`.
        """
        self._called()
        if (present := self._existing(target)).canary is not None:
            self._set(target, present.without_canary())
        return self._shown(target)

    def removal_command(self, target: Target) -> str:
        """In memory."""
        return f"remove the canary of {target.key}"

    def series(self, target: Target, canary_series: str | None) -> Series:
        """The dimensions of the base and the canary.

        Raises: TargetMissing, and the `trouble`.
        """
        self._called()
        self._existing(target)
        name = target.ids.get("stageName", target.key)
        canary = (canary_series or "{stage}/Canary").replace("{stage}", name)
        return Series(base={"Stage": name}, canary={"Stage": canary})

    def _shown(self, target: Target) -> TargetState:
        """As it is, with those aliases that the target names."""
        state = self._existing(target)
        return replace(state, aliases={name: state.aliases[name] for name in target.behind.names})

    def _existing(self, target: Target) -> TargetState:
        if target.key not in self._states:
            raise TargetMissing(f"{target.key} does not exist")
        return self._states[target.key]

    def _set(self, target: Target, state: TargetState) -> None:
        self._states[target.key] = state
        self.history.append(state)


class FakeAliasShifter(FakeShifter):
    """The same for aliases: each version has a series of its own, and each change is one call."""

    field = "candidate.version"

    def transition_path(self, target: Target, seen: TargetState, wanted: TargetState) -> Sequence[TargetState]:  # noqa: ARG002
        """One step: an alias changes in one call."""
        return [] if seen == wanted else [wanted]

    def series(self, target: Target, canary_series: str | None) -> Series:  # noqa: ARG002 - stages have such a series
        """The dimensions of the base and the canary.

        Raises: TargetMissing, and the `trouble`.
        """
        self._called()
        base = self._existing(target).base
        return Series(base={"ExecutedVersion": base}, canary={"ExecutedVersion": CANDIDATE})
