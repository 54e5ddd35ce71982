"""The plan of a rollout: which share of the traffic, for how long."""

from __future__ import annotations

from .named import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from decimal import Decimal
    from typing import TypeAlias


class Step(NamedTuple):
    """One weight and how long it bakes; the weight exactly as the request wrote it."""

    weight_percent: Decimal
    bake_minutes: int

    @property
    def weight(self) -> float:
        """The weight as a fraction of the traffic, for the arithmetic of the gate only."""
        return float(self.weight_percent) / 100.0


Plan: TypeAlias = tuple[Step, ...]


def next_weight(plan: Plan, step: int) -> float:
    """The fraction of the traffic that an advance from `step` would expose; 1.0 after the last."""
    return plan[step + 1].weight if step + 1 < len(plan) else 1.0
