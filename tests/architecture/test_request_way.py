"""A request's way is a line: parse, observe, preflight, start. No stage comes back to one before it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from rollout.core.preflight import result
from rollout.request import model
from rollout.tasks import observe_target
from tests.functions.world import WATCHED, World

PACKAGE = Path(model.__file__).resolve().parents[1]
STAGES = {
    (model.__file__, "parse_request"): "parse",
    (observe_target.__file__, "observe_target"): "observe",
    (result.__file__, "preflight"): "preflight",
}
"""The function of each stage."""


@contextmanager
def traced(steps: list[str]) -> Iterator[None]:
    """Append each stage as it begins and ends; in between, the files of the package in which functions are called."""

    def note(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        stage = STAGES.get((code.co_filename, code.co_name))
        if stage and event in ("call", "return"):
            steps.append(f"{stage} {'begins' if event == 'call' else 'ends'}")
        elif event == "call" and code.co_filename.startswith(str(PACKAGE)):
            steps.append(str(Path(code.co_filename).relative_to(PACKAGE)))

    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(None)


def walked() -> list[str]:
    """The steps of a request that is accepted, from the handler to its answer, with the calls of the ports."""
    world, steps = World(), list[str]()

    def around(name: str, call: Callable[[], Any]) -> Any:
        steps.append(f"port {name}")
        return call()

    with traced(steps):
        assert world.prepare(around, alarms=[WATCHED])["decision"] == "CREATE"
    return steps


STEPS = walked()


def within(stage: str) -> list[str]:
    return STEPS[STEPS.index(f"{stage} begins") + 1 : STEPS.index(f"{stage} ends")]


def ports_called(steps: list[str]) -> list[str]:
    return [step.removeprefix("port ") for step in steps if step.startswith("port ")]


def test_the_stages_come_one_after_the_other_each_once() -> None:
    passed = [step for step in STEPS if step.endswith((" begins", " ends")) or step == "port store.open"]
    assert passed == [
        "parse begins",
        "parse ends",
        "observe begins",
        "observe ends",
        "preflight begins",
        "preflight ends",
        "port store.open",
    ]


def test_once_the_request_is_parsed_nothing_of_the_document_is_looked_at_again() -> None:
    after = STEPS[STEPS.index("parse ends") :]
    assert [step for step in after if step.startswith("request/")] == []


def test_what_is_observed_is_read_once_and_by_nobody_else() -> None:
    read = ports_called(within("observe"))
    assert sorted(read) == sorted(set(read))
    assert {"shifter.read", "inspector.inspect", "source.history", "alarms.named"} <= set(read)
    before, after = STEPS[: STEPS.index("observe begins")], STEPS[STEPS.index("observe ends") :]
    assert ports_called(before) == ["store.load"]
    assert ports_called(after) == ["store.open", "notifier.publish", "store.save"]


def test_preflight_calls_nobody() -> None:
    files = within("preflight")
    assert files
    assert [step for step in files if not step.startswith("core/")] == []
