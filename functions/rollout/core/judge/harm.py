"""Harm: how strongly all minutes so far speak against "the canary is within tolerance".

For each κ, W_κ is the wealth of a gambler who bets that the canary's rate is κ times the tolerated one.
Nobody knows when a regression starts (a leak, a threshold of load), so the stake is spread over the
minutes: π_t of it is put in at minute t,

    W_κ ← e_κ·(W_κ + π_t),          E = mean over κ of W_κ + the stake not yet put in.

E is a non-negative supermartingale that starts at 1. By Ville's inequality the probability that it *ever*
reaches 1/α while the canary is within tolerance is at most α, so one may look every minute and stop at
will. Spreading the start is the Shiryaev–Roberts idea with a proper prior; without it, wealth lost in the
healthy hours before a late regression would have to be won back first.
"""

from collections.abc import Sequence
from math import exp, log

from .logs import EXP_IS_SAFE, NO_DIGIT
from .settings import MetricKind

KAPPAS = (1.2, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0)
KAPPAS_WHERE_HIGHER_IS_BETTER = (0.95, 0.85, 0.7, 0.5, 0.25, 0.05)
EFFECTS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
"""For business values: the size of the loss in standard deviations of a minute's difference."""

FIRST_MINUTE = 0.5
"""Most regressions are there from the first request,"""
STEP_STARTS = 0.3
"""others come with the weight,"""
EVERY_MINUTE = 0.2
"""and the rest at any time, with a hazard of"""
HAZARD = 1.0 / 60.0


def bets(kind: MetricKind) -> tuple[float, ...]:
    """The grid that a metric of this kind bets on."""
    if kind is MetricKind.BUSINESS_VALUE:
        return EFFECTS
    return KAPPAS_WHERE_HIGHER_IS_BETTER if kind is MetricKind.BUSINESS_COUNT else KAPPAS


def stake(minutes: int, *, starts_step: bool, steps: int) -> float:
    """π of the next minute, `minutes` having been judged; `starts_step`: it is the first of a later step."""
    if minutes == 0:
        return FIRST_MINUTE
    any_time = EVERY_MINUTE * HAZARD * (1.0 - HAZARD) ** (minutes - 1)
    return any_time + STEP_STARTS / (steps - 1) if starts_step else any_time


def stake_left(minutes: int, step_starts: int, steps: int) -> float:
    """The stake not yet put in after `minutes`, of which `step_starts` began a later step."""
    if minutes == 0:
        return 1.0
    share_of_steps = 1.0 - step_starts / (steps - 1) if steps > 1 else 1.0
    return EVERY_MINUTE * (1.0 - HAZARD) ** (minutes - 1) + STEP_STARTS * share_of_steps


def grown(wealth: Sequence[float], log_es: Sequence[float], stake: float) -> tuple[float, ...]:
    """ln W after a minute, for each bet. `wealth` is empty before the first minute (W = 0)."""
    if not stake:
        return tuple([each + gain for each, gain in zip(wealth, log_es, strict=True)])
    entry = log(stake)
    if not wealth:
        return tuple([entry + gain for gain in log_es])
    lost = entry - NO_DIGIT
    return tuple(
        [
            gain + (entry if each < lost else log(exp(each) + stake) if each < EXP_IS_SAFE else each)
            for each, gain in zip(wealth, log_es, strict=True)
        ]
    )


def grown_capped(
    wealth: tuple[float, ...],
    log_es: Sequence[float],
    stake: float,
    log_cap: float,
    *,
    uncapped: tuple[tuple[float, ...], tuple[float, ...]],
) -> tuple[float, ...]:
    """As `grown`, each e counted as at most exp(log_cap).

    `uncapped` is the uncapped wealth before and after: as long as no minute was ever capped, the same.
    """
    if max(log_es) > log_cap:
        return grown(wealth, [min(each, log_cap) for each in log_es], stake)
    before, after = uncapped
    return after if wealth == before else grown(wealth, log_es, stake)


def log_evidence(wealth: Sequence[float], left: float) -> float:
    """ln E, of the wealth of the bets and the stake not yet put in."""
    if not wealth:
        return log(left)
    top = max(*wealth, log(left)) if left > 0.0 else max(wealth)
    mean = sum([exp(each - top) for each in wealth]) / len(wealth)
    return top + log(mean + left * exp(-top) if left > 0.0 and top < 700.0 else mean)
