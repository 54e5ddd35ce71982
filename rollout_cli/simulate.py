"""`rollout simulate`: a whole rollout on this machine, in seconds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from rollout_cli.completion import scenarios
from rollout_cli.exits import exit_code


def simulate(
    scenario: Annotated[
        str,
        typer.Argument(
            help="A scenario file, or the name of one that comes with the product.", autocompletion=scenarios
        ),
    ] = "healthy",
    seed: Annotated[int | None, typer.Option(help="Another draw of the same traffic.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write a page about what happened to this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Run a rollout against an embedded AWS: the real workflow, the real functions, the real template.

    Exit code: 0 promoted, 3 rolled back, 4 held, 5 stopped or failed, 2 rejected or bad usage.
    """
    # The embedded AWS takes a second to import; nothing else of the command should wait for it.
    from rollout_cli.scenarios import chosen_scenario  # noqa: PLC0415
    from rollout_cli.simulation_view import view_for  # noqa: PLC0415
    from rollout_simulator.simulation import simulate as run  # noqa: PLC0415

    loaded = chosen_scenario(scenario)
    if as_json:
        result = run(loaded, seed)
        typer.echo(json.dumps(result.to_document(), indent=2))
    else:
        with view_for(Console(), loaded) as view:
            result = run(loaded, seed, view.look)
            view.result(result)
    if report is not None:
        from rollout_cli.report import write_page  # noqa: PLC0415
        from rollout_cli.rollout_snapshot import RolloutSnapshot  # noqa: PLC0415

        history = [line.entry for line in result.timeline]
        write_page(
            report, RolloutSnapshot(result.ended_at, result.rollout, history, result.rejection, result.undo).page()
        )
        if not as_json:
            typer.echo(f"wrote {report}")
    raise typer.Exit(exit_code(result.outcome))
