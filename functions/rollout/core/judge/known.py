"""Metrics that a request may name without saying what they count."""

from __future__ import annotations

from .named import NamedTuple
from .settings import MetricKind


class Known(NamedTuple):
    """What a name stands for, and how it is judged unless the request says otherwise."""

    kind: MetricKind
    required: bool = True
    dry_run: bool = False


DEFAULT_QUANTILES = (90.0, 99.0)

_KNOWN = {
    "5XXError": Known(MetricKind.ERRORS),
    "4XXError": Known(MetricKind.ERRORS, required=False, dry_run=True),
    "Latency": Known(MetricKind.LATENCY, required=False),
    "IntegrationLatency": Known(MetricKind.LATENCY, required=False),
    "Errors": Known(MetricKind.ERRORS),
    "Throttles": Known(MetricKind.ERRORS, required=False),
    "Duration": Known(MetricKind.LATENCY, required=False),
}
"""API Gateway's metrics, then Lambda's. An absent latency series must not hold a rollout that its errors
have proven safe; client errors are a matter of the clients, too."""

_WORDS_FOR_ERRORS = ("error", "fault", "fail", "timeout", "throttl", "5xx", "4xx")


def known(name: str, kind: MetricKind | None = None) -> Known | None:
    """What is known of a metric by its name ("Latency", "Latency.p90"), or of its kind if that is given.

    None if the name does not tell what it counts: to guess "errors" for orders would be to roll back success.
    """
    found = _KNOWN.get(series(name)[0])
    if found is not None:
        return found if kind in {None, found.kind} else Known(kind or found.kind)
    if kind is not None:
        return Known(kind, required=kind is not MetricKind.LATENCY)
    if any(word in name.casefold() for word in _WORDS_FOR_ERRORS):
        return Known(MetricKind.ERRORS)
    return None


def series(name: str) -> tuple[str, float | None]:
    """The metric and the quantile of a series: "Latency.p99.9" is ("Latency", 99.9), "5XXError" has none."""
    metric, separator, quantile = name.partition(".p")
    try:
        return (metric, float(quantile)) if separator else (name, None)
    except ValueError:
        return name, None


def series_name(metric: str, quantile: float) -> str:
    """The inverse of `series`."""
    return f"{metric}.p{quantile:.12g}"
