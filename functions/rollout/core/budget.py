"""How much a rollout's record may hold, in bytes. A record that is full could be neither stopped nor ended.

Law: a signal that would not leave room for a stop signal and the end is refused, and a rollout whose record could
outgrow its room is not begun.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from rollout.core.signals import Signal, SignalKind
from rollout.core.texts import LONGEST_NAME, LONGEST_NAME_BYTES, fitted

if TYPE_CHECKING:
    from rollout.core.rollout import Rollout
    from rollout.core.target import Json

LARGEST_ITEM = 409_600
"""Of DynamoDB: an item with its attributes' names, after the update (documented: 400 KB)."""
ROOM_FOR_COMMANDS = 100_000
ROOM_FOR_ALARMS = ROOM_FOR_COMMANDS + 16_000
ROOM_FOR_SIGNALS = ROOM_FOR_ALARMS + 8_000
"""Of signals: commands may fill the first part, alarms the next one, an abort finds room in any case."""
ROOM_FOR_EVENTS = 48_000
"""Of notifications that could not be sent yet; beyond it the oldest are dropped, never the end's."""
ROOM_TO_GROW = 64_000
"""Of the evidence, the reason, why it failed, the token, and all else whose size does not follow from the request."""
MOST_STATES = 20
"""Of the target that a record may hold at once, on the way and just left."""


def text_of(document: object) -> str:
    """The document as it is stored: in UTF-8, which what is escaped would be thrice as long as."""
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "replace").decode("utf-8")


def size_of(document: object) -> int:
    """The bytes that the document takes."""
    return len(text_of(document).encode("utf-8"))


def bounded(signal: Signal) -> Signal:
    """The signal with texts that fit a record, whoever made it."""
    return replace(signal, source=fitted(signal.source, LONGEST_NAME, LONGEST_NAME_BYTES), reason=fitted(signal.reason))


def room_for(kind: SignalKind) -> int:
    """How many bytes of signals there may be, with one of this kind."""
    return {SignalKind.ABORT: ROOM_FOR_SIGNALS, SignalKind.ALARM: ROOM_FOR_ALARMS}.get(kind, ROOM_FOR_COMMANDS)


def unsent(events: tuple[Json, ...]) -> tuple[Json, ...]:
    """The notifications that are kept for a bus that is down: the newest ones that there is room for."""
    kept: list[Json] = []
    room = ROOM_FOR_EVENTS
    for event in reversed(events):
        room -= size_of(event)
        if room < 0 and kept:
            break
        kept.insert(0, event)
    return tuple(kept)


def objection(rollout: Rollout) -> str | None:
    """Why the record of this rollout could outgrow its room; None when it cannot."""
    overrides = size_of(rollout.settings.candidate.overrides)
    state = size_of(rollout.original.to_document()) + 2 * overrides
    most = size_of(rollout.to_document()) + MOST_STATES * state + ROOM_FOR_SIGNALS + ROOM_FOR_EVENTS + ROOM_TO_GROW
    if most <= LARGEST_ITEM:
        return None
    variables = len(rollout.settings.candidate.overrides)
    return (
        f"the record of this rollout could grow to {most:,} bytes, and DynamoDB keeps {LARGEST_ITEM:,}: "
        f"{variables} stage variables of {overrides:,} bytes are too much for one rollout"
    )
