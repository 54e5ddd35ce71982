"""`rollout validate`: is this a request, and what would its plan be able to prove? Asks no AWS."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console

from rollout.core.judge import BaseTraffic, JudgeSettings, MetricKind, StepPreview, preview
from rollout.core.judge.metric_defaults import series
from rollout.core.judge.planning import derived, probed
from rollout.core.judge.ramp import from_start
from rollout_cli.controller import AsJson
from rollout_cli.documents import NotReadable, load_json
from rollout_cli.exits import Exit, complain
from rollout_cli.preview_view import preview_document, preview_table

if TYPE_CHECKING:
    from rollout.errors import Problem

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
    """Check a request; with --traffic, see what each step of its plan can prove.

    Every mistake is one line on standard error. With --json they are the `problems` of the one object that is printed.
    Exit code: 0 it is a valid request, 2 it is none.
    """
    from rollout.errors import InvalidRequest, Problem  # noqa: PLC0415
    from rollout.request import parse_request  # noqa: PLC0415

    try:
        asked = parse_request(load_json(request))
        settings = asked.settings
    except NotReadable as error:
        _refuse([str(error)], [Problem("", str(error))], as_json)
    except InvalidRequest as error:
        _refuse([f"{request}: {in_words(problem)}" for problem in error.problems], error.problems, as_json)
    errors = ASSUMED_ERROR_PERCENT if error_percent is None else error_percent
    steps: Sequence[StepPreview] = ()
    plan = settings.plan
    if traffic is not None:
        steady = steady_traffic(settings.judge, traffic, errors / 100)
        if asked.names_no_steps:
            plan = derived(settings.judge, plan, steady)
        plan = from_start(plan, traffic)
        plan = probed(plan, traffic, settings.calendar.lag_minutes) if asked.probes else plan
        steps = preview(settings.judge, plan, steady)
    if as_json:
        typer.echo(json.dumps({"valid": True, "steps": preview_document(steps)}, indent=2))
        return
    console = Console(highlight=False)
    console.print(f"{request}: a valid request for {settings.target.key}", markup=False)
    if steps:
        assumed = " (assumed: say --error-percent)" if error_percent is None else ""
        console.print(f"at {traffic:g} requests a minute, {errors:g} % of them failing{assumed}:\n", markup=False)
        console.print(preview_table(plan, steps))


def in_words(problem: Problem) -> str:
    """The problem in one line, with the name that is probably meant."""
    return f"{problem}; did you mean {problem.near!r}?" if problem.near else str(problem)


def _refuse(lines: Sequence[str], problems: Sequence[Problem], as_json: bool) -> NoReturn:
    if as_json:
        typer.echo(json.dumps({"valid": False, "problems": [_document(each) for each in problems]}, indent=2))
    else:
        for line in lines:
            complain(line)
    raise typer.Exit(Exit.USAGE)


def _document(problem: Problem) -> dict[str, object]:
    document: dict[str, object] = {"path": problem.path, "problem": problem.problem}
    if problem.allowed:
        document["allowed"] = list(problem.allowed)
    if problem.near:
        document["didYouMean"] = problem.near
    return document


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
