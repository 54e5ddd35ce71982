"""The simulated CloudWatch's data: which minute of which metric is visible when.

A datum is (namespace, metric, exact dimensions, minute) → `Distribution`, with a publication history: what
becomes visible at which moment. So data may arrive late and be corrected later, and a query sees exactly
what CloudWatch would have shown at that time. Dimensions match exactly, as CloudWatch documents: a query
with fewer dimensions than the data finds nothing.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import itemgetter

from rollout_simulator.moto_patches.distribution import Distribution

SECONDS_PER_MINUTE = 60

Publication = tuple[float, Distribution, str | None]
"""Visible from this epoch second; what is then visible; its unit, if the publisher gave one."""


@dataclass(eq=False)
class StoredSeries:
    """One metric under one set of dimensions."""

    namespace: str
    metric: str
    dimensions: Mapping[str, str]
    minutes: dict[int, list[Publication]] = field(default_factory=dict)

    def visible(self, minute: int, now: float, unit: str | None = None) -> Distribution | None:
        """What is known at `now` (an epoch second) of epoch minute `minute`; None if nothing is yet."""
        publications = self.minutes.get(minute)
        if publications is None:
            return None
        for visible_from, distribution, published_unit in reversed(publications):
            if visible_from <= now:
                # Data published without a unit answers to every unit: a traffic model need not care.
                matches = unit is None or published_unit is None or unit == published_unit
                return distribution if matches else None
        return None

    def over(self, minutes: Iterable[int], now: float, unit: str | None = None) -> Distribution | None:
        """What is known at `now` of several minutes together; None where there is no value at all."""
        parts = [
            part for minute in minutes if (part := self.visible(minute, now, unit)) is not None and part.sample_count
        ]
        return Distribution.merged(parts) if parts else None

    def unit_of(self, minutes: Iterable[int]) -> str:
        """The unit of the first of these minutes that has one; CloudWatch says "None" where there is none."""
        units = (publications[-1][2] for minute in minutes if (publications := self.minutes.get(minute)))
        return next((unit for unit in units if unit is not None), "None")

    def is_visible(self, now: float) -> bool:
        """Whether `ListMetrics` would name this series at `now`."""
        return any(publications[0][0] <= now for publications in self.minutes.values())


class MetricStore:
    """Everything published; one store serves every account and region of a simulation."""

    def __init__(self, *, page_size: int | None = None, partial_until: datetime | None = None) -> None:
        self.page_size = page_size
        """Answer GetMetricData in pages of at most this many datapoints, whatever the caller asks for."""
        self.partial_until = partial_until
        """Until then GetMetricData gives only the older half of each series, as `PartialData`."""
        self._series: dict[tuple[str, str, frozenset[tuple[str, str]]], StoredSeries] = {}

    def publish(
        self,
        namespace: str,
        metric: str,
        dimensions: Mapping[str, str],
        minute: int,
        distribution: Distribution,
        visible_from: datetime,
        *,
        unit: str | None = None,
    ) -> None:
        """From `visible_from` on, `distribution` is all there is to know of epoch minute `minute`.

        Publishing the same minute again revises it: the publication that became visible last is the one seen.
        """
        series = self._series_for(namespace, metric, dimensions)
        publications = series.minutes.setdefault(minute, [])
        insort(publications, (visible_from.timestamp(), distribution, unit), key=itemgetter(0))

    def add(
        self,
        namespace: str,
        metric: str,
        dimensions: Mapping[str, str],
        minute: int,
        distribution: Distribution,
        *,
        visible_from: datetime,
        unit: str | None = None,
    ) -> None:
        """Add to what the minute already holds, as `PutMetricData` does."""
        series = self._series_for(namespace, metric, dimensions)
        if known := series.visible(minute, visible_from.timestamp()):
            distribution = Distribution.merged([known, distribution])
        self.publish(namespace, metric, dimensions, minute, distribution, visible_from, unit=unit)

    def series(self, namespace: str, metric: str, dimensions: Mapping[str, str]) -> StoredSeries | None:
        """The series with exactly these dimensions, or None."""
        return self._series.get((namespace, metric, frozenset(dimensions.items())))

    def all_series(self, now: float) -> Iterator[StoredSeries]:
        """Every series of which something is visible at `now`, in the order they were first published."""
        return (series for series in self._series.values() if series.is_visible(now))

    def _series_for(self, namespace: str, metric: str, dimensions: Mapping[str, str]) -> StoredSeries:
        key = (namespace, metric, frozenset(dimensions.items()))
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = StoredSeries(namespace, metric, dict(dimensions))
        return series


def epoch_minute(moment: datetime) -> int:
    """The epoch minute `moment` lies in; a moment without a zone is read as UTC."""
    return int(aware(moment).timestamp() // SECONDS_PER_MINUTE)


def aware(moment: datetime) -> datetime:
    """`moment` in UTC; moto hands over moments without a zone and means UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def named_dimensions(dimensions: Sequence[Mapping[str, str]] | None) -> dict[str, str]:
    """CloudWatch's list of `{"Name": …, "Value": …}` as a mapping."""
    return {dimension["Name"]: dimension["Value"] for dimension in dimensions or ()}
