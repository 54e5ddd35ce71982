"""The plan of a rollout: which share of the traffic, for how long."""

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from decimal import Decimal


class Ramp(NamedTuple):
    """How a ramp rises: one raise may cost `risk_seconds` of a full outage at worst, before it is seen `lag_minutes`
    after the minute; 100 % needs `soak_minutes` of measured minutes in all."""

    risk_seconds: float
    lag_minutes: int
    soak_minutes: int

    def excess(self, weight: float) -> float:
        """How many bad requests more than the base's (a fraction) cost `risk_seconds` at this weight: in the minute of
        the raise, the lag, and three judged minutes."""
        return self.risk_seconds / (weight * 60.0 * (self.lag_minutes + 4))


class Step(NamedTuple):
    """One weight and how long it bakes; the weight exactly as the request wrote it.

    A step that is judged for harm only ends when its bake is measured, without a proof of safety (a control). A step of
    a `ramp`, a rung, may be followed by a higher one than the next.
    """

    weight_percent: "Decimal"
    bake_minutes: int
    harm_only: bool = False
    ramp: Ramp | None = None

    @property
    def weight(self) -> float:
        """The weight as a fraction of the traffic, for arithmetic only."""
        return float(self.weight_percent) / 100.0


Plan: TypeAlias = tuple[Step, ...]


LEAPS_TO_PERCENT = 10
LONGEST_LEAP = 10


def reachable(plan: Plan, step: int) -> tuple[int, ...]:
    """The steps that an advance from `step` may go to, the lowest first; the plan's length is the promotion.

    Up to 10 % a ramp may leap over rungs, to ten times its weight. From there on it goes one rung at a time: what only
    shows under load, or leaks slowly, would be leapt over.
    """
    here = plan[step]
    if here.ramp is None or step + 1 == len(plan):
        return (step + 1,)
    leap = LONGEST_LEAP * here.weight_percent
    most = leap if leap < LEAPS_TO_PERCENT else LEAPS_TO_PERCENT
    return tuple(
        index
        for index in range(step + 1, len(plan))
        if index == step + 1 or (plan[index].ramp is not None and plan[index].weight_percent <= most)
    )


def is_probe(plan: Plan, step: int) -> bool:
    """Whether this step is the one rung that precedes a plan of fixed steps."""
    if step != 0 or plan[0].ramp is None or len(plan) == 1:
        return False
    return plan[1].ramp is None and not plan[1].harm_only


def exposed(plan: Plan, step: int) -> float:
    """The fraction of the traffic that is at stake when this step begins; 1.0 after the last.

    A step that is judged for harm only proves nothing, so what leads into it is the gate for 100 %.
    """
    return 1.0 if step >= len(plan) or plan[step].harm_only else plan[step].weight


def next_weight(plan: Plan, step: int) -> float:
    """The fraction of the traffic that an advance from `step` to the next would expose."""
    return exposed(plan, step + 1)


def later_starts(plan: Plan) -> int:
    """How many starts of a regression the plan has after its first minute: one for each later step."""
    return len(plan) - 1
