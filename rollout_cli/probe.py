"""`rollout probe`: what only a real account can tell, asked on a tiny API that is made for it and removed again."""

from __future__ import annotations

import json
import secrets
import time
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, NoReturn
from urllib.request import urlopen

import typer
from rich.console import Console

from rollout_cli.controller import Controller, friendly_errors, with_controller
from rollout_cli.exits import Exit, complain, fail
from rollout_cli.screen import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollout_cli.account_probe.access import Access

SECONDS_FOR_AN_ANSWER = 10.0

INTRODUCTION = """\
This makes, in account {account}, region {region}:
  a REST API {name} with one stage, which answers a single word to whoever calls it (at most 10 requests a second),
  {role}
  a Lambda function {name} with two versions, which nobody invokes.
It changes that stage, sends it some hundreds of requests, and reads their metrics. That takes about 15 minutes, 30
where a canary has no metrics without execution logging, 45 where it has none at all. It costs about one cent (ten at
most, if a stranger found the URL and called it all the time). Then everything is removed, also after Ctrl-C. The
answers are kept in the table of {stack}."""


@with_controller
def probe(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before anything is made.")] = False,
    role: Annotated[
        str | None,
        typer.Option(
            help="The ARN of a role for the function; without it one is made. With it, tags are not asked about."
        ),
    ] = None,
    clean_up: Annotated[
        bool, typer.Option("--clean-up", help="Only remove what probes that were killed have left.")
    ] = False,
    *,
    controller: Controller,
    as_json: bool,
) -> None:
    """Ask this account what AWS documents nowhere and the product has to know, such as the name of a canary's metrics.

    It makes a tiny API and a function under a name of their own, after asking, changes and measures them, and removes
    them. The answers are kept where Prepare reads them; a table shows what differs from what the product believes.
    Exit code: 0 asked and removed, 2 refused or denied, 5 something could not be removed, 130 stopped by Ctrl-C.
    """
    if controller.endpoint_url is not None:
        fail("--endpoint-url: a probe asks AWS itself; of an AWS on this machine there is nothing to find out")
    access = _access(controller)
    with friendly_errors():
        if clean_up:
            _clean_up(access, as_json=as_json)
        else:
            _probe(controller, access, role, yes=yes, as_json=as_json)


def _probe(controller: Controller, access: Access, role: str | None, *, yes: bool, as_json: bool) -> None:
    from rollout_cli.account_probe.removal import PREFIX  # noqa: PLC0415 - the command line starts without it
    from rollout_cli.account_probe.running import NotRemoved  # noqa: PLC0415
    from rollout_cli.account_probe.running import probe as asked  # noqa: PLC0415
    from rollout_cli.account_probe.view import document, full_document, table  # noqa: PLC0415

    store, identity = controller.store, access.client("sts").get_caller_identity()
    store.account()  # whoever may not read it is told before anything is made
    name = PREFIX + secrets.token_hex(4)
    if not yes:
        made = f"a role {name}," if role is None else f"(uses the role {role})"
        region = access.client("apigateway").meta.region_name
        place = {"account": identity["Account"], "region": region, "name": name, "stack": controller.stack}
        typer.echo(INTRODUCTION.format(role=made, **place), err=True)
        if not typer.confirm("Make it?", default=False, err=True):
            fail("nothing was made")
    try:
        answers, left = asked(access, name, role, lambda line: typer.echo(line, err=True))
    except KeyboardInterrupt:
        complain("stopped; what was made is removed")
        raise typer.Exit(Exit.INTERRUPTED) from None
    except NotRemoved as error:
        _tell_left(error.left)
    now = access.now()
    if as_json:
        typer.echo(json.dumps(full_document(answers, name, now), indent=2, ensure_ascii=False))
    else:
        Console(highlight=False).print(table(answers))
    store.keep_account(document(answers, name, now))  # after that: what was found is seen even if it may not be kept
    if left:
        _tell_left(left)


def _clean_up(access: Access, *, as_json: bool) -> None:
    from rollout_cli.account_probe.removal import names_left, remove  # noqa: PLC0415

    names = names_left(access)
    left = [problem for name in names for problem in remove(access, name)]
    if as_json:
        typer.echo(json.dumps({"found": names, "left": left}, indent=2))
    else:
        for name in names:
            say(f"removed {name}")
        if not names:
            say("no probe has left anything")
    if left:
        _tell_left(left)


def _tell_left(left: Sequence[str]) -> NoReturn:
    for problem in left:
        complain(f"not removed: {problem}")
    complain("remove it with: rollout probe --clean-up")
    raise typer.Exit(Exit.STOPPED)


def _access(controller: Controller) -> Access:
    from rollout_cli.account_probe.access import Access  # noqa: PLC0415

    return Access(
        client=cache(controller.client),
        client_of_role=controller.client_of_role,
        now=lambda: datetime.now(UTC),
        sleep=lambda seconds: time.sleep(seconds),  # noqa: PLW0108 - looked up when it is called
        invoke=answer_of,
    )


def answer_of(url: str) -> str:
    """The body of what a GET of this HTTPS URL answers.

    Raises: OSError.
    """
    with urlopen(url, timeout=SECONDS_FOR_AN_ANSWER) as answer:
        body: bytes = answer.read(100)
    return body.decode(errors="replace")
