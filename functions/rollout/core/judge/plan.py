"""The plan of a rollout: which share of the traffic, for how long."""

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from decimal import Decimal


class Step(NamedTuple):
    """One weight and how long it bakes; the weight exactly as the request wrote it.

    A step that is judged for harm only ends when its bake is measured, without a proof of safety (a control).
    """

    weight_percent: "Decimal"
    bake_minutes: int
    harm_only: bool = False

    @property
    def weight(self) -> float:
        """The weight as a fraction of the traffic, for arithmetic only."""
        return float(self.weight_percent) / 100.0


Plan: TypeAlias = tuple[Step, ...]


def next_weight(plan: Plan, step: int) -> float:
    """The fraction of the traffic that an advance from `step` would expose; 1.0 after the last.

    A step that is judged for harm only proves nothing, so what leads into it is the gate for 100 %.
    """
    if step + 1 >= len(plan) or plan[step + 1].harm_only:
        return 1.0
    return plan[step + 1].weight


def later_starts(plan: Plan) -> int:
    """How many starts of a regression the plan has after its first minute: one for each later step."""
    return len(plan) - 1
