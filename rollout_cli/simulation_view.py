"""What `rollout simulate` shows: the rollout while it runs, and its result.

In a terminal the picture of `rollout watch` is redrawn; elsewhere every decision is a plain line.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from rollout.cockpit.formatting import deciding_odds
from rollout.cockpit.view import view_of
from rollout.core.texts import one_line
from rollout.core.undo import Undo
from rollout_cli.history_lines import short_lines
from rollout_cli.watch_view import picture
from rollout_simulator.scenario import Scenario
from rollout_simulator.simulation import Look, Result

Json = dict[str, Any]

OUTCOME_STYLES = {"PROMOTED": "bold green", "ROLLED_BACK": "bold red", "HELD": "bold yellow"}
LINES_BESIDE = 4
"""Of the screen: the scenario's name and description above the picture, and what the cursor needs."""


class View(Protocol):
    """Something that is shown the rollout as it goes, and the result at its end."""

    def __enter__(self) -> View: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def look(self, look: Look) -> None:
        """The history has grown."""

    def result(self, result: Result) -> None:
        """The rollout has ended, or is held."""


def view_for(console: Console, scenario: Scenario) -> View:
    """The live view in a terminal, plain lines elsewhere."""
    return LiveView(console, scenario) if console.is_terminal else PlainView(console, scenario)


class PlainView:
    """One line per decision, after a line that explains the odds. A line that repeats the one before is left out."""

    def __init__(self, console: Console, scenario: Scenario) -> None:
        self._console = console
        self._scenario = scenario
        self._said = 0
        self._of = ""

    def __enter__(self) -> PlainView:
        self._print(f"{self._scenario.name}: {self._scenario.description}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def look(self, look: Look) -> None:
        """The lines that are new; of a rollout that superseded the one before, all of them."""
        lines = short_lines(look.lines, look.rollout.settings.plan if look.rollout else ())
        if look.rollout is not None and look.rollout.rollout_id != self._of:
            if self._of:
                self._print(f"superseded by {look.rollout.rollout_id}")
            self._of, self._said = look.rollout.rollout_id, 0
        if lines and not self._said and look.rollout is not None:
            self._print(f"({deciding_odds(look.rollout.settings.judge)})")
        for line in lines[self._said :]:
            self._print(line.plain())
        self._said = len(lines)

    def result(self, result: Result) -> None:
        """The outcome in two lines."""
        for line in result_text(result).plain.splitlines():
            self._print(line)

    def _print(self, text: str) -> None:
        self._console.print(one_line(text), markup=False, highlight=False, soft_wrap=True)


class LiveView:
    """The picture of `rollout watch`, redrawn in place."""

    def __init__(self, console: Console, scenario: Scenario) -> None:
        self._console = console
        self._title = (Text(scenario.name, "bold"), Text(scenario.description, "dim"), Text())
        self._seen: Look | None = None
        self._live = Live(console=console, refresh_per_second=12, transient=True, vertical_overflow="crop")

    def __enter__(self) -> LiveView:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def look(self, look: Look) -> None:
        """Redraw."""
        self._seen = look
        self._live.update(self._picture(self._console.height - LINES_BESIDE))

    def result(self, result: Result) -> None:
        """The last picture and the cost; of a refused request the reason."""
        self._live.stop()
        self._console.print(self._picture(None, result.undo))
        drawn = self._seen is not None and self._seen.rollout is not None
        self._console.print(cost_text(result) if drawn else result_text(result))

    def _picture(self, height: int | None, undo: Undo | None = None) -> RenderableType:
        seen = self._seen
        if seen is None or seen.rollout is None:
            return Group(*self._title)
        view = view_of(seen.rollout, [line.entry for line in seen.lines], seen.at, undo)
        return Group(*self._title, picture(view, height), Text())


def result_text(result: Result) -> Text:
    """The outcome, its reason, and what it cost."""
    outcome = (result.outcome.replace("_", " "), OUTCOME_STYLES.get(result.outcome, "bold magenta"))
    undone = f"{one_line(str(result.undo))}\n" if result.undo else ""
    return Text.assemble(outcome, f": {one_line(result.reason)}\n", undone, cost_text(result))


def cost_text(result: Result) -> Text:
    """The cost in time and in requests, and the target's last state."""
    return Text(
        f"{result.simulated_minutes:g} simulated minutes in {result.wall_seconds:.1f} s; the candidate answered "
        f"{result.canary_requests:,} requests, {result.bad_requests:,} of them badly; {_ending(result.final_stage)}",
        "dim",
    )


def _ending(shown: Json | None) -> str:
    """The last state of the stage or the alias."""
    if shown is None:
        return "the target is gone"
    if "FunctionVersion" in shown:
        weights = "with" if "RoutingConfig" in shown else "without"
        return f"the alias ends on version {shown['FunctionVersion']}, {weights} weights"
    canary = "with a" if "canarySettings" in shown else "no"
    return f"the stage ends on deployment {shown['deploymentId']}, {canary} canary"
