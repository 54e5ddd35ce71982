"""`rollout simulate`: its exit codes, its JSON, its replay, and what it shows to a person."""

from __future__ import annotations

import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from rollout_cli.exits import Exit
from rollout_cli.main import app
from rollout_cli.simulation_view import view_for
from rollout_simulator.scenario import SCENARIOS, load_scenario
from rollout_simulator.simulation import simulate
from tests.cli.command import started
from tests.cli.terminal import shown_in_a_terminal

Json = dict[str, Any]

KEYS = [
    "outcome",
    "reason",
    "simulatedMinutes",
    "wallSeconds",
    "finalStage",
    "lockHeld",
    "canaryRequests",
    "badRequests",
    "maxWeightPercent",
    "finalWeightPercent",
    "pages",
    "timeline",
    "messages",
]
LINE_KEYS = ["minute", "state", "weightPercent", "decision", "cause", "reason"]
SHORT = """
description = "A short plan."
[traffic]
requests_per_second = 200
[request.plan]
steps = [{ weightPercent = 5, bakeMinutes = 2 }]
watchMinutes = 0
"""
CANNOT_ROLL_BACK = """
horizon_minutes = 30
[candidate]
error_percent = 100
[[faults]]
service = "apigateway"
operation = "UpdateStage"
error = "AccessDeniedException"
from_minute = 3
"""


def simulated(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["simulate", *arguments])


@pytest.fixture
def short(tmp_path: Path) -> str:
    path = tmp_path / "short.toml"
    path.write_text(SHORT)
    return str(path)


@pytest.mark.parametrize(
    ("name", "outcome", "code"),
    [
        ("promoted-at-once", "PROMOTED", 0),
        ("all-fail", "ROLLED_BACK", 3),
        ("held-on-regression", "HELD", 4),
        ("foreign-change", "STOPPED", 5),
        ("alarm-already-firing", "REJECTED", 2),
    ],
)
def test_the_exit_code_and_the_json_tell_the_outcome(name: str, outcome: str, code: int) -> None:
    result = simulated(name, "--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["outcome"], result.stderr) == (code, outcome, "")
    assert list(document) == KEYS
    assert all(list(line) == LINE_KEYS for line in document["timeline"])
    assert document["lockHeld"] == (outcome == "HELD")


def test_a_rollback_that_fails_is_failed_and_exits_with_5(tmp_path: Path) -> None:
    path = tmp_path / "stuck.toml"
    path.write_text(CANNOT_ROLL_BACK)
    result = simulated(str(path), "--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["outcome"], document["lockHeld"]) == (5, "FAILED", True)


@pytest.mark.slow
def test_two_processes_print_the_same_bytes_but_for_the_wall_clock() -> None:
    command = ("simulate", "errors-double", "--seed", "7", "--json")
    both = [started(*command, environment={"PYTHONHASHSEED": seed}) for seed in ("1", "2")]
    printed = [process.communicate(timeout=60)[0] for process in both]
    first, second = (re.sub(r'"wallSeconds": [\d.]+', "", text) for text in printed)
    assert first == second
    assert json.loads(printed[0])["outcome"] == "ROLLED_BACK"


def test_another_seed_draws_another_rollout(short: str) -> None:
    one, other = (json.loads(simulated(short, "--seed", seed, "--json").stdout) for seed in ("1", "2"))
    assert one["canaryRequests"] != other["canaryRequests"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("descripton = 'x'", "descripton: unknown field; allowed are name, description, seed, horizon_minutes, "),
        ("[traffic]\nrequests_per_second = -1", "traffic.requests_per_second: input should be greater than"),
        (
            "[traffic]\nrequests_per_seconds = 1",
            "traffic.requests_per_seconds: unknown field; allowed are requests_per",
        ),
        ("[[alarms]]\nnamed = 'x'", "alarms[0].name: required"),
        ("not toml", "scenario.toml"),
        ("[[alarms", "scenario.toml"),
    ],
)
def test_a_file_that_is_no_scenario_is_refused_in_one_line(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "scenario.toml"
    path.write_text(text)
    assert_refused(simulated(str(path)), named)


def test_a_scenario_that_is_not_there_is_refused_with_those_that_are_in_columns(tmp_path: Path) -> None:
    assert_refused(simulated(str(tmp_path / "none.toml")), "none.toml: no such file")
    unknown = simulated("helthy")
    first, *listed = unknown.stderr.splitlines()
    assert (unknown.exit_code, unknown.stdout) == (2, "")
    assert first == "rollout: helthy: no such scenario; did you mean healthy? Name a .toml file, or one of these:"
    assert sorted(path.stem for path in SCENARIOS.glob("*.toml")) == sorted(" ".join(listed).split())
    assert 1 < len(listed) <= len(list(SCENARIOS.glob("*.toml"))) / 2 + 1
    assert max(map(len, listed)) <= 80
    assert "no such scenario. Name a .toml file" in simulated(str(tmp_path)).stderr


def assert_refused(result: Result, named: str) -> None:
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("rollout: ")
    assert named in line


def test_without_a_terminal_every_decision_is_one_plain_line_and_nothing_is_said_twice() -> None:
    result = simulated("errors-double")
    title, legend, *lines, outcome, cost = result.stdout.splitlines()
    assert legend == "(worse: rolled back at odds of 100:1; ready for the next step: proven at 20:1)"
    assert title.startswith("errors-double: The candidate fails twice as often")
    assert "\x1b" not in result.stdout
    assert not [line for line in lines if "…" in line]
    assert all(re.match(r" {0,4}\d+\.\d min +[\d.]+ %  \w", line) for line in lines)
    said = [line.split(" %  ", 1)[1] for line in lines]
    assert len(said) == len(set(said))
    assert max(map(len, lines)) > 100  # a pipe has no width: nothing is cut off
    assert re.search(r"roll back +step 1 of 5, \d of 10 min judged; 5XX 2\.\d\d% vs \d\.\d\d%, worse \d+:1$", lines[-2])
    assert "no canary" in lines[-1]
    assert outcome.startswith("ROLLED BACK: 5XX: canary ")
    assert "requests" in cost


def test_where_nothing_is_to_be_proven_no_line_says_how_near_a_proof_is() -> None:
    lines = simulated("healthy").stdout.splitlines()
    weighed = [(line, float(line.split()[2])) for line in lines if ", worse " in line]
    assert {95.0, 100.0} < {percent for _, percent in weighed}
    assert [line for line, percent in weighed if (", ready " in line) != (percent < 95)] == []


@pytest.mark.slow
def test_in_a_terminal_of_80_columns_the_picture_of_watch_is_drawn_and_stays() -> None:
    shown = shown_in_a_terminal("simulate", "errors-double", columns=80, rows=40)
    assert shown.code == 3
    assert max(len(line.rstrip()) for line in shown.lines) <= 80
    picture = "\n".join(shown.last_picture("errors-double-rollout"))
    for pattern in (
        r"^✕ Rolled back$",
        r"^5XX: canary 52/2217 \(2\.35%\)",
        r"^plan +5% → 10% → 25% → 50% → 95% → 100%$",
        r"^progress +[━─]+ +step 1 of 5, 7 of 10 min judged$",
        r"^5XX +2\.35% of 2,217 +\S+ +0\.98% of 42k +\S+ +1\.24%$",
        r"^5XX +━+ +115/100:1 +.* ✕ worse$",
        r"^worse: rolled back at odds of 100:1; ready for the next step: proven at 20:1$",
        r"^12:11 +0 %  roll back +set base \w+, no canary$",
        r"^11 simulated minutes in ",
    ):
        assert re.search(pattern, picture, re.MULTILINE), f"{pattern}\n{picture}"


def test_when_it_is_over_the_whole_story_stands_in_the_terminal() -> None:
    chosen = load_scenario(SCENARIOS / "aborted.toml")
    shown = StringIO()
    with view_for(Console(file=shown, force_terminal=True, width=80), chosen) as view:
        view.result(simulate(chosen, watch=view.look))
    end = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.getvalue().rpartition("aborted-rollout")[2])
    told = ("create canary", "advance", "shift traffic", "roll back", "abort by somebody", "no canary")
    assert [words for words in told if words not in end] == []


@pytest.mark.slow
def test_a_pipe_that_is_closed_ends_it_without_a_word() -> None:
    with started("simulate", "slow") as process:
        assert process.stdout
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr
        assert process.stderr.read() == ""
    assert Exit.PIPE_CLOSED == process.returncode


def test_a_rejected_request_is_shown_in_a_terminal_without_a_plan() -> None:
    chosen = load_scenario(SCENARIOS / "alarm-already-firing.toml")
    shown = StringIO()
    with view_for(Console(file=shown, force_terminal=True, width=80), chosen) as view:
        view.result(simulate(chosen, watch=view.look))
    assert "REJECTED" in shown.getvalue()
    assert "plan" not in shown.getvalue()


def test_a_simulation_writes_its_report_and_keeps_its_exit_code(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    answer = simulated("slow", "--report", str(file), "--json")
    assert (answer.exit_code, json.loads(answer.stdout)["outcome"]) == (3, "ROLLED_BACK")
    assert "Rolled back" in file.read_text(encoding="utf-8")


def test_a_simulation_says_where_its_report_is(tmp_path: Path, short: str) -> None:
    file = tmp_path / "report.html"
    assert simulated(short, "--report", str(file)).stdout.splitlines()[-1] == f"wrote {file}"


def test_a_file_that_cannot_be_written_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    answer = simulated("slow", "--report", str(tmp_path / "no" / "report.html"))
    assert answer.exit_code == 2
    assert "No such file or directory" in answer.stderr
