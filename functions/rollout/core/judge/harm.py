"""Harm: how strongly all blocks so far speak against "the canary is within tolerance".

For each bet, W is the wealth of a gambler who bets on one rate of the canary. Nobody knows when a regression
starts (a leak, a threshold of load), so the stake is spread over the minutes: π_t of it is put in at minute
t, whatever the minute brings, and a block of counts multiplies all that has been put in,

    W ← W + π_t,          W ← e·W,          E = Σ weight·W + the stake not yet put in.

E is a non-negative supermartingale that starts at 1: stakes only move wealth from "not yet" to the bets, and
E[e] ≤ 1 given the past. By Ville's inequality the probability that it *ever* reaches 1/α while the canary is
within tolerance is at most α, so one may look every minute and stop at will. Spreading the start is the
Shiryaev–Roberts idea with a proper prior; without it, wealth lost in the healthy hours before a late
regression would have to be won back first.

Eight bets say that the canary's rate is κ times the tolerated one. The ninth has learned the rate from the
canary's own past,

    p₁ = (X_c + 1) / (N_c + 1/(3·tol(p̂))),          at least 1.05·tol(p̂), at most 1,

which starts at three times the tolerated rate and ends at the canary's own. It is valid because X_c and N_c
are of what left `pending` before: the bet is placed before its block is seen. It has 0.4 of the stake, for
where the truth lies between two κ it wins more than either.
"""

from collections.abc import Sequence
from math import exp, log

from .log_space import EXP_IS_SAFE, NO_DIGIT, log_plus
from .settings import MetricKind

KAPPAS = (1.2, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0)
KAPPAS_WHERE_HIGHER_IS_BETTER = (0.95, 0.85, 0.7, 0.5, 0.25, 0.05)
EFFECTS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
"""For business values: the size of the loss in standard deviations of a block's difference."""

LEARNING_WEIGHT = 0.4
WEIGHTS = (*(0.6 * share for share in (0.16, 0.16, 0.18, 0.16, 0.12, 0.10, 0.07, 0.05)), LEARNING_WEIGHT)
_LEAST_OVER_TOLERANCE = 1.05

FIRST_MINUTE = 0.7
"""Most regressions are there from the first request,"""
LATER_STARTS = 0.2
"""others come with a raise of the weight,"""
EVERY_MINUTE = 0.1
"""and the rest at any time, with a hazard of"""
HAZARD = 1.0 / 60.0

_LOG_WEIGHTS = tuple(map(log, WEIGHTS))
_LOG_EQUAL_WEIGHTS = (-log(6.0),) * 6


def bets(kind: MetricKind) -> tuple[float, ...]:
    """The grid that a metric of this kind bets on; the learning bet comes on top of `KAPPAS`."""
    if kind is MetricKind.BUSINESS_VALUE:
        return EFFECTS
    return KAPPAS_WHERE_HIGHER_IS_BETTER if kind is MetricKind.BUSINESS_COUNT else KAPPAS


def log_weights(kind: MetricKind) -> tuple[float, ...]:
    """ln of the share of the stake that each bet has."""
    return _LOG_EQUAL_WEIGHTS if kind.higher_is_better else _LOG_WEIGHTS


def learned_rate(tolerated: float, canary_requests: float, canary_bad: float) -> float:
    """The ninth bet's p₁, of the tolerated rate and the canary's sums before the block."""
    learned = (canary_bad + 1.0) / (canary_requests + 1.0 / (3.0 * tolerated))
    return min(1.0, max(_LEAST_OVER_TOLERANCE * tolerated, learned))


def stake(minutes: int, *, starts_step: bool, later_starts: int) -> float:
    """π of the next minute, `minutes` having been judged; `starts_step`: it is the first of a later step."""
    if minutes == 0:
        return FIRST_MINUTE
    any_time = EVERY_MINUTE * HAZARD * (1.0 - HAZARD) ** (minutes - 1)
    return any_time + LATER_STARTS / later_starts if starts_step else any_time


def stake_left(minutes: int, step_starts: int, later_starts: int) -> float:
    """The stake not yet put in after `minutes`, of which `step_starts` began a later step.

    What is skipped never goes in; that wastes it, and is valid.
    """
    if minutes == 0:
        return 1.0
    share_of_starts = 1.0 - step_starts / later_starts if later_starts else 1.0
    return EVERY_MINUTE * (1.0 - HAZARD) ** (minutes - 1) + LATER_STARTS * share_of_starts


def staked(wealth: tuple[float, ...], stake: float, bets: int) -> tuple[float, ...]:
    """ln W of each bet after the stake went in. `wealth` is empty before the first minute (W = 0)."""
    if not stake:
        return wealth
    entry = log(stake)
    if not wealth:
        return (entry,) * bets
    lost, rich = entry - NO_DIGIT, entry + NO_DIGIT
    if lost < min(wealth) and max(wealth) < EXP_IS_SAFE:
        return tuple([log(exp(each) + stake) for each in wealth])
    return tuple([entry if each < lost else each if each > rich else log_plus(each, stake) for each in wealth])


def grown(wealth: Sequence[float], log_es: Sequence[float]) -> tuple[float, ...]:
    """ln W after a block, for each bet."""
    return tuple([each + gain for each, gain in zip(wealth, log_es, strict=True)])


def grown_capped(wealth: Sequence[float], log_es: Sequence[float], log_cap: float) -> tuple[float, ...]:
    """As `grown`, each e counted as at most exp(log_cap): smaller than an e-value is one too."""
    return tuple([each + (gain if gain < log_cap else log_cap) for each, gain in zip(wealth, log_es, strict=True)])


def log_evidence(wealth: Sequence[float], left: float, log_weights: Sequence[float]) -> float:
    """ln E, of the wealth of the bets and the stake not yet put in."""
    if not wealth:
        return log(left)
    terms = [weight + each for weight, each in zip(log_weights, wealth, strict=True)]
    if left > 0.0:
        terms.append(log(left))
    top = max(terms)
    return top + log(sum([exp(each - top) for each in terms]))
