"""A rollout's history in short lines: time, weight, decision, cause, and the numbers of one metric.

The history itself, and `--json`, have every reason in full.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from rollout.cockpit import history as facts
from rollout.cockpit.chart_data import level
from rollout.cockpit.formatting import short_odds
from rollout.core.decision import Phase
from rollout.core.judge import Plan
from rollout.core.texts import one_line

Json = dict[str, Any]


class Line(Protocol):
    """One line of a rollout's history. `minute` counts from the rollout's beginning."""

    @property
    def minute(self) -> float: ...

    @property
    def entry(self) -> Json: ...


@dataclass(frozen=True, slots=True)
class ShortLine:
    """One line. `headline` is the reason in words, `numbers` those of the metric that matters most; "" for none."""

    minute: float
    weight_percent: float
    word: str
    headline: str
    numbers: str

    def plain(self) -> str:
        """The line for a log."""
        said = "; ".join(part for part in (self.headline, self.numbers) if part)
        return one_line(f"{self.minute:5.1f} min {self.weight_percent:3g} %  {self.word:<13}  {said}")

    def same_as(self, other: ShortLine) -> bool:
        """Whether the other says the same, but for the time."""
        return (self.weight_percent, self.word, self.headline, self.numbers) == (
            other.weight_percent,
            other.word,
            other.headline,
            other.numbers,
        )


def short_lines(lines: Sequence[Line], plan: Plan) -> list[ShortLine]:
    """The lines of this history but its end, which the outcome tells: of several that say the same only the first, and
    no reason twice in a row.
    """
    shown: list[ShortLine] = []
    before: Json = {}
    for line in lines:
        if line.entry["state"] == "Close":
            continue  # the outcome follows
        new = _short(line, before, plan)
        before = line.entry
        if not shown or not new.same_as(shown[-1]):
            shown.append(new)
    return shown


def _short(line: Line, before: Json, plan: Plan) -> ShortLine:
    entry = line.entry
    watching = entry["phase"] == Phase.WATCHING
    proves = not watching and not any(step.harm_only for step in plan[max(0, entry["step"]) :][:1])
    headline, verdict = facts.headline(entry, before), facts.telling_verdict(entry)
    if entry["state"] != facts.ANALYZE and entry["reason"] == before.get("reason"):
        headline = facts.change(entry) or "done"
    numbers = _numbers(verdict, entry["analysis"].get("proof"), watching=watching, proves=proves) if verdict else ""
    return ShortLine(line.minute, float(entry["weightPercent"]), facts.word(entry), headline, numbers)


def _numbers(verdict: Json, proof: Json | None, *, watching: bool, proves: bool) -> str:
    name = facts.metric_name(verdict)
    if verdict["verdict"] == "unmeasured":
        return f"{name} not measured"
    canary, worse = _rate(verdict["canary"]), short_odds(facts.harm(verdict))
    if watching:
        return f"{name} {canary}, worse {worse}"
    numbers = f"{name} {canary} vs {_rate(verdict['base'])}, worse {worse}"
    if verdict["verdict"] == "harmful" or not proves:
        return numbers
    return f"{numbers}, {_ready(verdict, proof)}"


def _ready(verdict: Json, proof: Json | None) -> str:
    if proof is None:
        return f"ready {short_odds(verdict['logS'])}"
    return f"ready for {proof['weightPercent']:g} % {short_odds(proof['logS'])}"


def _rate(count: Json | None) -> str:
    """`2.35%`; a mean where that is what was measured; a dash where nothing was."""
    value = level(count)
    return "–" if value is None else f"{value:.2%}" if "bad" in (count or {}) else f"{value:.4g}"
