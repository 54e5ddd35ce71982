"""The `rollout` command, put together."""

from __future__ import annotations

import gc

import typer

from rollout_cli import commands
from rollout_cli.handback import handback
from rollout_cli.judge import judge
from rollout_cli.local import local
from rollout_cli.preflight import preflight
from rollout_cli.report import report
from rollout_cli.rollouts import list_rollouts, start, status
from rollout_cli.schema import schema
from rollout_cli.simulate import simulate
from rollout_cli.validate import validate
from rollout_cli.watch import watch

app = typer.Typer(
    name="rollout",
    help="Self-driving canary rollouts for Amazon API Gateway and AWS Lambda.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(simulate)
app.command()(local)
app.command()(judge)
app.command()(validate)
app.command()(preflight)
app.command()(handback)
app.command()(schema)
app.command()(start)
app.command()(status)
app.command()(watch)
app.command()(report)
app.command(name="list")(list_rollouts)
commands.register(app)


@app.callback()
def main_options() -> None:
    """Self-driving canary rollouts for Amazon API Gateway and AWS Lambda."""


def main() -> None:
    """The console script."""
    try:
        app()
    finally:
        gc.freeze()  # the process ends: looking through all that the embedded AWS has left takes it most of a second
