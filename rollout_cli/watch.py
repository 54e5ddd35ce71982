"""`rollout watch`: a rollout while it runs, redrawn in a terminal, or line by line elsewhere."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from rollout.core.texts import one_line
from rollout_cli.controller import Controller, friendly_errors, with_controller
from rollout_cli.exits import Exit, exit_code, fail
from rollout_cli.screen import say

if TYPE_CHECKING:
    from rollout_cli.rollout_snapshot import RolloutSnapshot

NEWEST = 300
"""Lines of the history that are read at each look: what fits into the picture, and no more."""

Json = dict[str, Any]


@with_controller
def watch(
    rollout: Annotated[str, typer.Argument(help="The rollout's id.")],
    interval: Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds between two looks.")] = 2.0,
    *,
    controller: Controller,
    as_json: bool,
) -> None:
    """Watch a rollout until it has ended: exit 0 promoted, 3 rolled back, 5 stopped or failed, 2 rejected.

    Without a terminal, and with --json, every decision is one line, and a rollout that is held ends the command with 4,
    because nobody is there to answer.
    """
    console = Console(highlight=False)
    with friendly_errors():
        store = controller.store
        try:
            if console.is_terminal and not as_json:
                state = _drawn(console, store, rollout, interval)
            else:
                state = _printed(store, rollout, interval, as_json=as_json)
        except KeyboardInterrupt:
            raise typer.Exit(Exit.INTERRUPTED) from None
    raise typer.Exit(exit_code(state))


def _drawn(console: Console, store: Any, rollout_id: str, interval: float) -> str:
    """One picture, redrawn until the end; it stays."""
    from rollout_cli.watch_view import picture  # noqa: PLC0415

    with Live(console=console, auto_refresh=False, transient=False, vertical_overflow="crop") as live:
        for seen in _looks(store, rollout_id, interval):
            view = seen.view()
            if view is None:
                live.update(Text(one_line(f"{seen.state}: {(seen.rejection or {})['reason']}")), refresh=True)
                return seen.state
            live.update(picture(view, height=None if not view.running else console.height - 1), refresh=True)
            if not view.running:
                return view.state
    raise AssertionError


def _printed(store: Any, rollout_id: str, interval: float, *, as_json: bool) -> str:
    """A line for every decision that is new, until the rollout has ended or is held."""
    from rollout.cockpit.formatting import deciding_odds  # noqa: PLC0415
    from rollout_cli.report_view import history_lines  # noqa: PLC0415

    shown = 0
    for seen in _looks(store, rollout_id, interval, newest=None):
        if seen.rollout is None:
            refused = seen.rejection or {}
            say(json.dumps(refused) if as_json else f"{seen.state}: {refused['reason']}")
            return seen.state
        lines: Sequence[str] = [json.dumps(entry) for entry in seen.history] if as_json else history_lines(seen)
        if not shown and not as_json:
            typer.echo(f"({deciding_odds(seen.rollout.settings.judge)})")
        for line in lines[shown:]:
            say(line)
        shown = len(lines)
        if seen.rollout.ended_at is not None or seen.state == Exit.HELD.name:
            if not as_json:
                say(f"{seen.state.replace('_', ' ')}: {seen.rollout.told_reason}")
            return seen.state
    raise AssertionError


def _looks(store: Any, rollout_id: str, interval: float, newest: int | None = NEWEST) -> Iterator[RolloutSnapshot]:
    """The rollout as it stands, again and again; its history is read only when the record has changed."""
    from rollout_cli.rollout_snapshot import look  # noqa: PLC0415

    seen = look(store, rollout_id, newest=newest)
    if seen is None:
        fail(f"there is no rollout {rollout_id}; `rollout list` shows the latest")
    while True:
        yield seen
        time.sleep(interval)
        seen = look(store, rollout_id, newest=newest, before=seen) or seen
