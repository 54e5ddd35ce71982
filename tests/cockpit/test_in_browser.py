"""Report and widget in a real browser: drawn, readable, and nothing hanging out, on a phone and on a screen."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from rollout.cockpit.page import report
from rollout.cockpit.widget import Widget
from tests.cockpit.browser import CHROMIUM, DARK, LIGHT, Json, looked_at
from tests.cockpit.lived import HOSTILE, long_view, seen, view

PHONE, SCREEN = 400, 1_280
READABLE = 4.5
"""The contrast that WCAG 2 asks of text (level AA)."""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: apt-get install chromium")


def widget(theme: Literal["light", "dark"]) -> str:
    """The dashboard's widget with a rollout that waits for a person, as CloudWatch puts it into its page."""
    recent = [{"rolloutId": HOSTILE, "target": HOSTILE, "state": "HELD", "startedAt": "2026-03-02T12:00:00+00:00"}]
    return Widget("arn:aws:lambda:us-east-1:123456789012:function:customWidget-x", theme).overview(
        [view("held")], recent
    )


def pages() -> dict[str, tuple[str, int]]:
    found = {
        "report": seen("promoted").page(),
        "held": seen("held").page(),
        "hostile": seen("aborted", api=HOSTILE, reason=HOSTILE).page(),
        "long": report(long_view(3)),
        "rejected": seen("alarm-already-firing").page(),
        "widget-light": widget("light"),
        "widget-dark": widget("dark"),
    }
    return {f"{name}-{width}": (page, width) for name, page in found.items() for width in (PHONE, SCREEN)}


@pytest.fixture(scope="module", params=[LIGHT, DARK], ids=["light", "dark"])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Json]:
    return looked_at(pages(), tmp_path_factory.mktemp("browser"), request.param)


def test_no_script_fails_and_no_hostile_name_runs_one(told: dict[str, Json]) -> None:
    assert {"error", "alarmed"}.isdisjoint(told)
    assert dict.fromkeys(told, 0) == {name: page["images"] for name, page in told.items()}


def test_every_chart_is_there_and_has_lines(told: dict[str, Json]) -> None:
    for name, page in told.items():
        if not name.startswith("rejected"):
            assert page["charts"] == page["drawn"] == 9, name
            assert page["lines"] > 9, name


def test_nothing_hangs_out_on_a_phone_or_on_a_screen(told: dict[str, Json]) -> None:
    assert {PHONE, SCREEN} == {page["width"] for page in told.values()}
    assert dict.fromkeys(told, 0) == {name: page["overflow"] for name, page in told.items()}


def test_all_text_can_be_read(told: dict[str, Json]) -> None:
    assert {} == {name: page["worst"] for name, page in told.items() if page["contrast"] < READABLE}
    assert min(page["smallest"] for page in told.values()) >= 10


def test_the_widget_has_the_colours_of_its_dashboard_whatever_the_reader_prefers(told: dict[str, Json]) -> None:
    grounds = {name: page["rooted"] for name, page in told.items() if name.startswith("widget")}
    light, dark = "rgb(255, 255, 255)", "rgb(16, 21, 28)"
    assert grounds == {
        f"widget-{theme}-{width}": ground
        for theme, ground in (("light", light), ("dark", dark))
        for width in (PHONE, SCREEN)
    }


def test_a_page_is_light_or_dark_as_its_reader_prefers(tmp_path: Path) -> None:
    page = {"report": (seen("errors-double").page(), SCREEN)}
    grounds = []
    for preferred in (LIGHT, DARK):
        folder = tmp_path / str(preferred)
        folder.mkdir()
        grounds.append(looked_at(page, folder, preferred)["report"]["ground"])
    assert ["rgb(255, 255, 255)", "rgb(16, 21, 28)"] == grounds
