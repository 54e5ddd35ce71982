"""What became of some requests: counts and latencies, and how a few of them are taken out or slowed down.

Everything here works on counts, and draws from the generator that it is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from rollout_simulator.moto_patches.distribution import Distribution

_SPREADS = np.linspace(-4.0, 4.0, 161)
"""Latency buckets in standard deviations of the logarithm."""
_SHARES = np.exp(-0.5 * _SPREADS**2)
_SHARES /= _SHARES.sum()
_VALUES = np.exp(0.8 * _SPREADS - 0.32)
"""Values of a heavy-tailed business metric, as multiples of their mean."""

Latencies = Mapping[float, int]
"""How many requests took so many milliseconds."""


@dataclass(slots=True)
class Arm:
    """What became of some requests; `latencies` says how many took so many milliseconds.

    routes: the same by route, where routes are told apart.
    hung: those that hung until they failed; they are not among the others.
    """

    requests: int = 0
    errors: int = 0
    client_errors: int = 0
    latencies: dict[float, int] = field(default_factory=dict)
    routes: dict[str, Arm] = field(default_factory=dict)
    hung: Arm | None = None

    @property
    def times(self) -> Distribution:
        """The latencies, in milliseconds."""
        values = sorted(self.latencies)
        return Distribution(tuple(values), tuple(self.latencies[value] for value in values))

    def add(self, other: Arm) -> None:
        """These, too."""
        self.requests += other.requests
        self.errors += other.errors
        self.client_errors += other.client_errors
        for value, count in other.latencies.items():
            self.latencies[value] = self.latencies.get(value, 0) + count
        for name, part in other.routes.items():
            self.routes.setdefault(name, Arm()).add(part)
        if other.hung is not None:
            self.hung = self.hung or Arm()
            self.hung.add(other.hung)

    def add_route(self, name: str, part: Arm) -> None:
        """The requests to one route, which are counted in the whole, too."""
        self.add(part)
        self.routes.setdefault(name, Arm()).add(part)
        if part.hung is not None:
            assert self.hung is not None
            self.hung.routes.setdefault(name, Arm()).add(part.hung)

    def parts(self) -> Mapping[str, Arm]:
        """By route; the whole under "" where no routes are told apart."""
        return self.routes or {"": self}


def drawn_latencies(requests: int, median_ms: float, spread: float, random: np.random.Generator) -> dict[float, int]:
    """Lognormal latencies of so many requests."""
    counts = random.multinomial(requests, _SHARES)
    values = median_ms * np.exp(spread * _SPREADS)
    taken = np.flatnonzero(counts)
    return dict(zip(values[taken].tolist(), counts[taken].tolist(), strict=True))


def drawn_values(samples: int, mean: float, random: np.random.Generator) -> Distribution:
    """So many samples of a heavy-tailed business value."""
    return Distribution.of_histogram(mean * _VALUES, random.multinomial(samples, _SHARES))


def take(latencies: dict[float, int], requests: int, random: np.random.Generator) -> dict[float, int]:
    """Take so many of the requests out, each as likely as any other; those that were taken."""
    if requests == 0:
        return {}
    values = list(latencies)
    chosen = random.multivariate_hypergeometric([latencies[value] for value in values], requests, method="marginals")
    taken = {}
    for value, count in zip(values, chosen.tolist(), strict=True):
        if count:
            taken[value] = count
            latencies[value] -= count
            if not latencies[value]:
                del latencies[value]
    return taken


def put(latencies: dict[float, int], others: Latencies) -> None:
    """Add these requests."""
    for value, count in others.items():
        latencies[value] = latencies.get(value, 0) + count


def hang(arm: Arm, requests: int, latency_ms: float, random: np.random.Generator) -> None:
    """So many of the arm's requests hang until they fail, whatever would have become of them."""
    if requests == 0:
        return
    take(arm.latencies, requests, random)
    errors = int(random.hypergeometric(arm.errors, arm.requests - arm.errors, requests))
    others = arm.requests - arm.errors - arm.client_errors
    arm.client_errors -= int(random.hypergeometric(arm.client_errors, others, requests - errors))
    arm.errors -= errors
    arm.requests -= requests
    arm.hung = Arm(requests, requests, 0, {latency_ms: requests})


def without_lost(arm: Arm, lost_share: float, random: np.random.Generator) -> Arm:
    """What is left of the arm when each request is lost with this probability."""
    if lost_share == 0 or arm.requests + (arm.hung.requests if arm.hung else 0) == 0:
        return arm
    left = Arm()
    for name, part in arm.parts().items():
        of_part = _flat_without_lost(part, lost_share, random)
        if part.hung is not None:
            of_part.hung = _flat_without_lost(part.hung, lost_share, random)
        if name:
            left.add_route(name, of_part)
        else:
            left = of_part
    return left


def _flat_without_lost(arm: Arm, lost_share: float, random: np.random.Generator) -> Arm:
    lost = int(random.binomial(arm.requests, lost_share))
    latencies = dict(arm.latencies)
    take(latencies, lost, random)
    errors = int(random.hypergeometric(arm.errors, arm.requests - arm.errors, lost)) if lost else 0
    others = arm.requests - arm.errors - arm.client_errors
    client_errors = int(random.hypergeometric(arm.client_errors, others, lost - errors)) if lost > errors else 0
    return Arm(arm.requests - lost, arm.errors - errors, arm.client_errors - client_errors, latencies)


def in_two(arm: Arm, later_share: float, random: np.random.Generator) -> tuple[Arm, Arm]:
    """The requests that hung, each put into the second arm with this probability; the first has the rest."""
    sooner, later = Arm(), Arm()
    for name, part in arm.parts().items():
        latencies = dict(part.latencies)
        moved = take(latencies, int(random.binomial(part.requests, later_share)), random)
        for target, chosen in ((sooner, latencies), (later, moved)):
            count = sum(chosen.values())
            piece = Arm(count, count, 0, dict(chosen))
            if name:
                target.add_route(name, piece)
            else:
                target.add(piece)
    return sooner, later
