"""Texts that come from outside: actors, reasons, names of alarms.

Law: such a text is data. It moves no cursor, hides no character, calls nobody in a chat, and has a bounded length.
A command's texts are checked when they arrive (`checked`); an alarm's are made to fit (`fitted`), because an alarm is
never refused. What older versions stored is made visible when it is shown: `one_line` in a terminal, `visible` in
HTML, `for_chat` in a chat.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from rollout.errors import InvalidRequest

MOST_CHARACTERS: Mapping[str, int] = {"actor": 128, "reason": 1_024, "rolloutId": 80}
"""Of each text of a command, after invisible characters are made visible."""
MOST_BYTES: Mapping[str, int] = {"actor": 256, "reason": 2_048, "rolloutId": 80}
"""The same in UTF-8, which counts for the size of the record."""
LONGEST_NAME, LONGEST_NAME_BYTES = 340, 600
"""Of an alarm, by its name or its ARN: CloudWatch allows names of 255 characters (documented)."""

_LAYOUT = "\t\n"
_SPACES = str.maketrans("\t\n\r", "   ")
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
"""Characters without width or shape that Unicode does not count as format characters: joiners and fillers."""
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Control and format characters (ESC, NUL, C1, bidi controls, zero width), surrogates, line and paragraph marks."""

_CHAT = str.maketrans({"<": "‹", ">": "›", "@": "＠", "&": "＆", "[": "［", "]": "］", "`": "'", "|": "¦"})
"""Characters by which chats call people, channels and links, and look-alikes that do nothing."""


def visible(text: str) -> str:
    """The text with every character that would act or hide shown by its number, such as ⟨U+001B⟩ for ESC.

    Tabs and line breaks stay.
    """
    if text.isprintable() and _INVISIBLE.isdisjoint(text):
        return text
    return "".join(f"⟨U+{ord(letter):04X}⟩" if _is_hidden(letter) else letter for letter in text)


def _is_hidden(letter: str) -> bool:
    if letter in _LAYOUT:
        return False
    return letter in _INVISIBLE or unicodedata.category(letter) in _HIDDEN_CATEGORIES


def one_line(text: str) -> str:
    """The visible text without tabs and line breaks, as a terminal's line may have it."""
    return visible(text.translate(_SPACES))


def for_chat(text: str) -> str:
    """The visible text without anything by which a chat calls a person or a channel, or makes a link."""
    plain = visible(text).translate(_CHAT).replace("://", ":⧸⧸")
    return plain.replace("www.", "www․")


def checked(field: str, text: object) -> str:
    """The text of this field of a command, on one visible line; "" for None.

    Raises: InvalidRequest (it is no text, or longer than the field may be, in characters or in UTF-8 bytes).
    """
    if text is None:
        return ""
    if not isinstance(text, str):
        raise InvalidRequest(f"{field}: must be a text of at most {MOST_CHARACTERS[field]} characters")
    most, most_bytes = MOST_CHARACTERS[field], MOST_BYTES[field]
    # Before it is worked on: 10 MB of a text are refused as fast as one character too many.
    shown = one_line(text) if len(text) <= most else text
    if len(shown) > most:
        raise InvalidRequest(f"{field}: must be a text of at most {most} characters, got {len(shown)}")
    if (size := len(shown.encode())) > most_bytes:
        raise InvalidRequest(f"{field}: must be a text of at most {most_bytes} bytes in UTF-8, got {size}")
    return shown


def fitted(text: str, most: int = MOST_CHARACTERS["reason"], most_bytes: int = MOST_BYTES["reason"]) -> str:
    """The text on one visible line, cut where it is longer than so many characters or UTF-8 bytes."""
    shown = one_line(text[:most])
    if len(shown) <= most and len(text) <= most and len(shown.encode()) <= most_bytes:
        return shown
    cut = shown[: most - 1].encode()[: most_bytes - len("…".encode())]
    return f"{cut.decode(errors='ignore')}…"


def cleaned(value: Any) -> Any:
    """The value with `one_line` applied to every text in it: in dataclasses, mappings, lists and tuples."""
    if type(value) is str:
        return one_line(value)
    if isinstance(value, Mapping):
        return {cleaned(name): cleaned(item) for name, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(cleaned(item) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{field.name: cleaned(getattr(value, field.name)) for field in fields(value) if field.init}
        )
    return value
