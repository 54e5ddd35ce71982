"""`rollout report`: what happened in a rollout, and why, as a page or as text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from rollout_cli.controller import Controller, friendly_errors, with_controller
from rollout_cli.exits import fail
from rollout_cli.screen import say


@with_controller
def report(
    rollout: Annotated[str, typer.Argument(help="The rollout's id.")],
    html: Annotated[Path | None, typer.Option(help="Write the report as an HTML page to this file.")] = None,
    *,
    controller: Controller,
    as_json: bool,
) -> None:
    """Print what happened in a rollout, and why; with --html write it as a page with charts."""
    from rollout_cli.report_view import report_lines  # noqa: PLC0415
    from rollout_cli.rollout_snapshot import look  # noqa: PLC0415 - only what is asked for is imported

    with friendly_errors():
        seen = look(controller.store, rollout)
    if seen is None:
        fail(f"there is no rollout {rollout}; `rollout list` shows the latest")
    if html is not None:
        write_page(html, seen.page())
    if as_json:
        typer.echo(json.dumps(seen.to_document(), indent=2))
    elif html is not None:
        typer.echo(f"wrote {html}")
    else:
        for line in report_lines(seen):
            say(line)


def write_page(path: Path, page: str) -> None:
    """Write the page to this file. Exits with 2 if it cannot be written."""
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        fail(f"{path}: {error.strerror or error}")
