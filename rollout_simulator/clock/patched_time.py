"""What code on the clock reads and sleeps by: `datetime`, `time.time` and `time.sleep`, patched in the process."""

from __future__ import annotations

import threading
import time as real_time
from collections.abc import Callable
from typing import Any

import time_machine


class PatchedTime:
    """Lets the process see a simulated moment. `time.monotonic` and `time.perf_counter` stay real.

    `sleep` takes the place of `time.sleep` for those threads for which `is_simulated` is true.
    """

    def __init__(self, sleep: Callable[[float], None], is_simulated: Callable[[], bool]) -> None:
        self._sleep = sleep
        self._is_simulated = is_simulated
        self._real_sleep: Any = real_time.sleep
        self._travel: Any = None
        self._traveller: Any = None
        self.owner: int | None = None
        """The thread that patched time."""

    def start(self, moment: float) -> None:
        """Patch time; it stands at `moment`, in seconds since the epoch, until it is moved."""
        self._travel = time_machine.travel(moment, tick=False)
        self._traveller = self._travel.start()
        self.owner = threading.get_ident()
        self._real_sleep = real_time.sleep
        real_time.sleep = self._sleep_anywhere  # type: ignore[assignment]

    def move(self, moment: float) -> None:
        self._traveller.move_to(moment)

    def stop(self) -> None:
        real_time.sleep = self._real_sleep
        self._travel.stop()

    def _sleep_anywhere(self, seconds: float) -> None:
        (self._sleep if self._is_simulated() else self._real_sleep)(seconds)
