"""What base and canary did, minute by minute, from CloudWatch metrics that count requests and bad requests.

An error metric's `Sum` is the bad requests. Latency becomes a count too: `TC(:T)` counts the requests not slower than
T, so `SampleCount − TC(:T)` is the slower ones. T is the base's own quantile before the rollout; a canary request is
bad when it is slower than T by more than a tenth.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rollout.adapters.cloudwatch import CloudWatchReader, Points, Query
from rollout.core.judge import Count
from rollout.core.measures import Measure, RawCounts, RawMinute, Series
from rollout.errors import Refused
from rollout.ports import BaseHistory

COUNT_HISTORY_MINUTES = 30
QUANTILE_HISTORY_MINUTES = 180
QUANTILE_PERIOD_MINUTES = 60
"""Long enough for a 99th percentile at 20 requests a minute; CloudWatch aligns periods to their own multiples."""
SLOWER_BY = 1.1

Dimensions = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """How requests and bad requests are counted: `hits` are the bad ones, or those within a threshold.

    hits_besides: the hits are requests that `requests` does not contain.
    """

    requests: Query
    hits: Query
    hits_are_bad: bool
    hits_besides: bool = False

    def count(self, points: Points, minute: int) -> Count | None:
        """The minute's count; None where CloudWatch has no point."""
        requests, hits = points.at(self.requests, minute), points.at(self.hits, minute)
        if requests is None or (hits is None and (self.hits_are_bad or not points.complete)):
            return None
        whole, hit = round(requests), round(hits or 0)
        if self.hits_besides:
            whole += hit
        return Count(whole, hit if self.hits_are_bad else max(0, whole - hit))


class CountedMetrics(ABC):
    """A `MetricSource` over one namespace; each kind of target says which metrics it has and how they are counted."""

    namespace: ClassVar[str]
    errors: ClassVar[tuple[str, ...]]
    latencies: ClassVar[tuple[str, ...]]
    measured: ClassVar[str]
    """What the metrics are of, in words: "a stage"."""

    def __init__(self, reader: CloudWatchReader) -> None:
        self._reader = reader

    @abstractmethod
    def _errors_tally(self, name: str, dimensions: Dimensions) -> Tally:
        """How the errors of one of the metrics in `errors` are counted."""

    def history(self, series: Series, names: Sequence[str], last_minute: int) -> Sequence[BaseHistory]:
        """Counts of the last 30 minutes; quantiles of the last three hours. Raises as the port says."""
        self._require_readable(names)
        base = tuple(series.base.items())
        measures = self._measures(base, names, last_minute)
        first = last_minute - COUNT_HISTORY_MINUTES + 1
        tallies = {measure.name: self._tally(measure, base) for measure in measures}
        queries = [query for tally in tallies.values() if tally for query in (tally.requests, tally.hits)]
        points = self._reader.read(queries, first, last_minute) if queries else None
        history = []
        for measure in measures:
            tally = tallies[measure.name]
            counts = [
                count
                for minute in range(first, last_minute + 1)
                if tally and points and (count := tally.count(points, minute)) is not None
            ]
            total = Count(sum(count.requests for count in counts), sum(count.bad for count in counts))
            history.append(BaseHistory(measure, total, COUNT_HISTORY_MINUTES))
        return history

    def read(self, series: Series, measures: Sequence[Measure], first: int, last: int) -> Sequence[RawMinute]:
        """One GetMetricData for all metrics of both arms. Raises as the port says."""
        base, canary = tuple(series.base.items()), tuple(series.canary.items())
        tallies = {
            measure.name: (
                self._tally(measure, canary, slower_by=SLOWER_BY),
                self._tally(measure, base),
                self._tally(measure, canary),
            )
            for measure in measures
        }
        queries = [
            query for arms in tallies.values() for tally in arms if tally for query in (tally.requests, tally.hits)
        ]
        points = self._reader.read(queries, first, last) if queries else Points({}, complete=True)
        return [
            RawMinute(
                minute,
                {
                    name: RawCounts(*(tally.count(points, minute) if tally else None for tally in arms))
                    for name, arms in tallies.items()
                },
                points.complete,
            )
            for minute in range(first, last + 1)
        ]

    def _measures(self, base: Dimensions, names: Sequence[str], last_minute: int) -> Sequence[Measure]:
        """The measures by name, each latency quantile with the base's value of it as its threshold.

        A quantile without history has no threshold and stays unmeasured.
        """
        quantiles = {}
        for name in filter(self._is_latency, names):
            metric, _, quantile = name.partition(".")
            quantiles[name] = Query(self.namespace, metric, base, quantile)
        if not quantiles:
            return [Measure(name) for name in names]
        first = (last_minute - QUANTILE_HISTORY_MINUTES) // QUANTILE_PERIOD_MINUTES * QUANTILE_PERIOD_MINUTES
        points = self._reader.read(list(quantiles.values()), first, last_minute, QUANTILE_PERIOD_MINUTES)
        return [
            Measure(name, _median(points.values[quantiles[name]].values()) if name in quantiles else None)
            for name in names
        ]

    def _is_latency(self, name: str) -> bool:
        return name.partition(".p")[0] in self.latencies and ".p" in name

    def _require_readable(self, names: Sequence[str]) -> None:
        unknown = [name for name in names if name not in self.errors and not self._is_latency(name)]
        if unknown:
            known = ", ".join((*self.errors, *self.latencies))
            raise Refused(f"judge.metrics: {', '.join(unknown)} cannot be read for {self.measured}; known are {known}")

    def _tally(self, measure: Measure, dimensions: Dimensions, slower_by: float = 1.0) -> Tally | None:
        """How the measure is counted in the series of these dimensions; None when it has no threshold."""
        if not self._is_latency(measure.name):
            return self._errors_tally(measure.name, dimensions)
        if measure.threshold_ms is None:
            return None
        metric = measure.name.partition(".p")[0]
        threshold = f"{measure.threshold_ms * slower_by:.1f}"
        return Tally(
            Query(self.namespace, metric, dimensions, "SampleCount"),
            Query(self.namespace, metric, dimensions, f"TC(:{threshold})"),
            hits_are_bad=False,
        )


def _median(values: Collection[float]) -> float | None:
    """The (upper) median to a tenth of a millisecond; None of no values."""
    return round(sorted(values)[len(values) // 2], 1) if values else None
