"""One discrete-event clock for everything that is simulated.

Whoever reads the time (moto, boto3, a handler) reads this clock, for `datetime` and `time` are patched while it
is open; `time.monotonic` and `time.perf_counter` stay real. Simulated time passes only between events: when
every task waits, it jumps to the next timed event, so hours cost as much as the work in them.

The law: **exactly one thread of the simulation runs at any moment**, the one that holds the baton. A task runs
until it waits on the clock or ends; ready tasks run first come, first served; timed events in order of their
time, then of their making. So one program gives one order, every time.

The thread that calls `run_until` (in a test, the main one) drives: it hands the baton out and takes it back.
While it waits on the clock itself, the world runs. Threads from outside, such as a server's request handlers,
come in by `with clock.entered():`.
"""

from __future__ import annotations

import contextvars
import heapq
import itertools
import threading
import time as real_time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any

import time_machine

DEFAULT_START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LONGEST_RUN = timedelta(days=31)
"""How much simulated time a goal may take, unless told otherwise, before a run is called endless."""

LONGEST_PAUSE = 0.05
"""Real seconds after which a paced run looks whether it should stop."""

LONGEST_STRIDE = 0.1
"""Real seconds that a paced run makes up for at most; what lies further back is lost."""


class ClockError(RuntimeError):
    """The clock was used in a way that would break its law."""


class GoalNotReachedError(ClockError):
    """A run stopped, with nothing left to happen or its limit passed, and its goal was not reached."""


class TaskCancelled(BaseException):
    """Unwinds a task whose clock was closed. Not an `Exception`, so that no retry in the task swallows it."""


class WakeUp:
    """An event on the clock: `set` wakes, at the present simulated moment, everyone who waits for it."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self._set = False
        self._waiters: list[_Waiter] = []

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        self._set = True
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            self._clock._wake(waiter, self)

    def clear(self) -> None:
        self._set = False

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until set, at most `timeout` simulated seconds; whether it was set."""
        return self._clock.wait(self, timeout=timeout) is self


class Timer:
    """A call to come; `cancel` takes it back."""

    __slots__ = ("_clock", "action", "background", "cancelled", "pending", "when")

    def __init__(self, clock: SimulatedClock, when: float, action: Callable[[], None], *, background: bool) -> None:
        self._clock = clock
        self.when = when
        self.action = action
        self.background = background
        self.pending = False
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True
        self._clock._settled(self)


class Task:
    """Something that runs on the clock; `finished` is set when it has ended."""

    def __init__(self, clock: SimulatedClock, name: str, work: Callable[[], object] | None) -> None:
        self.name = name
        self.finished = WakeUp(clock)
        self._work = work
        self._baton: threading.Lock | None = None
        self._context = contextvars.Context()

    def __repr__(self) -> str:
        return f"<Task {self.name}>"


class _Waiter:
    __slots__ = ("done", "signals", "task", "timer", "woken_by")

    def __init__(self, task: Task | None, signals: tuple[WakeUp, ...]) -> None:
        self.task = task
        self.signals = signals
        self.timer: Timer | None = None
        self.woken_by: WakeUp | None = None
        self.done = False


class _Local(threading.local):
    """What each thread of the simulation knows of itself."""

    task: Task | None = None

    def __init__(self) -> None:
        self.deadlines: list[tuple[float, Callable[[], BaseException]]] = []
        self.scopes: list[tuple[Callable[[], None], Callable[[], None]]] = []


class _Worker(threading.Thread):
    """A thread that runs one task after another, for making threads costs more than most tasks."""

    def __init__(self, clock: SimulatedClock) -> None:
        super().__init__(daemon=True, name="simulated")
        self.baton = _taken_lock()
        self.task: Task | None = None
        self._clock = clock

    def run(self) -> None:
        while True:
            self.baton.acquire()
            if self.task is None:
                return
            self._clock._run(self.task)
            self.task = None
            self._clock._idle.append(self)
            self._clock._back.release()


class SimulatedClock:
    """The clock of one simulation; a context manager, open for as long as time is simulated."""

    def __init__(self, start: datetime = DEFAULT_START) -> None:
        self._time = start.timestamp()
        self._travel: Any = None
        self._traveller: Any = None
        self._ready: deque[Task] = deque()
        self._timers: list[tuple[float, int, Timer]] = []
        self._foreground = 0
        self._numbers = itertools.count()
        self._started: dict[Task, None] = {}
        self._idle: list[_Worker] = []
        self._failures: list[BaseException] = []
        self._back = _taken_lock()
        self._driving = threading.RLock()
        self._driver: int | None = None
        self._paced = False
        self._arrivals: deque[Task] = deque()
        self._arrived = threading.Event()
        self._closed = False
        self._owner: int | None = None
        self._real_sleep: Any = real_time.sleep
        self._local = _Local()

    def __enter__(self) -> SimulatedClock:
        self._travel = time_machine.travel(self._time, tick=False)
        self._traveller = self._travel.start()
        self._owner = threading.get_ident()
        self._real_sleep = real_time.sleep
        real_time.sleep = self._sleep_anywhere  # type: ignore[assignment]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unwind()
        real_time.sleep = self._real_sleep
        self._travel.stop()

    def unwind(self) -> None:
        """End every task where it waits; nothing happens any more after that."""
        if self._closed:
            return
        self._closed = True
        with self._drive():
            for task in list(self._started):
                if task in self._started and task._baton is not None:
                    # Nobody is left to hear what a task says on its way out.
                    with suppress(Exception):
                        self._hand_over(task)
        self._ready.clear()
        self._timers.clear()
        for worker in self._idle:
            worker.baton.release()

    def _sleep_anywhere(self, seconds: float) -> None:
        """`time.sleep`: simulated for the simulation, and for the thread that opened it unless another drives."""
        here = threading.get_ident()
        drives = here == (self._owner if self._driver is None else self._driver)
        ours = self._local.task is not None or drives
        (self.sleep if ours else self._real_sleep)(seconds)

    # --- reading -------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._time, UTC)

    def timestamp(self) -> float:
        """Seconds since the epoch."""
        return self._time

    def is_settled(self) -> bool:
        """Whether nothing more happens at this moment."""
        next_moment = self._next_moment()
        return not self._ready and not self._arrivals and (next_moment is None or next_moment > self._time)

    # --- making things happen ------------------------------------------------------------------------------

    def signal(self) -> WakeUp:
        return WakeUp(self)

    def spawn(self, work: Callable[[], object], name: str = "task") -> Task:
        """Let `work` run as a task of its own, after those that are ready now."""
        task = Task(self, name, work)
        self._ready.append(task)
        return task

    def call_at(self, when: datetime | float, action: Callable[[], object], name: str = "timer") -> Timer:
        """Run `action` as a task at `when`, or now if that has passed."""
        moment = when.timestamp() if isinstance(when, datetime) else when
        return self._schedule(moment, lambda: _discard(self.spawn(action, name)))

    def call_later(self, seconds: float, action: Callable[[], object], name: str = "timer") -> Timer:
        return self.call_at(self._time + seconds, action, name)

    def call_every(
        self,
        seconds: float,
        action: Callable[[], object],
        name: str = "periodic",
        first: datetime | None = None,
    ) -> Timer:
        """Run `action` every `seconds`, first in `seconds` or at `first`. It alone does not keep the world busy."""
        start = first.timestamp() if first else self._time + seconds
        timer = Timer(self, start, lambda: None, background=True)
        beats = itertools.count(1)

        def beat() -> None:
            self.spawn(action, name)
            if not timer.cancelled:
                timer.when = start + next(beats) * seconds
                self._push(timer)

        timer.action = beat
        self._push(timer)
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
        moment = None if timeout is None else self._time + timeout
        overdue = min(self._local.deadlines, key=lambda deadline: deadline[0], default=None)
        if overdue is not None and (moment is None or overdue[0] < moment):
            woken_by = self._wait_until(signals, max(overdue[0], self._time))
            if woken_by is None:
                raise overdue[1]()
            return woken_by
        return self._wait_until(signals, moment)

    @contextmanager
    def deadline(self, seconds: float, error: Callable[[], BaseException]) -> Iterator[None]:
        """Raise `error()` in the caller's waits as soon as they reach `seconds` from now."""
        self._local.deadlines.append((self._time + seconds, error))
        try:
            yield
        finally:
            self._local.deadlines.pop()

    @contextmanager
    def while_running(self, begin: Callable[[], None], end: Callable[[], None]) -> Iterator[None]:
        """Keep something global in place only while the caller has the baton.

        `begin` is called now and whenever the caller gets the baton back, `end` whenever it gives it away and at
        the end: the environment of a Lambda function that waits must not be seen by the next.
        """
        begin()
        self._local.scopes.append((begin, end))
        try:
            yield
        finally:
            self._local.scopes.pop()
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
        end = self._time + limit.total_seconds()
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
            while (self._ready or self._arrivals or self._foreground) and self._step(float("inf")):
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
                    self._catch_up(self._time + passed * speed, on_error)
                    next_moment = self._next_moment()
                    pause = LONGEST_PAUSE if next_moment is None else (next_moment - self._time) / speed
                    if not self._arrivals:
                        self._arrived.wait(min(max(pause, 0.0), LONGEST_PAUSE))
            finally:
                self._paced = False
            self._catch_up(self._time, on_error)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Take part in the simulation from a thread outside of it: only one thing runs at a time."""
        if self._local.task is not None or self._driver == threading.get_ident():
            yield
            return
        if not self._paced:
            with self._drive():
                yield
            return
        guest = Task(self, threading.current_thread().name, None)
        guest._baton = _taken_lock()
        self._arrivals.append(guest)
        self._arrived.set()
        guest._baton.acquire()
        self._local.task = guest
        self._started[guest] = None
        try:
            yield
        finally:
            self._local.task = None
            self._ended(guest)
            self._back.release()

    # --- inside --------------------------------------------------------------------------------------------

    @contextmanager
    def _drive(self) -> Iterator[None]:
        if self._local.task is not None:
            raise ClockError("a task waits with sleep or wait; only the driver runs the world")
        with self._driving:
            outer, self._driver = self._driver, threading.get_ident()
            try:
                yield
            finally:
                self._driver = outer

    def _require_baton(self) -> None:
        if self._closed and self._local.task is not None:
            raise TaskCancelled
        stranger = self._local.task is None and self._driver not in {None, threading.get_ident()}
        if stranger:
            raise ClockError("this thread is not part of the simulation: use `with clock.entered():`")

    def _run_to(self, moment: float) -> None:
        with self._drive():
            while self._step(moment):
                pass
            if moment > self._time:
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
        """One hand-over, or one timed event up to `limit`; False when there is neither."""
        while self._arrivals:
            self._ready.append(self._arrivals.popleft())
        if self._ready:
            self._hand_over(self._ready.popleft())
            return True
        next_moment = self._next_moment()
        if next_moment is None or next_moment > limit:
            return False
        moment, _, timer = heapq.heappop(self._timers)
        self._settled(timer)
        if moment > self._time:
            self._move(moment)
        timer.action()
        return True

    def _next_moment(self) -> float | None:
        while self._timers and self._timers[0][2].cancelled:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def _settled(self, timer: Timer) -> None:
        """A timer fired or was cancelled: it no longer keeps the world busy."""
        if timer.pending:
            timer.pending = False
            self._foreground -= not timer.background

    def _move(self, moment: float) -> None:
        self._time = moment
        self._traveller.move_to(moment)

    def _schedule(self, moment: float, action: Callable[[], None]) -> Timer:
        timer = Timer(self, max(moment, self._time), action, background=False)
        self._push(timer)
        return timer

    def _push(self, timer: Timer) -> None:
        timer.pending = True
        self._foreground += not timer.background
        heapq.heappush(self._timers, (timer.when, next(self._numbers), timer))

    def _hand_over(self, task: Task) -> None:
        """Give `task` the baton and wait until it comes back."""
        if task._baton is None:
            worker = self._idle.pop() if self._idle else self._new_worker()
            worker.task = task
            task._baton = worker.baton
        task._baton.release()
        self._back.acquire()
        if self._failures:
            raise self._failures.pop(0)

    def _new_worker(self) -> _Worker:
        worker = _Worker(self)
        worker.start()
        return worker

    def _run(self, task: Task) -> None:
        """In a worker's thread: the whole life of a task."""
        assert task._work is not None
        self._local.task = task
        self._started[task] = None
        try:
            task._context.run(task._work)
        except TaskCancelled:
            pass
        except BaseException as error:  # noqa: BLE001 - it is raised again in the thread that drives
            error.add_note(f"in the simulated task {task.name!r} at {self.now():%Y-%m-%d %H:%M:%S}")
            self._failures.append(error)
        finally:
            self._local.task = None
            self._ended(task)

    def _ended(self, task: Task) -> None:
        self._started.pop(task, None)
        task.finished.set()

    def _wait_until(self, signals: tuple[WakeUp, ...], moment: float | None) -> WakeUp | None:
        task = self._local.task
        waiter = _Waiter(task, signals)
        for signal in signals:
            signal._waiters.append(waiter)
        if moment is not None:
            waiter.timer = self._schedule(moment, lambda: self._wake(waiter, None))
        scopes = self._local.scopes
        for _, end in reversed(scopes):
            end()
        try:
            if task is None:
                self._drive_until_woken(waiter)
            else:
                self._park(task)
        finally:
            for begin, _ in scopes:
                begin()
        return waiter.woken_by

    def _drive_until_woken(self, waiter: _Waiter) -> None:
        outer, self._local.scopes = self._local.scopes, []
        try:
            with self._drive():
                while not waiter.done:
                    if not self._step(float("inf")):
                        raise GoalNotReachedError("this would wait for ever: nothing is left to happen")
                if waiter.woken_by is None:
                    self._run_to(self._time)
        finally:
            self._local.scopes = outer

    def _park(self, task: Task) -> None:
        assert task._baton is not None
        self._back.release()
        task._baton.acquire()
        if self._closed:
            raise TaskCancelled

    def _wake(self, waiter: _Waiter, signal: WakeUp | None) -> None:
        if waiter.done:
            return
        waiter.done = True
        waiter.woken_by = signal
        if signal is not None and waiter.timer is not None:
            waiter.timer.cancel()
        for other in waiter.signals:
            if waiter in other._waiters:
                other._waiters.remove(waiter)
        if waiter.task is not None:
            self._ready.append(waiter.task)


def _taken_lock() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


def _discard(_: object) -> None:
    return None
