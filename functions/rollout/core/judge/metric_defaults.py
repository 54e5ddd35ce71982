"""Metrics that a request may name without saying what they count."""

from typing import NamedTuple

from .settings import MAX_EXCESS, REFUSALS_MAX_EXCESS, REFUSALS_TOLERANCE, MetricKind, Tolerance


class MetricDefaults(NamedTuple):
    """What a name stands for, and how it is judged unless the request says otherwise.

    `tolerance` is None where the kind and the preset give it.
    """

    kind: MetricKind
    required: bool = True
    tolerance: Tolerance | None = None
    max_excess: float = MAX_EXCESS


DEFAULT_QUANTILES = (90.0, 99.0)

_REFUSALS = MetricDefaults(MetricKind.ERRORS, False, REFUSALS_TOLERANCE, REFUSALS_MAX_EXCESS)

_PUBLISHED = {
    "5XXError": MetricDefaults(MetricKind.ERRORS),
    "4XXError": _REFUSALS,
    "Latency": MetricDefaults(MetricKind.LATENCY, required=False),
    "IntegrationLatency": MetricDefaults(MetricKind.LATENCY, required=False),
    "Errors": MetricDefaults(MetricKind.ERRORS),
    "Throttles": _REFUSALS,
    "Duration": MetricDefaults(MetricKind.LATENCY, required=False),
}
"""API Gateway's metrics, then Lambda's. An absent latency series must not hold a rollout that its errors
have proven safe; refused requests are a matter of the clients, too."""

SERVER_ERRORS = ("5XXError", "Errors")
"""Failures of the target itself, which make its latency incomparable: a failure may be fast."""

_WORDS_FOR_ERRORS = ("error", "fault", "fail", "timeout", "throttl", "5xx", "4xx")


def defaults_of(name: str, kind: MetricKind | None = None) -> MetricDefaults | None:
    """How a metric is judged by its name ("Latency", "Latency.p90"), or by its kind if that is given.

    None if the name does not tell what it counts: to guess "errors" for orders would be to roll back success.
    """
    found = _PUBLISHED.get(series(name)[0])
    if found is not None:
        return found if kind in {None, found.kind} else MetricDefaults(kind or found.kind)
    if kind is not None:
        return MetricDefaults(kind, required=kind is not MetricKind.LATENCY)
    if any(word in name.casefold() for word in _WORDS_FOR_ERRORS):
        return MetricDefaults(MetricKind.ERRORS)
    return None


def source_of(name: str) -> str:
    """Whose series a metric is: "" for what AWS publishes for the target, else the metric's own."""
    return "" if series(name)[0] in _PUBLISHED else name


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
