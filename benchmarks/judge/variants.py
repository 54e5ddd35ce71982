"""What else was tried: other settings, and other constants of the judge, on a few telling cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import log
from typing import Any, NamedTuple

from benchmarks.judge.measure import Json, figures_of_ours, rng_for
from benchmarks.judge.ours import follow_all, settings_with
from benchmarks.judge.traffic import Cell, Noise, Release, draw
from rollout.core.judge import FastLane, harm

CELLS = (
    Cell(20.0, 0.001),
    Cell(2.0, 0.05, noise=Noise.BURSTY),
    Cell(20.0, 0.01, Release.WORSE, 2.0),
    Cell(200.0, 0.01, Release.WORSE, 3.0),
    Cell(2.0, 0.01, Release.ALL_FAIL),
    Cell(2000.0, 0.001, Release.LATE, 5.0),
)


class Variant(NamedTuple):
    """A change to the settings, or to constants of `rollout.core.judge.harm`."""

    name: str
    settings: Mapping[str, Any] = {}
    constants: Mapping[str, Any] = {}


_OF_FOUR_BETS = (*(log((1.0 - harm.LEARNING_WEIGHT) / 4.0),) * 4, log(harm.LEARNING_WEIGHT))

VARIANTS = (
    Variant("as it is"),
    Variant("no cap on a minute", {"cap_share": 1.0}),
    Variant("three minutes at least (cap ⅓)", {"cap_share": 1.0 / 3.0}),
    Variant("fast lane from 10 points", {"fast_lane": FastLane(20, 0.1)}),
    Variant("fast lane from 5 bad requests", {"fast_lane": FastLane(5, 0.25)}),
    Variant("no later starts", {}, {"FIRST_MINUTE": 1.0 - 2e-9, "LATER_STARTS": 1e-9, "EVERY_MINUTE": 1e-9}),
    Variant("mostly later starts", {}, {"FIRST_MINUTE": 0.1, "LATER_STARTS": 0.3, "EVERY_MINUTE": 0.6}),
    Variant("four bets instead of eight", {}, {"KAPPAS": (1.5, 3.0, 10.0, 100.0), "_LOG_WEIGHTS": _OF_FOUR_BETS}),
    Variant("φ = 2 for everybody", {"dispersion": 2.0}),
)


def tried(variant: Variant, rollouts: int, seed: int) -> list[Json]:
    """One variant on every cell, over the same draws as the others."""
    found = []
    for cell in CELLS:
        drawn = draw(cell, rollouts, rng_for(cell, seed))
        with _changed(variant.constants):
            endings = follow_all(drawn, [settings_with(**variant.settings)])
        found.append({"variant": variant.name, "cell": cell.name, "figures": figures_of_ours(endings)})
    return found


@contextmanager
def _changed(constants: Mapping[str, Any]) -> Iterator[None]:
    usual = {name: getattr(harm, name) for name in constants}
    for name, value in constants.items():
        setattr(harm, name, value)
    try:
        yield
    finally:
        for name, value in usual.items():
            setattr(harm, name, value)
