"""A rollout that waits for a person says who made it wait, why, since when, and how long it will."""

from __future__ import annotations

import re
from datetime import timedelta
from io import StringIO

import pytest
from rich.console import Console

from rollout.cockpit.page import report
from rollout.cockpit.view import RolloutView, view_of
from rollout.cockpit.widget import Widget
from rollout.core.signals import SignalKind
from rollout_cli.report_view import report_lines
from rollout_cli.rollout_snapshot import RolloutSnapshot
from rollout_cli.watch_view import LONGEST_REMARK, picture
from tests.cockpit.lived import HOSTILE
from tests.cockpit.test_report import Outline
from tests.functions.world import ROLLOUT, World


def paused(reason: str = "looking at the logs") -> World:
    world = World().baking(pauseMinutes=60)
    world.signal(SignalKind.PAUSE, source="alice", reason=reason)
    world.call("analyze")
    world.analyzed(minutes=7)
    return world


def seen(world: World) -> RolloutSnapshot:
    return RolloutSnapshot(world.now, world.rollout, world.fakes.store.history(ROLLOUT), None)


def view(world: World) -> RolloutView:
    return view_of(world.rollout, world.fakes.store.history(ROLLOUT), world.now)


def drawn(shown: RolloutView, height: int | None = None) -> str:
    screen = StringIO()
    Console(file=screen, width=80, color_system=None).print(picture(shown, height))
    return screen.getvalue()


def test_a_paused_rollout_names_who_paused_it_and_why_although_the_judge_has_spoken_since() -> None:
    world = paused()
    since = world.rollout.phase_since
    assert "alice" not in world.rollout.reason
    assert (
        "Paused by alice: looking at the logs",
        f"since {since:%Y-%m-%d %H:%M} UTC; no answer by {since + timedelta(hours=1):%Y-%m-%d %H:%M} UTC rolls it back",
    ) == view(world).remarks


@pytest.mark.parametrize("said", [f"since {World().now:%Y-%m-%d %H:%M} UTC", "Paused by alice: looking at the logs"])
def test_every_screen_says_so(said: str) -> None:
    shown = seen(paused())
    found = shown.view()
    assert found
    texts = {
        "watch": drawn(found),
        "watch on a small screen": drawn(found, height=23),
        "report": "\n".join(report_lines(shown)),
        "page": Outline(report(found)).text,
        "widget": Widget("arn").overview([found], []),
    }
    assert [] == [name for name, text in texts.items() if said not in text]


def test_a_rollout_that_is_held_says_since_when_and_until_when() -> None:
    world = World().baking()
    world.silence()
    world.analyzed(minutes=30)
    assert "HELD" == world.rollout.state
    (when,) = view(world).remarks
    assert when.startswith(f"since {world.now:%Y-%m-%d %H:%M} UTC; no answer by ")


def test_a_rollout_that_is_held_for_an_alarm_names_it_although_the_judge_has_spoken_since() -> None:
    world = World().baking(onRegression="hold", alarms=["orders-5xx"])
    world.signal(SignalKind.ALARM, source="orders-5xx", reason="6 errors")
    world.call("analyze")
    world.fakes.alarms.put("orders-5xx", "OK", world.now)
    world.analyzed(minutes=7)
    assert "alarm" not in world.rollout.reason
    assert "Held: alarm orders-5xx is firing: 6 errors" == view(world).remarks[0]


def test_who_paused_it_is_forgotten_once_it_goes_on() -> None:
    world = paused()
    world.signal(SignalKind.RESUME, source="bob")
    world.call("analyze")
    assert ("BAKING", ()) == (world.rollout.state, view(world).remarks)
    world.silence()
    world.analyzed(minutes=60)
    assert "HELD" == world.rollout.state
    assert 1 == len(view(world).remarks)


def test_a_paused_rollout_that_is_being_rolled_back_waits_for_nobody() -> None:
    world = paused()
    world.signal(SignalKind.ABORT)
    world.call("analyze")
    assert () == view(world).remarks


def test_a_long_reason_leaves_room_for_the_commands() -> None:
    text = drawn(view(paused(reason="because " * 100)), height=23)
    assert max(map(len, text.splitlines())) <= 80
    assert len(text.splitlines()) <= 24 + LONGEST_REMARK // 80
    assert "rollout abort" in text


def test_a_hostile_reason_is_text() -> None:
    page = report(view(paused(reason=HOSTILE)))
    assert "<img" not in page
    assert f"Paused by alice: {HOSTILE}" in re.sub(r"\s+", " ", Outline(page).text)
