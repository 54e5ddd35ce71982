"""Every command in these pages' `console` blocks is run. One that is not in the table below fails the first test."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rollout_cli.main import app
from tests.cli.command import ROOT, started
from tests.workflow.world import world

PAGES_OF_GUIDE = ("lambda-alias.md", "stage-with-aliases.md")
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [README, *((ROOT / "docs" / "guide" / page).read_text(encoding="utf-8") for page in PAGES_OF_GUIDE)]


def documented() -> list[str]:
    """The commands, without their comments."""
    blocks = [
        block for page in PAGES for block in re.findall(r"^```console\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    ]
    lines = [re.sub(r"\s+#.*", "", line).strip() for block in blocks for line in block.splitlines()]
    return [line.removeprefix("$ ") for line in lines if line and not line.startswith("#")]


def makes(module: str) -> Callable[[str], None]:
    """What make would do ends in this; that it works when done is shown by the tests of that module, and by CI."""

    def check(command: str) -> None:
        make = shutil.which("make")
        assert make
        _, *arguments = command.split()
        printed = subprocess.run(
            [make, "--dry-run", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        assert f"-m {module}" in printed

    return check


def runs(code: int) -> Callable[[str], None]:
    """The command of ours exits with this code."""

    def check(command: str) -> None:
        _, *arguments = command.split()
        assert CliRunner().invoke(app, arguments).exit_code == code

    return check


def puts_events(command: str) -> None:
    """What the AWS command line would send: EventBridge takes it, and the workflow is started with what it says."""
    found = re.fullmatch(r"aws events put-events --entries file://(\S+)", command)
    assert found
    entries = json.loads((ROOT / found[1]).read_text())
    with world() as at:
        assert at.client("events").put_events(Entries=entries)["FailedEntryCount"] == 0
        at.simulation.clock.run_until(lambda: bool(at.told()))
        (execution,) = at.executions()
        assert json.loads(execution["input"])["detail"] == json.loads(entries[0]["Detail"])


def serves(command: str) -> None:
    """It serves until it is stopped; on a free port, for the documented one may be taken."""
    _, *arguments = command.split()
    with started(*arguments, "--port", "0") as process:
        assert process.stdout
        assert any(line.startswith("Ctrl-C") for line in process.stdout)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, output, errors) == (0, "Stopped.\n", "")


RUNS: Mapping[str, Callable[[str], None]] = {
    "make demo": makes("rollout_cli.demo"),
    "make test": makes("pytest"),
    "make test-slow": makes("pytest"),
    "aws events put-events --entries file://events/put-events.json": puts_events,
    "rollout simulate healthy": runs(0),
    "rollout simulate all-fail --json": runs(3),
    "rollout local": serves,
    "rollout validate events/request-alias.json --traffic 1200 --error-percent 0.5": runs(0),
    "rollout simulate alias-healthy": runs(0),
    "rollout simulate alias-worse": runs(3),
    "rollout simulate stage-aliases-healthy": runs(0),
    "rollout simulate stage-aliases-two-functions": runs(0),
    "rollout simulate stage-aliases-worse": runs(3),
}


def test_there_is_a_way_to_run_every_documented_command_and_no_other() -> None:
    assert sorted(RUNS) == sorted(set(documented()))


SLOW = re.compile(r"rollout (local|simulate \S*(healthy|two-functions))")


@pytest.mark.parametrize(
    "command",
    [pytest.param(each, marks=pytest.mark.slow if SLOW.fullmatch(each) else ()) for each in documented()],
)
def test_a_documented_command_does_what_it_says(command: str) -> None:
    if command not in RUNS:
        pytest.fail(f"{command!r} is documented and nobody knows how to run it: add it to RUNS")
    RUNS[command](command)


def test_files_that_the_readme_names_are_there() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []
    assert Path(ROOT / ".ci" / "run").exists()
