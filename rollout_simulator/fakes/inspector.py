"""What an inspection of a target finds; a test sets it."""

from __future__ import annotations

from rollout.core.inspection import OPT_IN, Inspection
from rollout.core.rollout import Candidate
from rollout.core.target import Target
from rollout_simulator.fakes.trouble import Troubled

SOUND = Inspection(tags=dict([OPT_IN]), execution_logging=True, access_log_format="", variables_used=None)


class FakeInspector(Troubled):
    """Implements `TargetInspector`. `found` is the result of every inspection; a sound target by default."""

    def __init__(self) -> None:
        super().__init__()
        self.found = SOUND

    def inspect(self, target: Target, candidate: Candidate) -> Inspection:  # noqa: ARG002 - it finds what it is told
        """What `found` says, whatever the target.

        Raises: the `trouble`, such as Unavailable.
        """
        self._called()
        return self.found
