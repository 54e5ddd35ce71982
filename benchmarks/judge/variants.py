"""What else was tried: other settings, and other constants of the judge, on a few telling cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from benchmarks.judge.measure import Json, figures_of, rng_for
from benchmarks.judge.ours import follow_all, settings_with
from benchmarks.judge.traffic import Cell, Noise, Release, draw
from rollout.core.judge import FastLane, harm

CELLS = (
    Cell(20.0, 0.001),
    Cell(2.0, 0.05, noise=Noise.BURSTY),
    Cell(20.0, 0.01, Release.WORSE, 2.0),
    Cell(200.0, 0.01, Release.WORSE, 3.0),
    Cell(2.0, 0.01, Release.ALL_FAIL),
    Cell(2000.0, 0.001, Release.LATE, 10.0),
)


class Variant(NamedTuple):
    """A change to the settings, or to constants of `rollout.core.judge.harm`."""

    name: str
    settings: Mapping[str, Any] = {}
    constants: Mapping[str, Any] = {}


VARIANTS = (
    Variant("as it is"),
    Variant("no cap on a block", {"cap_share": 1.0}),
    Variant("three blocks at least (cap ⅓)", {"cap_share": 1.0 / 3.0}),
    Variant("the first edition's cap (½)", {"cap_share": 0.5}),
    Variant("fast lane from 5 bad requests", {"fast_lane": FastLane(5, 0.25)}),
    Variant("the first edition's stakes", {}, {"FIRST_MINUTE": 0.5, "LATER_STARTS": 0.3, "EVERY_MINUTE": 0.2}),
    Variant("no later starts", {}, {"FIRST_MINUTE": 1.0 - 2e-9, "LATER_STARTS": 1e-9, "EVERY_MINUTE": 1e-9}),
    Variant("φ = 2 for everybody", {"dispersion": 2.0}),
)


def tried(variant: Variant, rollouts: int, seed: int) -> list[Json]:
    """One variant on every cell, over the same draws as the others."""
    found = []
    for cell in CELLS:
        drawn = draw(cell, rollouts, rng_for(cell, seed))
        with _changed(variant.constants):
            endings = follow_all(drawn, [settings_with(**variant.settings)])
        found.append({"variant": variant.name, "cell": cell.name, "figures": figures_of(endings)})
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
