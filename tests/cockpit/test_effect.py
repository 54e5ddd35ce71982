"""How large an effect is, on every screen that has a metric's numbers; and lines of before, which do not say."""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from html import unescape
from io import StringIO

import pytest
from rich.console import Console

from rollout.cockpit.view import RolloutView, view_of
from rollout.cockpit.widget import Widget
from rollout_cli.report_view import report_lines
from rollout_cli.rollout_snapshot import RolloutSnapshot
from rollout_cli.watch_view import picture
from tests.cockpit.lived import seen

SIZE = re.compile(r"\d\.\d+ points (worse|better) \(-?\d+\.\d+ to -?\d+\.\d+\)")


def of_before(snapshot: RolloutSnapshot) -> RolloutSnapshot:
    """The same rollout as a version has stored it that did not measure effects; its reasons had no size either."""
    history = deepcopy(list(snapshot.history))
    for line in history:
        line["reason"] = SIZE.sub("", line["reason"])
        for verdict in line.get("analysis", {}).get("verdicts", ()):
            del verdict["effect"]
    assert snapshot.rollout
    rollout = replace(snapshot.rollout, reason=SIZE.sub("", snapshot.rollout.reason))
    return replace(snapshot, history=history, rollout=rollout)


def shown(snapshot: RolloutSnapshot) -> RolloutView:
    assert snapshot.rollout
    return view_of(snapshot.rollout, snapshot.history, snapshot.at)


def watch(snapshot: RolloutSnapshot) -> str:
    screen = StringIO()
    Console(file=screen, width=80, no_color=True, highlight=False).print(picture(shown(snapshot)))
    return screen.getvalue()


SCREENS: dict[str, Callable[[RolloutSnapshot], str]] = {
    "report": lambda snapshot: "\n".join(report_lines(snapshot)),
    "report page": lambda snapshot: unescape(snapshot.page()),
    "widget": lambda snapshot: unescape(Widget("arn").one(shown(snapshot))),
    "watch": watch,
}


@pytest.mark.parametrize("screen", SCREENS)
def test_the_size_of_the_effect_stands_beside_the_numbers_of_its_metric(screen: str) -> None:
    snapshot = seen("errors-double")
    (errors,) = (metric for metric in shown(snapshot).metrics if metric.name == "5XXError")
    assert errors.effect
    assert errors.effect.low < errors.effect.difference < errors.effect.high
    text = SCREENS[screen](replace(snapshot, rollout=of_before(snapshot).rollout))  # the reason has it, too
    words = rf"5XX(: |.{{0,400}}allowed; ){100 * errors.effect.difference:.1f} points worse \("
    assert re.search(words, text, re.DOTALL), text


@pytest.mark.parametrize("screen", SCREENS)
def test_lines_that_do_not_say_how_large_it_is_are_shown_without(screen: str) -> None:
    snapshot = of_before(seen("errors-double"))
    assert not SIZE.search(SCREENS[screen](snapshot))
    assert "5XX" in SCREENS[screen](snapshot)
