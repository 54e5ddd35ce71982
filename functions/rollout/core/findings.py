"""What preflight finds: what is wrong, why it matters, how to fix it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from rollout.core.target import Json


class Severity(StrEnum):
    """An error refuses the request; a warning is shown, and kept with the rollout."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that speaks against a rollout, or for care. `code` names its kind for good.

    command: the end of `fix` where that can be pasted into a shell, "" where it is words alone. metrics: those of the
    judge that it is about, none where it is about no certain ones.
    """

    code: str
    severity: Severity
    what: str
    why: str
    fix: str
    command: str = ""
    metrics: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.what}; {self.fix}"

    def to_document(self) -> Json:
        """A JSON object."""
        return {
            "code": self.code,
            "severity": self.severity.value,
            "what": self.what,
            "why": self.why,
            "fix": self.fix,
            **({"command": self.command} if self.command else {}),
            **({"metrics": list(self.metrics)} if self.metrics else {}),
        }

    @classmethod
    def from_document(cls, document: Json) -> Finding:
        """The inverse of `to_document`; a record of an earlier version knows no commands and metrics."""
        return cls(
            document["code"],
            Severity(document["severity"]),
            document["what"],
            document["why"],
            document["fix"],
            document.get("command", ""),
            tuple(document.get("metrics", ())),
        )


def in_words(findings: Sequence[Finding]) -> str:
    """All of them in one line."""
    if len(findings) == 1:
        return str(findings[0])
    numbered = "; ".join(f"({number}) {finding}" for number, finding in enumerate(findings, 1))
    return f"{len(findings)} problems: {numbered}"
