"""Every screen of one rollout that was lived through over the fakes, each as the text that a person gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from html import unescape
from io import StringIO
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from rich.console import Console

import on_command
from rollout.cockpit.widget import Widget
from rollout.core.notification import Notification, Place, notification
from rollout.core.target import Json
from rollout_cli.local_view import state_line
from rollout_cli.report_view import history_lines, report_lines
from rollout_cli.rollout_snapshot import RolloutSnapshot
from rollout_cli.rollouts import show, summary_of
from rollout_cli.watch_view import picture
from tests.functions.world import World

PLACE = Place("rollout-pilot", "eu-central-1")


def command(world: World, verb: str, actor: str, **fields: Any) -> Json:
    """The controller's answer to this actor's command."""
    document = {"rolloutId": world.rollout_id, "command": verb, "actor": actor, **fields}
    with patch("on_command.ports", lambda: world.fakes.ports):
        return on_command.handler(document, SimpleNamespace(function_name="on_command"))  # type: ignore[arg-type]


def decided(world: World, verb: str, actor: str, **fields: Any) -> str:
    """The decision of the next analysis after this actor's command was accepted."""
    answer = command(world, verb, actor, **fields)
    assert answer["accepted"], answer
    return str(world.analyzed(minutes=1)["decision"])


def snapshot(world: World) -> RolloutSnapshot:
    """The rollout as the commands of the command line read it."""
    return RolloutSnapshot(world.now, world.rollout, world.fakes.store.history(world.rollout_id), None)


def terminal(world: World, width: int = 200) -> str:
    """`rollout watch` in a terminal of many columns, as the bytes that reach it."""
    view = snapshot(world).view()
    assert view
    screen = StringIO()
    Console(file=screen, width=width, force_terminal=True, highlight=False).print(picture(view))
    return screen.getvalue()


def status(world: World) -> str:
    """`rollout status`."""
    summary = summary_of(SimpleNamespace(store=world.fakes.store), world.rollout_id)  # type: ignore[arg-type]
    assert summary
    screen = StringIO()
    with redirect_stdout(screen):
        show(summary, as_json=False)
    return screen.getvalue()


def widget(world: World) -> str:
    """The dashboard's widget, alone on this rollout."""
    view = snapshot(world).view()
    assert view
    return Widget("arn").one(view)


def events(world: World) -> list[Json]:
    """The events of this rollout, oldest first."""
    unsent = {event["eventId"]: event for event in world.rollout.pending_events}
    return list({**world.fakes.notifier.told, **unsent}.values())


def messages(world: World) -> list[Notification]:
    """The message that each event makes."""
    return [notification(event, PLACE) for event in events(world)]  # type: ignore[arg-type]


def _chat(world: World) -> str:
    parts = []
    for message in messages(world):
        content = message.chat["content"]
        parts += [content["title"], content["description"], *content["nextSteps"], *content["keywords"]]
        parts += [message.chat["metadata"]["summary"], *message.chat["metadata"]["relatedResources"]]
        parts += [message.chat["metadata"]["additionalContext"]["reason"]]
    return "\n".join(parts)


SCREENS: Mapping[str, Callable[[World], str]] = {
    "status": status,
    "watch": terminal,
    "watch in a pipe, simulate": lambda world: "\n".join(history_lines(snapshot(world))),
    "report": lambda world: "\n".join(report_lines(snapshot(world))),
    "report page": lambda world: unescape(snapshot(world).page()),
    "widget": lambda world: unescape(widget(world)),
    "mail": lambda world: "\n".join(f"{message.subject}\n{message.text}" for message in messages(world)),
    "chat": _chat,
    "local": lambda world: "\n".join(map(state_line, events(world))),
}
