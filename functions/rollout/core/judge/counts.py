"""One minute of a metric that counts: errors, slow requests, orders."""

from . import harm, safety
from .dispersion import spread_after
from .evidence import MetricEvidence
from .minute import Arm, log_es, plugin_rate
from .readings import Count, Measure
from .settings import FastLane, MetricKind, MetricSettings, Tolerance


def harm_log_es(metric: MetricSettings, canary: Arm, base: Arm, base_rate: float) -> list[float]:
    """ln e of one minute against "within tolerance", for each κ."""
    kind, tolerance = metric.kind, metric.tolerance
    return log_es(
        harm.bets(kind),
        canary,
        base,
        base_rate,
        tolerance,
        times=tolerance.of(base_rate),
        dispersion=metric.dispersion,
        above=kind is not MetricKind.BUSINESS_COUNT,
    )


def safety_log_es(metric: MetricSettings, margin: Tolerance, canary: Arm, base: Arm, base_rate: float) -> list[float]:
    """ln e of one minute against "beyond the margin", for each κ."""
    kind = metric.kind
    return log_es(
        safety.bets(kind),
        canary,
        base,
        base_rate,
        margin,
        times=margin.of(base_rate),
        dispersion=metric.dispersion,
        above=kind is MetricKind.BUSINESS_COUNT,
    )


def observed(
    evidence: MetricEvidence,
    metric: MetricSettings,
    canary: Count,
    base: Count,
    *,
    margin: Tolerance,
    log_cap: float,
    stake: float,
    fast_lane: FastLane,
) -> MetricEvidence:
    """The evidence after one more minute; `proven` is left to the caller, who knows β."""
    past = evidence.past_base
    base_rate = plugin_rate(past)
    silent = not canary.requests or not base.requests
    gains = harm_log_es(metric, canary, base, base_rate)
    wealth = harm.grown(evidence.harm, gains, stake)
    wealth_capped = harm.grown_capped(evidence.harm_capped, gains, stake, log_cap, uncapped=(evidence.harm, wealth))
    safe_gains = safety_log_es(metric, margin, canary, base, base_rate)
    return MetricEvidence(
        _plus(past, base),
        _plus(evidence.canary, canary),
        _plus(evidence.base, base),
        wealth,
        wealth_capped,
        safety.grown(evidence.safety, safe_gains),
        evidence.proven,
        not silent and _is_fast(metric.kind, canary, base, fast_lane),
        evidence.measured + (not silent),
        evidence.silent + 1 if silent else 0,
        evidence.spread if silent else spread_after(evidence.spread, canary, base),
    )


def _plus(total: Measure, minute: Count) -> Count:
    return Count(total[0] + minute[0], int(total[1]) + minute[1])


def _is_fast(kind: MetricKind, canary: Count, base: Count, fast_lane: FastLane) -> bool:
    """Whether this minute is so bad that waiting for a second one would be negligent.

    For a business count the bad requests are those that did not bring the event.
    """
    canary_requests, canary_bad = canary
    base_requests, base_bad = base
    if kind is MetricKind.BUSINESS_COUNT:
        canary_bad, base_bad = canary_requests - canary_bad, base_requests - base_bad
    if canary_bad < fast_lane.min_bad:
        return False
    return canary_bad / canary_requests - base_bad / base_requests >= fast_lane.excess
