"""Custom metrics beside the target's: any CloudWatch metric whose dimensions tell base and canary apart.

What has no datapoint is not measured, with two exceptions that a count of events needs: a metric of which the request
says that it is published only when something happens; and good events, of which the canary had none in a minute in
which the base had some.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from rollout.adapters.cloudwatch import CloudWatchReader, Points, Query
from rollout.adapters.counted_metrics import (
    COUNT_HISTORY_MINUTES,
    QUANTILE_HISTORY_MINUTES,
    QUANTILE_PERIOD_MINUTES,
    SLOWER_BY,
    median,
)
from rollout.core.custom_metrics import CustomSeries, Reading
from rollout.core.judge import Count, Moments, Route
from rollout.core.measures import BaseHistory, Measure, RawCounts, RawMinute, Series
from rollout.errors import NotAllowed
from rollout.ports import MetricSource

Arm = Literal["base", "canary"]
NO_EVENTS_AT_ALL = Count(0, 0)


class WithCustomMetrics:
    """Implements `MetricSource`: the target's own metrics by its own source, the others by themselves.

    requests: the metric of the target whose counts have its requests, by which events are measured.
    """

    def __init__(self, own: MetricSource, reader: CloudWatchReader, requests: str) -> None:
        self._own = own
        self._reader = reader
        self._requests = requests

    def history(self, series: Series, names: Sequence[str], last_minute: int) -> Sequence[BaseHistory]:
        """Counts and values of the last 30 minutes; quantiles of the last three hours. Raises: Unavailable."""
        own = [name for name in names if name not in series.custom]
        known = {base.measure.name: base for base in (self._own.history(series, own, last_minute) if own else ())}
        if len(own) == len(names):
            return list(known.values())
        first = last_minute - COUNT_HISTORY_MINUTES + 1
        measures = [Measure(name, self._threshold(series.custom[name], last_minute)) for name in series.custom]
        minutes = self._read(series, measures, first, last_minute, alone=True)
        for measure in measures:
            totals = [minute.counts[measure.name].stage for minute in minutes]
            total = _total(totals, series.custom[measure.name].reading)
            asked = series.custom[measure.name].absent_is_zero or not total[0]
            exists = not asked or self._exists(series.custom[measure.name])
            known[measure.name] = BaseHistory(measure, total, COUNT_HISTORY_MINUTES, exists=exists)
        return [known[name] for name in names]

    def routes(self, series: Series, last_minute: int) -> Sequence[Route]:
        """The target's own. Raises: NotAllowed, Unavailable."""
        return self._own.routes(series, last_minute)

    def read(self, series: Series, measures: Sequence[Measure], first: int, last: int) -> Sequence[RawMinute]:
        """One GetMetricData for the target's own metrics and one for the others. Raises: NotAllowed, Unavailable."""
        if not any(measure.name in series.custom for measure in measures):
            return self._own.read(series, measures, first, last)
        return self._read(series, measures, first, last)

    def _read(
        self, series: Series, measures: Sequence[Measure], first: int, last: int, *, alone: bool = False
    ) -> list[RawMinute]:
        """alone: the base had no canary beside it, and its series is read for both."""
        own = [measure for measure in measures if measure.name not in series.custom]
        asked = [*own, *([] if any(each.name == self._requests for each in own) else [Measure(self._requests)])]
        raws = self._own.read(series, asked, first, last)
        custom = {
            measure.name: _Custom(series.custom[measure.name], measure.threshold_ms)
            for measure in measures
            if measure.name in series.custom
        }
        queries = [query for each in custom.values() for query in each.queries()]
        points = self._reader.read(queries, first, last) if queries else Points({}, complete=True)
        return [
            RawMinute(
                raw.minute,
                {
                    measure.name: custom[measure.name].counts(points, raw, raw.counts[self._requests], alone=alone)
                    if measure.name in custom
                    else raw.counts[measure.name]
                    for measure in measures
                },
                raw.complete and points.complete,
                raw.longest_ms,
            )
            for raw in raws
        ]

    def _exists(self, series: CustomSeries) -> bool:
        """Whether the base's series exists."""
        try:
            return self._reader.exists(series.namespace, series.metric, series.base)
        except NotAllowed:
            return True  # it is not known

    def _threshold(self, series: CustomSeries, last_minute: int) -> float | None:
        """The base's own percentile: the (upper) median of the last hours'."""
        if series.reading is not Reading.QUANTILE:
            return None
        query = Query(series.namespace, series.metric, tuple(series.base.items()), series.statistic)
        first = (last_minute - QUANTILE_HISTORY_MINUTES) // QUANTILE_PERIOD_MINUTES * QUANTILE_PERIOD_MINUTES
        return median(self._reader.read([query], first, last_minute, QUANTILE_PERIOD_MINUTES).values[query].values())


class _Custom:
    """One metric: what to ask for, and what the answer says of a minute."""

    def __init__(self, series: CustomSeries, threshold: float | None) -> None:
        self._series = series
        self._threshold = threshold

    def queries(self) -> Iterator[Query]:
        """Samples and sums of both arms; of a quantile the samples within its threshold."""
        for arm in ("base", "canary"):
            yield self._query(arm, "SampleCount")
            if self._series.reading is not Reading.QUANTILE:
                yield self._query(arm, "Sum")
            elif self._threshold is not None:
                yield self._within(arm)

    def counts(self, points: Points, raw: RawMinute, requests: RawCounts, *, alone: bool) -> RawCounts:
        """What this minute says. A base that was alone is read in place of the canary, which was not there."""
        if self._series.reading is Reading.EVENTS:
            return self._events(points, raw.minute, requests, alone=alone)
        base = self._own_samples(points, raw.minute, "base")
        canary = base if alone else self._own_samples(points, raw.minute, "canary")
        return RawCounts(canary, base, NO_EVENTS_AT_ALL, custom=True)

    def _events(self, points: Points, minute: int, requests: RawCounts, *, alone: bool) -> RawCounts:
        """So many events in so many requests. The requests of the canary are subtracted from the base's where those
        contain them, and no events with them.
        """
        statistic = "SampleCount" if self._series.statistic == "SampleCount" else "Sum"
        base, canary = (points.at(self._query(arm, statistic), minute) for arm in ("base", "canary"))
        if points.complete and self._series.absent_is_zero:
            base, canary = base or 0.0, canary or 0.0
        elif points.complete and self._series.better == "higher" and base is not None:
            canary = canary or 0.0
        apart = requests.canary_as_base
        return RawCounts(
            None if alone else _rate(requests.canary, canary),
            _rate(requests.stage, base),
            None if apart is None else Count(apart.requests, 0),
            custom=True,
        )

    def _own_samples(self, points: Points, minute: int, arm: Arm) -> Count | Moments | None:
        samples = points.at(self._query(arm, "SampleCount"), minute)
        if samples is None or (self._series.reading is Reading.QUANTILE and self._threshold is None):
            return None
        whole = round(samples)
        if self._series.reading is Reading.QUANTILE:
            within = points.at(self._within(arm), minute)
            return None if within is None and not points.complete else Count(whole, max(0, whole - round(within or 0)))
        total = points.at(self._query(arm, "Sum"), minute)
        if total is None:
            return None
        if self._series.reading is Reading.VALUES:
            return Moments(whole, total)
        return Count(whole, round(total)) if 0 <= round(total) <= whole else None

    def _query(self, arm: Arm, statistic: str) -> Query:
        dimensions: Mapping[str, str] = self._series.base if arm == "base" else self._series.canary
        return Query(self._series.namespace, self._series.metric, tuple(dimensions.items()), statistic)

    def _within(self, arm: Arm) -> Query:
        threshold = (self._threshold or 0.0) * (SLOWER_BY if arm == "canary" else 1.0)
        return self._query(arm, f"TC(:{threshold:.1f})")


def _rate(requests: Count | Moments | None, events: float | None) -> Count | None:
    """Events among requests; unmeasured where there are more of them, for then they are not of these requests."""
    if not isinstance(requests, Count) or events is None or not 0 <= round(events) <= requests.requests:
        return None
    return Count(requests.requests, round(events))


def _total(parts: Sequence[Count | Moments | None], reading: Reading) -> Count | Moments:
    if reading is Reading.VALUES:
        moments = [part for part in parts if isinstance(part, Moments)]
        return Moments(sum(each.samples for each in moments), float(sum(each.total for each in moments)))
    counts = [part for part in parts if isinstance(part, Count)]
    return Count(sum(each.requests for each in counts), sum(each.bad for each in counts))
