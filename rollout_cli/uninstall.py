"""`rollout uninstall-check`: what would be left behind if the controller's stack were deleted now."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import typer

from rollout_cli.controller import Controller, friendly_errors, with_controller
from rollout_cli.exits import Exit
from rollout_cli.screen import say

if TYPE_CHECKING:
    from rollout.core.target import Target
    from rollout.ports import Ports

Json = dict[str, Any]

RUNNING, UNFINISHED, SERVING, UNKNOWN = "running execution", "unfinished rollout", "serving canary", "not known"


@dataclass(frozen=True, slots=True)
class Leftover:
    """One thing that a deletion would leave behind. what: its kind; name: of what; fix: how to be rid of it first."""

    what: str
    name: str
    detail: str
    fix: str


@with_controller
def uninstall_check(*, controller: Controller, as_json: bool) -> None:
    """See whether the controller's stack can be deleted without leaving a canary behind. Nothing is touched.

    It lists running executions, rollouts that hold a target or have not told their end, and canaries and alias weights
    that serve on any target that was ever rolled out. Exit code: 0 the stack can be deleted, 5 it cannot yet.
    """
    from rollout.wiring import ports_over  # noqa: PLC0415 - the command line starts without it

    with friendly_errors():
        found = list(leftovers(controller, ports_over(controller.client, controller.environment)))
    if as_json:
        typer.echo(json.dumps({"safe": not found, "leftovers": [asdict(each) for each in found]}, indent=2))
    else:
        for each in found:
            say(f"{each.what}: {each.name}: {each.detail}")
            say(f"  {each.fix}")
        stack = controller.stack
        verdict = (
            f"{stack} cannot be deleted yet"
            if found
            else f"{stack} can be deleted: nothing runs, no target is held, no canary serves"
        )
        say(verdict)
    raise typer.Exit(Exit.STOPPED if found else Exit.PROMOTED)


def leftovers(controller: Controller, ports: Ports) -> Iterator[Leftover]:
    """All of them. Raises: what the ports and clients raise."""
    for name in _running(controller):
        yield Leftover(
            RUNNING,
            name,
            "it would die at its next transition if the stack were deleted now",
            f"rollout abort {name}, and wait for its end",
        )
    for rollout_id in dict.fromkeys(ports.store.unfinished()):
        rollout = ports.store.load(rollout_id)
        state = rollout.state if rollout else "no record"
        held = rollout.settings.target.key if rollout else "its target"
        fix = f"rollout abort {rollout_id}; where nothing runs any more, recovery ends it within five minutes"
        yield Leftover(UNFINISHED, rollout_id, f"{state}, on {held}", fix)
    for target in controller.store.targets():
        yield from _serving(ports, target)


def _running(controller: Controller) -> Iterator[str]:
    machine = controller.resources["stateMachineArn"]
    pages = controller.client("stepfunctions").get_paginator("list_executions")
    for page in pages.paginate(stateMachineArn=machine, statusFilter="RUNNING"):
        yield from (str(each["name"]) for each in page["executions"])


def _serving(ports: Ports, target: Target) -> Iterator[Leftover]:
    """The target's canary, whoever made it: after the deletion nobody removes it."""
    from rollout.errors import NotAllowed, TargetMissing  # noqa: PLC0415

    shifter = ports.shifter(target)
    try:
        canary = shifter.read(target).canary
    except TargetMissing:
        return
    except NotAllowed as error:
        yield Leftover(UNKNOWN, target.key, str(error), "run this with the permission to read it, or look by hand")
        return
    if canary is not None:
        yield Leftover(SERVING, target.key, f"it has {canary}", shifter.removal_command(target))
