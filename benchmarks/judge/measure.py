"""Rules x rollouts → figures."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import isfinite
from typing import Any, TypeAlias

import numpy as np

from benchmarks.judge.bound import first_possible_minute
from benchmarks.judge.cells import Group, Task
from benchmarks.judge.ours import Ending, follow_all, settings_with
from benchmarks.judge.peers import PEERS
from benchmarks.judge.traffic import PLANNED_MINUTES, Cell, Floats, Ints, Noise, Release, Rollouts, draw
from rollout.core.judge import Action

Json: TypeAlias = dict[str, Any]

OURS = "Rollout Pilot"
OURS_KNOWN = "Rollout Pilot, dispersion known"
OURS_LEARNED = "Rollout Pilot, dispersion learned"
ROLLOUTS_FOR_PEERS = 2_000


def measured(task: Task, seed: int) -> Json:
    """Everything about one cell; the same seed gives the same figures in any order of the cells."""
    cell = task.cell
    rollouts = draw(cell, task.rollouts, rng_for(cell, seed))
    endings = follow_all(rollouts, [settings_with()])
    rules = {OURS: figures_of_ours(endings)}
    learned = []
    if cell.noise.dispersion > 1.0:
        learned = [ending.dispersion or 1.0 for ending in endings if ending.action is Action.PROMOTE]
        rules[OURS_KNOWN] = figures_of_ours(follow_all(rollouts, [settings_with(cell.noise.dispersion)]))
        # Each rollout is judged with what some other one has taught: the lists are of different lengths.
        lessons = [settings_with(each) for each in learned[1:]] or [settings_with()]
        rules[OURS_LEARNED] = figures_of_ours(follow_all(rollouts, lessons))
    if task.group is not Group.EDGE:
        some = rollouts.first(ROLLOUTS_FOR_PEERS).planned()
        rules |= {name: figures_of_alarms(rule(some), some) for name, rule in PEERS.items()}
    bound = first_possible_minute(cell)
    return {
        "group": task.group.value,
        "cell": asdict(cell),
        "bound": bound if isfinite(bound) else None,
        "dispersions": _quantiles(np.array(learned, dtype=np.float64), 0.05, 0.5, 0.95) if learned else None,
        "rules": rules,
    }


def cell_of(record: Json) -> Cell:
    """The cell of a record."""
    own = record["cell"]
    return Cell(own["rps"], own["base_rate"], Release(own["release"]), own["factor"], Noise(own["noise"]))


def rng_for(cell: Cell, seed: int) -> np.random.Generator:
    """The draws of a cell."""
    return np.random.default_rng([seed, zlib.crc32(cell.name.encode())])


def figures_of_ours(endings: Sequence[Ending]) -> Json:
    """Of the product's judge, which may hold."""
    actions = [ending.action for ending in endings]
    minutes = np.array([ending.minutes for ending in endings])
    bad = np.array([ending.bad for ending in endings])
    rolled_back = np.array([action is Action.ROLL_BACK for action in actions])
    promoted = np.array([action is Action.PROMOTE for action in actions])
    return _figures(np.where(rolled_back, minutes, 0), bad, promoted, minutes)


def figures_of_alarms(alarm: Ints, planned: Rollouts) -> Json:
    """Of a rule that promotes on time what it does not roll back."""
    served = planned.canary_bad.cumsum(axis=1)
    minutes = np.where(alarm > 0, alarm, PLANNED_MINUTES)
    bad = served[np.arange(len(alarm)), minutes - 1]
    figures = _figures(alarm, bad, alarm == 0, minutes)
    return {name: figures[name] for name in ("rollouts", "rolledBack", "minutes", "bad")}


def _figures(alarm: Ints, bad: Ints, promoted: np.ndarray[Any, np.dtype[np.bool_]], minutes: Ints) -> Json:
    """`minutes`: of those rolled back at `alarm`, the median and so on over all rollouts, None where that
    many never were; `promotedIn` likewise over those promoted."""
    until = np.where(alarm > 0, alarm.astype(np.float64), np.inf)
    return {
        "rollouts": len(alarm),
        "rolledBack": int((alarm > 0).sum()),
        "promoted": int(promoted.sum()),
        "onTime": int((promoted & (minutes <= PLANNED_MINUTES)).sum()),
        "minutes": _quantiles(until, 0.5, 0.95, 1.0),
        "promotedIn": _quantiles(minutes[promoted].astype(np.float64), 0.5, 0.95) if promoted.any() else None,
        "bad": _quantiles(bad.astype(np.float64), 0.5, 0.95),
    }


def _quantiles(values: Floats, *levels: float) -> list[float | None]:
    found = np.quantile(values, levels, method="higher")
    return [round(float(each), 4) if isfinite(each) else None for each in found]


def share(figures: Mapping[str, Any], what: str = "rolledBack") -> float:
    """Of all rollouts."""
    return float(figures[what] / figures["rollouts"])
