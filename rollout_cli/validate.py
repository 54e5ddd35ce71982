"""`rollout validate`: is this a request, and what would its plan be able to prove? Asks no AWS."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console

from rollout.core.judge import BaseTraffic, JudgeSettings, MetricKind, StepPreview, preview
from rollout.core.judge.metric_defaults import series
from rollout_cli.controller import AsJson
from rollout_cli.documents import read_json
from rollout_cli.exits import fail
from rollout_cli.preview_view import preview_document, preview_table

ASSUMED_ERROR_PERCENT = 0.5


def validate(
    request: Annotated[str, typer.Argument(help="The request, a JSON file; - is standard input.")],
    traffic: Annotated[
        float | None,
        typer.Option(min=0, max=1e9, help="Requests a minute to the target; shows what each step can prove."),
    ] = None,
    error_percent: Annotated[
        float | None, typer.Option(min=0, max=100, help="The base's error rate, for --traffic; 0.5 if not said.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a request; with --traffic, see what each step of its plan can prove."""
    from rollout.errors import InvalidRequest  # noqa: PLC0415
    from rollout.request import parse_request  # noqa: PLC0415

    try:
        settings = parse_request(read_json(request)).settings
    except InvalidRequest as error:
        fail(f"{request}: {error}")
    errors = ASSUMED_ERROR_PERCENT if error_percent is None else error_percent
    steps: Sequence[StepPreview] = ()
    if traffic is not None:
        steps = preview(settings.judge, settings.plan, steady_traffic(settings.judge, traffic, errors / 100))
    if as_json:
        typer.echo(json.dumps({"valid": True, "steps": preview_document(steps)}, indent=2))
        return
    console = Console(highlight=False)
    console.print(f"{request}: a valid request for {settings.target.key}", markup=False)
    if steps:
        assumed = " (assumed: say --error-percent)" if error_percent is None else ""
        console.print(f"at {traffic:g} requests a minute, {errors:g} % of them failing{assumed}:\n", markup=False)
        console.print(preview_table(settings.plan, steps))


def steady_traffic(settings: JudgeSettings, requests_per_minute: float, error_rate: float) -> dict[str, BaseTraffic]:
    """What the metrics would count under such traffic; business metrics are left out, nobody said how they do.

    A latency counts the requests above the base's own quantile: one in ten for its p90.
    """
    found = {}
    for metric in settings.metrics:
        quantile = series(metric.name)[1]
        if metric.kind is MetricKind.ERRORS:
            found[metric.name] = BaseTraffic(requests_per_minute, error_rate)
        elif metric.kind is MetricKind.LATENCY and quantile is not None:
            found[metric.name] = BaseTraffic(requests_per_minute, 1.0 - quantile / 100.0)
    return found
