"""Which situations are simulated, and how often each."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from itertools import product
from typing import NamedTuple

from benchmarks.judge.traffic import Cell, Noise, Release

RPS = (2.0, 20.0, 200.0, 2000.0)
QUIETER_RPS = (0.05, 0.2, 2.0)
"""Where blocks are longer than a minute, so that traffic changes inside them."""
BASE_RATES = (0.0001, 0.001, 0.01, 0.05)
FACTORS = (1.5, 2.0, 3.0, 10.0)
LATE_FACTORS = (5.0, 10.0)
BUSY = 2000.0


class Group(StrEnum):
    """What a cell is there to show."""

    EDGE = "edge"
    HEALTHY = "healthy"
    REGRESSED = "regressed"
    LATE = "late"


class Task(NamedTuple):
    """One cell and how many rollouts of it."""

    group: Group
    cell: Cell
    rollouts: int


ROLLOUTS = 2_000


def tasks(count: int = ROLLOUTS) -> Iterator[Task]:
    """All of them with so many rollouts each, the longest first."""
    worlds = list(product(RPS, BASE_RATES))
    for noise, (rps, base_rate) in product((Noise.CLUMPED, Noise.BURSTY, Noise.CALM, Noise.SHARED), worlds):
        yield Task(Group.HEALTHY, Cell(rps, base_rate, noise=noise), count)
    for noise, (rps, base_rate) in product((Noise.DIURNAL, Noise.CRON), product(QUIETER_RPS, BASE_RATES)):
        yield Task(Group.HEALTHY, Cell(rps, base_rate, noise=noise), count)
    for noise, (rps, base_rate) in product((Noise.CALM, Noise.SHARED), worlds):
        yield Task(Group.EDGE, Cell(rps, base_rate, Release.EDGE, noise=noise), count)
    for rps, base_rate in worlds:
        for factor in FACTORS:
            yield Task(Group.REGRESSED, Cell(rps, base_rate, Release.WORSE, factor), count)
        yield Task(Group.REGRESSED, Cell(rps, base_rate, Release.ALL_FAIL), count)
    late = (Release.LATE, Release.LEAK, Release.UNDER_LOAD)
    for release, factor, base_rate in product(late, LATE_FACTORS, BASE_RATES):
        yield Task(Group.LATE, Cell(BUSY, base_rate, release, factor), count)
