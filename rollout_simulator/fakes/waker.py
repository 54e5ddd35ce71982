"""Wake-ups of workflows in memory."""

from __future__ import annotations

from rollout_simulator.fakes.trouble import Troubled


class FakeWaker(Troubled):
    """Implements `Waker`. `woken` has every token it was given, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.woken: list[str] = []

    def wake(self, token: str) -> None:
        """Note the token.

        Raises: the `trouble`, such as Unavailable.
        """
        self._called()
        self.woken.append(token)
