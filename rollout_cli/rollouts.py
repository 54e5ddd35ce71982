"""`rollout start`, `status`, `list`: beginning a rollout and seeing how it stands."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rollout.core.texts import cleaned, one_line
from rollout_cli.controller import Controller, friendly_errors, with_controller
from rollout_cli.documents import read_json
from rollout_cli.exits import exit_code, fail
from rollout_cli.screen import say

SECONDS_BETWEEN_LOOKS = 5.0
LINES_OF_A_STATUS = 3
"""Of the history: the last analysis, what carried its decision out, and the end."""
Json = dict[str, Any]


@with_controller
def start(
    request: Annotated[str, typer.Argument(help="The request, a JSON file; - is standard input.")],
    name: Annotated[
        str | None, typer.Option(help="The rollout's id; made of the target and the time if left out.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it has ended or is held; exit accordingly.")] = False,
    *,
    controller: Controller,
    as_json: bool,
) -> None:
    """Start a rollout. With --wait: exit 0 promoted, 3 rolled back, 4 held, 5 stopped or failed, 2 rejected."""
    from rollout.errors import InvalidRequest  # noqa: PLC0415
    from rollout.request import parse_request  # noqa: PLC0415

    document = read_json(request)
    try:
        parse_request(document)
    except InvalidRequest as error:
        fail(f"{request}: {error}")
    with friendly_errors():
        rollout_id = name or _name(document)
        controller.start(rollout_id, document)
        if not wait:
            typer.echo(json.dumps({"rolloutId": rollout_id}) if as_json else f"started {rollout_id}")
            return
        if not as_json:
            typer.echo(f"started {rollout_id}; waiting")
        summary = _waited(controller, rollout_id, tell=not as_json)
    show(summary, as_json=as_json)
    raise typer.Exit(exit_code(summary["state"]))


@with_controller
def status(
    rollout: Annotated[str, typer.Argument(help="The rollout's id.")],
    *,
    controller: Controller,
    as_json: bool,
) -> None:
    """Show the state of a rollout, the reason, the metrics, and the commands that are possible now."""
    from rollout_cli.report_view import metric_lines  # noqa: PLC0415
    from rollout_cli.rollout_snapshot import look  # noqa: PLC0415

    with friendly_errors():
        summary = summary_of(controller, rollout)
        seen = None if as_json else look(controller.store, rollout, newest=LINES_OF_A_STATUS)
    if summary is None:
        fail(f"there is no rollout {rollout}; `rollout list` shows the latest")
    show(summary, as_json=as_json)
    view = seen.view() if seen else None
    for line in metric_lines([metric for metric in view.metrics if metric.canary]) if view else ():
        say(line)
    for hint in view.hints if view else ():
        say(f"{hint.typed(rollout)}   # {hint.does}")


@with_controller
def list_rollouts(
    count: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 20,
    *,
    controller: Controller,
    as_json: bool,
) -> None:
    """List the latest rollouts, running and ended."""
    with friendly_errors():
        rollouts = list(controller.store.recent(count))
    if as_json:
        typer.echo(json.dumps(rollouts, indent=2))
        return
    rows = [
        cleaned((each["rolloutId"], each["target"] or "–", each["state"], each["startedAt"][:19].replace("T", " ")))
        for each in rollouts
    ]
    if not rows:
        typer.echo("no rollouts yet")
        return
    console = Console(highlight=False)
    if not console.is_terminal:  # for a program: whole lines, no heading
        for row in rows:
            typer.echo("\t".join(row))
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("rollout", "target", "state", "started"):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)


def summary_of(controller: Controller, rollout_id: str) -> Json | None:
    """The state of the rollout, as `rollout status --json` prints it; None when there is none of this id."""
    from rollout.cockpit.view import remarks_of, warnings_of  # noqa: PLC0415
    from rollout.tasks.undo import undo_of  # noqa: PLC0415

    rollout = controller.store.load(rollout_id)
    if rollout is None:
        rejected: Json | None = controller.store.rejection(rollout_id)
        if rejected is None:
            return None
        names = ("rolloutId", "state", "reason", "target", "startedAt")
        return {name: rejected.get(name) for name in names}
    undo = undo_of(controller.store, rollout)
    return {
        "rolloutId": rollout.rollout_id,
        "state": rollout.state,
        "undoneBy": undo.rollout_id if undo is not None and undo.done else None,
        "remarks": list(remarks_of(rollout, undo)),
        "reason": rollout.told_reason,
        "warnings": list(warnings_of(rollout)),
        "why": rollout.why.to_document() if rollout.why else None,
        "target": rollout.settings.target.to_document(),
        "step": rollout.step,
        "steps": len(rollout.settings.plan),
        "weightPercent": float(rollout.weight_percent),
        "startedAt": rollout.started_at.isoformat(),
        "endedAt": rollout.ended_at.isoformat() if rollout.ended_at else None,
        "execution": rollout.execution,
    }


def _waited(controller: Controller, rollout_id: str, *, tell: bool) -> Json:
    """The summary, once the rollout has ended or is held; a line for each new reason meanwhile, if asked to tell.

    Some CI systems end a job that prints nothing for ten minutes.
    """
    told = ""
    while True:
        summary = summary_of(controller, rollout_id)
        if summary is not None and exit_code_known(summary["state"]):
            return summary
        if tell and summary is not None and summary["reason"] != told:
            told = summary["reason"]
            say(f"{datetime.now(UTC):%H:%M:%S}  {summary['weightPercent']:3g} %  {told}")
        time.sleep(SECONDS_BETWEEN_LOOKS)


def exit_code_known(state: str) -> bool:
    """Whether a rollout in this state is over or waits for a person."""
    return state in ("PROMOTED", "ROLLED_BACK", "HELD", "STOPPED", "FAILED", "REJECTED")


def show(summary: Json, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(summary, indent=2))
        return
    from rollout.core.target import target_named  # noqa: PLC0415

    console = Console(highlight=False, soft_wrap=True)
    undone = summary.get("undoneBy")
    state = f"{summary['state'].replace('_', ' ')}{', and undone since' if undone else ''}"
    console.print(one_line(f"{summary['rolloutId']}: {state}"), style="bold", markup=False)
    if target := target_named(summary["target"]):
        console.print(one_line(f"on {target}"), markup=False)
    if summary.get("steps") and not undone:
        at = f"step {max(0, summary['step']) + 1} of {summary['steps']}, weight {summary['weightPercent']:g} %"
        console.print(at, markup=False)
    for line in (*summary.get("remarks", ()), summary["reason"], *summary.get("warnings", ())):
        console.print(one_line(line), markup=False, soft_wrap=True)  # a broken command could not be pasted


def _name(document: Json) -> str:
    """An id that says what is rolled out and when."""
    target = "-".join(str(value) for key, value in document["target"].items() if key != "type")
    moment = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return f"{re.sub(r'[^A-Za-z0-9_-]+', '-', target)[:50]}-{moment}"
