"""Who makes the present AWS call: a function (by its name), a state machine, or code outside of both; on what event."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

OUTSIDE = "outside"
STATE_MACHINE = "state machine"

invocation: ContextVar[str] = ContextVar("invocation", default=OUTSIDE)

handled_event: ContextVar[Mapping[str, Any] | None] = ContextVar("handled_event", default=None)
"""What the function that runs was invoked with; None outside of one."""
