"""Who makes an AWS call at present: a function's name, the state machines, or the outside."""

from __future__ import annotations

from contextvars import ContextVar

OUTSIDE = "outside"
STATE_MACHINE = "state machine"

invocation: ContextVar[str] = ContextVar("invocation", default=OUTSIDE)
