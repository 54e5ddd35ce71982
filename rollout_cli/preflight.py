"""`rollout preflight`: could this rollout be made now, and what would it be able to prove? Nothing is touched."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from rollout.core.texts import cleaned
from rollout_cli.controller import AsJson, Controller, EndpointUrl, Profile, Region, Stack, friendly_errors
from rollout_cli.documents import read_json
from rollout_cli.exits import Exit, fail
from rollout_cli.preview_view import preview_document, preview_table

Json = dict[str, Any]

STYLES = {"error": "bold red", "warning": "yellow"}


def preflight(
    request: Annotated[str, typer.Argument(help="The request, a JSON file; - is standard input.")],
    stack: Stack = "rollout-pilot",
    region: Region = None,
    profile: Profile = None,
    endpoint_url: EndpointUrl = None,
    as_json: AsJson = False,
) -> None:
    """See whether a request would be accepted now, and what each step of its plan can prove with today's traffic.

    It looks at the target, its API and functions, metrics and alarms, with your own permissions, and says what is
    wrong, why it matters and how to fix it. Exit code: 0 the request would be accepted, 2 it would be refused.
    """
    from rollout.errors import InvalidRequest, Refused, Unfit  # noqa: PLC0415
    from rollout.request import parse_request  # noqa: PLC0415
    from rollout.tasks.survey import survey  # noqa: PLC0415
    from rollout.wiring import Environment, ports_over  # noqa: PLC0415

    document = read_json(request)
    with friendly_errors():
        try:
            asked = parse_request(document)
            controller = Controller(stack, region, profile, endpoint_url)
            environment = Environment(controller.resources["table"], "", 90, controller.resources["stateMachineArn"])
            ports = ports_over(controller.client, environment)
            seen = survey(ports, asked, ports.clock.now())
        except Unfit as error:
            found = [finding.to_document() for finding in error.findings]
            _show(as_json, {"accepted": False, "findings": found}, findings_view(found))
            raise typer.Exit(Exit.USAGE) from error
        except (InvalidRequest, Refused) as error:
            fail(str(error))
    found = [finding.to_document() for finding in seen.warnings]
    target = seen.settings.target
    _show(
        as_json,
        {
            "accepted": True,
            "target": target.to_document(),
            "measured": seen.source_in_words,
            "findings": found,
            "steps": preview_document(seen.preview),
        },
        Text(f"{target.key}: {seen.found}; the request would be accepted; {seen.source_in_words}"),
        preview_table(seen.settings.plan, seen.preview, warnings=False),
        findings_view(found),
    )


def findings_view(findings: Sequence[Json]) -> RenderableType:
    """Each finding: what, and below it why it matters and how to fix it."""
    if not findings:
        return Text("\nNothing speaks against it.", style="green")
    parts: list[RenderableType] = []
    for finding in cleaned(list(findings)):
        severity = finding["severity"]
        head = Text.assemble((f"{severity}: ", STYLES[severity]), finding["what"], (f"  [{finding['code']}]", "dim"))
        parts += [Text(), head, Padding(Text(f"{finding['why']}\nFix: {finding['fix']}."), (0, 0, 0, 2))]
    return Group(*parts)


def _show(as_json: bool, document: Json, *parts: RenderableType) -> None:
    if as_json:
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    console = Console(highlight=False)
    for part in parts:
        console.print(part)
