"""What each step of a plan can prove and see, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rollout.core.judge import Plan, StepPreview
from rollout.core.judge.explain import two_digits
from rollout.core.judge.plan import is_probe

ASSUMED = "requests: if none of the canary's is bad; minutes: if it is as good as the base"
"""What the columns assume, beside steady traffic."""

Json = dict[str, Any]


def preview_document(steps: Sequence[StepPreview]) -> list[Json]:
    """One object per step; rates are fractions, steps count from 0."""
    return [
        {
            "step": step.step,
            "metrics": [
                {
                    "metric": metric.name,
                    "requestsForProof": metric.clean_proof_requests,
                    "minutesToProof": metric.proof_minutes,
                    "smallestRegressionRate": metric.smallest_rate,
                    "smallestRegressionFactor": metric.smallest_factor,
                }
                for metric in step.metrics
            ],
            "warnings": list(step.warnings),
        }
        for step in steps
    ]


def preview_table(plan: Plan, steps: Sequence[StepPreview], *, warnings: bool = True) -> RenderableType:
    """A row per step and metric, what they assume, and (unless that is said elsewhere) what to be warned of."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("step")
    table.add_column("metric")
    table.add_column("requests\nfor proof", justify="right")
    table.add_column("minutes\nto proof", justify="right")
    table.add_column("smallest regression\nthe bake sees", justify="right")
    for step in steps:
        planned = plan[step.step]
        joined = "control" if planned.harm_only else "probe" if is_probe(plan, step.step) else "×"
        name = f"{planned.weight_percent.normalize():f} % {joined} {planned.bake_minutes} min"
        for index, metric in enumerate(step.metrics):
            table.add_row(
                "" if index else name,
                metric.name,
                _number(metric.clean_proof_requests),
                _number(metric.proof_minutes, "–" if planned.harm_only else "never"),
                "–" if planned.ramp else _regression(metric.smallest_rate, metric.smallest_factor),
            )
    # The first warning of a step is the worst; the others repeat what the table shows.
    lines = [Text(f"step {step.step + 1}: {step.warnings[0]}", style="yellow") for step in steps if step.warnings]
    assumed = [Text(), Text(ASSUMED, style="dim")] if table.row_count else []
    return Group(table, *assumed, *([Text(), *lines] if warnings and lines else []))


def _number(value: int | None, missing: str = "–") -> str:
    return missing if value is None else f"{value:,}"


def _regression(rate: float | None, factor: float | None) -> str:
    if rate is None:
        return "none"
    return f"{two_digits(100 * rate)}%" + (f" (×{two_digits(factor)})" if factor is not None else "")
