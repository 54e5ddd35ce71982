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


def exit_code(outcome: str) -> int:
    """0 promoted, 3 rolled back, 4 held or inconclusive, 5 stopped or failed, 2 rejected."""
    return OUTCOMES.get(outcome, Exit.STOPPED)


def fail(problem: str, choices: Sequence[str] = ()) -> NoReturn:
    """Print the problem in one line on standard error, with the possible choices in columns, and exit with 2."""
    line = escape(one_line(problem))
    console = Console(stderr=True, highlight=False)
    console.print(f"[bold red]rollout:[/] {line}", soft_wrap=True)
    if choices:
        console.print(Columns(choices, padding=(0, 2), column_first=True, equal=True))
    raise typer.Exit(Exit.USAGE)
