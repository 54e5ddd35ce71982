"""What base and canary did, minute by minute, from CloudWatch metrics that count requests and bad requests.

An error metric's `Sum` is the bad requests. Latency becomes a count too: `TC(:T)` counts the requests not slower than
T, so `SampleCount − TC(:T)` is the slower ones. T is the base's own quantile before the rollout; a canary request is
bad when it is slower than T by more than a tenth.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rollout.adapters.cloudwatch import CloudWatchReader, Points, Query
from rollout.core.judge import Count, Route
from rollout.core.judge.settings import busiest, split_route
from rollout.core.measures import BaseHistory, Measure, RawCounts, RawMinute, Series
from rollout.errors import Refused

COUNT_HISTORY_MINUTES = 30
QUANTILE_HISTORY_MINUTES = 180
QUANTILE_PERIOD_MINUTES = 60
"""Long enough for a 99th percentile at 20 requests a minute; CloudWatch aligns periods to their own multiples."""
SLOWER_BY = 1.1
MOST_LISTED = 500
"""Of so many routes the busiest are looked for."""

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
        if requests is None and hits and self.hits_besides:
            requests = 0.0  # all of them were turned away
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

    def _listed_routes(self, base: Mapping[str, str]) -> Iterable[str]:
        """The routes that have a series of their own beside this arm's; none where the target has no routes."""
        del base
        return ()

    def _route_tally(self, name: str, route: str, arm: Dimensions) -> Tally:
        """How the errors of one route are counted, in that route's series beside this series of an arm."""
        raise NotImplementedError(f"{self.measured} has no route {route}, and no {name} of it in {arm}")

    def routes(self, series: Series, last_minute: int) -> Sequence[Route]:
        """The busiest routes, by their requests of the last three hours. Raises: NotAllowed, Unavailable."""
        tallies = {
            name: [self._route_tally(self.errors[0], name, part).requests for part in self._parts(series.base)]
            for name in sorted(self._listed_routes(series.base))[:MOST_LISTED]
        }
        first = (last_minute - QUANTILE_HISTORY_MINUTES) // QUANTILE_PERIOD_MINUTES * QUANTILE_PERIOD_MINUTES
        queries = [query for parts in tallies.values() for query in parts]
        values = self._reader.read(queries, first, last_minute, QUANTILE_PERIOD_MINUTES).values
        return busiest(
            Route(name, round(sum(sum(values[query].values()) for query in parts))) for name, parts in tallies.items()
        )

    def history(self, series: Series, names: Sequence[str], last_minute: int) -> Sequence[BaseHistory]:
        """Counts of the last 30 minutes; quantiles of the last three hours. Raises: Unavailable."""
        self._require_readable(names)
        measures = self._measures(self._parts(series.base), names, last_minute)
        first = last_minute - COUNT_HISTORY_MINUTES + 1
        tallies = {measure.name: self._tallies(measure, series.base) for measure in measures}
        points = self._points(tallies.values(), first, last_minute)
        history = []
        for measure in measures:
            counts = [_count(tallies[measure.name], points, minute) for minute in range(first, last_minute + 1)]
            history.append(BaseHistory(measure, _sum(counts), COUNT_HISTORY_MINUTES, counts))
        return history

    def read(self, series: Series, measures: Sequence[Measure], first: int, last: int) -> Sequence[RawMinute]:
        """One GetMetricData for all metrics of both arms. Raises: NotAllowed, Unavailable."""
        arms = {
            measure.name: (
                self._tallies(measure, series.canary, slower_by=SLOWER_BY),
                self._tallies(measure, series.base),
                self._tallies(measure, series.canary),
            )
            for measure in measures
        }
        longest = self._longest_queries(series)
        points = self._points([tallies for each in arms.values() for tallies in each], first, last, longest)
        return [
            RawMinute(
                minute,
                {name: _raw(each, points, minute) for name, each in arms.items()},
                points.complete,
                max((points.at(query, minute) or 0.0 for query in longest), default=0.0),
            )
            for minute in range(first, last + 1)
        ]

    def _longest_queries(self, series: Series) -> Sequence[Query]:
        """What says how long the longest requests took, where their minutes have their points only when they end."""
        del series
        return ()

    def _points(self, arms: Iterable[Sequence[Tally]], first: int, last: int, besides: Sequence[Query] = ()) -> Points:
        queries = [query for tallies in arms for tally in tallies for query in (tally.requests, tally.hits)]
        queries += besides
        return self._reader.read(queries, first, last) if queries else Points({}, complete=True)

    def _parts(self, arm: Mapping[str, str]) -> Sequence[Dimensions]:
        """The series that together are an arm."""
        return [tuple(arm.items())]

    def _measures(self, base: Sequence[Dimensions], names: Sequence[str], last_minute: int) -> Sequence[Measure]:
        """The measures by name, each latency quantile with the base's value of it as its threshold.

        A quantile without history has no threshold and stays unmeasured.
        """
        quantiles = {}
        for name in filter(self._is_latency, names):
            metric, _, quantile = name.partition(".")
            quantiles[name] = [Query(self.namespace, metric, part, quantile) for part in base]
        if not quantiles:
            return [Measure(name) for name in names]
        first = (last_minute - QUANTILE_HISTORY_MINUTES) // QUANTILE_PERIOD_MINUTES * QUANTILE_PERIOD_MINUTES
        queries = [query for parts in quantiles.values() for query in parts]
        values = self._reader.read(queries, first, last_minute, QUANTILE_PERIOD_MINUTES).values
        return [
            Measure(name, median([value for query in quantiles.get(name, ()) for value in values[query].values()]))
            for name in names
        ]

    def _is_latency(self, name: str) -> bool:
        return name.partition(".p")[0] in self.latencies and ".p" in name

    def _require_readable(self, names: Sequence[str]) -> None:
        unknown = [name for name in names if split_route(name)[0] not in self.errors and not self._is_latency(name)]
        if unknown:
            known = ", ".join((*self.errors, *self.latencies))
            raise Refused(f"judge.metrics: {', '.join(unknown)} cannot be read for {self.measured}; known are {known}")

    def _tallies(self, measure: Measure, arm: Mapping[str, str], slower_by: float = 1.0) -> Sequence[Tally]:
        """How the measure is counted in each series of this arm; in none when it has no threshold."""
        metric, route = split_route(measure.name)
        if route:
            return [self._route_tally(metric, route, part) for part in self._parts(arm)]
        if not self._is_latency(measure.name):
            return [self._errors_tally(measure.name, part) for part in self._parts(arm)]
        if measure.threshold_ms is None:
            return []
        metric = measure.name.partition(".p")[0]
        threshold = f"{measure.threshold_ms * slower_by:.1f}"
        return [
            Tally(
                Query(self.namespace, metric, part, "SampleCount"),
                Query(self.namespace, metric, part, f"TC(:{threshold})"),
                hits_are_bad=False,
            )
            for part in self._parts(arm)
        ]


def _raw(arms: tuple[Sequence[Tally], Sequence[Tally], Sequence[Tally]], points: Points, minute: int) -> RawCounts:
    canary, stage, canary_as_base = (_count(tallies, points, minute) for tallies in arms)
    return RawCounts(canary, stage, canary_as_base)


def _count(tallies: Sequence[Tally], points: Points, minute: int) -> Count | None:
    """An arm's count in this minute; None where none of its series has a point."""
    counts = [tally.count(points, minute) for tally in tallies]
    return _sum(counts) if any(count is not None for count in counts) else None


def _sum(counts: Sequence[Count | None]) -> Count:
    known = [count for count in counts if count is not None]
    return Count(sum(count.requests for count in known), sum(count.bad for count in known))


def median(values: Collection[float]) -> float | None:
    """The (upper) median to a tenth of a millisecond; None of no values."""
    return round(sorted(values)[len(values) // 2], 1) if values else None
