"""What an inspection of a target finds; a test sets it."""

from __future__ import annotations

from rollout.core.access_log import AccessLog
from rollout.core.controllers import ANY_CONTROLLER
from rollout.core.inspection import Inspection, OtherApi
from rollout.core.rollout import Candidate
from rollout.core.target import Target
from rollout_simulator.fakes.trouble import Troubled

SOUND = Inspection(execution_logging=True, access_log=AccessLog("", ""), variables_used=None)


class FakeInspector(Troubled):
    """Implements `TargetInspector`. `found` is the result of every inspection, `tag` that of asking for the tag; a
    sound target that has opted in to any controller by default.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found = SOUND
        self.other: OtherApi | None = None
        self.tag: str | None = ANY_CONTROLLER

    def opted_in_by(self, target: Target) -> str | None:  # noqa: ARG002 - it finds what it is told
        """What `tag` says, whatever the target.

        Raises: the `trouble`, such as Unavailable.
        """
        self._called()
        return self.tag

    def other_api(self, target: Target) -> OtherApi | None:  # noqa: ARG002 - it finds what it is told
        """What `other` says, whatever the target.

        Raises: the `trouble`, such as Unavailable.
        """
        self._called()
        return self.other

    def inspect(self, target: Target, candidate: Candidate) -> Inspection:  # noqa: ARG002 - it finds what it is told
        """What `found` says, whatever the target.

        Raises: the `trouble`, such as Unavailable.
        """
        self._called()
        return self.found
