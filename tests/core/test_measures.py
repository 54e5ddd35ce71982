"""Raw counts made into readings: the canary subtracted, silence waited for, and what is missing never healthy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.core.base_semantics import BaseSemantics, BaseSetting
from rollout.core.judge import Count, Pair
from rollout.core.measures import Measure, RawCounts, RawMinute, Series, countable, reading_of

INCLUSIVE, EXCLUSIVE = BaseSemantics(BaseSetting.INCLUSIVE), BaseSemantics(BaseSetting.EXCLUSIVE)
FULL = RawCounts(canary=Count(50, 1), stage=Count(1000, 11), canary_as_base=Count(50, 1))
NO_CANARY = RawCounts(canary=None, stage=Count(1000, 11), canary_as_base=None)
NO_BASE = RawCounts(canary=Count(50, 1), stage=None, canary_as_base=Count(50, 1))
SILENT = RawCounts(canary=None, stage=None, canary_as_base=None)

a_count = st.integers(0, 1000).flatmap(lambda requests: st.builds(Count, st.just(requests), st.integers(0, requests)))


def minute(number: int, raw: RawCounts = FULL, *, complete: bool = True) -> RawMinute:
    return RawMinute(number, {"5XXError": raw}, complete)


def pair(raw: RawCounts, semantics: BaseSemantics) -> Pair:
    return reading_of(minute(7, raw), 2, semantics).pairs["5XXError"]


# --- subtraction -------------------------------------------------------------------------------------------------


def test_a_series_that_contains_the_canary_is_the_base_without_it() -> None:
    assert Pair(canary=Count(50, 1), base=Count(950, 10)) == pair(FULL, INCLUSIVE)


def test_a_series_without_the_canary_is_the_base_as_it_is() -> None:
    assert Pair(canary=Count(50, 1), base=Count(1000, 11)) == pair(FULL, EXCLUSIVE)


def test_until_it_is_known_the_canary_is_subtracted() -> None:
    assert pair(FULL, INCLUSIVE) == pair(FULL, BaseSemantics())


def test_what_is_subtracted_is_bad_by_the_bases_threshold() -> None:
    """A slow canary request is bad a tenth above the threshold, but it was bad for the stage at the threshold."""
    raw = RawCounts(canary=Count(50, 5), stage=Count(1000, 60), canary_as_base=Count(50, 20))
    assert Pair(canary=Count(50, 5), base=Count(950, 40)) == pair(raw, INCLUSIVE)


@given(a_count, a_count, a_count)
def test_no_base_has_fewer_than_no_requests_or_more_bad_ones_than_requests(
    canary: Count, stage: Count, as_base: Count
) -> None:
    """The two series are published apart, so for a moment one may be ahead of the other."""
    base = pair(RawCounts(canary, stage, as_base), INCLUSIVE).base
    assert base is not None
    assert 0 <= base[1] <= base[0] <= stage.requests


# --- what is missing ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("semantics", [INCLUSIVE, EXCLUSIVE], ids=["inclusive", "exclusive"])
def test_an_arm_that_said_nothing_is_not_measured(semantics: BaseSemantics) -> None:
    assert pair(NO_CANARY, semantics).canary is None
    assert pair(NO_BASE, semantics).base is None
    assert Pair(canary=None, base=None) == pair(SILENT, semantics)


def test_a_reading_is_of_its_minute_and_step() -> None:
    reading = reading_of(minute(7), 2, EXCLUSIVE)
    assert (7, 2) == (reading.minute, reading.step)


# --- waiting -----------------------------------------------------------------------------------------------------


def counted(*minutes: RawMinute, last_overdue: int) -> list[int]:
    return [raw.minute for raw in countable(minutes, last_overdue)]


def test_minutes_in_which_both_arms_spoke_are_counted_at_once() -> None:
    assert [1, 2, 3] == counted(minute(1), minute(2), minute(3), last_overdue=0)


@pytest.mark.parametrize("silent", [NO_CANARY, NO_BASE, SILENT], ids=["no canary", "no base", "silent"])
def test_a_silent_minute_is_waited_for_and_so_are_those_after_it(silent: RawCounts) -> None:
    assert [1] == counted(minute(1), minute(2, silent), minute(3), last_overdue=1)


@pytest.mark.parametrize("silent", [NO_CANARY, NO_BASE, SILENT], ids=["no canary", "no base", "silent"])
def test_an_overdue_silent_minute_is_waited_for_no_longer(silent: RawCounts) -> None:
    assert [1, 2, 3] == counted(minute(1), minute(2, silent), minute(3), last_overdue=2)


def test_a_minute_of_which_more_is_to_come_is_waited_for() -> None:
    assert [1] == counted(minute(1), minute(2, complete=False), minute(3), last_overdue=1)
    assert [1, 2, 3] == counted(minute(1), minute(2, complete=False), minute(3), last_overdue=2)


def test_one_silent_metric_makes_a_silent_minute() -> None:
    assert RawMinute(1, {"5XXError": FULL, "Latency.p90": SILENT}).silent
    assert not RawMinute(1, {"5XXError": FULL, "Latency.p90": FULL}).silent


# --- documents ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("measure", [Measure("5XXError"), Measure("Latency.p99", 120.5)])
def test_a_measure_comes_back_from_its_document_as_it_was(measure: Measure) -> None:
    assert measure == Measure.from_document(measure.to_document())


def test_series_come_back_from_their_document_as_they_were() -> None:
    series = Series({"ApiName": "orders", "Stage": "prod"}, {"ApiName": "orders", "Stage": "prod/Canary"})
    assert series == Series.from_document(series.to_document())
