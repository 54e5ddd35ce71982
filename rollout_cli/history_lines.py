"""A rollout's history in short lines: when, at which weight, what was done, and why, with the numbers that decided.

The history itself, and `--json`, have every reason in full.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from rollout.cockpit.chart_data import level
from rollout.cockpit.formatting import short_odds
from rollout.core.judge.explain import display_name

Json = dict[str, Any]


class Line(Protocol):
    """One line of a rollout's history. `minute` counts from the rollout's beginning."""

    @property
    def minute(self) -> float: ...

    @property
    def entry(self) -> Json: ...


@dataclass(frozen=True, slots=True)
class Told:
    """One line. `headline` is the reason in words, `numbers` those of the metric that matters most; or both are ""."""

    minute: float
    weight_percent: float
    word: str
    headline: str
    numbers: str

    def plain(self) -> str:
        """For a log: both halves of the reason, whole."""
        return f"{self._when()}  {self.word:<13}  {'; '.join(part for part in (self.headline, self.numbers) if part)}"

    def same_as(self, other: Told) -> bool:
        """Whether the other says the same, but for the time."""
        return (self.weight_percent, self.word, self.headline, self.numbers) == (
            other.weight_percent,
            other.word,
            other.headline,
            other.numbers,
        )

    def _when(self) -> str:
        return f"{self.minute:5.1f} min {self.weight_percent:3g} %"


def told(lines: Sequence[Line]) -> list[Told]:
    """The lines of this history but its end, which the outcome tells: of several that say the same only the first, and
    no reason twice in a row.
    """
    said: list[Told] = []
    reason = ""
    for line in lines:
        if line.entry["state"] == "Close":
            continue  # the outcome follows
        new = _told(line, repeated=line.entry["reason"] == reason)
        reason = line.entry["reason"]
        if not said or not new.same_as(said[-1]):
            said.append(new)
    return said


def _told(line: Line, *, repeated: bool) -> Told:
    state = line.entry["state"]
    analyzed = state == "Analyze"
    word = (line.entry["decision"] if analyzed else state).replace("_", " ").lower()
    headline, numbers = _halves(line)
    if repeated and not analyzed:
        headline, numbers = line.entry["change"] or "done", ""
    return Told(line.minute, float(line.entry["weightPercent"]), word, headline, numbers)


def _halves(line: Line) -> tuple[str, str]:
    """The reason without the judge's long sentence on a metric, and that metric's numbers in short."""
    reason: str = line.entry["reason"]
    for verdict in line.entry.get("analysis", {}).get("verdicts", ()):
        if verdict["reason"] and reason.endswith(verdict["reason"]):
            headline = reason.removesuffix(verdict["reason"]).rstrip("; ")
            return headline, _numbers(verdict)
    return reason, ""


def _numbers(verdict: Json) -> str:
    name = display_name(verdict["metric"])
    if verdict["verdict"] == "unmeasured":
        return f"{name} not measured"
    numbers = (
        f"{name} {_rate(verdict['canary'])} vs {_rate(verdict['base'])}, worse {short_odds(verdict['logECapped'])}"
    )
    return numbers if verdict["verdict"] == "harmful" else f"{numbers}, ready {short_odds(verdict['logS'])}"


def _rate(count: Json | None) -> str:
    """`2.35%`; a mean where that is what was measured; a dash where nothing was."""
    value = level(count)
    return "–" if value is None else f"{value:.2%}" if "bad" in (count or {}) else f"{value:.4g}"
