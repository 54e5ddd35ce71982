"""How large an effect is: how much worse the canary's rate is, with an interval. For people; it decides nothing.

The interval holds for all minutes at once, so one may look at it every minute as well. It is the asymptotic
confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas, *Time-Uniform Central Limit Theory and
Asymptotic Confidence Sequences* (2021), from the sums of the step: with the variance V of the difference and
n = 1/(1/n_c + 1/n_b) requests that it rests on,

    difference ± √( V · (n·ρ² + 1)/(n·ρ²) · (ln(n·ρ² + 1) + 2·ln(1/α)) ),          V = φ·[v(p_c)/n_c + v(p_b)/n_b].

It is approximate: it needs enough requests for a mean to be nearly normal, and it takes the rates as constant
within the step. v(p) = p·(1 − p) at (x + ½)/(n + 1), so that no bad request yet is not certainty.
"""

from math import log, sqrt
from typing import NamedTuple

from .readings import Count, Totals

ALPHA = 0.05
_RHO_SQUARED = 0.008
"""Where the interval is tightest: at about 1,000 requests in the smaller arm."""


class Effect(NamedTuple):
    """How much worse the canary's rate is than the base's, and an interval that has the true difference with 95 %.

    Fractions; below 0 the canary is the better one.
    """

    difference: float
    low: float
    high: float


def effect_of(
    canary: Totals, base: Totals, dispersion: float = 1.0, *, higher_is_better: bool = False
) -> Effect | None:
    """The effect of these sums; None where an arm is empty, or has so few requests that it may be anything, and of a
    value, whose spread is not kept.
    """
    if higher_is_better:
        return effect_of(base, canary, dispersion)
    if not isinstance(canary, Count) or not isinstance(base, Count) or not canary.requests or not base.requests:
        return None
    difference = canary.bad / canary.requests - base.bad / base.requests
    grown = _RHO_SQUARED / (1.0 / canary.requests + 1.0 / base.requests)
    variance = dispersion * (_variance_of_rate(canary) + _variance_of_rate(base))
    radius = sqrt(variance * (grown + 1.0) / grown * (log(grown + 1.0) - 2.0 * log(ALPHA)))
    if difference - radius <= -1.0 and difference + radius >= 1.0:
        return None
    return Effect(difference, max(-1.0, difference - radius), min(1.0, difference + radius))


def _variance_of_rate(count: Count) -> float:
    rate = (count.bad + 0.5) / (count.requests + 1.0)
    return rate * (1.0 - rate) / count.requests
