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
from rollout_cli.controller import Controller, friendly_errors, with_controller
from rollout_cli.documents import read_json
from rollout_cli.exits import Exit, fail
from rollout_cli.preview_view import preview_document, preview_table

Json = dict[str, Any]

STYLES = {"error": "bold red", "warning": "yellow"}


@with_controller
def preflight(
    request: Annotated[str, typer.Argument(help="The request, a JSON file; - is standard input.")],
    *,
    controller: Controller,
    as_json: bool,
) -> None:
    """See whether a request would be accepted now, and what each step of its plan can prove with today's traffic.

    It looks at the target, its API and functions, metrics and alarms, with your own permissions, and says what is
    wrong, why it matters and how to fix it. Exit code: 0 the request would be accepted, 2 it would be refused.
    """
    from rollout.core.preflight.result import preflight as judged  # noqa: PLC0415
    from rollout.errors import InvalidRequest, Refused  # noqa: PLC0415
    from rollout.request import parse_request  # noqa: PLC0415
    from rollout.tasks.observe_target import observe_target  # noqa: PLC0415
    from rollout.wiring import ports_over  # noqa: PLC0415

    document = read_json(request)
    with friendly_errors():
        try:
            asked = parse_request(document)
            environment = controller.environment
            ports = ports_over(controller.client, environment)
            result = judged(asked, observe_target(ports, asked, ports.clock.now()))
        except (InvalidRequest, Refused) as error:
            fail(str(error))
    found = [finding.to_document() for finding in result.findings]
    if result.errors:
        _show(as_json, {"accepted": False, "findings": found}, findings_view(found))
        raise typer.Exit(Exit.USAGE)
    prospect = result.prospect
    settings, target = prospect.settings, prospect.settings.target
    _show(
        as_json,
        {
            "accepted": True,
            "target": target.to_document(),
            "measured": prospect.source_in_words,
            "findings": found,
            "course": prospect.course,
            "steps": preview_document(prospect.preview),
        },
        Text(f"{target.key}: {prospect.state}; the request would be accepted; {prospect.source_in_words}"),
        Text(prospect.course),
        preview_table(settings.plan, prospect.preview, warnings=False),
        findings_view(found),
    )


def findings_view(findings: Sequence[Json]) -> RenderableType:
    """Each finding: what, below it why it matters and how to fix it, and below that the command for it."""
    if not findings:
        return Text("\nNothing speaks against it.", style="green")
    parts: list[RenderableType] = []
    for finding in cleaned(list(findings)):
        severity = finding["severity"]
        head = Text.assemble((f"{severity}: ", STYLES[severity]), finding["what"], (f"  [{finding['code']}]", "dim"))
        command = finding.get("command", "")
        fix = finding["fix"].removesuffix(command).rstrip()
        end = "" if command else "."
        parts += [Text(), head, Padding(Text(f"{finding['why']}\nFix: {fix}{end}"), (0, 0, 0, 2))]
        if command:  # in one line, however long: a shell would take a broken one for two
            parts.append(Text(command, no_wrap=True, overflow="ignore"))
    return Group(*parts)


def _show(as_json: bool, document: Json, *parts: RenderableType) -> None:
    if as_json:
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    console = Console(highlight=False)
    for part in parts:
        console.print(part, crop=False)
