"""Why a candidate failed, as it is stored and shown: a few groups of failures, and what could not be read.

Law: it takes few bytes of the record, whatever was read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rollout.core.texts import fitted

if TYPE_CHECKING:
    from rollout.core.target import Json

MOST_GROUPS = 6
MOST_SAMPLES = 3
MOST_NOTES = 6
LONGEST_NOTE = 300
LARGEST = 16_000
"""Bytes of the document at most: a test fills every field."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One failed request, to look it up by. at: ISO 8601. Ids are "" where the log does not have them."""

    at: str
    request_id: str = ""
    trace_id: str = ""

    def __str__(self) -> str:
        ids = [
            f"request {self.request_id}" if self.request_id else "",
            f"trace {self.trace_id}" if self.trace_id else "",
        ]
        return ", ".join(filter(None, (f"{self.at[:19].replace('T', ' ')} UTC", *ids)))

    def to_document(self) -> Json:
        """A JSON object."""
        return {"at": self.at, "requestId": self.request_id, "traceId": self.trace_id}

    @classmethod
    def from_document(cls, document: Json) -> Sample:
        """The inverse of `to_document`."""
        return cls(document["at"], document["requestId"], document["traceId"])


@dataclass(frozen=True, slots=True)
class Group:
    """Failures of one route, status and message.

    canary of canary_of: how many of the candidate's failures of this kind (server's errors, client's errors, or lines
    of the function's log) are of this group; base of base_of: the same of the base. route and message are "", and
    status is 0, where no log says.
    """

    route: str
    status: int
    message: str
    canary: int
    canary_of: int
    base: int
    base_of: int
    samples: tuple[Sample, ...] = ()

    @property
    def what(self) -> str:
        """Route, status and message."""
        answered = " ".join(filter(None, (self.route, str(self.status) if self.status else "")))
        return ", ".join(filter(None, (answered, self.message))) or "no message"

    def __str__(self) -> str:
        """Such as "84 of 91 failures: POST /orders 502, KeyError: 'sku' (base: 0 of 2,735)"."""
        kind = "failures" if self.status else "errors in the function's log"
        return f"{self.canary:,} of {self.canary_of:,} {kind}: {self.what} (base: {self.base:,} of {self.base_of:,})"

    def to_document(self) -> Json:
        """A JSON object."""
        return {
            "route": self.route,
            "status": self.status,
            "message": self.message,
            "canary": self.canary,
            "canaryOf": self.canary_of,
            "base": self.base,
            "baseOf": self.base_of,
            "samples": [sample.to_document() for sample in self.samples],
        }

    @classmethod
    def from_document(cls, document: Json) -> Group:
        """The inverse of `to_document`."""
        return cls(
            document["route"],
            document["status"],
            document["message"],
            document["canary"],
            document["canaryOf"],
            document["base"],
            document["baseOf"],
            tuple(Sample.from_document(sample) for sample in document["samples"]),
        )


@dataclass(frozen=True, slots=True)
class Why:
    """What the logs say of the candidate's failures, the most telling group first.

    since, until: the time that was read, ISO 8601; "" where nothing was. notes: what could not be read, or not be told.
    """

    groups: tuple[Group, ...] = ()
    since: str = ""
    until: str = ""
    notes: tuple[str, ...] = ()

    @classmethod
    def unread(cls, note: str) -> Why:
        """Nothing was read, and why not."""
        return cls(notes=(note,)).bounded()

    def bounded(self) -> Why:
        """The same, so small that a record has room for it."""
        groups = tuple(replace(group, samples=group.samples[:MOST_SAMPLES]) for group in self.groups[:MOST_GROUPS])
        notes = tuple(dict.fromkeys(fitted(note, LONGEST_NOTE, 2 * LONGEST_NOTE) for note in self.notes))
        return replace(self, groups=groups, notes=notes[:MOST_NOTES])

    @property
    def headline(self) -> str:
        """The most telling group, or why there is none."""
        if self.groups:
            return f"Why it failed: {self.groups[0]}"
        return (
            f"Why it failed is not known: {self.notes[0]}"
            if self.notes
            else "Why it failed: the logs have no failures of the candidate"
        )

    def lines(self) -> Iterator[str]:
        """Every group with its samples, and the notes."""
        for group in self.groups:
            yield str(group)
            yield from (f"  {sample}" for sample in group.samples)
        if self.since and not self.groups:
            yield "no failure that is known to be the candidate's"
        if self.since:
            yield f"read from {_utc(self.since)} to {_utc(self.until)}"
        yield from self.notes

    def to_document(self) -> Json:
        """A JSON object."""
        return {
            "groups": [group.to_document() for group in self.groups],
            "since": self.since,
            "until": self.until,
            "notes": list(self.notes),
        }

    @classmethod
    def from_document(cls, document: Json) -> Why:
        """The inverse of `to_document`."""
        groups = tuple(Group.from_document(group) for group in document["groups"])
        return cls(groups, document["since"], document["until"], tuple(document["notes"]))


def _utc(moment: str) -> str:
    return f"{moment[:16].replace('T', ' ')} UTC"
