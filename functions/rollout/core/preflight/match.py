"""What one check has found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Match:
    """what: the fact, for a person. words: those that the blanks of the check's `fix` are filled with."""

    what: str
    words: Mapping[str, str] = field(default_factory=dict)
