"""Ports whose calls go through a function of the test: it can fail a call, or do something before or after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from rollout.errors import RolloutError, Unavailable
from rollout.ports import Ports

Around = Callable[[str, Callable[[], Any]], Any]
"""Given the call's name (such as "store.save") and the call itself; what it returns is the call's answer."""

_T = TypeVar("_T")


def interposed(ports: Ports, around: Around) -> Ports:
    """The same ports, every call of which (but the clock's) goes through `around`."""
    return Ports(
        clock=ports.clock,
        store=_between("store", ports.store, around),
        shifters={kind: _between("shifter", shifter, around) for kind, shifter in ports.shifters.items()},
        sources={kind: _between("source", source, around) for kind, source in ports.sources.items()},
        inspectors={kind: _between("inspector", each, around) for kind, each in ports.inspectors.items()},
        alarms=_between("alarms", ports.alarms, around),
        controllers=ports.controllers,
        notifier=_between("notifier", ports.notifier, around),
        waker=_between("waker", ports.waker, around),
        executions=_between("executions", ports.executions, around),
        logs=None if ports.logs is None else _between("logs", ports.logs, around),
    )


def _between(role: str, port: _T, around: Around) -> _T:
    proxy: Any = _Proxy(role, port, around)
    between: _T = proxy
    return between


class _Proxy:
    def __init__(self, role: str, port: Any, around: Around) -> None:
        self._role, self._port, self._around = role, port, around

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        def call(*args: Any, **named: Any) -> Any:
            return self._around(f"{self._role}.{name}", lambda: method(*args, **named))

        return call


@dataclass
class Disturbance:
    """Disturbs one call, an `Around`: the `nth` (from 0) of those named `only`, or of all.

    before: run before that call is made; after: once it has been made. Either may raise, as when a connection
    breaks. `calls` has the names of all calls that came by.
    """

    nth: int = 0
    only: str = ""
    before: Callable[[], object] = lambda: None
    after: Callable[[], object] = lambda: None
    calls: list[str] = field(default_factory=list)
    happened: bool = False

    def __call__(self, name: str, call: Callable[[], Any]) -> Any:
        """Make the call, disturbed if it is the one."""
        self.calls.append(name)
        counted = [each for each in self.calls if self.only in ("", each)]
        if self.happened or self.only not in ("", name) or len(counted) - 1 != self.nth:
            return call()
        self.happened = True
        self.before()
        answer = call()
        self.after()
        return answer

    @classmethod
    def failing_before(cls, nth: int, error: RolloutError | None = None) -> Disturbance:
        """The call is never made."""
        return cls(nth, before=lambda: _break(error))

    @classmethod
    def failing_after(cls, nth: int, error: RolloutError | None = None) -> Disturbance:
        """The call is made, and its answer is lost."""
        return cls(nth, after=lambda: _break(error))


def _break(error: RolloutError | None = None) -> None:
    raise error or Unavailable("the connection broke")
