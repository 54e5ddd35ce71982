"""One name per task, everywhere: `analyze.py`, `AnalyzeFunction`, state "Analyze", `events/analyze.json`, its test."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from rollout_simulator.template import load_template

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = load_template()
STATES: dict[str, Any] = json.loads((ROOT / "statemachine" / "rollout.asl.json").read_text(encoding="utf-8"))["States"]
FUNCTIONS = sorted(path.stem for path in (ROOT / "functions").glob("*.py"))
INVOKED = sorted(name for name, state in STATES.items() if state.get("Resource", "").endswith(":lambda:invoke"))
PLACES = ("/root/", "/home/", "/Users/", "/tmp/", "C:\\")
"""How paths of one machine begin."""


def camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def declared() -> dict[str, Any]:
    """The functions of the template, by logical id."""
    return {
        logical_id: resource["Properties"]
        for logical_id, resource in TEMPLATE["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def test_every_file_is_a_function_and_every_function_a_file() -> None:
    assert {f"{camel(name)}Function": f"{name}.handler" for name in FUNCTIONS} == {
        logical_id: properties["Handler"] for logical_id, properties in declared().items()
    }


@pytest.mark.parametrize("state", INVOKED)
def test_a_state_has_the_name_of_the_function_it_invokes(state: str) -> None:
    name = state.lower().replace(" ", "_")
    assert name in FUNCTIONS
    assert STATES[state]["Arguments"]["FunctionName"] == f"${{{camel(name)}FunctionArn}}"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_a_sample_of_its_input_and_a_test(name: str) -> None:
    json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8"))
    assert (ROOT / "tests" / "functions" / f"test_{name}.py").exists()


def test_the_template_describes_a_function_as_its_file_does() -> None:
    for name in FUNCTIONS:
        said = (ROOT / "functions" / f"{name}.py").read_text(encoding="utf-8").splitlines()[0].strip('"')
        description = declared()[f"{camel(name)}Function"]["Description"]
        assert description.split()[0] == said.split()[0], f"{name}: {description!r}, {said!r}"


@pytest.mark.parametrize("name", STATES)
def test_states_are_named_by_what_they_are(name: str) -> None:
    kind = STATES[name]["Type"]
    assert name.endswith("?") == (kind == "Choice")
    assert not re.search(r"\(|\d|Choice|Pass|Task|State", name)


def test_no_file_names_a_place_on_one_machine() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    paths = [ROOT / name for name in listed.split("\0") if name] or list(ROOT.glob("*/**/*.py"))
    naming = {
        str(path.relative_to(ROOT)): place
        for path in paths
        if path.is_file() and path != Path(__file__).resolve()
        for place in PLACES
        if place in path.read_text(encoding="utf-8", errors="replace")
    }
    assert naming == {}
