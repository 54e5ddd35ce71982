"""`rollout report`: the page, the text, and all that is known as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rollout_cli.main import app
from tests.workflow.world import World, world

ID, REFUSED = "test-rollout", "refused"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--region", "us-east-1"])


@pytest.fixture(scope="module")
def ended() -> Iterator[World]:
    """A rollout that has been promoted, and a request that was refused."""
    with world() as at:
        at.simulation.run()
        at.ended(at.start({"target": at.target(), "alarms": ["nobody-has-this"]}, REFUSED))
        yield at


def test_a_report_is_written_as_a_page(ended: World, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    answer = run("report", ID, "--html", str(file))
    assert (answer.exit_code, answer.stdout) == (0, f"wrote {file}\n")
    page = file.read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "Promoted" in page


def test_a_report_is_told_in_plain_lines_none_of_which_is_cut_off(ended: World) -> None:
    answer = run("report", ID)
    assert answer.exit_code == 0
    lines = answer.stdout.splitlines()
    assert lines[0] == f"{ID}: Promoted"
    assert "…" not in answer.stdout
    rollout = ended.simulation.store.load(ID)
    assert rollout
    assert lines[1] == rollout.reason
    assert any("create canary" in line and "at 5 %" in line for line in lines)
    assert lines[-1].startswith(f"rollout rollback {ID}")
    assert "undecided" not in answer.stdout
    assert any(re.match(r"\S+ +\d+ min +100 %  close +\S", line) for line in lines)


def test_the_status_says_what_can_be_done(ended: World) -> None:
    first, *_, last = run("status", ID).stdout.splitlines()
    assert first == f"{ID}: PROMOTED"
    assert last == f"rollout rollback {ID}   # undo the promotion: put the base back"


def test_json_is_the_record_and_the_whole_history(ended: World) -> None:
    answer = run("report", ID, "--json")
    told = json.loads(answer.stdout)
    assert told["history"] == list(ended.simulation.store.history(ID))
    assert told["rollout"]["outcome"] == "PROMOTED"
    assert told["signals"] == []


def test_a_rollout_that_nobody_knows_is_one_line_and_exit_code_2(ended: World) -> None:
    answer = run("report", "nobody")
    assert answer.exit_code == 2
    assert answer.stderr == "rollout: there is no rollout nobody; `rollout list` shows the latest\n"


def test_a_refused_request_is_reported_with_its_reason(ended: World) -> None:
    first, _, reason = run("report", REFUSED).stdout.splitlines()
    assert (first, reason.partition(" is ")[0]) == (f"{REFUSED}: Rejected", "alarms: nobody-has-this")
    assert "nobody-has-this" in json.loads(run("report", REFUSED, "--json").stdout)["rejection"]["reason"]
