"""Counts per minute in memory; a test publishes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rollout.core.judge import Count, Route
from rollout.core.measures import BaseHistory, Measure, RawCounts, RawMinute, Series
from rollout_simulator.fakes.trouble import Troubled

HISTORY_MINUTES = 30
_NOTHING = RawCounts(canary=None, stage=None, canary_as_base=None)


class FakeMetrics(Troubled):
    """Implements `MetricSource`.

    `thresholds_ms` are the base's latency quantiles before the rollout, by metric name; `unknown` never had a point.
    From `incomplete_from` on, the source says that more is to come. `read_ranges` has the minutes of every read.
    """

    def __init__(self) -> None:
        super().__init__()
        self.thresholds_ms: dict[str, float] = {}
        self.unknown: frozenset[str] = frozenset()
        self.incomplete_from: int | None = None
        self.known_routes: tuple[Route, ...] = ()
        self.read_ranges: list[tuple[int, int]] = []
        self._counts: dict[tuple[str, str, int], tuple[Count | None, Count | None, Count | None]] = {}

    def publish(
        self,
        series: Series,
        name: str,
        minute: int,
        *,
        stage: Count | None = None,
        canary: Count | None = None,
        canary_as_base: Count | None = None,
    ) -> None:
        """From now on this is what is known of that minute. `canary_as_base` is as `canary` unless it is given."""
        self._counts[_key(series.base), name, minute] = (None, stage, None)
        self._counts[_key(series.canary), name, minute] = (canary, None, canary_as_base or canary)

    def history(self, series: Series, names: Sequence[str], last_minute: int) -> Sequence[BaseHistory]:
        """The base's counts of the last 30 minutes, and the thresholds that `thresholds_ms` has.

        Raises: the `trouble`, such as Unavailable.
        """
        self._called()
        return [
            BaseHistory(
                Measure(name, self.thresholds_ms.get(name)),
                self._total(series, name, last_minute),
                HISTORY_MINUTES,
                self._by_minute(series, name, last_minute),
                exists=name not in self.unknown,
            )
            for name in names
        ]

    def routes(self, series: Series, last_minute: int) -> Sequence[Route]:  # noqa: ARG002 - as the port has it
        """The `known_routes`.

        Raises: the `trouble`, such as Unavailable.
        """
        self._called()
        return self.known_routes

    def read(self, series: Series, measures: Sequence[Measure], first: int, last: int) -> Sequence[RawMinute]:
        """The published counts of the minutes first..last.

        Raises: the `trouble`, such as Unavailable.
        """
        self._called()
        self.read_ranges.append((first, last))
        return [
            RawMinute(
                minute,
                {measure.name: self._raw(series, measure, minute) for measure in measures},
                complete=self.incomplete_from is None or minute < self.incomplete_from,
            )
            for minute in range(first, last + 1)
        ]

    def _raw(self, series: Series, measure: Measure, minute: int) -> RawCounts:
        if ".p" in measure.name and measure.threshold_ms is None:
            return _NOTHING
        _, stage, _ = self._counts.get((_key(series.base), measure.name, minute), (None, None, None))
        canary, _, as_base = self._counts.get((_key(series.canary), measure.name, minute), (None, None, None))
        return RawCounts(canary=canary, stage=stage, canary_as_base=as_base)

    def _total(self, series: Series, name: str, last_minute: int) -> Count:
        known = [count for count in self._by_minute(series, name, last_minute) if count is not None]
        return Count(sum(count.requests for count in known), sum(count.bad for count in known))

    def _by_minute(self, series: Series, name: str, last_minute: int) -> Sequence[Count | None]:
        minutes = range(last_minute - HISTORY_MINUTES + 1, last_minute + 1)
        return [self._counts.get((_key(series.base), name, minute), (None, None, None))[1] for minute in minutes]


def _key(dimensions: Mapping[str, str]) -> str:
    return "&".join(f"{name}={value}" for name, value in sorted(dimensions.items()))
