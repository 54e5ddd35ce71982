"""FilterLogEvents, with patterns, pages and lines that are made when somebody reads them.

moto searches stream by stream instead of by time, knows patterns of terms only and returns every event for any other,
takes any pattern, and fills each page. AWS: the events come by time; a page has at most 10,000 events and 1 MB and
"might only be partially full, or even empty" though more follow; a wrong pattern is refused (documented).
Unknown: how much AWS searches for one page; here it is `SEARCHED`.

The lines of a minute of traffic can be many, and are seldom read: a source makes them for the minutes that are asked
for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from moto.logs.exceptions import InvalidParameterException, ResourceNotFoundException
from moto.logs.models import LogsBackend

from rollout_simulator.moto_patches.log_patterns import InvalidPattern, compiled
from rollout_simulator.moto_patches.patching import replacements

_BACKEND = replacements(LogsBackend, filter_log_events="searches stream by stream, and knows patterns of terms only")

MOST_EVENTS = 10_000
LARGEST_PAGE = 1_048_576
"""Bytes of the messages of a page."""
SEARCHED = 5_000
"""Events that one page searches at most."""
MINUTE_MS = 60_000
KEPT_MINUTES = 24 * 60
"""So much of the past a source has."""


class LogEvent(NamedTuple):
    """One line. at: milliseconds since the epoch."""

    at: int
    stream: str
    message: str


Source = Callable[[int], Sequence[LogEvent]]
"""The events of a minute of the epoch, by time."""


@dataclass(slots=True)
class LogShelf:
    """The log groups whose events are made when they are read."""

    sources: dict[str, list[Source]] = field(default_factory=dict)

    def follow(self, group: str, source: Source) -> None:
        """From now on the group exists and has these events besides its others."""
        self.sources.setdefault(group, []).append(source)

    def events(self, group: str, first: int, last: int) -> Iterator[LogEvent]:
        """The events of the group's sources between two moments, in ms since the epoch and inclusive, by time."""
        oldest = last // MINUTE_MS - KEPT_MINUTES
        for minute in range(max(oldest, first // MINUTE_MS), last // MINUTE_MS + 1):
            found = [event for source in self.sources.get(group, ()) for event in source(minute)]
            yield from (event for event in sorted(found) if first <= event.at <= last)


@contextmanager
def patched(now_ms: Callable[[], int]) -> Iterator[LogShelf]:
    """Answer FilterLogEvents so for as long as this is open; yields the shelf. Nothing of the future is shown."""
    shelf = LogShelf()

    def filter_log_events(
        backend: Any,
        log_group_name: str,
        log_stream_names: list[str],
        start_time: int | None,
        end_time: int | None,
        limit: int | None,
        next_token: str | None,
        filter_pattern: str | None,
        interleaved: bool,  # noqa: ARG001 - documented: ignored, events are always interleaved
    ) -> tuple[list[dict[str, Any]], str | None, list[dict[str, Any]]]:
        if log_group_name not in backend.groups and log_group_name not in shelf.sources:
            raise ResourceNotFoundException
        if limit is not None and not 1 <= limit <= MOST_EVENTS:
            raise InvalidParameterException(
                constraint=f"Member must have value between 1 and {MOST_EVENTS}", parameter="limit", value=str(limit)
            )
        try:
            fits = compiled(filter_pattern or "")
        except InvalidPattern as error:
            raise InvalidParameterException(
                constraint=str(error), parameter="filterPattern", value=str(filter_pattern)
            ) from error
        first, last = start_time or 0, min(now_ms(), end_time if end_time is not None else now_ms())
        place = _place(next_token)
        found: list[dict[str, Any]] = []
        searched = size = 0
        for number, event in enumerate(_stored(backend, shelf, log_group_name, first, last)):
            if number < place or (log_stream_names and event.stream not in log_stream_names):
                continue
            if len(found) >= (limit or MOST_EVENTS) or searched >= SEARCHED or size >= LARGEST_PAGE:
                return found, f"f/{number}", []
            searched += 1
            if fits(event.message):
                size += len(event.message.encode())
                found.append(_shown(event, number))
        return found, None, []

    with _BACKEND(filter_log_events=filter_log_events):
        yield shelf


def _stored(backend: Any, shelf: LogShelf, group: str, first: int, last: int) -> Iterator[LogEvent]:
    """All events of the group in this time, by time."""
    own = []
    if group in backend.groups:
        for name, stream in backend.groups[group].streams.items():
            own += [
                LogEvent(int(event.timestamp), name, event.message)
                for event in stream.events
                if first <= event.timestamp <= last
            ]
    if group not in shelf.sources:
        yield from sorted(own)
        return
    waiting = sorted(own, reverse=True)
    for event in shelf.events(group, first, last):
        while waiting and waiting[-1].at <= event.at:
            yield waiting.pop()
        yield event
    yield from reversed(waiting)


def _place(token: str | None) -> int:
    if token is None:
        return 0
    kind, _, number = token.partition("/")
    if kind != "f" or not number.isdecimal():
        raise InvalidParameterException(
            constraint="The specified nextToken is invalid.", parameter="nextToken", value=token
        )
    return int(number)


def _shown(event: LogEvent, number: int) -> dict[str, Any]:
    return {
        "logStreamName": event.stream,
        "timestamp": event.at,
        "message": event.message,
        "ingestionTime": event.at,
        "eventId": f"{event.at:020d}{number:036d}",
    }
