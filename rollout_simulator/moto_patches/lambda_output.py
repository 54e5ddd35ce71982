"""The output of handlers, kept per function, and how their invocations ended.

A handler's logger takes hold of `sys.stdout` when it is made and keeps it for the life of the process. So one stream
stays in its place: it writes to the invocation that runs, or else to the stdout that was there before. Loggers of
modules that were imported earlier are given it while the simulation lasts.
"""

from __future__ import annotations

import io
import logging
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from rollout_simulator.moto_patches.patching import replaced

_lines: ContextVar[list[str] | None] = ContextVar("lines", default=None)


class _Stream(io.TextIOBase):
    """Writes to the present invocation's lines; outside of one to the stream it stands for."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.behind: Any = None

    def write(self, text: str) -> int:
        lines = _lines.get()
        if lines is None:
            return int(self._behind().write(text))
        *whole, rest = (lines.pop() + text).split("\n")
        lines.extend([*whole, rest])
        return len(text)

    def flush(self) -> None:
        if _lines.get() is None and self.behind is not None:
            self.behind.flush()

    def fileno(self) -> int:
        return int(self._behind().fileno())

    def _behind(self) -> Any:
        return self.behind or getattr(sys, f"__{self._name}__")

    def writable(self) -> bool:
        return True


_STREAMS = {name: _Stream(name) for name in ("stdout", "stderr")}


@dataclass(frozen=True, slots=True)
class Invocation:
    """One that has ended; `started` is an epoch second."""

    function_name: str
    started: float
    failed: bool


class Output:
    """What each function has printed, by line.

    ended: the invocations so far, in the order of their ends; whoever reads them may empty the list.
    """

    def __init__(self) -> None:
        self.ended: list[Invocation] = []
        self._lines: defaultdict[str, list[str]] = defaultdict(lambda: [""])

    def lines(self, function_name: str) -> list[str]:
        """The lines that the function has printed so far, oldest first."""
        return [line for line in self._lines[function_name] if line]

    def since(self, function_name: str, first: int) -> list[str]:
        """The whole lines from the one with this index on, empty ones included."""
        return self._lines[function_name][first:-1]

    @contextmanager
    def of(self, function_name: str) -> Iterator[None]:
        """Keep what is printed meanwhile as that function's."""
        token = _lines.set(self._lines[function_name])
        try:
            yield
        finally:
            _lines.reset(token)


@contextmanager
def captured() -> Iterator[Output]:
    """Let handlers print into the `Output` that is yielded, for as long as this is open."""
    with ExitStack() as stack:
        for name, stream in _STREAMS.items():
            behind = getattr(sys, name)
            if behind is not stream:
                stream.behind = behind
                stack.callback(setattr, stream, "behind", None)
                stack.enter_context(replaced(sys, name, stream))
        for handler in _made_before():
            stack.callback(handler.setStream, handler.stream)
            handler.setStream(_STREAMS["stdout"])
        yield Output()


def _made_before() -> Iterator[logging.StreamHandler[Any]]:
    for logger in logging.root.manager.loggerDict.values():
        for handler in getattr(logger, "handlers", ()):
            if type(handler) is logging.StreamHandler and handler.stream not in _STREAMS.values():
                yield handler
