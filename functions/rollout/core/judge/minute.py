"""The e-value of one block of counts: how much better does "the canary is at p₁" explain it than the null?

An e-value is the gain of a bet that is fair, or worse than fair, while the null is true: its expectation
is at most 1. The null says that the canary's bad rate p_c stays on its side of the tolerance,

    tol(p_b) = r·p_b + d,          with the base's rate p_b unknown, and free to change every minute.

The bet on a canary rate p₁, against a base rate estimated as p̂, multiplies the stake by A for every bad
canary request and by B for every bad base request, and costs n_c·d·(A − 1) nats to enter:

    ln e = [x_c·ln A + x_b·ln B − n_c·d·(A − 1)] / φ,          B = 1 − r·q·(A − 1),          q = n_c/n_b

Why it is fair. Requests are independent, so E[e] = (1 + p_c(A−1))^n_c · (1 + p_b(B−1))^n_b ·
exp(−n_c·d·(A−1)), and 1 + y ≤ exp(y) with n_b(B−1) = −n_c·r·(A−1) gives E[e] ≤ exp(n_c·(A−1)·(p_c − r·p_b
− d)). With A > 1 that is ≤ 1 wherever p_c ≤ tol(p_b); with A < 1 wherever p_c ≥ tol(p_b): the same bet,
placed the other way.

A block is the sum of several minutes. With a share s of all requests going to the canary in each of its
minutes, the sum over them of n_c·(p_c − r·p_b − d) is what the exponent has, and it is ≤ 0 in expectation if
every minute is within tolerance: the odds q must not change inside a block. So a block never spans a change
of weight, and it is closed by how many requests it has, never by how many of them were bad.

Which A. The one that grows fastest if p₁ and p̂ are right: A = p₁/tol(p′) and B = p̂/p′, where p′ is the
base rate at which the null comes closest, in Kullback–Leibler divergence, to (p₁, p̂). p′ solves a
quadratic:

    c = 1 + r·q,     S = p₁·r·q + r·p̂ + d·c,     A = 2·p₁·c / (S + √(S² − 4·d·r·q·p₁·c))

Dividing by the dispersion φ ≥ 1 is for errors that come in clumps: φ bad requests that always fail
together are one bad event. It is the e-value for counts of Lindon & Malek (NeurIPS 2022) with a tolerance
and an unknown base, in the form of Grünwald, de Heide & Koolen, *Safe Testing*: the reverse information
projection.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log, log1p, sqrt
from typing import TypeAlias

from .settings import Tolerance

Arm: TypeAlias = tuple[float, float]
"""Requests and bad ones of one arm: a `Count`, or what is expected of one."""


def log_es(
    rates: Sequence[float],
    canary: Arm,
    base: Arm,
    base_rate: float,
    tolerance: Tolerance,
    *,
    times: float = 1.0,
    dispersion: float = 1.0,
    above: bool | None = None,
) -> list[float]:
    """ln e of one block for each betting rate p₁ in `rates` × `times` (above 0, and at most 1 is bet on).

    `base_rate` is p̂ (above 0), estimated without this block. `above` True keeps only bets that the
    canary is beyond the tolerance, False only bets that it is below; a bet that points the wrong way is
    not placed (0), for there it would not be fair. A block in which either arm is empty says nothing (0).
    """
    canary_requests, canary_bad = canary
    base_requests, base_bad = base
    if not canary_requests or not base_requests:
        return [0.0] * len(rates)
    relative, absolute = tolerance
    rq = relative * canary_requests / base_requests
    c = 1.0 + rq
    dc = absolute * c
    rp = relative * base_rate
    if not absolute:
        return _log_es_of_ratio(rates, times, (rq, c, rp), canary_bad / dispersion, base_bad / dispersion, above)
    # S² − 4·d·r·q·p₁·c = h² + 4·r·p̂·d·c with h = S − 2·d·c: a sum, so that nothing cancels.
    cross = 4.0 * rp * dc
    shift = rp - dc
    c2, dc2 = 2.0 * c, 2.0 * dc
    canary_bad, base_bad = canary_bad / dispersion, base_bad / dispersion
    entry = canary_requests * absolute / dispersion
    side = 0.0 if above is None else 1.0 if above else -1.0
    logs: list[float] = []
    add = logs.append
    for rate in rates:
        p1 = rate * times
        if p1 > 1.0:  # noqa: PLR1730 - a call of min() costs a tenth of the whole function
            p1 = 1.0
        h = p1 * rq + shift
        root = sqrt(h * h + cross)
        a = c2 * p1 / (h + dc2 + root)
        gain = a - 1.0
        loss = rq * gain
        if gain * side < 0.0 or not gain:
            add(0.0)
        elif loss < 0.5:
            add(canary_bad * log(a) + base_bad * log1p(-loss) - entry * gain)
        else:
            # B = p̂/p′ from p′ itself: near B = 0 the difference 1 − r·q·(A−1) has no digits left.
            b = c2 * rp / (h + root) if h >= 0.0 else c * (root - h) / dc2
            add(canary_bad * log(a) + base_bad * log(b) - entry * gain)
    return logs


def _log_es_of_ratio(
    rates: Sequence[float],
    times: float,
    odds: tuple[float, float, float],
    canary_bad: float,
    base_bad: float,
    above: bool | None,
) -> list[float]:
    """`log_es` of a pure ratio, d = 0, where A = c·p₁/S and B = c·r·p̂/S without a root. `odds` is (r·q, c, r·p̂)."""
    rq, c, rp = odds
    crp = c * rp
    logs: list[float] = []
    add = logs.append
    for rate in rates:
        p1 = rate * times
        if p1 > 1.0:  # noqa: PLR1730
            p1 = 1.0
        s = p1 * rq + rp
        # A > 1 is p₁ > r·p̂.
        if p1 == rp or (above is not None and (p1 > rp) is not above):
            add(0.0)
        else:
            add(canary_bad * log(c * p1 / s) + base_bad * log(crp / s))
    return logs


def log_e(
    p1: float,
    canary: Arm,
    base: Arm,
    base_rate: float,
    tolerance: Tolerance,
    *,
    dispersion: float = 1.0,
) -> float:
    """ln e of one block for one betting rate: `log_es` of a single bet, wherever it points."""
    return log_es((p1,), canary, base, base_rate, tolerance, dispersion=dispersion)[0]


def plugin_rate(past_base: Arm) -> float:
    """p̂ = (X+1)/(N+1000): the base's rate from what came strictly before the block.

    A bet must be placed before its block is seen, or it is not fair.
    """
    return (past_base[1] + 1.0) / (past_base[0] + 1000.0)
