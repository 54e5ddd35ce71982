"""The `rollout` command as a whole: what all of its commands share."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from rollout_cli.exits import Exit
from rollout_cli.main import app
from tests.cli.command import COMMAND, ENVIRONMENT, ROOT, closed_pipe

GROUP: Any = typer.main.get_command(app)
WITHOUT_CONTROLLER = {"simulate", "local", "judge", "validate", "schema"}


def test_the_version_is_shown() -> None:
    answer = CliRunner().invoke(app, ["--version"])
    (line,) = answer.stdout.splitlines()
    assert (answer.exit_code, line.split()[0]) == (0, "rollout")
    assert line.split()[1][0].isdigit()


@pytest.mark.parametrize("words", [[], ["status"]], ids=" ".join)
def test_h_is_short_for_help(words: list[str]) -> None:
    short, long = (CliRunner().invoke(app, [*words, asked]) for asked in ("-h", "--help"))
    assert (0, long.stdout) == (short.exit_code, short.stdout)
    assert "Usage: " in short.stdout


@pytest.mark.parametrize("name", sorted(set(GROUP.commands) - WITHOUT_CONTROLLER))
def test_a_command_that_talks_to_a_controller_has_the_same_options_as_all_others(name: str) -> None:
    options = [parameter for parameter in GROUP.commands[name].params if parameter.param_type_name == "option"]
    shared = {option.opts[0]: (option.default, option.envvar, option.help) for option in options[-5:]}
    assert {
        "--stack": ("rollout-pilot", "ROLLOUT_STACK", "The controller's stack."),
        "--region": (None, None, "The AWS region; the environment's by default."),
        "--profile": (None, None, "The AWS profile; the environment's by default."),
        "--endpoint-url": (None, "ROLLOUT_ENDPOINT_URL", "Another AWS: see `rollout local`."),
        "--json": (False, None, "Print JSON and nothing else."),
    } == shared


@pytest.mark.parametrize("arguments", [["schema"], ["status", "--help"]], ids=" ".join)
def test_when_nobody_reads_the_output_it_ends_as_a_closed_pipe_ends_other_programs(arguments: list[str]) -> None:
    with closed_pipe() as output:
        ended = subprocess.run(
            [*COMMAND, *arguments],
            cwd=ROOT,
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (Exit.PIPE_CLOSED, b"") == (ended.returncode, ended.stderr)
