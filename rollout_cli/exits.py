"""Exit codes, and errors that the user can fix."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import NoReturn

import typer
from rich.columns import Columns
from rich.console import Console
from rich.markup import escape

from rollout.core.texts import one_line

OUTCOMES = {"PROMOTED": 0, "ROLLED_BACK": 3, "HELD": 4, "STOPPED": 5, "FAILED": 5, "REJECTED": 2}


class Exit(IntEnum):
    """The exit codes of every command."""

    PROMOTED = 0
    USAGE = 2
    ROLLED_BACK = 3
    HELD = 4
    STOPPED = 5
    INTERRUPTED = 130
    """Ctrl-C, as shells count it: 128 + SIGINT."""
    PIPE_CLOSED = 141
    """Whoever reads the output has stopped reading: 128 + SIGPIPE."""


def exit_code(outcome: str) -> int:
    """0 promoted, 3 rolled back, 4 held or inconclusive, 5 stopped or failed, 2 rejected."""
    return OUTCOMES.get(outcome, Exit.STOPPED)


def complain(problem: str) -> None:
    """Say what is wrong in one line on standard error."""
    line = escape(one_line(problem))
    Console(stderr=True, highlight=False).print(f"[bold red]rollout:[/] {line}", soft_wrap=True)


def fail(problem: str, choices: Sequence[str] = ()) -> NoReturn:
    """Print the problem in one line on standard error, with the possible choices in columns, and exit with 2."""
    complain(problem)
    if choices:
        columns = Columns(choices, padding=(0, 2), column_first=True, equal=True)
        Console(stderr=True, highlight=False).print(columns)
    raise typer.Exit(Exit.USAGE)
