"""`rollout status` and `list`: how a rollout stands, in words for whoever has to do something about it."""

from __future__ import annotations

import json
import re

from typer.testing import CliRunner, Result

from rollout_cli.main import app
from tests.workflow.world import World, world

ID = "r-1"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--region", "us-east-1"])


def started(at: World) -> str:
    """A rollout that serves its first requests, and its execution's ARN."""
    execution = at.start(at.request(), ID)
    at.until_canary()
    return execution


def test_the_status_of_a_paused_rollout_says_who_paused_it_why_and_since_when() -> None:
    with world() as at:
        started(at)
        assert run("pause", ID, "--reason", "looking at the logs").exit_code == 0
        at.simulation.clock.sleep(5 * 60)
        lines = run("status", ID).stdout.splitlines()
        remarks = json.loads(run("status", ID, "--json").stdout)["remarks"]
    assert lines[0] == f"{ID}: PAUSED"
    assert re.fullmatch(r"Paused by \S+: looking at the logs", lines[3])
    assert re.fullmatch(r"since 2026-03-0\d \d\d:\d\d UTC; no answer by 2026-03-0\d .* rolls it back", lines[4])
    assert lines[3:5] == remarks
    assert f"rollout resume {ID}   # go on after the pause" in lines


def test_the_status_of_a_promoted_rollout_that_was_undone_says_by_which_and_offers_nothing() -> None:
    with world() as at:
        at.ended(started(at))
        assert run("rollback", ID, "--reason", "customers complain").exit_code == 0
        clock = at.simulation.clock
        clock.run_until(lambda: clock.is_settled() and at.holder() is None)
        first, _, *lines = run("status", ID).stdout.splitlines()
        told = json.loads(run("status", ID, "--json").stdout)
        report = run("report", ID).stdout
    assert first == f"{ID}: PROMOTED, and undone since"
    assert re.fullmatch(
        rf"Undone by rollout {ID}-undo at .* UTC: rolled back after its promotion by \S+: customers complain", lines[0]
    )
    assert ("PROMOTED", f"{ID}-undo") == (told["state"], told["undoneBy"])
    assert not [line for line in [*lines, *report.splitlines()] if line.startswith("rollout rollback")]


def test_the_status_has_the_numbers_of_the_last_analysis_with_the_size_of_the_effect() -> None:
    with world(candidate={"error_percent": 8.0}) as at:
        at.simulation.start(ID)
        at.ended(at.simulation.execution)
        lines = run("status", ID).stdout.splitlines()
    assert lines[0] == f"{ID}: ROLLED BACK"
    (errors,) = (line for line in lines if line.startswith("5XX (worse than tolerated): Canary "))
    assert re.search(r" allowed; \d\.\d points worse \(\d\.\d to \d+\.\d\)$", errors)


def test_a_rejected_rollout_is_shown_with_the_target_that_its_request_named() -> None:
    with world() as at:
        at.ended(at.start({"target": at.target(), "alarms": ["nobody-has-this"]}, "refused"))
        at.ended(at.start({"target": {"type": "a\tb"}}, "nowhere"))
        key = "/".join(at.target().values())
        rows = [line.split("\t")[:3] for line in run("list").stdout.splitlines()]
        first, second, *_ = run("status", "refused").stdout.splitlines()
        nowhere = run("status", "nowhere").stdout.splitlines()
        report = run("report", "refused").stdout.splitlines()
    assert sorted(rows) == [["nowhere", "–", "REJECTED"], ["refused", key, "REJECTED"]]
    assert (first, second) == ("refused: REJECTED", f"on {key}")
    assert nowhere[1].startswith("target.type: ")
    assert ["refused: Rejected", f"on {key}"] == report[:2]
