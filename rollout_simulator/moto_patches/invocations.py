"""Who makes the present AWS call: a function (by its name), a state machine, or code outside of both."""

from __future__ import annotations

from contextvars import ContextVar

OUTSIDE = "outside"
STATE_MACHINE = "state machine"

invocation: ContextVar[str] = ContextVar("invocation", default=OUTSIDE)
