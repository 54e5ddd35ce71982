"""What came of a question."""

from __future__ import annotations

from dataclasses import dataclass

Value = str | int


@dataclass(frozen=True, slots=True)
class Answer:
    """value: None where the account did not tell; `detail` then says why, and else what was seen."""

    value: Value | None
    detail: str = ""
