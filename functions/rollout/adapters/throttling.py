"""Clients that wait out throttling, and repeat nothing else.

A throttled call was not carried out, so unlike any other failure it can be sent again unseen, whatever it does. Where
hundreds of rollouts share one account's rate, what matters is whose call is let through. A task whose first call is
refused has nothing to lose: it fails, and waits in the workflow, where waiting holds no instance of a function. A task
that has had a call through would lose it, and make it again at the others' cost: so it stays and asks often. Thereby
what has begun is finished first, and hardly a call that was admitted is wasted.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from rollout.adapters.faults import THROTTLED

LONGEST_PAUSE_SECONDS = 0.2
MOST_ATTEMPTS = 300
"""Pauses of half a minute on average: what one call may wait."""
MOST_SECONDS_OF_A_TASK = 40.0
"""What all calls of a task may wait together: well within the functions' time-out."""


@dataclass(slots=True)
class _Task:
    ends: float
    begun: bool = False


_task: ContextVar[_Task | None] = ContextVar("_task", default=None)


@contextmanager
def repeated_by_the_workflow() -> Iterator[None]:
    """What runs herein fails at once if its first call is throttled.

    Outside nobody would call again, so a first call is waited for like any other.
    """
    token = _task.set(_Task(ends=time.time() + MOST_SECONDS_OF_A_TASK))
    try:
        yield
    finally:
        _task.reset(token)


def wait_out_throttling(client: Any) -> Any:
    """The same client, which sends a throttled call again after a short, random pause."""
    client.meta.events.register_first("needs-retry", _pause)
    client.meta.events.register("after-call", _note_progress)
    return client


def _pause(response: tuple[Any, Any] | None, attempts: int, **_: object) -> float | None:
    """Botocore asks so after each attempt: the seconds to wait before the next one, or None for no opinion."""
    if response is None or attempts >= MOST_ATTEMPTS:
        return None
    if response[1].get("Error", {}).get("Code") not in THROTTLED:
        return None
    task = _task.get()
    if task is not None and (not task.begun or time.time() > task.ends):
        return None
    return random.uniform(0, LONGEST_PAUSE_SECONDS)


def _note_progress(parsed: Any, **_: object) -> None:
    task = _task.get()
    if task is not None and "Error" not in parsed:
        task.begun = True
