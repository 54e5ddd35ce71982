"""A rollout's history as plain lines for a log or a pipe. No line is cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rollout.cockpit.chart_data import MetricView
from rollout.cockpit.formatting import duration
from rollout.cockpit.sections import now as where
from rollout.cockpit.sections import numbers, verdict_words
from rollout.core.target import target_named
from rollout.core.texts import cleaned
from rollout_cli.history_lines import short_lines
from rollout_cli.rollout_snapshot import RolloutSnapshot

Json = dict[str, Any]


def report_lines(seen: RolloutSnapshot) -> Iterator[str]:
    """The outcome and its reason, each metric, and every decision."""
    view = seen.view()
    if view is None:
        record = seen.rejection or {}
        record = cleaned(record)
        yield f"{record['rolloutId']}: {record['state'].capitalize()}"
        if target := target_named(record.get("target")):
            yield f"on {target}"
        yield record["reason"]
        return
    yield f"{view.rollout_id}: {view.state_words}{where(view)}"
    yield from view.remarks
    yield view.reason
    yield from view.warnings
    yield from view.failures[1:]
    yield ""
    yield from metric_lines(view.metrics)
    yield ""
    for row in view.rows:
        times = f" × {row.times}" if row.times > 1 else ""
        said = "; ".join(row.told)
        when = f"{row.at:%H:%M}  {duration(row.minute):>10}  {row.weight_percent:>5g} %"
        yield f"{when}  {row.word + times:<16} {row.who}: {said}" if said else f"{when}  {row.word}"
    for hint in view.hints:
        yield f"{hint.typed(view.rollout_id)}   # {hint.does}"


def metric_lines(metrics: Sequence[MetricView]) -> Iterator[str]:
    """Each of these metrics with its verdict and its numbers in the present step."""
    for metric in metrics:
        yield f"{metric.label} ({verdict_words(metric)}): {numbers(metric)}"


@dataclass(frozen=True, slots=True)
class _Line:
    minute: float
    entry: Json


def history_lines(seen: RolloutSnapshot) -> Sequence[str]:
    """The history so far, a line for each decision; of those that say the same, the first."""
    assert seen.rollout is not None
    began = seen.rollout.started_at
    lines = [_Line((datetime.fromisoformat(entry["at"]) - began).total_seconds() / 60, entry) for entry in seen.history]
    return [line.plain() for line in short_lines(lines, seen.rollout.settings.plan)]
