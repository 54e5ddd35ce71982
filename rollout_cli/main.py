"""The `rollout` command, put together."""

from __future__ import annotations

import gc
from importlib.metadata import version
from typing import Annotated

import typer

from rollout_cli import commands
from rollout_cli.exits import Exit
from rollout_cli.handback import handback
from rollout_cli.judge import judge
from rollout_cli.local import local
from rollout_cli.preflight import preflight
from rollout_cli.probe import probe
from rollout_cli.report import report
from rollout_cli.rollouts import list_rollouts, start, status
from rollout_cli.schema import schema
from rollout_cli.simulate import simulate
from rollout_cli.uninstall import uninstall_check
from rollout_cli.validate import validate
from rollout_cli.watch import watch
from rollout_cli.why import why

app = typer.Typer(
    name="rollout",
    help="Self-driving canary rollouts for Amazon API Gateway and AWS Lambda.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(simulate)
app.command()(local)
app.command()(judge)
app.command()(validate)
app.command()(preflight)
app.command()(probe)
app.command()(handback)
app.command()(schema)
app.command()(start)
app.command()(status)
app.command()(watch)
app.command()(report)
app.command()(why)
app.command(name="list")(list_rollouts)
app.command(name="uninstall-check")(uninstall_check)
commands.register(app)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"rollout {version('rollout-pilot')}")
        raise typer.Exit


@app.callback()
def main_options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Self-driving canary rollouts for Amazon API Gateway and AWS Lambda."""


def main() -> None:
    """The console script."""
    try:
        app()
    except SystemExit as ended:
        # Typer and Rich exit with 1 when whoever reads the output has closed the pipe.
        if isinstance(ended.__context__, BrokenPipeError):
            raise SystemExit(Exit.PIPE_CLOSED) from None
        raise
    finally:
        gc.freeze()  # the process ends: looking through all that the embedded AWS has left takes it most of a second
