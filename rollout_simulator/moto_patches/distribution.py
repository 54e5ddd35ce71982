"""The values of one minute of one metric, as a histogram.

A minute at 2,000 requests a second costs the same as one at 20: two counts, or a couple of hundred buckets.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import accumulate
from operator import mul


class NotKept(ValueError):
    """A statistic needs single values, but only a statistic set was published.

    CloudWatch documents the same: percentiles of a statistic set exist only where SampleCount is 1 or
    Minimum and Maximum are equal.
    """


class Distribution:
    """Values in rising order, each with how often it was seen. Never changed once made."""

    def __init__(self, values: Sequence[float], counts: Sequence[float]) -> None:
        """Take `values` as they are: strictly rising, with positive `counts`; the `of_…` makers see to it."""
        self.values = values
        self.counts = counts

    @classmethod
    def of_flags(cls, requests: int, bad: int) -> Distribution:
        """A metric that is 1 for a bad request and 0 for a good one, such as `5XXError`.

        Its Sum is `bad` and its SampleCount is `requests` (documented for API Gateway's error metrics).
        """
        if not 0 <= bad <= requests:
            raise ValueError(f"{bad} bad of {requests} requests")
        if bad == 0:
            return cls((0.0,), (requests,)) if requests else cls((), ())
        if bad == requests:
            return cls((1.0,), (requests,))
        return cls((0.0, 1.0), (requests - bad, bad))

    @classmethod
    def of_histogram(cls, values: Iterable[float], counts: Iterable[float]) -> Distribution:
        """Buckets in any order, each a value and how often it was seen; empty buckets are dropped."""
        tally: dict[float, float] = {}
        for value, count in zip(_plain(values), _plain(counts), strict=True):
            if count < 0:
                raise ValueError(f"a count of {count}")
            if count:
                tally[value] = tally.get(value, 0) + count
        rising = sorted(tally)
        return cls(tuple(rising), tuple(tally[value] for value in rising))

    @classmethod
    def of_values(cls, values: Iterable[float]) -> Distribution:
        """Single values, as a test or a `PutMetricData` with `Values` gives them."""
        listed = list(values)
        return cls.of_histogram(listed, [1] * len(listed))

    @staticmethod
    def of_statistic_set(sample_count: float, total: float, minimum: float, maximum: float) -> Distribution:
        """What `PutMetricData` with `StatisticValues` leaves: four numbers, no percentiles unless trivial."""
        if sample_count and minimum == maximum:
            return Distribution((minimum,), (sample_count,))
        return _StatisticSet(sample_count, total, minimum, maximum)

    @staticmethod
    def merged(parts: Sequence[Distribution]) -> Distribution:
        """All `parts` as one, as a longer period sees them."""
        if len(parts) == 1:
            return parts[0]
        if any(isinstance(part, _StatisticSet) for part in parts):
            full = [part for part in parts if part.sample_count]
            return _StatisticSet(
                sum(part.sample_count for part in full),
                sum(part.total for part in full),
                min(part.minimum for part in full),
                max(part.maximum for part in full),
            )
        return Distribution.of_histogram(
            [value for part in parts for value in part.values],
            [count for part in parts for count in part.counts],
        )

    @cached_property
    def cumulative(self) -> list[float]:
        """How many values are at or below `values[i]`."""
        return list(accumulate(self.counts))

    @cached_property
    def cumulative_sums(self) -> list[float]:
        """The sum of all values at or below `values[i]`."""
        return list(accumulate(map(mul, self.values, self.counts)))

    @property
    def sample_count(self) -> float:
        """How many values there are."""
        return self.cumulative[-1] if self.counts else 0

    @property
    def total(self) -> float:
        """The sum of all values."""
        return self.cumulative_sums[-1] if self.counts else 0.0

    @property
    def minimum(self) -> float:
        """The smallest value."""
        return self.values[0]

    @property
    def maximum(self) -> float:
        """The largest value."""
        return self.values[-1]

    def value_at_rank(self, rank: float) -> float:
        """The `rank`-th smallest value, counted from 1."""
        return self.values[bisect_left(self.cumulative, rank)]

    def sum_to_rank(self, rank: float) -> float:
        """The sum of the `rank` smallest values."""
        at = bisect_left(self.cumulative, rank)
        below_count = self.cumulative[at - 1] if at else 0
        below_sum = self.cumulative_sums[at - 1] if at else 0.0
        return below_sum + (rank - below_count) * self.values[at] if rank > below_count else below_sum

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def __repr__(self) -> str:
        return f"<Distribution of {self.sample_count:g} values, sum {self.total:g}>"

    def _identity(self) -> tuple[object, ...]:
        return tuple(self.values), tuple(self.counts)


class _StatisticSet(Distribution):
    """A distribution of which only four numbers are known."""

    def __init__(self, sample_count: float, total: float, minimum: float, maximum: float) -> None:
        self._known = (sample_count, total, minimum, maximum)

    @property
    def values(self) -> Sequence[float]:  # type: ignore[override]
        raise NotKept("only a statistic set was published")

    @property
    def counts(self) -> Sequence[float]:  # type: ignore[override]
        raise NotKept("only a statistic set was published")

    @property
    def sample_count(self) -> float:
        return self._known[0]

    @property
    def total(self) -> float:
        return self._known[1]

    @property
    def minimum(self) -> float:
        return self._known[2]

    @property
    def maximum(self) -> float:
        return self._known[3]

    def _identity(self) -> tuple[object, ...]:
        return self._known


def _plain(numbers: Iterable[float]) -> Iterable[float]:
    """Python's own numbers: arithmetic on an array's scalars is many times slower than on these."""
    as_list = getattr(numbers, "tolist", None)
    return as_list() if as_list is not None else numbers
