"""The laws by name, and what the checker has to say of a run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Law(StrEnum):
    """What each means is said where they are listed."""

    SILENCE = "silence"
    STOP = "stop"
    MINUTES = "minutes"
    ONE_WRITER = "one writer"
    FENCE = "fence"
    END = "end"
    INTENT = "intent"
    HEARD = "heard"
    AWAKE = "awake"
    MIX = "mix"


@dataclass(frozen=True, slots=True)
class Violation:
    """A law that was broken, and by what."""

    law: Law
    what: str

    def __str__(self) -> str:
        return f"{self.law}: {self.what}"


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A race that no optimistic lock excludes, and that was put right."""

    what: str
