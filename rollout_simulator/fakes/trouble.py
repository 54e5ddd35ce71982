"""What all fakes have in common: they can be in trouble."""

from __future__ import annotations

from rollout.errors import RolloutError


class Troubled:
    """A service that may be down, throttled or forbidden. While `trouble` is set, every call ends with it."""

    def __init__(self) -> None:
        self.trouble: RolloutError | None = None

    def _called(self) -> None:
        if self.trouble is not None:
            raise self.trouble
