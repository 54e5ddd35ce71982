"""The clock itself: who reads it, what is made to happen on it, who waits, and who drives it."""

from __future__ import annotations

import itertools
import threading
import time as real_time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import TracebackType

from rollout_simulator.clock.errors import ClockError, GoalNotReachedError, TaskCancelled
from rollout_simulator.clock.patched_time import PatchedTime
from rollout_simulator.clock.tasks import Task, Tasks, taken_lock
from rollout_simulator.clock.timeline import Timeline, Timer
from rollout_simulator.clock.wakeups import Waiter, WakeUp

DEFAULT_START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LONGEST_RUN = timedelta(days=31)
"""How much simulated time a goal may take, unless told otherwise, before a run is called endless."""

LONGEST_PAUSE = 0.05
"""Real seconds after which a paced run looks whether it should stop."""

LONGEST_STRIDE = 0.1
"""Real seconds that a paced run makes up for at most; what lies further back is lost."""


class SimulatedClock:
    """The clock of one simulation; a context manager, open for as long as time is simulated."""

    def __init__(self, start: datetime = DEFAULT_START) -> None:
        self._timeline = Timeline(start.timestamp())
        self._tasks = Tasks(self.now)
        self._time = PatchedTime(self.sleep, self._runs_here)
        self._driving = threading.RLock()
        self._driver: int | None = None
        self._paced = False
        self._arrivals: deque[Task] = deque()
        self._arrived = threading.Event()

    def __enter__(self) -> SimulatedClock:
        self._time.start(self._timeline.now)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unwind()
        self._time.stop()

    def unwind(self) -> None:
        """End every task where it waits; nothing happens any more after that."""
        if self._tasks.closed:
            return
        with self._drive():
            self._tasks.cancel_all()
        self._timeline.clear()
        self._tasks.end_threads()

    def _runs_here(self) -> bool:
        """Whether the calling thread is the simulation's: a task's, or the driver's (the opener's, if none drives)."""
        driver = self._time.owner if self._driver is None else self._driver
        return self._tasks.local.task is not None or threading.get_ident() == driver

    # --- reading -------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._timeline.now, UTC)

    def timestamp(self) -> float:
        """Seconds since the epoch."""
        return self._timeline.now

    def is_settled(self) -> bool:
        """Whether nothing more happens at this moment."""
        next_moment = self._timeline.next_moment()
        waits = next_moment is None or next_moment > self._timeline.now
        return waits and not self._tasks.ready and not self._arrivals

    # --- making things happen ------------------------------------------------------------------------------

    def signal(self) -> WakeUp:
        return WakeUp(self)

    def spawn(self, work: Callable[[], object], name: str = "task") -> Task:
        """Let `work` run as a task of its own, after those that are ready now."""
        task = Task(name, WakeUp(self), work)
        self._tasks.ready.append(task)
        return task

    def call_at(self, when: datetime | float, action: Callable[[], object], name: str = "timer") -> Timer:
        """Run `action` as a task at `when`, or now if that has passed."""
        moment = when.timestamp() if isinstance(when, datetime) else when
        return self._timeline.timer(moment, lambda: _discard(self.spawn(action, name)))

    def call_later(self, seconds: float, action: Callable[[], object], name: str = "timer") -> Timer:
        return self.call_at(self.timestamp() + seconds, action, name)

    def call_every(
        self,
        seconds: float,
        action: Callable[[], object],
        name: str = "periodic",
        first: datetime | None = None,
    ) -> Timer:
        """Run `action` every `seconds`, first in `seconds` or at `first`. It alone does not keep the world busy."""
        start = first.timestamp() if first else self.timestamp() + seconds
        beats = itertools.count(1)

        def beat() -> None:
            self.spawn(action, name)
            if not timer.cancelled:
                self._timeline.set(timer, start + next(beats) * seconds)

        timer = self._timeline.timer(start, beat, background=True)
        return timer

    # --- waiting -------------------------------------------------------------------------------------------

    def sleep(self, seconds: float) -> None:
        """Let `seconds` of simulated time pass, for the caller and the world."""
        self.wait(timeout=max(seconds, 0.0))

    def wait(self, *signals: WakeUp, timeout: float | None = None) -> WakeUp | None:
        """Wait for the first of `signals`; None when `timeout` simulated seconds passed without one."""
        self._require_baton()
        for signal in signals:
            if signal.is_set():
                return signal
        moment = None if timeout is None else self.timestamp() + timeout
        overdue = min(self._tasks.local.deadlines, key=lambda deadline: deadline[0], default=None)
        if overdue is not None and (moment is None or overdue[0] < moment):
            woken_by = self._wait_until(signals, max(overdue[0], self.timestamp()))
            if woken_by is None:
                raise overdue[1]()
            return woken_by
        return self._wait_until(signals, moment)

    @contextmanager
    def deadline(self, seconds: float, error: Callable[[], BaseException]) -> Iterator[None]:
        """Raise `error()` in the caller's waits as soon as they reach `seconds` from now."""
        deadlines = self._tasks.local.deadlines
        deadlines.append((self.timestamp() + seconds, error))
        try:
            yield
        finally:
            deadlines.pop()

    @contextmanager
    def while_running(self, begin: Callable[[], None], end: Callable[[], None]) -> Iterator[None]:
        """Keep something global in place only while the caller has the baton.

        `begin` is called now and whenever the caller gets the baton back, `end` whenever it gives it away and at
        the end: the environment of a Lambda function that waits must not be seen by the next.
        """
        begin()
        scopes = self._tasks.local.scopes
        scopes.append((begin, end))
        try:
            yield
        finally:
            scopes.pop()
            end()

    # --- driving -------------------------------------------------------------------------------------------

    def run_until(self, goal: datetime | Callable[[], bool], limit: timedelta = LONGEST_RUN) -> None:
        """Let the world run until `goal` is true, or until the moment `goal`.

        Raises:
            GoalNotReachedError: nothing is left to happen, or `limit` of simulated time has passed.
            Exception: whatever a task raised and did not catch; the world can be run on.
        """
        if isinstance(goal, datetime):
            self._run_to(goal.timestamp())
            return
        end = self.timestamp() + limit.total_seconds()
        with self._drive():
            while not goal():
                if not self._step(end):
                    raise GoalNotReachedError(
                        f"nothing is left to happen until {datetime.fromtimestamp(end, UTC):%Y-%m-%d %H:%M:%S}"
                        f" (now {self.now():%Y-%m-%d %H:%M:%S})"
                    )

    def run_until_idle(self) -> None:
        """Let the world run until only periodic calls are left."""
        with self._drive():
            while (self._tasks.ready or self._arrivals or self._timeline.is_busy) and self._step(float("inf")):
                pass

    def run_paced(
        self,
        speed: float,
        stop: threading.Event,
        on_error: Callable[[BaseException], None] | None = None,
    ) -> None:
        """Let simulated time pass at `speed` times real time until `stop` is set; for a server.

        A world that cannot keep up falls behind. What tasks raise goes to `on_error`, or ends the run if there is none.
        """
        with self._drive():
            self._paced = True
            last = real_time.monotonic()
            try:
                while not stop.is_set():
                    self._arrived.clear()
                    now = real_time.monotonic()
                    passed, last = min(now - last, LONGEST_STRIDE), now
                    self._catch_up(self.timestamp() + passed * speed, on_error)
                    next_moment = self._timeline.next_moment()
                    pause = LONGEST_PAUSE if next_moment is None else (next_moment - self.timestamp()) / speed
                    if not self._arrivals:
                        self._arrived.wait(min(max(pause, 0.0), LONGEST_PAUSE))
            finally:
                self._paced = False
            self._catch_up(self.timestamp(), on_error)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Take part in the simulation from a thread outside of it: only one thing runs at a time."""
        if self._tasks.local.task is not None or self._driver == threading.get_ident():
            yield
            return
        if not self._paced:
            with self._drive():
                yield
            return
        guest = Task(threading.current_thread().name, WakeUp(self), None)
        guest.baton = taken_lock()
        self._arrivals.append(guest)
        self._arrived.set()
        guest.baton.acquire()
        self._tasks.enter(guest)
        try:
            yield
        finally:
            self._tasks.leave(guest)

    # --- inside --------------------------------------------------------------------------------------------

    @contextmanager
    def _drive(self) -> Iterator[None]:
        if self._tasks.local.task is not None:
            raise ClockError("a task waits with sleep or wait; only the driver runs the world")
        with self._driving:
            outer, self._driver = self._driver, threading.get_ident()
            try:
                yield
            finally:
                self._driver = outer

    def _require_baton(self) -> None:
        task = self._tasks.local.task
        if self._tasks.closed and task is not None:
            raise TaskCancelled
        if task is None and self._driver not in {None, threading.get_ident()}:
            raise ClockError("this thread is not part of the simulation: use `with clock.entered():`")

    def _run_to(self, moment: float) -> None:
        with self._drive():
            while self._step(moment):
                pass
            self._move(moment)

    def _catch_up(self, moment: float, on_error: Callable[[BaseException], None] | None) -> None:
        while True:
            try:
                self._run_to(moment)
            except Exception as error:
                if on_error is None:
                    raise
                on_error(error)
            else:
                return

    def _step(self, limit: float) -> bool:
        """One hand-over, or one timer up to `limit`; False when there is neither."""
        while self._arrivals:
            self._tasks.ready.append(self._arrivals.popleft())
        if self._tasks.ready:
            self._tasks.hand_over(self._tasks.ready.popleft())
            return True
        timer = self._timeline.take(limit)
        if timer is None:
            return False
        self._move(timer.when)
        timer.action()
        return True

    def _move(self, moment: float) -> None:
        """Let the time be `moment`, unless that has passed."""
        if moment > self._timeline.now:
            self._timeline.now = moment
            self._time.move(moment)

    def _wait_until(self, signals: tuple[WakeUp, ...], moment: float | None) -> WakeUp | None:
        task = self._tasks.local.task
        waiter = Waiter(signals, lambda: None if task is None else self._tasks.ready.append(task))
        if moment is not None:
            waiter.timer = self._timeline.timer(moment, lambda: waiter.wake(None))
        scopes = self._tasks.local.scopes
        for _, end in reversed(scopes):
            end()
        try:
            if task is None:
                self._drive_until_woken(waiter)
            else:
                self._tasks.park(task)
        finally:
            for begin, _ in scopes:
                begin()
        return waiter.woken_by

    def _drive_until_woken(self, waiter: Waiter) -> None:
        local = self._tasks.local
        outer, local.scopes = local.scopes, []
        try:
            with self._drive():
                while not waiter.done:
                    if not self._step(float("inf")):
                        raise GoalNotReachedError("this would wait for ever: nothing is left to happen")
                if waiter.woken_by is None:
                    self._run_to(self.timestamp())
        finally:
            local.scopes = outer


def _discard(_: object) -> None:
    return None
