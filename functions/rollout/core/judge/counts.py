"""A block of a metric that counts: errors, slow requests, orders."""

from __future__ import annotations

from collections.abc import Sequence

from . import harm, safety
from .minute import Arm, log_es, plugin_rate
from .settings import FastLane, MetricKind, MetricSettings, Tolerance

FAST_LANE_DISPERSION = 5.0
"""A minute that convicts on its own odds must do so even if bad requests came in clumps of so many."""


def harm_log_es(
    metric: MetricSettings,
    canary: Arm,
    base: Arm,
    base_rate: float,
    past_canary: Arm = (0, 0),
    *,
    dispersion: float | None = None,
) -> list[float]:
    """ln e of one block against "within tolerance", for each bet.

    `past_canary` are the canary's sums before the block, of which the ninth bet learns.
    """
    kind, line = metric.kind, metric.line(base_rate)
    tolerated = line.of(base_rate)
    phi = metric.phi if dispersion is None else dispersion
    if kind is MetricKind.BUSINESS_COUNT:
        return log_es(harm.bets(kind), canary, base, base_rate, line, times=tolerated, dispersion=phi, above=False)
    rates = [kappa * tolerated for kappa in harm.KAPPAS]
    rates.append(harm.learned_rate(tolerated, *past_canary))
    return log_es(rates, canary, base, base_rate, line, dispersion=phi, above=True)


def safety_log_es(metric: MetricSettings, margin: Tolerance, canary: Arm, base: Arm, base_rate: float) -> list[float]:
    """ln e of one block against "beyond the margin", for each κ."""
    kind = metric.kind
    return log_es(
        safety.bets(kind),
        canary,
        base,
        base_rate,
        margin,
        times=margin.of(base_rate),
        dispersion=metric.phi,
        above=kind is MetricKind.BUSINESS_COUNT,
    )


def is_fast(
    metric: MetricSettings,
    minute: tuple[Arm, Arm],
    past: tuple[Arm, Arm],
    fast_lane: FastLane,
    log_limit: float,
) -> bool:
    """Whether one minute is so bad that waiting for a second one would be negligent.

    `minute` and `past` are (canary, base): its own counts, and the sums before its block. For a business count the
    bad requests are those that did not bring the event.
    """
    canary, base = minute
    (canary_requests, canary_bad), (base_requests, base_bad) = canary, base
    if metric.kind is MetricKind.BUSINESS_COUNT:
        canary_bad, base_bad = canary_requests - canary_bad, base_requests - base_bad
    if canary_bad < fast_lane.min_bad or not base_requests:
        return False
    if canary_bad / canary_requests - base_bad / base_requests >= fast_lane.excess:
        return True
    past_canary, past_base = past
    gains: Sequence[float] = harm_log_es(metric, canary, base, plugin_rate(past_base), past_canary, dispersion=1.0)
    return max(gains) / max(FAST_LANE_DISPERSION, metric.phi) >= log_limit
