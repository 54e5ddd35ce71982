"""The report: a page of its own, from which nothing escapes and to which nothing comes."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from rollout.cockpit.markup import joined, raw, tag
from rollout.cockpit.page import report
from tests.cockpit.lived import HOSTILE, long_view, seen, view

VOID = frozenset({"meta"})
PAGES = ("promoted", "errors-double", "aborted", "held", "worse-after-promotion", "alarm-already-firing")


class Outline(HTMLParser):
    """The elements of a page with their attributes, and its text; an element that is not closed is an error."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((name, dict(attributes)))
        if name not in VOID:
            self._open.append(name)

    def handle_endtag(self, name: str) -> None:
        assert self._open.pop() == name

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.elements]

    @property
    def text(self) -> str:
        return " ".join(self.words)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_well_formed_and_asks_for_nothing_outside_and_runs_nothing(name: str) -> None:
    page = seen(name).page()
    outline = Outline(page)
    assert {"script", "iframe", "use", "link", "img", "object", "embed"}.isdisjoint(outline.names)
    assert not re.search(r"https?://|url\(|@import|src=|href=", page)
    assert not [key for _, attributes in outline.elements for key in attributes if key.startswith("on")]


def test_the_outcome_and_its_reason_come_first() -> None:
    text = Outline(seen("errors-double").page()).text
    words = ["Rolled back", view("errors-double").reason, "Timeline", "Metrics", "Decisions", "Request and settings"]
    places = [text.index(word) for word in words]
    assert places == sorted(places)


def test_every_picture_has_a_title_and_says_in_words_what_it_shows() -> None:
    outline = Outline(seen("promoted").page())
    pictures = [attributes for name, attributes in outline.elements if name == "svg"]
    assert len(pictures) == 1 + 2 * 4
    assert outline.names.count("desc") == len(pictures)
    assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in pictures)


def test_the_tables_have_headers() -> None:
    outline = Outline(seen("aborted").page())
    scopes = [attributes.get("scope") for name, attributes in outline.elements if name == "th"]
    assert scopes
    assert set(scopes) == {"col"}


def test_the_tolerance_is_drawn_as_a_band_and_what_is_enough_as_a_line() -> None:
    page = seen("errors-double").page()
    assert page.count('class="rp-band"') >= 3
    assert page.count("rp-enough") >= 4
    assert "roll back at 100:1" in page
    assert "safe for the next step at 20:1" in page


def test_a_ramp_is_drawn_with_the_evidence_that_raised_it() -> None:
    seen = view("on-the-ramp")
    raised = [look for look in seen.ramp if look.raised]
    assert [10.0, 25.0, 50.0] == [look.percent for look in raised]
    assert [weight.minute for weight in seen.weights[2:]] == [pytest.approx(look.minute, abs=0.1) for look in raised]
    assert all(look.proven and look.share >= 1.0 for look in raised)
    page = report(seen)
    assert "Next raise" in page
    items = re.findall(r"<li>(raised|next), [^<]*: to (\d+) %, <span[^>]*>(p_c &lt; [^<]*) of 20:1</span>", page)
    assert [("raised", "10"), ("raised", "25"), ("raised", "50"), ("next", "95")] == [each[:2] for each in items]
    assert "by evidence" in page
    assert "Next raise" not in report(view("promoted"))


def test_every_decision_is_in_the_table_with_its_numbers_and_who_took_it() -> None:
    outline = Outline(seen("aborted").page())
    for row in view("aborted").rows:
        assert row.reason in outline.text
        assert row.who in outline.text
        assert row.change in outline.text


def test_a_hostile_name_and_a_hostile_reason_are_shown_as_text() -> None:
    page = seen("aborted", api=HOSTILE, reason=HOSTILE).page()
    outline = Outline(page)
    assert "img" not in outline.names
    assert HOSTILE not in page
    assert outline.text.count(HOSTILE) >= 3


def test_a_refused_request_has_a_page_too() -> None:
    text = Outline(seen("alarm-already-firing").page()).text
    assert "Rejected" in text
    assert "already firing" in text
    assert "Nothing was touched" in text


def test_a_rollout_of_two_weeks_makes_a_page_that_can_be_sent() -> None:
    page = report(long_view(14))
    assert len(page) < 400_000
    assert "14 d" in Outline(page).text


def test_nothing_but_markup_is_written_as_it_is() -> None:
    assert tag("p", "<b>", raw("<i></i>"), None, 5, title='"') == '<p title="&quot;">&lt;b&gt;<i></i>5</p>'
    assert joined("&", tag("b", "x")) == "&amp;<b>x</b>"
