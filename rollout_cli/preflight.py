"""`rollout preflight`: could this rollout be made now, and what would it be able to prove? Nothing is touched."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console

from rollout_cli.controller import AsJson, Controller, EndpointUrl, Profile, Region, Stack, friendly_errors
from rollout_cli.documents import read_json
from rollout_cli.exits import give_up
from rollout_cli.preview_view import preview_document, preview_table


def preflight(
    request: Annotated[str, typer.Argument(help="The request, a JSON file; - is standard input.")],
    stack: Stack = "rollout-pilot",
    region: Region = None,
    profile: Profile = None,
    endpoint_url: EndpointUrl = None,
    as_json: AsJson = False,
) -> None:
    """See whether a request would be accepted now, and what each step of its plan can prove with today's traffic."""
    from rollout.errors import InvalidRequest, Refused, TargetMissing  # noqa: PLC0415
    from rollout.request import parse_request  # noqa: PLC0415
    from rollout.tasks.survey import survey  # noqa: PLC0415
    from rollout.wiring import Environment, ports_over  # noqa: PLC0415

    document = read_json(request)
    with friendly_errors():
        try:
            asked = parse_request(document)
            controller = Controller(stack, region, profile, endpoint_url)
            environment = Environment(controller.places["table"], "", 90, controller.places["stateMachineArn"])
            ports = ports_over(controller.client, environment)
            seen = survey(ports, asked, ports.clock.now())
            holder = ports.store.holder(seen.settings.target)
        except (InvalidRequest, Refused, TargetMissing) as error:
            give_up(str(error))
    if holder is not None:
        give_up(f"{seen.settings.target.key} is held by rollout {holder}")
    steps = seen.preview()
    if as_json:
        typer.echo(
            json.dumps({"target": seen.settings.target.to_document(), "steps": preview_document(steps)}, indent=2)
        )
        return
    console = Console(highlight=False)
    console.print(f"{seen.settings.target.key}: {seen.found}; the request would be accepted", markup=False)
    console.print(preview_table(seen.settings.plan, steps))
