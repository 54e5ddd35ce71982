"""The execution environments of a function's version: how many requests of a minute find none that is free.

Counts again, no single requests. With random arrivals the number of requests that are busy at once is Poisson with the
mean rate × latency (M/G/∞), and a minute has about 60 s / latency independent looks at it; so the most that were busy
at once in a minute is drawn as the maximum of so many Poisson numbers. Lambda gives a request to an environment that is
free, and stops one that has been idle for a time that it does not document. Here the busiest moment of the last
`idle_minutes` says how many there are, and what a minute needs beyond that starts cold.
"""

from __future__ import annotations

from collections import deque
from math import ceil, exp, log
from statistics import NormalDist

import numpy as np

SECONDS_PER_MINUTE = 60
_LARGE = 500.0
"""From this mean on a Poisson number is taken as normal."""


class EnvironmentPool:
    """The environments of one version."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._needed: deque[tuple[int, int]] = deque()

    def cold_starts(
        self, minute: int, requests: int, latency_seconds: float, idle_minutes: float, *, at_once: bool = False
    ) -> int:
        """How many of the requests of this minute (of the epoch) start cold. Minutes come in rising order.

        at_once: all of them come in the same moment.
        """
        while self._needed and self._needed[0][0] < minute - idle_minutes:
            self._needed.popleft()
        if requests == 0:
            return 0
        needed = requests if at_once else min(requests, self._most_at_once(requests, latency_seconds))
        there = max((count for _, count in self._needed), default=0)
        self._needed.append((minute, needed))
        return max(0, needed - there)

    def _most_at_once(self, requests: int, latency_seconds: float) -> int:
        mean = requests / SECONDS_PER_MINUTE * latency_seconds
        looks = max(1.0, SECONDS_PER_MINUTE / latency_seconds)
        quantile = self._random.random() ** (1 / looks)
        return max(1, _poisson_quantile(quantile, mean))


def _poisson_quantile(quantile: float, mean: float) -> int:
    """The smallest number at or below which a Poisson number is with this probability."""
    if mean > _LARGE:
        return ceil(NormalDist(mean, mean**0.5).inv_cdf(min(quantile, 1 - 1e-12)))
    number, logarithm = 0, -mean
    total = exp(logarithm)
    while total < quantile and number < 10 * _LARGE:
        number += 1
        logarithm += log(mean / number)
        total += exp(logarithm)
    return number
