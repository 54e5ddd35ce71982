"""How a request came to the workflow: by hand, as it stands, or by the bus, as the `detail` of its event."""

from __future__ import annotations

from typing import Any, NamedTuple

EVENT = "detail-type"
"""Every event has it, and no request."""


class Delivered(NamedTuple):
    """What was asked for, understood by nobody yet."""

    document: Any
    by_event: bool


def delivered(execution_input: object) -> Delivered:
    """The request in the input of an execution."""
    if isinstance(execution_input, dict) and EVENT in execution_input:
        return Delivered(execution_input.get("detail"), by_event=True)
    return Delivered(execution_input, by_event=False)
