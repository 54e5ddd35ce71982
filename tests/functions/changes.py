"""The tasks that change a target, with all that tells one from another: what the tests of their claims go through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from rollout.core.decision import WAITING, Decision
from rollout.core.signals import SignalKind
from rollout.core.target import Json, TargetState
from rollout_simulator.fakes import Around
from tests.functions.world import FOUND, PROMOTED, World, at_weight


class Arrange(Protocol):
    """Gives a rollout to which the change comes next; `fields` are those of its request."""

    def __call__(self, **fields: Any) -> World: ...


@dataclass(frozen=True)
class Change:
    """One change of the target by one task.

    state: as the workflow names it. before: the target before the change; steps: what it then is after each call to
    AWS. pending: the decision that the task carries out. answer: the decision that it answers with.
    """

    name: str
    state: str
    arrange: Arrange
    task: Callable[[World, Around | None], Json]
    before: TargetState
    steps: tuple[TargetState, ...]
    pending: Decision
    answer: str = "CONTINUE"

    @property
    def untouched(self) -> list[TargetState]:
        """All that the target has been before the change."""
        return self.arrange().fakes.stage.history

    @property
    def after(self) -> TargetState:
        """The target once the change is made."""
        return self.steps[-1]

    def leads_on(self, answer: Json) -> bool:
        """Whether the workflow goes where it goes after this change; all waiting decisions lead to the bake."""
        decision = Decision(answer["decision"])
        return decision in WAITING if self.answer in WAITING else decision == self.answer

    def __str__(self) -> str:
        return self.name


def _create(world: World, around: Around | None) -> Json:
    return world.call("create_canary", around)


def _shift(world: World, around: Around | None) -> Json:
    return world.call("shift_traffic", around)


def _promote(world: World, around: Around | None) -> Json:
    return world.call("promote", around)


def _roll_back(world: World, around: Around | None) -> Json:
    return world.roll_back(around)


def _roll_back_after_a_failure(world: World, around: Around | None) -> Json:
    return world.roll_back(around, failure="Analyze failed: Unavailable: throttled")


def _lowering(**fields: Any) -> World:
    world = World().baking(**{"onRegression": "holdAtZero", **fields})
    world.signal(SignalKind.ALARM, source="orders-5xx")
    assert world.call("analyze")["decision"] == "LOWER"
    return world


def _rolling_back_the_promotion(**fields: Any) -> World:
    world = World().watching(**fields)
    world.signal(SignalKind.ABORT)
    assert world.call("analyze")["decision"] == "ROLL_BACK"
    return world


CREATE = Change(
    name="create canary",
    state="Create canary",
    arrange=lambda **fields: World().prepared(**fields),
    task=_create,
    before=FOUND,
    steps=(at_weight(5),),
    pending=Decision.CREATE,
)
SHIFT = Change(
    name="shift traffic",
    state="Shift traffic",
    arrange=lambda **fields: World().advancing(**fields),
    task=_shift,
    before=at_weight(5),
    steps=(at_weight(50),),
    pending=Decision.ADVANCE,
)
PROMOTE = Change(
    name="promote",
    state="Promote",
    arrange=lambda **fields: World().promoting(**fields),
    task=_promote,
    before=at_weight(50),
    steps=(replace(PROMOTED, canary=at_weight(50).canary), PROMOTED),
    pending=Decision.PROMOTE,
)
LOWER = Change(
    name="lower to nothing",
    state="Shift traffic",
    arrange=_lowering,
    task=_shift,
    before=at_weight(5),
    steps=(at_weight(0),),
    pending=Decision.LOWER,
    answer="HOLD",
)
ROLL_BACK = Change(
    name="roll back",
    state="Roll back",
    arrange=lambda **fields: World().rolling_back(**fields),
    task=_roll_back,
    before=at_weight(5),
    steps=(FOUND,),
    pending=Decision.ROLL_BACK,
    answer="CLOSE",
)
ROLL_BACK_PROMOTION = Change(
    name="roll back the promotion",
    state="Roll back",
    arrange=_rolling_back_the_promotion,
    task=_roll_back,
    before=PROMOTED,
    steps=(FOUND,),
    pending=Decision.ROLL_BACK,
    answer="CLOSE",
)
ROLL_BACK_AFTER_FAILURE = Change(
    name="roll back after a failure",
    state="Roll back",
    arrange=lambda **fields: World().baking(**fields),
    task=_roll_back_after_a_failure,
    before=at_weight(5),
    steps=(FOUND,),
    pending=Decision.ROLL_BACK,
    answer="CLOSE",
)
RISES = (CREATE, SHIFT, PROMOTE)
"""The changes that give the candidate more traffic: a stop signal comes before each of them."""
CHANGES = (*RISES, LOWER, ROLL_BACK, ROLL_BACK_PROMOTION, ROLL_BACK_AFTER_FAILURE)
