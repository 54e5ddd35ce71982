"""The `rollout` command as a process of its own."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from rollout_cli.main import app

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-c", "from rollout_cli.main import main; main()")
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "COLUMNS", "PYTEST_"))},
    "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "functions")]),
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    "PYTHONUNBUFFERED": "1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def started(*arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """The command, running, its output in pipes."""
    return subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env={**ENVIRONMENT, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def closed_pipe() -> Iterator[int]:
    """The writing end of a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        yield writing
    finally:
        os.close(writing)


def understood(line: str) -> None:
    """See that the command line knows this command with these arguments, without running it.

    Raises: KeyError (there is no such command), and what the command line raises for arguments it does not take.
    """
    _, name, *arguments = shlex.split(line, comments=True)
    group: Any = typer.main.get_command(app)
    group.commands[name].make_context(name, [word for word in arguments if word != "$@"])
