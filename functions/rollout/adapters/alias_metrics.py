"""What the versions behind a Lambda alias did, from the AWS/Lambda metrics.

Each version has a series of its own within the alias's: dimensions FunctionName, Resource (`function:alias`) and
ExecutedVersion. Error rate is Errors over Invocations (documented). Throttles count in neither (documented), so a
throttled request is one besides the invocations.

Where one version serves alone, before the rollout and after the promotion, the alias's whole series is read: it is
there whether or not the alias has weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rollout.adapters.cloudwatch import Query
from rollout.adapters.counted_metrics import (
    QUANTILE_HISTORY_MINUTES,
    QUANTILE_PERIOD_MINUTES,
    CountedMetrics,
    Dimensions,
    Tally,
)
from rollout.core.measures import BaseHistory, Measure, RawMinute, Series

VERSION = "ExecutedVersion"


class AliasMetrics(CountedMetrics):
    """Implements `MetricSource` for aliases."""

    namespace = "AWS/Lambda"
    errors = ("Errors", "Throttles")
    latencies = ("Duration",)
    measured = "a Lambda alias"

    def history(self, series: Series, names: Sequence[str], last_minute: int) -> Sequence[BaseHistory]:
        """As for every source. The base was alone then. Raises: Unavailable."""
        whole = _whole(series.base)
        query = self._longest(whole)
        first = (last_minute - QUANTILE_HISTORY_MINUTES) // QUANTILE_PERIOD_MINUTES * QUANTILE_PERIOD_MINUTES
        points = self._reader.read([query], first, last_minute, QUANTILE_PERIOD_MINUTES).values[query]
        longest = max(points.values(), default=0.0)
        history = super().history(replace(series, base=whole), names, last_minute)
        return [replace(each, longest_ms=longest) for each in history]

    def read(self, series: Series, measures: Sequence[Measure], first: int, last: int) -> Sequence[RawMinute]:
        """As for every source. Twice the same series: a version that serves alone. Raises: NotAllowed, Unavailable."""
        if series.base == series.canary:
            series = replace(series, base=_whole(series.base), canary=_whole(series.canary))
        return super().read(series, measures, first, last)

    def _longest(self, arm: Mapping[str, str]) -> Query:
        return Query(self.namespace, "Duration", tuple(arm.items()), "Maximum")

    def _longest_queries(self, series: Series) -> Sequence[Query]:
        return [self._longest(series.base), self._longest(series.canary)]

    def _errors_tally(self, name: str, dimensions: Dimensions) -> Tally:
        return Tally(
            Query(self.namespace, "Invocations", dimensions, "Sum"),
            Query(self.namespace, name, dimensions, "Sum"),
            hits_are_bad=True,
            hits_besides=name == "Throttles",
        )


def _whole(dimensions: Mapping[str, str]) -> Mapping[str, str]:
    return {name: value for name, value in dimensions.items() if name != VERSION}
