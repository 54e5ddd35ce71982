"""The bound nobody can beat: how much a minute can tell, at most, about a canary beyond its tolerance.

A test that convicts a canary within tolerance with probability at most α cannot, on average, convict one
at p_c before the information Σ min over p′ of [n_c·KL(p_c ‖ tol(p′)) + n_b·KL(p_b ‖ p′)] has reached
about ln(1/α).
"""

from math import inf, log, sqrt

from .settings import Tolerance

_GOLDEN = (sqrt(5.0) - 1.0) / 2.0


def kl_bernoulli(p: float, q: float) -> float:
    """KL(p ‖ q) in nats, of two rates."""
    nats = 0.0
    if p > 0.0:
        nats += p * log(p / q) if q > 0.0 else inf
    if p < 1.0:
        nats += (1.0 - p) * log((1.0 - p) / (1.0 - q)) if q < 1.0 else inf
    return nats


def kl_to_null(
    canary_rate: float, base_rate: float, canary_requests: float, base_requests: float, tolerance: Tolerance
) -> float:
    """Nats that one minute of so many requests holds against "within tolerance", at the true rates; 0
    within it."""
    if canary_rate <= tolerance.of(base_rate):
        return 0.0

    def distance(p: float) -> float:
        to_canary = kl_bernoulli(canary_rate, min(1.0, tolerance.of(p)))
        return canary_requests * to_canary + base_requests * kl_bernoulli(base_rate, p)

    # Convex in p′; the least lies between the base's rate and the one that would tolerate the canary.
    low = base_rate
    high = 1.0
    if tolerance.relative > 0.0:
        high = min(1.0, (canary_rate - tolerance.absolute) / tolerance.relative)
    inner = [high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)]
    values = [distance(p) for p in inner]
    for _ in range(80):
        if values[0] <= values[1]:
            high, inner[1], values[1] = inner[1], inner[0], values[0]
            inner[0] = high - _GOLDEN * (high - low)
            values[0] = distance(inner[0])
        else:
            low, inner[0], values[0] = inner[0], inner[1], values[1]
            inner[1] = low + _GOLDEN * (high - low)
            values[1] = distance(inner[1])
    return min(values)
