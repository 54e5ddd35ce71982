"""Workflows that wait, and those that do no longer."""

from __future__ import annotations

from rollout_simulator.fakes.trouble import Troubled


class FakeWaker(Troubled):
    """Implements `Waker`. `woken` has every token it was given, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.woken: list[str] = []

    def wake(self, token: str) -> None:
        """Raises as the port says."""
        self._called()
        self.woken.append(token)
