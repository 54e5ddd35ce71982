"""Dashboard: the rollouts as CloudWatch shows them, and buttons that are no more believed than any other command."""

from __future__ import annotations

import html
import json
import re
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest

import dashboard
from rollout.core.decision import Phase
from rollout.core.rollout import Outcome
from rollout.core.signals import SignalKind
from rollout.core.target import Json
from rollout.errors import Unavailable
from tests.functions.world import ROLLOUT, World
from tests.workflow.world import sample

ARN = "arn:aws:lambda:eu-central-1:123456789012:function:customWidget-rollout-pilot"
HOSTILE = '"><img src=x onerror=alert(1)>'


def shown(world: World, *, buttons: bool = True, **event: Any) -> str:
    """What CloudWatch is answered with."""
    with patch("dashboard.ports", lambda: world.fakes.ports), patch("dashboard.buttons", lambda: buttons):
        given = {**sample("dashboard"), **event}
        return dashboard.handler(given, SimpleNamespace(invoked_function_arn=ARN))  # type: ignore[arg-type]


def pressed(world: World, command: Any, reason: object = "", name: object = "", **options: Any) -> str:
    """What it is answered with when a button was pressed."""
    around = {
        **sample("dashboard")["widgetContext"],
        "forms": {"all": {f"reason-{ROLLOUT}": reason, f"name-{ROLLOUT}": name}},
    }
    return shown(world, command=command, widgetContext=around, **options)


def actions(page: str) -> list[tuple[Json, Json]]:
    """The attributes and the payload of every action."""
    found = re.findall(r"<cwdb-action ([^>]*)>(.*?)</cwdb-action>", page)
    return [
        (
            {name: html.unescape(value) for name, value in re.findall(r'([\w-]+)="([^"]*)"', attributes)},
            json.loads(text),
        )
        for attributes, text in found
    ]


def commands(page: str) -> list[str]:
    return [payload["command"]["command"] for _, payload in actions(page) if "command" in payload]


# --- what is shown -------------------------------------------------------------------------------------------------


def test_asked_to_describe_itself_it_answers_with_markdown_that_prefills_the_parameters() -> None:
    world = World()
    described = shown(world, **sample("dashboard-describe"))
    assert described.startswith("## ")
    first = re.search(r"``` ?yaml\n(.*?)```", described, re.DOTALL)
    assert first
    assert first[1] == "most: 20\n"


def test_a_running_rollout_is_drawn_with_its_charts_and_its_reason() -> None:
    world = World().baking()
    world.analyzed(minutes=1)
    page = shown(world)
    assert page.count("<svg") == 1 + 2
    assert html.escape(world.rollout.reason) in page
    assert "step 1 of 2" in page


def test_a_rollout_that_has_ended_and_could_not_tell_the_world_is_not_drawn_as_running() -> None:
    world = World().closing()
    world.fakes.notifier.trouble = Unavailable("throttled")
    with pytest.raises(Unavailable):
        world.call("close")
    assert [ROLLOUT] == list(world.fakes.store.unfinished())
    assert 0 == shown(world).count("<svg")


def test_nothing_that_cloudwatch_removes_is_in_it() -> None:
    page = shown(World().baking())
    assert not re.search(r"<script|<iframe|<use|<object|<embed|javascript:| on\w+=", page, re.IGNORECASE)


def test_the_latest_rollouts_are_listed_and_each_opens_in_a_popup() -> None:
    world = World().baking()
    attributes, payload = actions(shown(world))[-1]
    assert payload == {"rollout": ROLLOUT}
    assert (attributes["display"], attributes["endpoint"]) == ("popup", ARN)


def test_no_more_are_listed_than_asked_for() -> None:
    world = World().baking()
    world.fakes.store.reject("r-0", {"rolloutId": "r-0", "state": "REJECTED", "reason": "no", "at": "2026-01-01"})
    assert ["r-1", "r-0"] == [payload["rollout"] for _, payload in actions(shown(world)) if "rollout" in payload]
    assert ["r-1"] == [payload["rollout"] for _, payload in actions(shown(world, most=1)) if "rollout" in payload]


@pytest.mark.parametrize("most", [0, 101, "20", 1.5, True, None])
def test_a_parameter_that_cannot_be_is_named_with_what_is_allowed(most: object) -> None:
    assert "most: must be a whole number from 1 to 100" in shown(World(), most=most)


def test_one_rollout_is_shown_with_all_its_decisions() -> None:
    world = World().baking()
    world.analyzed(minutes=1)
    page = shown(world, rollout=ROLLOUT)
    assert "create canary" in page
    assert "Latest rollouts" not in page


def test_a_refused_request_is_shown_with_its_reason() -> None:
    world = World()
    world.fakes.store.reject("r-0", {"rolloutId": "r-0", "state": "REJECTED", "reason": "busy", "at": "2026-01-01"})
    assert "busy" in shown(world, rollout="r-0")


def test_a_rollout_nobody_knows_is_no_error() -> None:
    assert "There is no rollout nobody." in shown(World(), rollout="nobody")
    assert "rollout: must be the id of a rollout" in shown(World(), rollout=["nobody"])


def test_without_any_rollout_it_says_so() -> None:
    assert "No rollout is running." in shown(World())


@pytest.mark.parametrize(("theme", "ground"), [("light", "--rp-ground:#fff"), ("dark", "--rp-ground:#10151c")])
def test_it_is_light_or_dark_as_the_dashboard_is(theme: str, ground: str) -> None:
    page = shown(World(), widgetContext={"theme": theme})
    assert ground in page
    assert "prefers-color-scheme" not in page


def test_a_table_that_cannot_be_read_is_said_and_not_thrown() -> None:
    world = World().baking()
    world.fakes.store.trouble = Unavailable("list the locks: ThrottlingException")
    assert "ThrottlingException" in shown(world)


def test_a_hostile_reason_is_shown_as_text() -> None:
    world = World().baking()
    pressed(world, {"rolloutId": ROLLOUT, "command": "abort"}, reason=HOSTILE)
    world.call("analyze")
    for page in (shown(world), shown(world, rollout=ROLLOUT), shown(world, rollout=HOSTILE)):
        assert "<img" not in page
        assert html.escape(HOSTILE) in page


# --- the buttons ---------------------------------------------------------------------------------------------------


def test_a_button_for_every_command_that_makes_sense_and_no_other() -> None:
    assert ["pause", "advance", "promote", "abort"] == commands(shown(World().baking()))
    assert ["advance", "abort"] == commands(shown(World().watching()))
    assert [] == commands(shown(World()))


def test_every_button_asks_before_it_acts_and_names_the_rollout() -> None:
    for attributes, payload in actions(shown(World().baking())):
        if "command" in payload:
            assert attributes["action"] == "call"
            assert attributes["endpoint"] == ARN
            assert ROLLOUT in attributes["confirmation"]


def test_what_a_person_does_because_of_a_step_is_for_that_step() -> None:
    payloads = [payload["command"] for _, payload in actions(shown(World().baking())) if "command" in payload]
    assert {"advance": 0, "promote": 0} == {p["command"]: p["expectedStep"] for p in payloads if "expectedStep" in p}


def test_a_pressed_button_is_recorded_with_who_and_why_and_wakes_the_workflow() -> None:
    world = World().baking()
    world.fakes.store.bake(ROLLOUT, "t-1", seen=0)
    page = pressed(world, {"rolloutId": ROLLOUT, "command": "pause"}, reason="customer demo")
    signal = world.rollout.signals[0]
    assert (SignalKind.PAUSE, "the dashboard", "customer demo") == (signal.kind, signal.source, signal.reason)
    assert ["t-1"] == world.fakes.waker.woken
    assert f"pause recorded for rollout {ROLLOUT}" in page


def test_the_sample_of_a_pressed_button_is_understood() -> None:
    world = World().baking()
    page = shown(world, **sample("dashboard-button"))
    assert "there is no rollout orders-2026-03-02" in page


def test_a_button_that_came_too_late_is_refused_and_nothing_is_recorded() -> None:
    world = World().baking()
    page = pressed(world, {"rolloutId": ROLLOUT, "command": "advance", "expectedStep": 1})
    assert "step 1 has not been reached yet" in page
    assert () == world.rollout.signals


@pytest.mark.parametrize(
    "wish",
    [
        None,
        "abort",
        [],
        {},
        {"rolloutId": ROLLOUT, "command": "delete everything"},
        {"rolloutId": ROLLOUT, "command": "ALARM"},
        {"rolloutId": 7, "command": "abort"},
        {"rolloutId": ROLLOUT, "command": "abort", "expectedStep": "0"},
        {"rolloutId": ROLLOUT, "command": "abort", "weightPercent": 100},
        {"rolloutId": HOSTILE, "command": "abort"},
    ],
)
def test_a_payload_that_no_button_has_is_refused_and_nothing_is_recorded(wish: object) -> None:
    world = World().baking()
    page = pressed(world, wish)
    assert 'class="rp-said"' in page
    assert "<img" not in page
    assert () == world.rollout.signals


def test_nobody_can_sign_with_another_name() -> None:
    world = World().baking()
    pressed(world, {"rolloutId": ROLLOUT, "command": "pause", "actor": "ada", "reason": "she said so"})
    assert [("the dashboard", "")] == [(signal.source, signal.reason) for signal in world.rollout.signals]


def test_a_name_that_was_typed_is_recorded_as_typed_on_the_dashboard() -> None:
    world = World().baking()
    pressed(world, {"rolloutId": ROLLOUT, "command": "pause"}, reason="customer  demo\n", name=" ada\x07 ")
    assert [("ada⟨U+0007⟩ (dashboard)", "customer demo")] == [
        (each.source, each.reason) for each in world.rollout.signals
    ]


@pytest.mark.parametrize("typed", [None, 7, ["ada"], {"name": "ada"}, "", "   "])
def test_what_is_no_name_is_none(typed: object) -> None:
    world = World().baking()
    pressed(world, {"rolloutId": ROLLOUT, "command": "pause"}, reason=typed, name=typed)
    assert [("the dashboard", "")] == [(each.source, each.reason) for each in world.rollout.signals]


def test_what_is_typed_has_an_end_and_is_shown_as_text() -> None:
    world = World().baking()
    pressed(world, {"rolloutId": ROLLOUT, "command": "pause"}, reason=HOSTILE * 100, name=HOSTILE * 100)
    world.call("analyze")
    (signal,) = world.rollout.signals
    assert (200, 60 + len(" (dashboard)")) == (len(signal.reason), len(signal.source))
    for page in (shown(world), shown(world, rollout=ROLLOUT)):
        assert "<img" not in page
        assert html.escape(HOSTILE) in page


def test_each_rollout_has_fields_of_its_own() -> None:
    world = World().baking()
    page = shown(world)
    fields = re.findall(r'<input name="([^"]*)" maxlength="(\d+)"', page)
    assert [(f"name-{ROLLOUT}", "60"), (f"reason-{ROLLOUT}", "200")] == fields
    other = {**sample("dashboard")["widgetContext"], "forms": {"all": {"reason-r-2": "not this one"}}}
    shown(world, command={"rolloutId": ROLLOUT, "command": "pause"}, widgetContext=other)
    assert "" == world.rollout.signals[0].reason


def test_a_dashboard_without_buttons_shows_none_and_takes_no_command() -> None:
    world = World().baking()
    assert [] == commands(shown(world, buttons=False))
    page = pressed(world, {"rolloutId": ROLLOUT, "command": "abort"}, buttons=False)
    assert "this dashboard takes no commands" in page
    assert () == world.rollout.signals


def test_a_promoted_rollout_can_be_rolled_back_from_its_popup() -> None:
    world = World().watching()
    world.analyzed(minutes=10)
    world.call("close")
    assert (Phase.ENDED, Outcome.PROMOTED) == (world.rollout.phase, world.rollout.outcome)
    assert ["rollback"] == commands(shown(world, rollout=ROLLOUT))
