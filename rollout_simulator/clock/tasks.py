"""Tasks, the threads they run in, and the baton that lets one of them run at a time."""

from __future__ import annotations

import contextvars
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from rollout_simulator.clock.errors import TaskCancelled
from rollout_simulator.clock.wakeups import WakeUp


class Task:
    """Something that runs on the clock; `finished` is set when it has ended.

    A guest, which a thread from outside runs as, has no work of its own.
    """

    def __init__(self, name: str, finished: WakeUp, work: Callable[[], object] | None) -> None:
        self.name = name
        self.finished = finished
        self.work = work
        self.baton: threading.Lock | None = None
        self.context = contextvars.Context()

    def __repr__(self) -> str:
        return f"<Task {self.name}>"


class Local(threading.local):
    """What each thread of the simulation knows of itself: its task, its deadlines and what it keeps in place."""

    task: Task | None = None

    def __init__(self) -> None:
        self.deadlines: list[tuple[float, Callable[[], BaseException]]] = []
        self.scopes: list[tuple[Callable[[], None], Callable[[], None]]] = []


class Tasks:
    """All tasks of one clock. The driver hands the baton to one of them and gets it back when that waits or ends."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.ready: deque[Task] = deque()
        """Those that can run now, first come, first served."""
        self.local = Local()
        self.closed = False
        self._now = now
        self._started: dict[Task, None] = {}
        self._idle: list[_Worker] = []
        self._failures: list[BaseException] = []
        self._back = taken_lock()

    def hand_over(self, task: Task) -> None:
        """Give `task` the baton and wait until it comes back.

        Raises: what a task raised and did not catch.
        """
        if task.baton is None:
            worker = self._idle.pop() if self._idle else self._new_worker()
            worker.task = task
            task.baton = worker.baton
        task.baton.release()
        self._back.acquire()
        if self._failures:
            raise self._failures.pop(0)

    def park(self, task: Task) -> None:
        """Give the baton back, and wait until it comes again.

        Raises: TaskCancelled, when the clock was closed meanwhile.
        """
        assert task.baton is not None
        self._back.release()
        task.baton.acquire()
        if self.closed:
            raise TaskCancelled

    def enter(self, guest: Task) -> None:
        """Run as `guest` in the calling thread, which has just been handed the baton."""
        self.local.task = guest
        self._started[guest] = None

    def leave(self, guest: Task) -> None:
        """End `guest` and give the baton back."""
        self._end(guest)
        self._back.release()

    def cancel_all(self) -> None:
        """End every task where it waits, and the threads."""
        self.closed = True
        for task in list(self._started):
            if task in self._started and task.baton is not None:
                # Nobody is left to hear what a task says on its way out.
                with suppress(Exception):
                    self.hand_over(task)
        self.ready.clear()

    def end_threads(self) -> None:
        """Let the threads that run nothing end."""
        for worker in self._idle:
            worker.baton.release()

    def run(self, worker: _Worker, task: Task) -> None:
        """In a worker's thread: the whole life of a task."""
        assert task.work is not None
        self.enter(task)
        try:
            task.context.run(task.work)
        except TaskCancelled:
            pass
        except BaseException as error:  # noqa: BLE001 - it is raised again in the thread that drives
            error.add_note(f"in the simulated task {task.name!r} at {self._now():%Y-%m-%d %H:%M:%S}")
            self._failures.append(error)
        finally:
            self._end(task)
        worker.task = None
        self._idle.append(worker)
        self._back.release()

    def _end(self, task: Task) -> None:
        self.local.task = None
        self._started.pop(task, None)
        task.finished.set()

    def _new_worker(self) -> _Worker:
        worker = _Worker(self)
        worker.start()
        return worker


class _Worker(threading.Thread):
    """A thread that runs one task after another, for making threads costs more than most tasks."""

    def __init__(self, tasks: Tasks) -> None:
        super().__init__(daemon=True, name="simulated")
        self.baton = taken_lock()
        self.task: Task | None = None
        self._tasks = tasks

    def run(self) -> None:
        while True:
            self.baton.acquire()
            if self.task is None:
                return
            self._tasks.run(self, self.task)


def taken_lock() -> threading.Lock:
    """A lock that somebody else has to release before it can be acquired."""
    lock = threading.Lock()
    lock.acquire()
    return lock
