"""Dispersion: do bad requests come one by one, or in clumps?

A retry storm or a poisoned connection makes several requests fail together. With clumps of size K, counts
vary φ = E[K²]/E[K] times as much as independent ones, and evidence must be divided by φ to stay honest.

The estimate is Pearson's, conditional on the minute's total. Given m bad requests among both arms of a
minute, the canary's x of them is hypergeometric if requests are independent, whatever the base's rate did
in that minute:

    E[x] = μ = m·n_c/N,          Var[x] = v = m·(n_c/N)·(n_b/N)·(N − m)/(N − 1),          N = n_c + n_b.

A canary that is a little worse or better, within tolerance, is no clump. So the canary's share s = n_c/N of
the bad requests is first tilted by the ratio of the arms' rates as it was before the minute,

    ρ = (ΣX + 5)/(Σ n_c·y/n_b + 5),          s′ = ρs/(ρs + 1 − s),

y being the base's bad requests (a gamma prior on the ratio, worth five bad requests). With μ = m·s′ and
v = m·s′·(1 − s′)·(N − m)/(N − 1), to which ρ's own uncertainty adds (m·s′·(1 − s′))²/(ΣX + 5),
φ = Σ(x − μ)² / Σv: a ratio of sums, because in quiet minutes the single ratios are too skewed to be averaged.

One block's square counts at most 16 times its variance (a normal one is beyond that once in 16,000): a single
hiccup used to leave φ = 10 for the next rollouts.

Learn from rollouts that were promoted; in one that is rolled back the ratio itself moves.

Before a target's first promotion there is nothing learned, but there is the base's own history of minutes. With
p̄ the mean rate, x_t − x_{t−1}·n_t/n_{t−1} has mean 0 and variance φ·p̄·n_t·(1 + n_t/n_{t−1}) under a rate that
changes slowly against a minute, so

    φ₀ = Σ(x_t − x_{t−1}·n_t/n_{t−1})² / Σ p̄·n_t·(1 + n_t/n_{t−1}),          between 1 and 3.

Differences of neighbours are not fooled by a rate that drifts over the half hour.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from .readings import Count

SMALLEST, LARGEST = 1.0, 10.0
ENOUGH_MINUTES = 20
"""Fewer minutes with bad requests than this, and there is nothing to learn yet."""

_PRIOR = 5.0
_MOST_VARIANCES = 16.0
LARGEST_OF_HISTORY = 3.0
ENOUGH_BAD_MINUTES = 8


class Spread(NamedTuple):
    """The sums over the whole rollout that the estimate needs: five numbers, however long it lasts."""

    minutes: int = 0
    squares: float = 0.0
    variance: float = 0.0
    canary_bad: int = 0
    canary_expected: float = 0.0


def spread_after(spread: Spread, canary: Count, base: Count) -> Spread:
    """The sums after one more block; one without bad requests, or of one arm only, adds nothing."""
    bad = canary.bad + base.bad
    requests = canary.requests + base.requests
    good = requests - bad
    if not bad or not good or not canary.requests or not base.requests:
        return spread
    minutes, squares, variances, seen, expected = spread
    strength = seen + _PRIOR
    weight = strength / (expected + _PRIOR) * canary.requests
    share = weight / (weight + base.requests)
    wobble = bad * share * (1.0 - share)
    surprise = canary.bad - bad * share
    variance = wobble * good / (requests - 1) + wobble * wobble / strength
    return Spread(
        minutes + 1,
        squares + min(surprise * surprise, _MOST_VARIANCES * variance),
        variances + variance,
        seen + canary.bad,
        expected + canary.requests * base.bad / base.requests,
    )


def estimate(spread: Spread) -> float | None:
    """φ between 1 and 10, or None while there is too little to go by."""
    if spread.minutes < ENOUGH_MINUTES or spread.variance <= 0.0:
        return None
    return min(LARGEST, max(SMALLEST, spread.squares / spread.variance))


def of_history(minutes: Sequence[Count | None]) -> float:
    """φ₀ between 1 and 3, of the base's minutes before the rollout, oldest first; None where there is no point.

    1 where fewer than eight of them had a bad request.
    """
    known = [minute for minute in minutes if minute is not None]
    requests, bad = sum(minute.requests for minute in known), sum(minute.bad for minute in known)
    if sum(minute.bad > 0 for minute in known) < ENOUGH_BAD_MINUTES:
        return SMALLEST
    mean_rate = bad / requests
    squares = variances = 0.0
    for before, minute in pairwise(minutes):
        if before is None or minute is None or not before.requests:
            continue
        ratio = minute.requests / before.requests
        squares += (minute.bad - before.bad * ratio) ** 2
        variances += mean_rate * minute.requests * (1.0 + ratio)
    return min(LARGEST_OF_HISTORY, max(SMALLEST, squares / variances)) if variances else SMALLEST
