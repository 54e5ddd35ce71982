"""The controllers that hear a bus; a test adds others."""

from __future__ import annotations

from collections.abc import Sequence

from rollout.core.controllers import Controller
from rollout_simulator.fakes.trouble import Troubled

HOME = "arn:aws:states:eu-central-1:123456789012:stateMachine:rollout-pilot"


class FakeControllers(Troubled):
    """Implements `Controllers`."""

    def __init__(self) -> None:
        super().__init__()
        self.own = Controller("rollout-pilot", home=HOME)
        self.known: list[Controller] = []

    def others(self) -> Sequence[Controller]:
        """What `known` says.

        Raises: the `trouble`, such as Unavailable.
        """
        self._called()
        return list(self.known)
