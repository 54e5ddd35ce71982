"""What `rollout simulate` shows: the rollout as it goes, and what came of it.

In a terminal one picture is redrawn; elsewhere every decision is a plain line.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rollout.cockpit.words import short_odds
from rollout.core.judge.explain import display_name
from rollout.errors import InvalidRequest
from rollout.request import Request, parse_request
from rollout_cli.history_lines import OUTCOME_STYLES, rate, told
from rollout_simulator.scenario import Scenario
from rollout_simulator.simulation import Line, Result

Json = dict[str, Any]

SHOWN_LINES = 7
BAR_WIDTH = 32


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


def view_for(console: Console, scenario: Scenario) -> View:
    """The live view in a terminal, plain lines elsewhere."""
    return LiveView(console, scenario) if console.is_terminal else PlainView(console, scenario)


class PlainView:
    """One line per decision; what was just said is not said again."""

    def __init__(self, console: Console, scenario: Scenario) -> None:
        self._console = console
        self._scenario = scenario
        self._lines: list[Line] = []

    def __enter__(self) -> PlainView:
        self._print(f"{self._scenario.name}: {self._scenario.description}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def line(self, line: Line) -> None:
        """One plain line."""
        before = len(told(self._lines))
        self._lines.append(line)
        for new in told(self._lines)[before:]:
            self._print(new.plain())

    def result(self, result: Result) -> None:
        """The outcome in two lines."""
        self._print(result_text(result).plain)

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class LiveView:
    """The plan, the two arms and the last decisions, redrawn in place."""

    def __init__(self, console: Console, scenario: Scenario) -> None:
        self._console = console
        self._scenario = scenario
        self._request = _request(scenario)
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
        """The picture as it stands, for good, with the whole story, and the outcome under it."""
        self._live.stop()
        self._console.print(self._picture(len(self._lines)))
        self._console.print(result_text(result))

    def _picture(self, most_lines: int = SHOWN_LINES) -> RenderableType:
        parts: list[RenderableType] = [
            Text(self._scenario.name, "bold"),
            Text(self._scenario.description, "dim"),
            Text(),
        ]
        if self._lines and self._request is not None:
            parts += [plan_picture(self._request, self._lines), Text(), *arms_picture(self._request, self._lines)]
        lines = told(self._lines)[-most_lines:]
        return Group(*parts, *(line.coloured() for line in lines), Text())


_TARGETS = {
    "apigateway-stage": {"type": "apigateway-stage", "restApiId": "shown", "stageName": "shown"},
    "lambda-alias": {"type": "lambda-alias", "functionName": "shown", "aliasName": "shown"},
}


def _request(scenario: Scenario) -> Request | None:
    """The scenario's request as far as a view needs it; None when it cannot be understood."""
    target = _TARGETS[scenario.target]
    try:
        return parse_request({"target": target, **scenario.request})
    except InvalidRequest:
        return None


def plan_picture(request: Request, lines: Sequence[Line]) -> RenderableType:
    """The plan's weights with the present one marked, the candidate's share, and how far the plan has come."""
    last = lines[-1]
    step, steps = last.entry["step"], request.plan.steps
    watching = any(line.entry["phase"] == "WATCHING" for line in lines)
    weights = Text()
    for index, planned in enumerate(steps):
        weights.append(f"{planned.weight_percent:g} %", "bold cyan" if index == step and not watching else "dim")
        weights.append(" → ", "dim")
    weights.append("100 %", "bold cyan" if watching else "dim")
    done, total, where = _progress(request, lines, watching=watching)
    picture = Table.grid(padding=(0, 2))
    picture.add_row(Text("plan", "dim"), weights)
    picture.add_row(
        Text("candidate", "dim"), _bar(last.weight_percent, 100, f"{last.weight_percent:g} % of the requests")
    )
    picture.add_row(Text("progress", "dim"), _bar(done, total, where))
    return picture


def _bar(completed: float, total: float, text: str) -> RenderableType:
    row = Table.grid(padding=(0, 2))
    row.add_row(ProgressBar(total=max(total, 1), completed=min(completed, total), width=BAR_WIDTH), text)
    return row


def _progress(request: Request, lines: Sequence[Line], *, watching: bool) -> tuple[float, float, str]:
    """Minutes of the plan that are behind, all of them, and where that is, in words."""
    bakes = [planned.bake_minutes for planned in request.plan.steps]
    watch = request.plan.watch_minutes
    last, total = lines[-1], sum(bakes) + watch
    if watching:
        began = next(line.minute for line in lines if line.entry["phase"] == "WATCHING")
        watched = min(last.minute - began, watch)
        return sum(bakes) + watched, total, f"watching, {watched:.0f} of {watch} min"
    step = max(last.entry["step"], 0)
    judged = sum(
        minute["step"] == step for line in lines for minute in line.entry.get("analysis", {}).get("minutes", ())
    )
    where = f"step {step + 1} of {len(bakes)}, {judged} of {bakes[step]} min"
    return sum(bakes[:step]) + min(judged, bakes[step]), total, where


def arms_picture(request: Request, lines: Sequence[Line]) -> list[RenderableType]:
    """Canary against base by the last analysis, with the evidence for and against the canary."""
    verdicts: list[Json] = next(
        (found for line in reversed(lines) if (found := line.entry.get("analysis", {}).get("verdicts"))), []
    )
    if not verdicts:
        return []
    settings = request.settings(alarms=()).judge
    shares = settings.shares()
    limits = {short_odds(settings.log_limit(shares[metric.name])) for metric in settings.metrics if metric.decides}
    worse = f"worse? {limits.pop()}" if len(limits) == 1 else "worse?"
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("metric", "canary", "base", "allowed", worse, f"ready? {short_odds(settings.log_proof)}"):
        table.add_column(column, no_wrap=True)
    for verdict in verdicts:
        table.add_row(*_arm_cells(verdict), style="dim" if verdict["dryRun"] else "")
    return [table, Text()]


def _arm_cells(verdict: Json) -> list[Text]:
    harmful, safe = ("red" if verdict["verdict"] == "harmful" else "", "green" if verdict["verdict"] == "safe" else "")
    allowed = verdict["allowedRate"]
    worse, proven = (
        ("–", "–")
        if verdict["verdict"] == "unmeasured"
        else (short_odds(verdict["logECapped"]), short_odds(verdict["logS"]))
    )
    return [
        Text(display_name(verdict["metric"])),
        Text(rate(verdict["canary"], counted=True), harmful),
        Text(rate(verdict["base"], counted=True)),
        Text("–" if allowed is None else f"{allowed:.2%}"),
        Text(worse + (" ✗" if harmful else ""), harmful),
        Text(proven + (" ✓" if safe else ""), safe),
    ]


def result_text(result: Result) -> Text:
    """The outcome, its reason, and what it cost."""
    return Text.assemble(
        (result.outcome.replace("_", " "), OUTCOME_STYLES.get(result.outcome, "bold magenta")),
        f": {result.reason}\n",
        (
            f"{result.simulated_minutes:g} simulated minutes in {result.wall_seconds:.1f} s; the candidate answered "
            f"{result.canary_requests:,} requests, {result.bad_requests:,} of them badly; "
            f"{_ending(result.final_stage)}",
            "dim",
        ),
    )


def _ending(shown: Json | None) -> str:
    """How the stage or the alias ends."""
    if shown is None:
        return "the target is gone"
    if "FunctionVersion" in shown:
        weights = "with" if "RoutingConfig" in shown else "without"
        return f"the alias ends on version {shown['FunctionVersion']}, {weights} weights"
    canary = "with a" if "canarySettings" in shown else "no"
    return f"the stage ends on deployment {shown['deploymentId']}, {canary} canary"
