"""What a retry must be able to survive: every call of a task fails once, before it is made or after."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rollout.core.target import Json
from rollout.errors import RolloutError
from rollout_simulator.fakes import Around, Disturbance
from tests.functions.world import World

Task = Callable[[World, Around | None], Json]


def disturbed(arrange: Callable[[], World], task: Task) -> Iterator[tuple[str, Json, World]]:
    """The task, with each of its calls failing once and the task then tried again as the workflow does.

    Gives what failed, the last answer, and the world.
    """
    undisturbed = Disturbance(nth=-1)
    task(arrange(), undisturbed)
    for nth, name in enumerate(undisturbed.calls):
        for failing, when in ((Disturbance.failing_before, "before"), (Disturbance.failing_after, "after")):
            world = arrange()
            yield f"{when} call {nth}, {name}", _with_retries(world, task, failing(nth)), world


def called_twice(arrange: Callable[[], World], task: Task) -> tuple[Json, World]:
    """The task when its own answer was lost: it is called again."""
    world = arrange()
    task(world, None)
    return task(world, None), world


def _with_retries(world: World, task: Task, disturbance: Disturbance) -> Json:
    for _ in range(3):
        try:
            return task(world, disturbance)
        except RolloutError:
            assert disturbance.happened
    raise AssertionError("the task failed again and again, although only one call did")
