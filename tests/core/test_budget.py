"""A record has room for what may come, or the rollout is not begun."""

from __future__ import annotations

import pytest

from rollout.core.budget import (
    ROOM_FOR_ALARMS,
    ROOM_FOR_COMMANDS,
    ROOM_FOR_EVENTS,
    bounded,
    objection,
    room_for,
    size_of,
    unsent,
)
from rollout.core.rollout import Candidate
from rollout.core.signals import Signal, SignalKind
from tests.rollouts import NOON, rollout, settings


@pytest.mark.parametrize("text", ["a", "€", "\x1b", '"', "\\", "😀", "\ud800"])
def test_an_alarm_and_an_abort_find_room_whatever_they_say_and_whatever_came_before(text: str) -> None:
    alarm, abort = (
        size_of(bounded(Signal(kind, NOON.isoformat(), text * 5_000, text * 5_000, 1)).to_document())
        for kind in (SignalKind.ALARM, SignalKind.ABORT)
    )
    assert ROOM_FOR_COMMANDS + alarm <= room_for(SignalKind.ALARM)
    assert ROOM_FOR_ALARMS + abort <= room_for(SignalKind.ABORT)


def test_short_texts_of_a_signal_stay_whole() -> None:
    signal = Signal(SignalKind.ABORT, NOON.isoformat(), "größer", "größer")
    assert signal == bounded(signal)


def test_an_ordinary_rollout_has_room() -> None:
    overrides = {f"variable{nth}": "x" * 60 for nth in range(20)}
    assert objection(rollout(settings=settings(candidate=Candidate("dep-new", overrides)))) is None


def test_a_rollout_that_could_outgrow_its_record_is_not_begun() -> None:
    overrides = {f"variable{nth}": "x" * 512 for nth in range(100)}
    problem = objection(rollout(settings=settings(candidate=Candidate("dep-new", overrides))))
    assert problem is not None
    assert "100 stage variables" in problem


def test_of_the_events_that_cannot_be_sent_the_newest_are_kept() -> None:
    events = tuple({"eventId": str(nth), "reason": "x" * 1_000} for nth in range(100))
    kept = unsent(events)
    assert (events[-1], True) == (kept[-1], 40 < len(kept) < 50)
    assert sum(size_of(event) for event in kept) <= ROOM_FOR_EVENTS


def test_an_event_that_is_larger_than_the_room_is_kept_when_it_is_the_newest() -> None:
    large = {"eventId": "1", "reason": "x" * ROOM_FOR_EVENTS}
    assert (large,) == unsent(({"eventId": "0"}, large))
