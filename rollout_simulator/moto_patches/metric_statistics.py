"""CloudWatch's statistics, computed from a `Distribution`.

    Sum  SampleCount  Average  Minimum  Maximum  IQM
    pNN  tmNN  tcNN  tsNN  wmNN            NN in 0–100, up to ten decimals
    TM TC TS WM (a:b) or (a%:b%), PR (a:b) one bound may be absent

Documented: the lower bound is exclusive and the upper inclusive, so `TC(:300)` counts what took at most
300 ms; `tmNN` is `TM(:NN%)`; IQM is `TM(25%:75%)`; PR is in per cent and takes absolute values only.
Unknown: how CloudWatch interpolates. A percentile here is the smallest value with at least that share of
the values at or below it, and a percentage bound keeps the ranks above the lower and up to the upper one,
rounded outwards.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor

from rollout_simulator.moto_patches.distribution import Distribution

Statistic = Callable[[Distribution], float | None]
"""What a statistic makes of a period that has data; None where nothing lies between its bounds."""

_NUMBER = r"-?\d+(?:\.\d{1,10})?"
_PERCENT = r"\d{1,3}(?:\.\d{1,10})?"
_SHORT = re.compile(rf"(?P<family>p|tm|tc|ts|wm)(?P<percent>{_PERCENT})")
_ABSOLUTE = re.compile(rf"(?P<family>TM|TC|TS|WM|PR)\((?P<low>{_NUMBER})?:(?P<high>{_NUMBER})?\)")
_PERCENTS = re.compile(rf"(?P<family>TM|TC|TS|WM)\((?:(?P<low>{_PERCENT})%)?:(?:(?P<high>{_PERCENT})%)?\)")


class UnknownStatistic(ValueError):
    """CloudWatch has no statistic of this name."""


@lru_cache(maxsize=1024)
def statistic(name: str) -> Statistic:
    """The statistic called `name`.

    Raises:
        UnknownStatistic: CloudWatch has none of that name, or its bounds make no sense.
    """
    if name in _SIMPLE:
        return _SIMPLE[name]
    if name == "IQM":
        return statistic("TM(25%:75%)")
    if short := _SHORT.fullmatch(name):
        return _short(name, short["family"], Fraction(short["percent"]))
    if absolute := _ABSOLUTE.fullmatch(name):
        low, high = absolute["low"], absolute["high"]
        _check_bounds(name, low, high)
        return _between_values(
            absolute["family"], None if low is None else float(low), None if high is None else float(high)
        )
    if percents := _PERCENTS.fullmatch(name):
        low, high = percents["low"], percents["high"]
        _check_bounds(name, low, high, largest=100)
        return _between_ranks(percents["family"], Fraction(low or 0), Fraction(high or 100))
    raise UnknownStatistic(name)


def is_extended(name: str) -> bool:
    """Whether `name` goes into `ExtendedStatistic(s)` rather than `Statistic(s)`."""
    return name not in _SIMPLE


def _check_bounds(name: str, low: str | None, high: str | None, largest: float | None = None) -> None:
    if low is None and high is None:
        raise UnknownStatistic(name)
    if low is not None and high is not None and Fraction(low) >= Fraction(high):
        raise UnknownStatistic(name)
    if largest is not None and max(Fraction(low or 0), Fraction(high or 0)) > largest:
        raise UnknownStatistic(name)


def _average(data: Distribution) -> float:
    return data.total / data.sample_count


_SIMPLE: dict[str, Statistic] = {
    "Sum": lambda data: float(data.total),
    "SampleCount": lambda data: float(data.sample_count),
    "Average": _average,
    "Minimum": lambda data: float(data.minimum),
    "Maximum": lambda data: float(data.maximum),
}


def _short(name: str, family: str, percent: Fraction) -> Statistic:
    if percent > 100:
        raise UnknownStatistic(name)
    if family == "p":
        return _percentile(percent)
    return _between_ranks(family.upper(), Fraction(0), percent)


def _percentile(percent: Fraction) -> Statistic:
    def value(data: Distribution) -> float:
        return float(data.value_at_rank(max(1, ceil(percent * Fraction(data.sample_count) / 100))))

    return value


def _between_values(family: str, low: float | None, high: float | None) -> Statistic:
    """A statistic of the values above `low` and up to `high`."""

    def within(data: Distribution) -> tuple[int, int]:
        first = 0 if low is None else bisect_right(data.values, low)
        return first, len(data.values) if high is None else bisect_right(data.values, high)

    def count(data: Distribution) -> float:
        first, end = within(data)
        return float(_up_to(data.cumulative, end) - _up_to(data.cumulative, first))

    def total(data: Distribution) -> float:
        first, end = within(data)
        return float(_up_to(data.cumulative_sums, end) - _up_to(data.cumulative_sums, first))

    def mean(data: Distribution) -> float | None:
        counted = count(data)
        return total(data) / counted if counted else None

    def rank(data: Distribution) -> float:
        return 100.0 * count(data) / data.sample_count

    def winsorized(data: Distribution) -> float:
        first, end = within(data)
        below = _up_to(data.cumulative, first)
        above = data.sample_count - _up_to(data.cumulative, end)
        return (total(data) + below * (low or 0.0) + above * (high or 0.0)) / data.sample_count

    return {"TC": count, "TS": total, "TM": mean, "PR": rank, "WM": winsorized}[family]


def _between_ranks(family: str, low: Fraction, high: Fraction) -> Statistic:
    """A statistic of the values whose rank lies between two percentages."""

    def within(data: Distribution) -> tuple[int, int]:
        samples = Fraction(data.sample_count)
        return floor(low * samples / 100), ceil(high * samples / 100)

    def count(data: Distribution) -> float:
        first, last = within(data)
        return float(last - first)

    def total(data: Distribution) -> float:
        first, last = within(data)
        return float(data.sum_to_rank(last) - data.sum_to_rank(first))

    def mean(data: Distribution) -> float | None:
        counted = count(data)
        return total(data) / counted if counted else None

    def winsorized(data: Distribution) -> float:
        first, last = within(data)
        below = first * data.value_at_rank(first + 1)
        above = (data.sample_count - last) * data.value_at_rank(max(1, last))
        return (total(data) + below + above) / data.sample_count

    return {"TC": count, "TS": total, "TM": mean, "WM": winsorized}[family]


def _up_to(cumulative: list[float], end: int) -> float:
    return cumulative[end - 1] if end else 0
