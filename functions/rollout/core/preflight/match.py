"""What one check has found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Match:
    """what: the fact, for a person. words: those that the blanks of the check's `fix` are filled with. command: what a
    person can paste into a shell to mend it; it fills the blank `{command}`. metrics: the judge's that it is about.
    """

    what: str
    words: Mapping[str, str] = field(default_factory=dict)
    command: str = ""
    metrics: tuple[str, ...] = ()
