"""Rollouts that were lived through: by the real workflow in the embedded AWS, and long ones made of such."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from rollout.cockpit.view import RolloutView, view_of
from rollout.core.rollout import Rollout
from rollout_cli.rollout_snapshot import RolloutSnapshot
from rollout_simulator.scenario import SCENARIOS, Scenario, load_scenario, parse_scenario
from rollout_simulator.simulation import simulate

HOSTILE = '"><img src=x onerror=alert(1)>'
"""A name that would run a script wherever it were not escaped."""

Json = dict[str, Any]


SHORT = {
    "plan": {
        "steps": [{"weightPercent": 5, "bakeMinutes": 3}, {"weightPercent": 25, "bakeMinutes": 3}],
        "watchMinutes": 3,
        "control": 0,
    }
}
WITH_CONTROL = {"plan": {**SHORT["plan"], "control": 5}}
SCENES: dict[str, Json] = {
    "in-control": {"request": WITH_CONTROL, "horizon_minutes": 23.5},
    "promoted": {"request": SHORT},
    "on-the-ramp": {"request": {"plan": {"ramp": "auto"}}, "horizon_minutes": 31},
    "paused": {
        "request": SHORT,
        "signals": [
            {"at_minute": 5, "command": "pause", "reason": "customer demo"},
            {"at_minute": 8, "command": "resume"},
        ],
    },
    "aborted": {
        "request": SHORT,
        "signals": [{"at_minute": 10, "command": "abort", "reason": "wrong branch"}],
    },
    "held": {"request": SHORT, "traffic": {"stops_at_minute": 7}},
    "worse-after-promotion": {"request": SHORT, "candidate": {"error_percent": 40, "from_minute": 16}},
}
"""What these tests are about, in as few minutes as it takes; other names are scenarios that come with the product."""


@cache
def seen(name: str, *, api: str = "orders", reason: str = "") -> RolloutSnapshot:
    """What is left of this scenario; its API may have another name, and its people may say something else."""
    lived = parse_scenario({"name": name, **SCENES[name]}, name) if name in SCENES else shipped(name)
    signals = [signal.model_copy(update={"reason": reason or signal.reason}) for signal in lived.signals]
    lived = lived.model_copy(update={"api": lived.api.model_copy(update={"name": api}), "signals": signals})
    result = simulate(lived)
    return RolloutSnapshot(result.ended_at, result.rollout, [line.entry for line in result.timeline], result.rejection)


def shipped(name: str) -> Scenario:
    """A scenario that comes with the product."""
    return load_scenario(SCENARIOS / f"{name}.toml")


def view(name: str) -> RolloutView:
    """The scenario's rollout for people."""
    found = seen(name).view()
    assert found is not None
    return found


def long_rollout(days: int) -> tuple[Rollout, Sequence[Json]]:
    """A rollout whose first step has baked for days, looked at every five minutes; a look tells of five."""
    first = seen("errors-double")
    assert first.rollout is not None
    begun = first.history[0]
    look = next(line for line in first.history if len(line.get("analysis", {}).get("minutes", ())) == 1)
    history = [begun]
    for index in range(days * 24 * 12):
        at = datetime.fromisoformat(look["at"]) + timedelta(minutes=5 * index)
        (minute,) = look["analysis"]["minutes"]
        minutes = [{**minute, "minute": minute["minute"] + 5 * index + each} for each in range(5)]
        history.append({**look, "at": at.isoformat(), "analysis": {**look["analysis"], "minutes": minutes}})
    return replace(first.rollout, ended_at=None), history


def long_view(days: int) -> RolloutView:
    """The same for people."""
    rollout, history = long_rollout(days)
    return view_of(rollout, history, datetime.fromisoformat(history[-1]["at"]))
