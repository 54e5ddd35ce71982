"""What a rollout sees: the counts of every minute, drawn from a stated world.

Plan 5/10/25/50 x 10 minutes. A step may be extended to three times its bake, so 30 minutes are drawn for each.
Traffic is Poisson. The base's bad rate is the cell's, and

    calm      stays there, every request for itself;
    shared    wanders (log-normal, half-life of two minutes), the traffic too, and half of the rollouts have a
              five-minute incident with five times the errors: in both arms alike;
    clumped   stays there, but errors come in clumps of three on average, one and a Poisson number more:
              φ = E[K²]/E[K] = 11/3;
    bursty    the same with clumps of geometric size, three on average, now and then ten: φ = 5;
    diurnal   is a day squeezed into two hours: traffic and error rate swing against each other, ninefold;
    cron      comes in one minute of ten, which has five times the errors of the nine others.

Minutes that nobody judges are drawn too, because customers live through them: the one in which a change of weight
settles, and those after the last judged one for which the metrics lag behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from rollout.core.judge import Step, Tolerance
from rollout.core.judge.settings import BALANCED, MAX_EXCESS

Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]

PLAN = tuple(Step(Decimal(weight), 10) for weight in (5, 10, 25, 50))
WEIGHTS = np.array([step.weight for step in PLAN])
STEPS, BAKE, LONGEST = len(PLAN), 10, 30
PLANNED_MINUTES = STEPS * BAKE
HISTORY_MINUTES = 30
SETTLING_MINUTES = 1
"""A change of weight settles for 30 s; the first minute that begins after that is the first one judged."""
LAG_MINUTES = 3
"""A minute is judged so long after its end (the default of `lagMinutes`)."""
CLOCK_MINUTES_PER_STEP = SETTLING_MINUTES + LAG_MINUTES
"""What each step takes by the clock besides its judged minutes."""

MEAN_CLUMP = 3.0
DAY_MINUTES = 120
CRON_EVERY = 10


class Noise(StrEnum):
    """How the world is noisy."""

    CALM = "calm"
    SHARED = "shared"
    CLUMPED = "clumped"
    BURSTY = "bursty"
    DIURNAL = "diurnal"
    CRON = "cron"

    @property
    def dispersion(self) -> float:
        """φ = E[K²]/E[K] of clumps of size K."""
        return {Noise.CLUMPED: 11.0 / 3.0, Noise.BURSTY: 2.0 * MEAN_CLUMP - 1.0}.get(self, 1.0)


class Release(StrEnum):
    """What the canary is."""

    HEALTHY = "healthy"
    EDGE = "edge"
    """As bad as is tolerated, in every minute."""
    WORSE = "worse"
    """`factor` times the base's rate, from the first request."""
    ALL_FAIL = "all fail"
    LATE = "late"
    """Healthy for 25 minutes, then `factor` times the base's rate."""
    LEAK = "leak"
    """Healthy for 20 minutes, then growing by `factor` times the base's rate in ten minutes, and on."""
    UNDER_LOAD = "under load"
    """Healthy below 25 % of the traffic, `factor` times the base's rate from there."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One situation."""

    rps: float
    base_rate: float
    release: Release = Release.HEALTHY
    factor: float = 1.0
    noise: Noise = Noise.CALM

    @property
    def name(self) -> str:
        what = f"{self.release} x{self.factor:g}" if self.factor != 1.0 else str(self.release)
        return f"{what}, {self.noise}, {self.rps:g} rps, {100 * self.base_rate:g} %"


class Rollouts(NamedTuple):
    """Counts of many rollouts: the history as (rollout, minute), the arms as (rollout, step, minute of the step).

    The arms hold the minutes that can be judged, and as many more as the metrics lag. `settling_bad` are the bad
    canary requests of each step's settling, (rollout, step).
    """

    history_requests: Ints
    history_bad: Ints
    settling_bad: Ints
    canary_requests: Ints
    canary_bad: Ints
    base_requests: Ints
    base_bad: Ints

    @property
    def arms(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Requests and bad ones of the canary, and of the base."""
        return self[3:]

    def planned(self) -> Rollouts:
        """The minutes of the plan in one row, as rules see them that never extend: (rollout, minute)."""
        minutes = [each[:, :, :BAKE].reshape(len(each), PLANNED_MINUTES) for each in self.arms]
        return Rollouts(*self[:3], *minutes)

    def first(self, count: int) -> Rollouts:
        """The first so many of them."""
        return Rollouts(*(each[:count] for each in self))

    def bad_served(self, rollout: int, step_minutes: Sequence[int], *, judged_only: bool = False) -> int:
        """The bad canary requests of one rollout that judged so many minutes in each step that it began.

        All of them: those of each step's settling, of the judged minutes, and of the lag after the last of these; or
        those of the judged minutes alone.
        """
        lag = 0 if judged_only else LAG_MINUTES
        bad = sum(int(self.canary_bad[rollout, step, : each + lag].sum()) for step, each in enumerate(step_minutes))
        return bad if judged_only else bad + int(self.settling_bad[rollout, : len(step_minutes)].sum())


def draw(cell: Cell, count: int, rng: np.random.Generator) -> Rollouts:
    """So many rollouts of a cell."""
    minutes = SETTLING_MINUTES + LONGEST + LAG_MINUTES
    before = (count, HISTORY_MINUTES)
    during = (count, STEPS, minutes)
    level, load = _levels(cell.noise, count, HISTORY_MINUTES + STEPS * minutes, rng)
    per_minute = 60.0 * cell.rps * load
    history_requests = rng.poisson(per_minute[:, :HISTORY_MINUTES], before)
    history_bad = _bad(history_requests, _rate(cell, level[:, :HISTORY_MINUTES]), cell.noise, rng)

    traffic = per_minute[:, HISTORY_MINUTES:].reshape(during)
    base_rate = _rate(cell, level[:, HISTORY_MINUTES:].reshape(during))
    weight = WEIGHTS[:, np.newaxis]
    canary_requests, base_requests = rng.poisson(traffic * weight), rng.poisson(traffic * (1.0 - weight))
    canary_bad = _bad(canary_requests, canary_rate(cell, base_rate), cell.noise, rng)
    base_bad = _bad(base_requests, base_rate, cell.noise, rng)
    judged = (each[:, :, SETTLING_MINUTES:] for each in (canary_requests, canary_bad, base_requests, base_bad))
    return Rollouts(history_requests, history_bad, canary_bad[:, :, :SETTLING_MINUTES].sum(axis=2), *judged)


def canary_rate(cell: Cell, base_rate: Floats, tolerance: Tolerance = BALANCED) -> Floats:
    """The canary's bad rate in every minute, (…, step, minute), for this rate of the base."""
    judged_minute = np.arange(base_rate.shape[-1]) - SETTLING_MINUTES
    planned_minute = BAKE * np.arange(STEPS)[:, np.newaxis] + judged_minute
    match cell.release:
        case Release.HEALTHY:
            rate = base_rate
        case Release.EDGE:
            rate = np.minimum(tolerance.relative * base_rate + tolerance.absolute, base_rate + MAX_EXCESS)
        case Release.WORSE:
            rate = cell.factor * base_rate
        case Release.ALL_FAIL:
            rate = np.ones_like(base_rate)
        case Release.LATE:
            rate = np.where(planned_minute >= 25, cell.factor, 1.0) * base_rate
        case Release.LEAK:
            rate = (1.0 + cell.factor * np.maximum(0, planned_minute - 19) / 10) * base_rate
        case Release.UNDER_LOAD:
            rate = np.where(WEIGHTS >= 0.25, cell.factor, 1.0)[:, np.newaxis] * base_rate
    return np.minimum(1.0, rate)


def _levels(noise: Noise, count: int, minutes: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """By how much the base's rate and the traffic are off in each minute, before and during."""
    shape = (count, minutes)
    minute = np.arange(minutes)
    if noise is Noise.DIURNAL:
        phase = rng.random((count, 1)) + minute / DAY_MINUTES
        swing = np.sin(2.0 * np.pi * phase)
        return 1.0 - 0.8 * swing, 1.0 + 0.8 * swing
    if noise is Noise.CRON:
        burst = (minute + rng.integers(0, CRON_EVERY, (count, 1))) % CRON_EVERY == 0
        return np.where(burst, 1.0, 0.2), np.where(burst, 0.9 * CRON_EVERY, 0.1 * CRON_EVERY / (CRON_EVERY - 1.0))
    if noise is not Noise.SHARED:
        return np.ones(shape), np.ones(shape)
    wander = _wander(0.4, shape, rng)
    start = rng.integers(HISTORY_MINUTES, HISTORY_MINUTES + PLANNED_MINUTES, count)
    incident = (minute >= start[:, np.newaxis]) & (minute < start[:, np.newaxis] + 5) & (rng.random((count, 1)) < 0.5)
    return np.exp(wander) * np.where(incident, 5.0, 1.0), np.exp(_wander(0.2, shape, rng))


def _wander(spread: float, shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """A stationary walk back to 0 with this standard deviation."""
    memory = 0.5**0.5
    shocks = rng.normal(0.0, spread * (1.0 - memory**2) ** 0.5, shape)
    shocks[:, 0] = rng.normal(0.0, spread, shape[0])
    for minute in range(1, shape[1]):
        shocks[:, minute] += memory * shocks[:, minute - 1]
    return shocks


def _rate(cell: Cell, level: Floats) -> Floats:
    return np.minimum(0.5, cell.base_rate * level)


def _bad(requests: Ints, rate: Floats, noise: Noise, rng: np.random.Generator) -> Ints:
    if noise not in {Noise.CLUMPED, Noise.BURSTY}:
        return rng.binomial(requests, rate)
    clumps = rng.poisson(requests * rate / MEAN_CLUMP)
    if noise is Noise.CLUMPED:
        more = rng.poisson((MEAN_CLUMP - 1.0) * clumps)
    else:
        more = np.where(clumps > 0, rng.negative_binomial(np.maximum(1, clumps), 1.0 / MEAN_CLUMP), 0)
    bad: Ints = np.minimum(requests, clumps + more)
    return bad
