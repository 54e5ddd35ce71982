"""Rules x rollouts → figures."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import isfinite
from typing import Any, TypeAlias

import numpy as np

from benchmarks.judge import first_edition
from benchmarks.judge.bound import first_possible_minute
from benchmarks.judge.cells import Group, Task
from benchmarks.judge.ending import Ending
from benchmarks.judge.ours import follow_all, settings_with
from benchmarks.judge.peers import PEERS
from benchmarks.judge.traffic import BAKE, PLANNED_MINUTES, STEPS, Cell, Floats, Ints, Noise, Release, Rollouts, draw
from rollout.core.judge import Action

Json: TypeAlias = dict[str, Any]

OURS = "Rollout Pilot"
FIRST_EDITION = "Rollout Pilot, first edition"
OURS_LEARNED = "Rollout Pilot, dispersion learned"
ROLLOUTS_FOR_PEERS = 2_000


def measured(task: Task, seed: int) -> Json:
    """Everything about one cell; the same seed gives the same figures in any order of the cells."""
    cell = task.cell
    rollouts = draw(cell, task.rollouts, rng_for(cell, seed))
    endings = follow_all(rollouts, [settings_with()])
    rules = {OURS: figures_of(endings), FIRST_EDITION: figures_of(first_edition.follow_all(rollouts))}
    learned = []
    if cell.noise.dispersion > 1.0:
        learned = [ending.dispersion or 1.0 for ending in endings if ending.action is Action.PROMOTE]
        # Each rollout is judged with what some other one has taught: the lists are of different lengths.
        lessons = [settings_with(each) for each in learned[1:]] or [settings_with()]
        rules[OURS_LEARNED] = figures_of(follow_all(rollouts, lessons))
    if task.group is not Group.EDGE:
        some = rollouts.first(ROLLOUTS_FOR_PEERS)
        planned = some.planned()
        rules |= {name: figures_of(endings_of(rule(planned), some)) for name, rule in PEERS.items()}
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


def endings_of(alarms: Ints, rollouts: Rollouts) -> list[Ending]:
    """How a rule ends rollouts that promotes on time what it does not roll back.

    `alarms`: for each rollout the planned minute, from 1, after which it rolls back; 0 for never.
    """
    return [
        Ending(
            Action.ROLL_BACK if alarm else Action.PROMOTE,
            _judged_until(alarm or PLANNED_MINUTES),
        ).counted(rollouts, index)
        for index, alarm in enumerate(alarms.tolist())
    ]


def _judged_until(minute: int) -> tuple[int, ...]:
    """The judged minutes of each step of a rollout without extensions that ends after this planned minute."""
    return tuple(min(BAKE, minute - BAKE * step) for step in range(STEPS) if minute > BAKE * step)


def figures_of(endings: Sequence[Ending]) -> Json:
    """Shares, and quantiles over the rollouts.

    `minutes`: judged until the rollback, the median and so on over all rollouts, None where that many never were.
    `promotedIn`: the same over those promoted. `clock` and `promotedByTheClock`:
    the same in minutes by the clock. `bad`: all bad requests; `meanJudgedBad`: those of the judged minutes alone.
    """
    actions = [ending.action for ending in endings]
    minutes = np.array([ending.minutes for ending in endings], dtype=np.float64)
    clock = np.array([ending.clock_minutes for ending in endings], dtype=np.float64)
    bad = np.array([ending.bad for ending in endings], dtype=np.float64)
    judged_bad = np.array([ending.judged_bad for ending in endings], dtype=np.float64)
    rolled_back = np.array([action is Action.ROLL_BACK for action in actions])
    promoted = np.array([action is Action.PROMOTE for action in actions])
    return {
        "rollouts": len(endings),
        "rolledBack": int(rolled_back.sum()),
        "promoted": int(promoted.sum()),
        "onTime": int((promoted & (minutes <= PLANNED_MINUTES)).sum()),
        "minutes": _quantiles(np.where(rolled_back, minutes, np.inf), 0.5, 0.95, 1.0),
        "clock": _quantiles(np.where(rolled_back, clock, np.inf), 0.5, 0.95),
        "promotedIn": _quantiles(minutes[promoted], 0.5, 0.95) if promoted.any() else None,
        "promotedByTheClock": _quantiles(clock[promoted], 0.5, 0.95) if promoted.any() else None,
        "bad": _quantiles(bad, 0.5, 0.95),
        "meanBad": round(float(bad.mean()), 3),
        "meanJudgedBad": round(float(judged_bad.mean()), 3),
    }


def _quantiles(values: Floats, *levels: float) -> list[float | None]:
    found = np.quantile(values, levels, method="higher")
    return [round(float(each), 4) if isfinite(each) else None for each in found]


def share(figures: Mapping[str, Any], what: str = "rolledBack") -> float:
    """Of all rollouts."""
    return float(figures[what] / figures["rollouts"])
