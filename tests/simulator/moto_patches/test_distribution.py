"""A minute's values, and every statistic CloudWatch makes of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout_simulator.moto_patches.distribution import Distribution, NotKept
from rollout_simulator.moto_patches.metric_statistics import UnknownStatistic, statistic

TEN = Distribution.of_values(range(1, 11))


def test_flags_sum_to_the_errors_and_count_the_requests() -> None:
    flags = Distribution.of_flags(requests=120_000, bad=7)

    shown = [statistic(name)(flags) for name in ("Sum", "SampleCount", "Average", "Minimum", "Maximum")]
    assert shown == [7.0, 120_000.0, 7 / 120_000, 0.0, 1.0]


@pytest.mark.parametrize(("requests", "bad"), [(5, 0), (5, 5), (0, 0)])
def test_flags_may_be_all_alike_or_none(requests: int, bad: int) -> None:
    flags = Distribution.of_flags(requests, bad)

    assert (flags.sample_count, flags.total) == (requests, bad)


@pytest.mark.parametrize(("requests", "bad"), [(5, 6), (5, -1)])
def test_flags_that_cannot_be_are_refused(requests: int, bad: int) -> None:
    with pytest.raises(ValueError, match=f"{bad} bad of {requests} requests"):
        Distribution.of_flags(requests, bad)


def test_a_histogram_is_sorted_tallied_and_has_no_empty_buckets() -> None:
    made = Distribution.of_histogram(np.array([30.0, 10.0, 30.0, 20.0]), np.array([1, 2, 3, 0]))

    assert made == Distribution((10.0, 30.0), (2, 4))
    assert {type(count) for count in made.counts} == {int}


def test_a_histogram_with_a_negative_count_is_refused() -> None:
    with pytest.raises(ValueError, match="a count of -1"):
        Distribution.of_histogram([1.0], [-1])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("p0", 1.0),
        ("p50", 5.0),
        ("p90", 9.0),
        ("p91", 10.0),
        ("p99.9", 10.0),
        ("p100", 10.0),
        ("TC(:3)", 3.0),
        ("TC(3:)", 7.0),
        ("TC(3:7)", 4.0),  # 4, 5, 6, 7: the lower bound is exclusive, the upper inclusive
        ("TC(2.5:2.6)", 0.0),
        ("TC(-5:2)", 2.0),
        ("TS(3:7)", 22.0),
        ("TM(3:7)", 5.5),
        ("PR(:3)", 30.0),
        ("WM(3:7)", (3 * 3 + 22 + 7 * 3) / 10),
        ("tc90", 9.0),
        ("ts90", 45.0),
        ("tm90", 5.0),
        ("wm90", (45 + 9) / 10),
        ("TC(10%:90%)", 8.0),
        ("TS(10%:90%)", 44.0),
        ("TM(10%:90%)", 5.5),
        ("WM(10%:90%)", (2 + 44 + 9) / 10),
        ("TM(:90%)", 5.0),
        ("TM(20%:)", 6.5),
        ("IQM", 5.5),
    ],
)
def test_statistics_of_one_to_ten(name: str, value: float) -> None:
    assert statistic(name)(TEN) == pytest.approx(value)


def test_a_trimmed_mean_of_nothing_is_no_datapoint() -> None:
    assert statistic("TM(20:30)")(TEN) is None


@pytest.mark.parametrize(
    "name",
    [
        *("", "sum", "Median", "p", "P90", "p101", "p1.12345678901", "tm101"),
        *("TC()", "TC(:)", "TC(5:5)", "TC(7:3)", "TC(:300", "TM(10%:90)", "TM(0%:101%)", "PR(10%:90%)", "xx(1:2)"),
    ],
)
def test_an_unknown_statistic_is_refused(name: str) -> None:
    with pytest.raises(UnknownStatistic):
        statistic(name)


@given(
    values=st.lists(st.integers(0, 50), min_size=1, max_size=60),
    percent=st.sampled_from(["0", "1", "29", "50", "90", "99", "99.9", "100"]),
    bound=st.integers(-1, 51),
)
def test_a_histogram_answers_as_its_single_values_would(values: list[int], percent: str, bound: int) -> None:
    made = Distribution.of_values(values)
    rank = max(1, math.ceil(len(values) * round(float(percent) * 10) / 1000))

    assert statistic(f"p{percent}")(made) == sorted(values)[rank - 1]
    assert statistic(f"TC(:{bound})")(made) == sum(value <= bound for value in values)
    assert statistic(f"TC({bound}:)")(made) == sum(value > bound for value in values)
    assert statistic("Sum")(made) == sum(values)


@given(st.lists(st.lists(st.integers(0, 9), min_size=1), min_size=1, max_size=5))
def test_merging_is_having_seen_all_values_at_once(parts: list[list[int]]) -> None:
    merged = Distribution.merged([Distribution.of_values(part) for part in parts])

    assert merged == Distribution.of_values([value for part in parts for value in part])


def test_a_statistic_set_keeps_four_numbers_and_no_percentiles() -> None:
    known = Distribution.of_statistic_set(10, 55.0, 1.0, 10.0)

    assert [statistic(name)(known) for name in ("SampleCount", "Sum", "Minimum", "Maximum", "Average")] == (
        [10.0, 55.0, 1.0, 10.0, 5.5]
    )
    with pytest.raises(NotKept):
        statistic("p50")(known)


def test_a_statistic_set_of_equal_values_has_percentiles() -> None:
    known = Distribution.of_statistic_set(4, 12.0, 3.0, 3.0)

    assert statistic("p99")(known) == 3.0


def test_merged_with_a_statistic_set_only_four_numbers_are_left() -> None:
    merged = Distribution.merged([TEN, Distribution.of_statistic_set(2, 30.0, 0.5, 29.5)])

    assert (merged.sample_count, merged.total, merged.minimum, merged.maximum) == (12, 85.0, 0.5, 29.5)
