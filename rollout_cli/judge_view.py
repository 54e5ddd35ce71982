"""What `rollout judge` shows: each minute's evidence, how near it came to a verdict, and the verdict.

    min  metric   canary         base            harm   safe   verdict     action
      6  5XX      19/365 5.21%   65/6.7k 0.97%   █████  █████  harmful     rollback

Canary and base are the sums of the step so far. `harm` fills up to the odds that roll back, `safe` to those that prove.
"""

from __future__ import annotations

from itertools import groupby

from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from rollout.cockpit.formatting import deciding_odds
from rollout.core.judge import (
    Action,
    Count,
    Judgement,
    JudgeSettings,
    MetricSettings,
    Recording,
    Replay,
    Standing,
    Totals,
    explain,
)

CELLS = 5
EIGHTHS = " ▏▎▍▌▋▊▉"

ACTION_STYLES = {
    Action.CONTINUE: "dim",
    Action.EXTEND: "yellow",
    Action.HOLD: "bold yellow",
    Action.ADVANCE: "green",
    Action.PROMOTE: "bold green",
    Action.ROLL_BACK: "bold red",
}
VERDICT_STYLES = {Standing.HARMFUL: "red", Standing.SAFE: "green", Standing.UNMEASURED: "yellow"}


def show_replay(console: Console, recording: Recording, replayed: Replay) -> None:
    """The settings, every minute, and the verdict with its reason."""
    _show_settings(console, recording)
    numbered = enumerate(replayed.minutes, start=1)
    for step, minutes in groupby(numbered, key=lambda each: each[1].step):
        console.print(Rule(_step_title(recording, step), align="left", style="dim"))
        table = _table()
        for number, minute in minutes:
            _add_minute(table, number, minute.judgement, recording.settings, ascii_only=console.options.ascii_only)
        console.print(table)
    _show_verdict(console, replayed)


def _show_settings(console: Console, recording: Recording) -> None:
    settings = recording.settings
    longest = f"a step lasts at most {settings.max_bake_factor:g} x its bake"
    console.print(f"alpha {settings.alpha:g}, beta {settings.beta:g}, {longest}", style="dim")
    console.print(deciding_odds(settings), style="dim")
    for metric in settings.metrics:
        console.print(f"{explain.display_name(metric.name)}: {_terms(metric)}", style="dim", markup=False)


def _terms(metric: MetricSettings) -> str:
    relative, absolute = metric.tolerance
    bound = "at least" if metric.kind.higher_is_better else "at most"
    words = f"{bound} {relative:g} x the base"
    if absolute:
        words += f" + {explain.percent(absolute)}"
    if metric.phi != 1.0:
        words += f", dispersion {metric.phi:g}"
    if metric.dry_run:
        return f"{words}; shown only"
    return words if metric.required else f"{words}; needs no proof of safety"


def _step_title(recording: Recording, step: int) -> str:
    weight, bake_minutes = recording.plan[step][:2]
    return f"step {step}: {explain.weight(weight)}, bake {bake_minutes} min"


def _table() -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("min", justify="right", min_width=3)
    table.add_column("metric", overflow="fold")
    for arm in ("canary", "base"):
        table.add_column(arm, min_width=13)
    for bar in ("harm", "safe"):
        table.add_column(bar, no_wrap=True, min_width=CELLS)
    table.add_column("verdict", min_width=9)
    table.add_column("action", min_width=8)
    return table


def _add_minute(table: Table, number: int, judgement: Judgement, settings: JudgeSettings, *, ascii_only: bool) -> None:
    """One row for each metric; the minute and the action stand in the first."""
    action = judgement.action
    ends = (str(number), Text(action.value, ACTION_STYLES[action]))
    for verdict in judgement.verdicts:
        harmful, safe = verdict.verdict is Standing.HARMFUL, verdict.verdict is Standing.SAFE
        harm = 1.0 if harmful else verdict.log_e_capped / verdict.log_e_limit
        proof = 1.0 if safe else verdict.log_s / settings.log_proof
        table.add_row(
            ends[0],
            Text(explain.display_name(verdict.name)),
            measure_text(verdict.canary),
            measure_text(verdict.base),
            Text(bar(harm, ascii_only=ascii_only), "red"),
            Text(bar(proof, ascii_only=ascii_only), "green"),
            Text(verdict.verdict.value, VERDICT_STYLES.get(verdict.verdict, "default")),
            ends[1],
        )
        ends = ("", Text())


def bar(share: float, *, ascii_only: bool = False) -> str:
    """A bar of five cells, filled by this share; full only if the share is."""
    eighths = int(8 * CELLS * min(1.0, max(0.0, share)))
    whole, rest = divmod(eighths, 8)
    if ascii_only:
        return ("#" * whole).ljust(CELLS, ".")
    partly = EIGHTHS[rest] if rest else ""
    return ("█" * whole + partly).ljust(CELLS, "·")


def measure_text(measure: Totals) -> str:
    """`41/1.2k 3.47%`, or the mean of a business value; a dash where nothing was measured."""
    if not measure[0]:
        return "-"
    if isinstance(measure, Count):
        return f"{short(measure.bad)}/{short(measure.requests)} {explain.percent(measure.bad / measure.requests)}"
    return f"{measure.total / measure.samples:.4g} n={short(measure.samples)}"


def short(number: int) -> str:
    """A count in at most four characters or so: 950, 1.2k, 36k, 4.1M."""
    shown: float = number
    for unit in ("", "k", "M", "G", "T"):
        if shown < 999.5 or unit == "T":
            return f"{shown:.0f}{unit}" if not unit or shown >= 9.95 else f"{shown:.1f}{unit}"
        shown /= 1000
    raise AssertionError


def _show_verdict(console: Console, replayed: Replay) -> None:
    if not replayed.minutes:
        console.print("No minutes were recorded, and so there is no verdict.")
        return
    action = replayed.verdict
    ends = f"{action.value.upper()} after {replayed.at_minute} min"
    if not action.ends:
        ends = f"NO VERDICT when the recording ends after {replayed.at_minute} min ({action.value})"
    console.print(
        Text.assemble("\n", (ends, ACTION_STYLES[action]), f": {replayed.reason}"), soft_wrap=not console.is_terminal
    )
