"""The page about running one function at a time names what there is."""

from __future__ import annotations

import re

from rollout_simulator.template import load_template
from tests.cli.command import ROOT

COMMANDS = re.findall(
    r"^sam local invoke (\S+) --event (\S+) --env-vars (\S+) --docker-network host$",
    (ROOT / "docs" / "local.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)


def test_every_function_is_run_with_its_own_sample() -> None:
    declared = {
        logical_id: f"events/{resource['Properties']['Handler'].removesuffix('.handler')}.json"
        for logical_id, resource in load_template()["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    assert {function: event for function, event, _ in COMMANDS} == declared
    assert [event for _, event, _ in COMMANDS if not (ROOT / event).exists()] == []


def test_the_environment_is_the_file_that_rollout_local_says_to_write() -> None:
    from rollout_cli.local_view import VARIABLES_FILE  # noqa: PLC0415 - takes a second, and only this test needs it

    assert {variables for _, _, variables in COMMANDS} == {VARIABLES_FILE}
