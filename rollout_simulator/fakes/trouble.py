"""The base of the fakes: a call can be made to fail."""

from __future__ import annotations

from rollout.errors import RolloutError


class Troubled:
    """A service whose calls can fail. While `trouble` is set, every call raises it."""

    def __init__(self) -> None:
        self.trouble: RolloutError | None = None

    def _called(self) -> None:
        if self.trouble is not None:
            raise self.trouble
