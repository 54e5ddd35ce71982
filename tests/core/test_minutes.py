"""Which minutes may be counted: once, closed, past the lag, and never across a weight change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.core.minutes import Calendar, minute_of, start_of

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
M = minute_of(NOON)

moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
calendars = st.builds(
    Calendar,
    lag_minutes=st.integers(0, 30),
    grace_minutes=st.integers(0, 10),
    outage_minutes=st.integers(0, 30),
    settle_seconds=st.integers(0, 600),
)
pauses = st.lists(st.timedeltas(timedelta(0), timedelta(minutes=20)), min_size=1, max_size=12)


def at(minutes: int = 0, seconds: float = 0) -> datetime:
    return NOON + timedelta(minutes=minutes, seconds=seconds)


# --- by example --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "expected"), [(at(0), M), (at(0, 59.999), M), (at(1), M + 1), (at(0, -0.001), M - 1)]
)
def test_a_minute_holds_its_start_and_not_its_end(moment: datetime, expected: int) -> None:
    assert expected == minute_of(moment)


@pytest.mark.parametrize(
    ("changed", "expected"), [(at(0), M + 1), (at(0, 29), M + 1), (at(0, 30), M + 1), (at(0, 31), M + 2)]
)
def test_the_first_minute_begins_when_the_change_has_settled(changed: datetime, expected: int) -> None:
    assert expected == Calendar(settle_seconds=30).first_countable(changed)


def test_a_change_on_the_minute_that_settles_at_once_may_be_counted_from_there() -> None:
    assert M == Calendar(settle_seconds=0).first_countable(NOON)


@pytest.mark.parametrize(("now", "expected"), [(at(4), M), (at(4, 59), M), (at(3, 59), M - 1)])
def test_a_minute_is_closed_the_lag_after_its_end(now: datetime, expected: int) -> None:
    assert expected == Calendar(lag_minutes=3).last_closed(now)


def test_a_silent_minute_is_waited_for_and_an_unreadable_one_longer() -> None:
    calendar = Calendar(lag_minutes=3, grace_minutes=2, outage_minutes=15)
    assert (M - 6, M - 19) == (calendar.last_overdue(NOON), calendar.last_overdue(NOON, readable=False))


@pytest.mark.parametrize(
    ("now", "expected"), [(at(0), 240), (at(3, 59.5), 1), (at(3, 58.5), 2), (at(4), 1), (at(9), 1)]
)
def test_the_wait_for_a_minute_is_rounded_up_and_never_nothing(now: datetime, expected: int) -> None:
    assert expected == Calendar(lag_minutes=3).seconds_until_closed(M, now)


# --- always ------------------------------------------------------------------------------------------------------


@given(moments)
def test_every_moment_is_in_its_minute(moment: datetime) -> None:
    minute = minute_of(moment)
    assert start_of(minute) <= moment < start_of(minute + 1)


@given(calendars, moments)
def test_no_minute_is_counted_before_it_is_closed_and_past_the_lag(calendar: Calendar, now: datetime) -> None:
    last = calendar.last_closed(now)
    assert start_of(last + 1) + timedelta(minutes=calendar.lag_minutes) <= now
    assert now < start_of(last + 2) + timedelta(minutes=calendar.lag_minutes)


@given(calendars, moments)
def test_no_minute_begins_before_the_change_has_settled_and_none_is_given_away(
    calendar: Calendar, changed: datetime
) -> None:
    settled = changed + timedelta(seconds=calendar.settle_seconds)
    first = calendar.first_countable(changed)
    assert settled <= start_of(first)
    assert start_of(first - 1) < settled


@given(calendars, moments)
def test_what_is_overdue_is_closed(calendar: Calendar, now: datetime) -> None:
    assert calendar.last_overdue(now) <= calendar.last_closed(now)
    assert calendar.last_overdue(now, readable=False) <= calendar.last_closed(now)


@given(calendars, moments, st.integers(0, 60))
def test_after_the_wait_the_minute_is_closed_and_not_a_second_sooner(
    calendar: Calendar, now: datetime, ahead: int
) -> None:
    minute = calendar.last_closed(now) + 1 + ahead
    seconds = calendar.seconds_until_closed(minute, now)
    assert calendar.last_closed(now + timedelta(seconds=seconds)) >= minute
    assert calendar.last_closed(now + timedelta(seconds=seconds - 1)) < minute


@given(calendars, moments, pauses)
def test_however_often_one_looks_every_minute_is_counted_once_and_none_twice(
    calendar: Calendar, changed: datetime, waits: list[timedelta]
) -> None:
    counted: list[int] = []
    following, now = calendar.first_countable(changed), changed
    for wait in waits:
        now += wait
        counted += range(following, calendar.last_closed(now) + 1)
        following = max(following, calendar.last_closed(now) + 1)
    assert list(range(calendar.first_countable(changed), following)) == counted


@given(calendars, moments, pauses)
def test_no_minute_spans_two_weights(calendar: Calendar, changed: datetime, waits: list[timedelta]) -> None:
    """Each look is followed at once by a change: what was counted before it, ended before it."""
    now = changed
    for wait in waits:
        first, now = calendar.first_countable(now), now + wait
        for minute in range(first, calendar.last_closed(now) + 1):
            assert changed <= start_of(minute)
            assert start_of(minute + 1) <= now
        changed = now
