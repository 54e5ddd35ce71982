"""What the commands print for a person: lines that no text from outside can leave."""

from __future__ import annotations

import typer

from rollout.core.texts import one_line


def say(line: str) -> None:
    """Print one line. Control characters in it, which would act on the terminal, are shown by their number."""
    typer.echo(one_line(line))
