"""How a simulated rollout ended."""

from __future__ import annotations

from typing import NamedTuple

from rollout.core.judge import Action


class Ending(NamedTuple):
    """How one rollout ended, after how many minutes, with how many bad canary requests served; and the
    dispersion that it taught, if any."""

    action: Action
    minutes: int
    bad: int
    dispersion: float | None
