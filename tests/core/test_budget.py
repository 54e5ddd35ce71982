"""A record has room for what may come, or the rollout is not begun."""

from __future__ import annotations

import pytest

from rollout.core.budget import ROOM_FOR_EVENTS, cut, objection, size_of, unsent
from rollout.core.rollout import Candidate
from tests.rollouts import rollout, settings


@pytest.mark.parametrize("text", ["a" * 100, "€" * 100, "\x1b" * 100, '"' * 100, "😀" * 100])
@pytest.mark.parametrize("most", [10, 50, 99])
def test_a_text_is_cut_to_so_many_bytes_as_it_is_stored(text: str, most: int) -> None:
    kept = cut(text, most)
    assert size_of(kept) <= most + 2
    assert text.startswith(kept.removesuffix("…"))
    assert kept.endswith("…")


def test_a_short_text_stays_whole() -> None:
    assert "größer" == cut("größer", 20)


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
