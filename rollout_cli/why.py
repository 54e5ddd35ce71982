"""`rollout why`: why a candidate failed, by its logs."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from rollout_cli.controller import Controller, friendly_errors, with_controller
from rollout_cli.exits import fail
from rollout_cli.screen import say


@with_controller
def why(
    rollout: Annotated[str, typer.Argument(help="The rollout's id.")],
    *,
    controller: Controller,
    as_json: bool,
) -> None:
    """Show why a candidate failed: its failures by route, status and message, and what the base has of the same.

    Of a rollout that was rolled back this is what its controller has read. Of any other, or where that could read
    nothing, the logs are read now, with your own permissions, and nothing is stored.
    """
    from rollout.core.texts import one_line  # noqa: PLC0415 - only what is asked for is imported

    with friendly_errors():
        found = controller.store.load(rollout)
        if found is None:
            fail(f"there is no rollout {rollout} that has begun; `rollout list` shows the latest")
        stored = found.why
        reason = stored if stored is not None and stored.since else _read_now(controller, found)
    if as_json:
        typer.echo(json.dumps({"rolloutId": rollout, "state": found.state, **reason.to_document()}, indent=2))
        return
    lines = list(reason.lines())
    for line in lines:
        say(one_line(line))


def _read_now(controller: Controller, rollout: Any) -> Any:
    """What the logs say at this moment."""
    from dataclasses import replace  # noqa: PLC0415

    from rollout.tasks.explain import why as explanation  # noqa: PLC0415
    from rollout.wiring import ports_over  # noqa: PLC0415

    environment = replace(controller.environment, log_groups="*")
    return explanation(ports_over(controller.client, environment), rollout)
