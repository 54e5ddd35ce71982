"""Sums of numbers that are kept as logarithms, safe from overflow and underflow."""

from collections.abc import Sequence
from math import exp, log

EXP_IS_SAFE = 600.0
"""exp() of anything up to here does not overflow; adding 1 or less to more than that changes no digit."""

NO_DIGIT = 40.0
"""A term that is so many nats smaller than another changes none of its digits: exp(−40) < 2⁻⁵³."""


def log_sum_exp(logs: Sequence[float]) -> float:
    """ln Σ exp(l)."""
    top = max(logs)
    return top + log(sum([exp(each - top) for each in logs]))


def log_mean_exp(logs: Sequence[float]) -> float:
    """ln of the mean of exp(l)."""
    top = max(logs)
    return top + log(sum([exp(each - top) for each in logs]) / len(logs))


def log_plus(wealth: float, stake: float) -> float:
    """ln(exp(wealth) + stake), of a stake of at most 1."""
    return log(exp(wealth) + stake) if wealth < EXP_IS_SAFE else wealth
