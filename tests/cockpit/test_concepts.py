"""docs/concepts.md defines every word of the field that a screen or a message uses."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

import pytest

from rollout.cockpit.sections import COLUMNS
from rollout.cockpit.widget import Widget
from rollout.core.cause import CauseKind
from rollout.core.commands import COMMANDS, ROLLBACK
from rollout.core.decision import Decision, Phase
from rollout.core.events import State
from rollout.core.judge import Standing
from rollout.core.notification import HAPPENED, notification
from rollout.core.rollout import Outcome
from rollout_simulator.template import ROOT
from tests.cockpit.lived import SCENES, seen
from tests.cockpit.screens import PLACE, SCREENS, decided
from tests.functions.world import World

PAGE = Path(ROOT / "docs" / "concepts.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\*\*.*?) \| (.*) \|$", PAGE, re.MULTILINE)
DEFINED = [term.lower() for terms, _ in ROWS for term in re.findall(r"\*\*(.*?)\*\*", terms)]
TERMS = {term.lower() for term in re.findall(r"\*\*(.*?)\*\*", PAGE)}
"""What is defined, and the words that a definition names as another form."""


def words_of(name: str) -> str:
    return name.lower().replace("_", " ")


ENUMS = {
    "phase": [*map(words_of, Phase)],
    "outcome": [*map(words_of, Outcome)],
    "state": [*map(words_of, get_args(State)), *map(words_of, HAPPENED)],
    "decision": [*map(words_of, Decision)],
    "verdict": [*map(words_of, Standing)],
    "cause": [*map(words_of, CauseKind)],
    "command": [*COMMANDS, ROLLBACK],
    "column": [name.lower() for name in COLUMNS if name != "#" and " and " not in name],
    "JSON of a request": ["target", "candidate", "plan", "judge", "alarms"],
}


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in ENUMS.items() for name in dict.fromkeys(names)]
)
def test_every_name_in_the_codes_own_lists_is_defined(kind: str, name: str) -> None:
    assert is_defined(name), f"docs/concepts.md lacks the {kind} {name!r}"


def test_every_word_has_one_definition() -> None:
    assert [] == [term for term, times in Counter(DEFINED).items() if times > 1]


def test_the_page_is_read_in_three_minutes() -> None:
    assert len(re.findall(r"[A-Za-z]+", PAGE)) <= 1_000, "a table of short lines, at 330 words a minute"


# --- the labels of what is rendered ----------------------------------------------------------------------------------


class Labels(HTMLParser):
    """The headings, column heads, labels and verdicts of a page."""

    WANTED = frozenset({"h2", "th", "dt", "figcaption"})
    CLASSES = frozenset({"rp-chip", "rp-bar-label", "rp-word", "rp-value"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self._wanted = 0
        self.feed(page)

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        classes = set((dict(attributes).get("class") or "").split())
        self._wanted = name in self.WANTED or bool(classes & self.CLASSES) or (self._wanted and name == "b")

    def handle_endtag(self, name: str) -> None:
        self._wanted = False

    def handle_data(self, data: str) -> None:
        if self._wanted and data.strip():
            self.found.add(data.strip())


def labels(page: str) -> set[str]:
    """Without numbers, states in capitals and times."""
    found = {re.sub(r",? as of .*| — .*|[#✓✕‖●]", "", label).strip().lower() for label in Labels(page).found}
    return {label for label in found if label and not re.search(r"\d", label)}


def is_defined(label: str) -> bool:
    """Whether the glossary has the word, or the word that this is the plural of."""
    return label in TERMS or label.removesuffix("s") in TERMS


def parts(label: str) -> Iterator[str]:
    """A label that names two things names each."""
    yield from ([label] if label in TERMS else re.split(r" and | or ", label))


@pytest.mark.parametrize("name", [*SCENES, "errors-double", "alarm-fires", "alarm-already-firing"])
def test_every_label_of_a_report_is_defined(name: str) -> None:
    assert set() == {part for label in labels(seen(name).page()) for part in parts(label) if not is_defined(part)}


def test_every_label_of_the_widget_is_defined() -> None:
    view = seen("held").view()
    assert view
    page = Widget("arn").overview([view], ())
    shown = {label.replace(" (utc)", "").removeprefix("latest ") for label in labels(page)}
    assert set() == {part for label in shown for part in parts(label) if not is_defined(part)}


@pytest.mark.parametrize("screen", ["mail", "watch"])
def test_the_label_at_the_beginning_of_a_line_is_defined(screen: str) -> None:
    world = World().baking(alarms=["orders-5xx"])
    decided(world, "pause", "ann", reason="demo")
    shown = re.sub(r"\x1b\[[0-9;]*m", "", SCREENS[screen](world))
    found = {label.strip().lower() for label in re.findall(r"^([A-Za-z\d][a-zA-Z ]*?)(?:  .*)?$", shown, re.MULTILINE)}
    found -= {"", "rollout", "r-"} | {line.lower() for line in found if len(line.split()) > 5}
    heads = re.findall(r"^metric +(.*?)$|^ +(to roll back.*?)$", shown, re.MULTILINE)
    found |= {head.strip() for pair in heads for line in pair for head in re.split(r"  +", line) if head.strip()}
    assert len(found) > 3
    assert set() == {label for label in found if not is_defined(label)}


# --- the nouns of sentences ------------------------------------------------------------------------------------------

ORDINARY = frozenset(
    """
    a about accept accepted accepts after again against all already altogether an and answer answers any are as ask at
    average back be been before begin begun being best both but by call can case come comes complete cost
    counted day days decide did do does done double earlier else end ended ends enough everybody everything
    far find fires first for form found free from full gave get give given go goes good had has have hear held
    here hour hours how html if in into is it its json just keep last lasted later latest least leave left let
    like little long look looks low made make many mean min minimum minute minutes more most must name named
    names needed no nobody none not nothing now of off on once one only or other out over own page part
    permitted person please present previous publishes put read resumed right running said same samples see
    seen served set shared show shown shows side since skip so some somebody stands started still story strike
    such take than that the their them then there these they this those till time times to together touched
    true two under until untouched up use used utc very wait was way were what when where which while who
    whole whose why will with without worst you your
    save send within keeps keep remove watches
    bring fails guide larger longer regression warned writes
    """.split()  # noqa: SIM905 - a list of words is read as text
)
"""Words that mean here what they mean anywhere."""
NAMES = frozenset(
    """
    ann apigateway central cloudwatch createdeployment customer demo dep eu fault ignorealarmsalreadyfiring
    injected lambdaalias live new next old orders pilot prod region rollout xx
    """.split()  # noqa: SIM905 - a list of words is read as text
)
"""Names of things in these rollouts."""


def nouns(text: str) -> set[str]:
    """The words of a text that are not ordinary, numbers or ids."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    plain = re.sub(r"^  rollout .*?# ", "", plain, flags=re.MULTILINE)  # command lines have words of their own
    plain = re.sub(r"\baws [a-z]+ [a-z-]+ .*", "", plain)
    plain = re.sub(r"`[^`]*`|\S*[\d/_:]\S*|--\w+", " ", plain)
    return {word.lower() for word in re.findall(r"[A-Za-z]{3,}", plain)} - ORDINARY - NAMES


GLOSSARY = {word.lower() for word in re.findall(r"[A-Za-z]{3,}", PAGE)}


def unknown(words: set[str]) -> set[str]:
    """The words that the glossary lacks, in singular and plural."""
    return {word for word in words if word not in GLOSSARY and word.removesuffix("s") not in GLOSSARY}


@pytest.mark.parametrize("screen", ["status", "watch", "watch in a pipe, simulate", "report", "mail", "local"])
def test_every_noun_of_a_screen_is_in_the_glossary(screen: str) -> None:
    world = World().baking(alarms=["orders-5xx"])
    decided(world, "pause", "ann", reason="demo")
    paused = SCREENS[screen](world)
    decided(world, "resume", "ann")
    world.alarm_event()
    world.call("analyze")
    world.roll_back()
    world.call("close")
    found = nouns(paused) | nouns(SCREENS[screen](world))
    assert found
    assert set() == unknown(found)


@pytest.mark.parametrize("path", sorted((ROOT / "events" / "state-changed").glob("*.json")), ids=lambda path: path.stem)
def test_every_noun_of_a_message_is_in_the_glossary(path: Path) -> None:
    text = notification(json.loads(path.read_text(encoding="utf-8"))["detail"], PLACE).text
    assert set() == unknown(nouns(text))
