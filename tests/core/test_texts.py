"""Texts from outside: what is refused, what is made to fit, and what is shown of what is stored."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.core.signals import Signal
from rollout.core.texts import MOST_BYTES, MOST_CHARACTERS, checked, cleaned, fitted, for_chat, one_line, visible
from rollout.errors import InvalidRequest
from tests.hostile import HOSTILE

HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def hidden(text: str) -> set[str]:
    return {letter for letter in text if unicodedata.category(letter) in HIDDEN}


@given(st.text(alphabet=st.characters(), max_size=60))
def test_no_character_of_a_line_acts_or_hides(text: str) -> None:
    assert set() == hidden(one_line(text))
    assert hidden(visible(text)) <= set("\t\n\r")


@given(st.text(max_size=60))
def test_what_is_visible_is_left_as_it_is(text: str) -> None:
    shown = one_line(text)
    assert shown == one_line(shown)
    if text.isascii() and text.isprintable():
        assert text == shown


def test_two_names_that_look_alike_by_a_hidden_character_are_told_apart() -> None:
    assert "ann⟨U+200B⟩" == checked("actor", "ann\u200b")
    assert "⟨U+202E⟩nna" == checked("actor", "\u202enna")
    assert "⟨U+001B⟩[31mred" == checked("reason", "\x1b[31mred")


@pytest.mark.parametrize("field", MOST_CHARACTERS)
def test_a_text_of_a_command_has_at_most_so_many_characters_and_bytes(field: str) -> None:
    assert "a" * MOST_CHARACTERS[field] == checked(field, "a" * MOST_CHARACTERS[field])
    with pytest.raises(
        InvalidRequest, match=rf"^{field}: must be a text of at most {MOST_CHARACTERS[field]} characters"
    ):
        checked(field, "a" * (MOST_CHARACTERS[field] + 1))
    with pytest.raises(
        InvalidRequest, match=rf"^{field}: must be a text of at most {MOST_BYTES[field]} bytes in UTF-8"
    ):
        checked(field, "😀" * (MOST_BYTES[field] // 4 + 1))


@pytest.mark.parametrize("value", [7, ["ann"], {"name": "ann"}, True])
def test_what_is_no_text_is_refused_with_the_field(value: object) -> None:
    with pytest.raises(InvalidRequest, match=r"^actor: must be a text"):
        checked("actor", value)


def test_a_text_that_grows_by_being_made_visible_is_measured_as_it_is_kept() -> None:
    with pytest.raises(InvalidRequest, match=r"^actor: "):
        checked("actor", "\x1b" * 100)


@given(st.text(alphabet=st.characters(), max_size=3_000))
def test_an_alarm_is_never_refused_and_its_signal_is_bounded(text: str) -> None:
    signal = Signal.of_alarm(text, "2026-03-02T12:00:00+00:00", text)
    for kept, characters, size in ((signal.source, 340, 600), (signal.reason, 1_024, 2_048)):
        assert len(kept) <= characters
        assert len(kept.encode()) <= size
        assert set() == hidden(kept)


def test_a_cut_is_shown() -> None:
    assert "aaaa…" == fitted("a" * 9, 5)
    assert "aaaaa" == fitted("a" * 5, 5)
    assert "ä…" == fitted("ääää", 9, 5)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_chat_is_given_nothing_that_calls_or_links(text: str) -> None:
    shown = for_chat(text)
    assert not set("<>@[]`|&") & set(shown)
    assert "://" not in shown


def test_every_text_in_a_value_is_made_visible_and_nothing_else_is_changed() -> None:
    value = {"a\x1b": ["b\x00", 5, None, ("c\n",)], "d": True}
    assert {"a⟨U+001B⟩": ["b⟨U+0000⟩", 5, None, ("c ",)], "d": True} == cleaned(value)
