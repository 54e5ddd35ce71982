"""What a stage and its canary did, minute by minute, from the metrics that filters make of its access log.

`$context.isCanaryRequest` tells a canary's request by documented means alone. Two metric filters, with the dimensions
`ApiId`, `Stage` and `Canary`, publish `Status` (of each response) and `Latency`. Both say something of every request,
so that a filter that was forgotten is silence, which is never healthy, and not "no errors".

`TC(:499)` counts the responses up to status 499, so `SampleCount − TC(:499)` is the server errors; `TC(399:499)`, whose
lower bound is exclusive and upper inclusive, is the client errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rollout.adapters.cloudwatch import CloudWatchReader, Points, Query
from rollout.adapters.stage_metrics import (
    COUNT_HISTORY_MINUTES,
    QUANTILE_HISTORY_MINUTES,
    QUANTILE_PERIOD_MINUTES,
    SLOWER_BY,
    Tally,
)
from rollout.core.judge import Count
from rollout.core.measures import Measure, RawCounts, RawMinute, Series
from rollout.errors import Refused
from rollout.ports import BaseHistory

NAMESPACE = "RolloutPilot/AccessLog"
STATUS = "Status"
LATENCY = "Latency"
BASE_VALUES = ("false", "-")
"""The values of the dimension `Canary` that a base's requests carry; "-" stands for the variable without a canary."""

_Dimensions = tuple[tuple[str, str], ...]


class AccessLogMetrics:
    """Implements `MetricSource` for stages with an access log."""

    def __init__(self, reader: CloudWatchReader) -> None:
        self._reader = reader

    def history(self, series: Series, names: Sequence[str], last_minute: int) -> Sequence[BaseHistory]:
        """Counts of the last 30 minutes; quantiles of the last three hours. Raises as the port says."""
        _require_readable(names)
        arm = _dimensions(series.base)
        measures = [Measure(name, self._threshold(name, arm, last_minute)) for name in names]
        first = last_minute - COUNT_HISTORY_MINUTES + 1
        tallies = {measure.name: _tallies(measure, arm) for measure in measures}
        points = self._points(tallies.values(), first, last_minute)
        return [
            BaseHistory(
                measure,
                _sum(
                    count
                    for minute in range(first, last_minute + 1)
                    if (count := _count(tallies[measure.name], points, minute)) is not None
                ),
                COUNT_HISTORY_MINUTES,
            )
            for measure in measures
        ]

    def read(self, series: Series, measures: Sequence[Measure], first: int, last: int) -> Sequence[RawMinute]:
        """One GetMetricData for all metrics of both arms. Raises as the port says."""
        base, canary = _dimensions(series.base), _dimensions(series.canary)
        arms = {
            measure.name: (
                _tallies(measure, canary, slower_by=SLOWER_BY),
                _tallies(measure, base),
                _tallies(measure, canary),
            )
            for measure in measures
        }
        points = self._points([tallies for each in arms.values() for tallies in each], first, last)
        return [
            RawMinute(
                minute,
                {
                    name: RawCounts(*(_count(tallies, points, minute) for tallies in each))
                    for name, each in arms.items()
                },
                points.complete,
            )
            for minute in range(first, last + 1)
        ]

    def _points(self, arms: Iterable[Sequence[Tally]], first: int, last: int) -> Points:
        queries = [query for tallies in arms for tally in tallies for query in (tally.requests, tally.hits)]
        return self._reader.read(queries, first, last) if queries else Points({}, complete=True)

    def _threshold(self, name: str, arm: Sequence[_Dimensions], last_minute: int) -> float | None:
        """The base's own value of this quantile: the (upper) median of the last hours', in milliseconds."""
        if not _is_latency(name):
            return None
        queries = [Query(NAMESPACE, LATENCY, dimensions, name.partition(".")[2]) for dimensions in arm]
        first = (last_minute - QUANTILE_HISTORY_MINUTES) // QUANTILE_PERIOD_MINUTES * QUANTILE_PERIOD_MINUTES
        points = self._reader.read(queries, first, last_minute, QUANTILE_PERIOD_MINUTES)
        values = sorted(value for query in queries for value in points.values[query].values())
        return round(values[len(values) // 2], 1) if values else None


def _dimensions(arm: Mapping[str, str]) -> Sequence[_Dimensions]:
    """The sets of dimensions that make up an arm: a base's requests carry one of two values."""
    values = BASE_VALUES if arm["Canary"] in BASE_VALUES else (arm["Canary"],)
    return [tuple({**arm, "Canary": value}.items()) for value in values]


def _tallies(measure: Measure, arm: Sequence[_Dimensions], slower_by: float = 1.0) -> Sequence[Tally]:
    """One for each set of dimensions; none for a quantile without a threshold, which stays unmeasured."""
    if measure.name == "4XXError":
        return [
            Tally(Query(NAMESPACE, STATUS, each, "SampleCount"), Query(NAMESPACE, STATUS, each, "TC(399:499)"), True)
            for each in arm
        ]
    metric, limit = (STATUS, "499") if measure.name == "5XXError" else (LATENCY, "")
    if metric == LATENCY:
        if measure.threshold_ms is None:
            return []
        limit = f"{measure.threshold_ms * slower_by:.1f}"
    return [
        Tally(
            Query(NAMESPACE, metric, each, "SampleCount"),
            Query(NAMESPACE, metric, each, f"TC(:{limit})"),
            hits_are_bad=False,
        )
        for each in arm
    ]


def _count(tallies: Sequence[Tally], points: Points, minute: int) -> Count | None:
    """An arm's count in this minute; None where none of its series has a point."""
    counts = [count for tally in tallies if (count := tally.count(points, minute)) is not None]
    return _sum(counts) if counts else None


def _sum(counts: Iterable[Count]) -> Count:
    known = list(counts)
    return Count(sum(count.requests for count in known), sum(count.bad for count in known))


def _is_latency(name: str) -> bool:
    return name.startswith(f"{LATENCY}.p")


def _require_readable(names: Sequence[str]) -> None:
    unknown = [name for name in names if name not in ("5XXError", "4XXError") and not _is_latency(name)]
    if unknown:
        known = f"5XXError, 4XXError, {LATENCY}"
        raise Refused(f"judge.metrics: {', '.join(unknown)} cannot be read from an access log; known are {known}")
