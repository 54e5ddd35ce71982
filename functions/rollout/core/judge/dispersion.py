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

Learn from rollouts that were promoted; in one that is rolled back the ratio itself moves.
"""

from __future__ import annotations

from .named import NamedTuple
from .readings import Count

SMALLEST, LARGEST = 1.0, 10.0
ENOUGH_MINUTES = 20
"""Fewer minutes with bad requests than this, and there is nothing to learn yet."""

_PRIOR = 5.0


class Spread(NamedTuple):
    """The sums over the whole rollout that the estimate needs: five numbers, however long it lasts."""

    minutes: int = 0
    squares: float = 0.0
    variance: float = 0.0
    canary_bad: int = 0
    canary_expected: float = 0.0


def spread_after(spread: Spread, canary: Count, base: Count) -> Spread:
    """The sums after one more minute; a minute without bad requests, or of one arm only, adds nothing."""
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
    return Spread(
        minutes + 1,
        squares + surprise * surprise,
        variances + wobble * good / (requests - 1) + wobble * wobble / strength,
        seen + canary.bad,
        expected + canary.requests * base.bad / base.requests,
    )


def estimate(spread: Spread) -> float | None:
    """φ between 1 and 10, or None while there is too little to go by."""
    if spread.minutes < ENOUGH_MINUTES or spread.variance <= 0.0:
        return None
    return min(LARGEST, max(SMALLEST, spread.squares / spread.variance))
