"""`rollout abort`, `pause`, `resume`, `approve`, `advance`, `promote`, `rollback`: the commands to a rollout."""

from __future__ import annotations

import getpass
import json
from typing import Annotated

import typer

from rollout.core.commands import ROLLBACK, purpose
from rollout_cli.controller import Controller, friendly_errors, with_controller
from rollout_cli.exits import Exit, fail
from rollout_cli.screen import say

COMMANDS = ("abort", "pause", "resume", "approve", "advance", "promote", ROLLBACK)


def register(app: typer.Typer) -> None:
    """Add a command for each verb."""
    for verb in COMMANDS:
        does = purpose(verb)
        app.command(name=verb, help=f"{does[0].upper()}{does[1:]}.")(_command(verb))


def _command(verb: str):  # type: ignore[no-untyped-def]
    @with_controller
    def give(
        rollout: Annotated[str, typer.Argument(help="The rollout's id.")],
        reason: Annotated[str, typer.Option(help="Why; kept in the rollout's history.")] = "",
        step: Annotated[
            int | None, typer.Option(help="The step this is meant for, from 1; refused if it is another by now.")
        ] = None,
        *,
        controller: Controller,
        as_json: bool,
    ) -> None:
        if verb == "approve" and step is None:
            fail("approve: name the step you approve with --step; `rollout status` shows the present one")
        document = {"rolloutId": rollout, "command": verb, "actor": getpass.getuser(), "reason": reason}
        if step is not None:
            document["expectedStep"] = step - 1  # type: ignore[assignment]
        with friendly_errors():
            answer = controller.command(document)
        if as_json:
            typer.echo(json.dumps(answer))
        elif answer["accepted"]:
            say(answer["message"])
        else:
            fail(answer["message"])
        raise typer.Exit(0 if answer["accepted"] else Exit.USAGE)

    return give
