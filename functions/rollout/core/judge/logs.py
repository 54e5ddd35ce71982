"""Sums of numbers that are kept as logarithms, safe from overflow and underflow."""

from collections.abc import Sequence
from math import exp, log

EXP_IS_SAFE = 600.0
"""exp() of anything up to here neither overflows nor loses digits to subnormal numbers."""


def log_add(log_a: float, b: float) -> float:
    """ln(a + b), of ln a and a plain b in [0, 1]."""
    if -EXP_IS_SAFE < log_a < EXP_IS_SAFE:
        return log(exp(log_a) + b)
    if log_a > 0.0 or b == 0.0:
        return log_a
    return log_sum_exp((log_a, log(b)))


def log_sum_exp(logs: Sequence[float]) -> float:
    """ln Σ exp(l)."""
    top = max(logs)
    return top + log(sum([exp(each - top) for each in logs]))


def log_mean_exp(logs: Sequence[float]) -> float:
    """ln of the mean of exp(l)."""
    top = max(logs)
    return top + log(sum([exp(each - top) for each in logs]) / len(logs))
