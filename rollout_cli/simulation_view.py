"""What `rollout simulate` shows: the rollout as it goes, and what came of it.

In a terminal one view is redrawn; elsewhere every decision is a plain line.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rollout_simulator.scenario import Scenario
from rollout_simulator.simulation import Line, Result

Json = dict[str, Any]

STYLES = {
    "CONTINUE": "default",
    "EXTEND": "yellow",
    "HOLD": "yellow",
    "PAUSE": "yellow",
    "ADVANCE": "green",
    "PROMOTE": "green",
    "CLOSE": "green",
    "CREATE": "green",
    "ROLL_BACK": "red",
    "STOP": "magenta",
}
OUTCOME_STYLES = {"PROMOTED": "bold green", "ROLLED_BACK": "bold red", "HELD": "bold yellow"}
SHOWN_LINES = 8


class View(Protocol):
    """Something that is shown each line of a rollout's history, and the result at its end."""

    def __enter__(self) -> View: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def line(self, line: Line) -> None:
        """One more line of the history."""

    def result(self, result: Result) -> None:
        """The rollout has ended, or is held."""


def view_for(console: Console, scenario: Scenario, steps: Sequence[Json]) -> View:
    """The live view in a terminal, plain lines elsewhere."""
    return LiveView(console, scenario, steps) if console.is_terminal else PlainView(console, scenario)


class PlainView:
    """One line per decision."""

    def __init__(self, console: Console, scenario: Scenario) -> None:
        self._console = console
        self._scenario = scenario

    def __enter__(self) -> PlainView:
        self._console.print(f"{self._scenario.name}: {self._scenario.description}", markup=False, soft_wrap=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def line(self, line: Line) -> None:
        """One plain line."""
        self._console.print(line_text(line).plain, markup=False, highlight=False, soft_wrap=True)

    def result(self, result: Result) -> None:
        """The outcome in a few lines."""
        self._console.print(result_text(result).plain, markup=False, highlight=False, soft_wrap=True)


class LiveView:
    """The plan, the two arms and the last decisions, redrawn in place."""

    def __init__(self, console: Console, scenario: Scenario, steps: Sequence[Json]) -> None:
        self._console = console
        self._scenario = scenario
        self._steps = steps
        self._lines: list[Line] = []
        self._live = Live(console=console, refresh_per_second=12, transient=True)

    def __enter__(self) -> LiveView:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def line(self, line: Line) -> None:
        """Redraw with this line."""
        self._lines.append(line)
        self._live.update(self._picture())

    def result(self, result: Result) -> None:
        """The picture as it stands, for good, and the outcome under it."""
        self._live.stop()
        self._console.print(self._picture())
        self._console.print(result_text(result))

    def _picture(self) -> RenderableType:
        last = self._lines[-1]
        title = Text.assemble((self._scenario.name, "bold"), "  ", (self._scenario.description, "dim"))
        shown = Group(*(line_text(line) for line in self._lines[-SHOWN_LINES:]))
        return Group(title, plan_text(self._steps, last), arms_table(self._lines), shown, Text())


def plan_text(steps: Sequence[Json], last: Line) -> RenderableType:
    """The plan's weights with the present one marked, and a bar of the weight."""
    entry = last.entry
    current = entry["step"]
    words = Text("plan  ", style="dim")
    for index, step in enumerate(steps):
        style = "bold cyan" if index == current and entry["phase"] != "WATCHING" else "dim"
        words.append(f"{float(step['weightPercent']):g} % ", style)
        words.append("→ ", "dim")
    words.append("100 %", "bold cyan" if last.weight_percent >= 100 else "dim")
    row = Table.grid(padding=(0, 2))
    row.add_row(words, ProgressBar(total=100, completed=last.weight_percent, width=30), f"{last.weight_percent:g} %")
    return Padding(row, (1, 0))


def arms_table(lines: Sequence[Line]) -> RenderableType:
    """Canary against base, by the last analysis that has verdicts."""
    verdicts = next(
        (
            line.entry["analysis"]["verdicts"]
            for line in reversed(lines)
            if line.entry.get("analysis", {}).get("verdicts")
        ),
        [],
    )
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("metric", "canary", "base", "allowed", "verdict"):
        table.add_column(column)
    for verdict in verdicts:
        allowed = verdict["allowedRate"]
        style = {"harmful": "red", "safe": "green"}.get(verdict["verdict"], "default")
        table.add_row(
            verdict["metric"] + (" (shown only)" if verdict["dryRun"] else ""),
            rate_text(verdict["canary"]),
            rate_text(verdict["base"]),
            "–" if allowed is None else f"{allowed:.2%}",
            Text(verdict["verdict"], style),
        )
    return Padding(table, (0, 0, 1, 0)) if verdicts else Text()


def rate_text(count: Json | None) -> str:
    """`3/1180 (0.25%)`, or a dash where nothing was measured."""
    if not count or not count.get("requests"):
        return "–"
    return f"{count['bad']}/{count['requests']} ({count['bad'] / count['requests']:.2%})"


def line_text(line: Line) -> Text:
    """One decision: when, at which weight, what, and why."""
    return Text.assemble(
        (f"{line.minute:7.1f} min ", "dim"),
        f"{line.weight_percent:5g} %  ",
        (f"{line.decision.replace('_', ' ').lower():<9} ", STYLES.get(line.decision, "default")),
        line.reason,
        overflow="ellipsis",
        no_wrap=True,
    )


def result_text(result: Result) -> Text:
    """The outcome, its reason, and what it cost."""
    stage = result.final_stage or {}
    now = f"deployment {stage['deploymentId']}" if stage else "no stage"
    canary = "with" if "canarySettings" in stage else "no"
    return Text.assemble(
        (result.outcome.replace("_", " "), OUTCOME_STYLES.get(result.outcome, "bold magenta")),
        f": {result.reason}\n",
        (
            f"{result.simulated_minutes:g} simulated minutes in {result.wall_seconds:.1f} s; the candidate answered "
            f"{result.canary_requests:,} requests, {result.bad_requests:,} of them badly; "
            f"the stage ends on {now}, {canary} canary",
            "dim",
        ),
    )
