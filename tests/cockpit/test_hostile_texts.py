"""Texts from outside on every screen: they move no cursor, hide nothing, call nobody and run nothing."""

from __future__ import annotations

import inspect
import re
import unicodedata
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from io import StringIO
from types import SimpleNamespace
from unittest.mock import patch

import pytest
import typer
from rich.console import Console

from rollout.cockpit.widget import Widget
from rollout.core.notification import notification
from rollout.core.signals import SignalKind
from rollout.core.target import Json
from rollout.core.texts import one_line
from rollout_cli import commands, rollouts, watch
from rollout_cli.report_view import report_lines
from rollout_cli.rollout_snapshot import RolloutSnapshot
from rollout_cli.rollouts import show
from tests.cockpit.screens import PLACE, SCREENS, command, messages, snapshot, widget
from tests.cockpit.test_report import Outline
from tests.core.test_notification import sample
from tests.functions.world import World
from tests.hostile import HOSTILE
from tests.rollouts import NOON

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
"""The only control sequences that a terminal is sent; `rollout watch` makes them itself."""
HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def acting(shown: str) -> set[str]:
    """The characters that would act or hide, but for line breaks and colours."""
    return {letter for letter in COLOURS.sub("", shown) if unicodedata.category(letter) in HIDDEN} - {"\n"}


@cache
def stored(text: str) -> World:
    """A rollout in whose record an older version has stored this text as it came, as actor, reason and alarm."""
    world = World().baking()
    world.signal(SignalKind.PAUSE, source=text, reason=text)
    world.analyzed(minutes=1)
    world.signal(SignalKind.ALARM, source=text, reason=text)
    world.analyzed(minutes=1)
    world.roll_back()
    return world


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("screen", SCREENS)
def test_a_text_that_is_stored_already_does_nothing_on_any_screen(screen: str, text: str) -> None:
    shown = SCREENS[screen](stored(text))
    assert set() == acting(shown)
    if screen not in ("watch", "chat"):  # these cut and replace
        assert one_line(text) in shown


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_line_of_a_log_is_made_by_a_text(text: str) -> None:
    for name in ("report", "watch in a pipe, simulate", "status", "local"):
        assert not [line for line in SCREENS[name](stored(text)).split("\n") if line.startswith("PROMOTED")]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_chat_calls_nobody_and_has_no_link(text: str) -> None:
    for message in messages(stored(text)):
        content = message.chat["content"]
        for part in (content["title"], content["description"], message.chat["metadata"]["summary"]):
            assert not re.search(r"[<>@]|://|\]\(", part)
        assert not [step for step in content["nextSteps"] if step.count("`") != 2]


@pytest.mark.parametrize("name", ["<!channel>", "@here", "https://evil.example", "[x](https://evil.example)"])
def test_a_target_of_a_refused_request_calls_nobody_in_a_title(name: str) -> None:
    event = {**sample("REJECTED"), "target": {"type": "apigateway-stage", "restApiId": name}, "reason": name}
    chat = notification(event, PLACE).chat  # type: ignore[arg-type]
    for part in (chat["content"]["title"], chat["content"]["description"], *chat["metadata"]["relatedResources"][:1]):
        assert not re.search(r"[<>@\[\]]|://", part)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("page", [lambda world: snapshot(world).page(), widget], ids=["report", "widget"])
def test_a_page_gets_no_element_from_a_text(page: object, text: str) -> None:
    before, after = (Outline(page(stored(each))) for each in ("x", text))  # type: ignore[operator]
    assert before.names == after.names
    assert not [key for _, attributes in after.elements for key in attributes if key.startswith("on")]


# --- requests that were refused -------------------------------------------------------------------------------------


def rejection(text: str) -> Json:
    """The record of a refused request with this text wherever the request could put it."""
    return {
        "rolloutId": "r-1",
        "state": "REJECTED",
        "reason": text,
        "target": {"type": text, "restApiId": text},
        "startedAt": NOON.isoformat(),
        "request": {text: text},
    }


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_refused_request_does_nothing_on_any_screen(text: str) -> None:
    refused = RolloutSnapshot(NOON, None, (), rejection(text))
    screen = StringIO()
    with redirect_stdout(screen):
        show(rejection(text), as_json=False)
        with patch.object(watch, "_looks", lambda *_, **__: iter([refused])):
            watch._printed(None, "r-1", 0, as_json=False)
            watch._drawn(Console(file=screen), None, "r-1", 0)
    pages = [refused.page(), Widget("arn").refused(rejection(text))]
    for shown in (screen.getvalue(), *report_lines(refused), *pages):
        assert set() == acting(shown)
    for page in pages:
        assert {"script", "img"}.isdisjoint(Outline(page).names)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_list_has_a_line_for_each_rollout_and_nothing_else(text: str) -> None:
    row = {"rolloutId": "r-1", "target": text, "state": "REJECTED", "startedAt": NOON.isoformat()}
    store = SimpleNamespace(recent=lambda _: [row])
    screen = StringIO()
    with redirect_stdout(screen):
        inspect.unwrap(rollouts.list_rollouts)(controller=SimpleNamespace(store=store), as_json=False)
    assert set() == acting(screen.getvalue().replace("\t", ""))
    assert 1 == screen.getvalue().count("\n")


@pytest.mark.parametrize("accepted", [True, False])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_the_answer_to_a_command_does_nothing(text: str, accepted: bool) -> None:
    answer = {"accepted": accepted, "message": f"the rollout is ending already: {text}"}
    controller = SimpleNamespace(command=lambda _: answer)
    screen = StringIO()
    with redirect_stdout(screen), redirect_stderr(screen), pytest.raises(typer.Exit):
        inspect.unwrap(commands._command("abort"))("r-1", "because", controller=controller, as_json=False)
    assert set() == acting(screen.getvalue())
    assert "the rollout is ending already: " in screen.getvalue()


# --- at the door ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_command_is_recorded_with_texts_that_hide_nothing(text: str) -> None:
    world = World().baking()
    assert command(world, "abort", text, reason=text)["accepted"]
    (signal,) = world.rollout.signals
    assert set() == acting(signal.source) | acting(signal.reason)
    assert "\n" not in signal.source + signal.reason


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"actor": "a" * 129}, "actor: must be a text of at most 128 characters, got 129"),
        ({"actor": "é" * 129}, "actor: must be a text of at most 128 characters, got 129"),
        ({"actor": "😀" * 65}, "actor: must be a text of at most 256 bytes in UTF-8, got 260"),
        ({"actor": "ann", "reason": "r" * 1_025}, "reason: must be a text of at most 1024 characters, got 1025"),
        ({"actor": "ann", "reason": "漢" * 1_000}, "reason: must be a text of at most 2048 bytes in UTF-8, got 3000"),
        ({"actor": 7}, "actor: must be a text of at most 128 characters"),
        ({"actor": "ann", "expectedStep": 10**400}, "expectedStep: must be a whole number from 0 to 1000"),
        ({"actor": "ann", "expectedStep": -(10**5_000)}, "expectedStep: must be a whole number from 0 to 1000"),
    ],
)
def test_a_refused_command_says_which_field_and_why(fields: Json, why: str) -> None:
    world = World().baking()
    answer = command(world, "abort", **fields)
    assert (False, why) == (answer["accepted"], answer["message"])
    assert () == world.rollout.signals


def test_a_refusal_repeats_little_of_what_it_refuses() -> None:
    world = World().baking()
    for document in ({"w" * 100_000: 1}, {"rolloutId": "r" * 100_000}):
        assert len(command(world, "abort", "ann", **document)["message"]) < 250
    assert len(command(world, "v" * 100_000, "ann")["message"]) < 250


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_an_alarm_with_such_a_reason_rolls_back_and_is_recorded_visibly(text: str) -> None:
    world = World().baking(alarms=["orders-5xx"])
    world.fakes.clock.pass_time(minutes=1)
    assert {"signalled": ["r-1"]} == world.alarm_event(reason=text * 500)
    (signal,) = world.rollout.signals
    assert set() == acting(signal.reason)
    assert len(signal.reason.encode()) <= 2_048
    assert "ROLL_BACK" == world.call("analyze")["decision"]
