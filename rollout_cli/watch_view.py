"""What `rollout watch` shows: state, plan, canary against base, evidence, events, and possible commands.

Colour repeats what words or shapes say. The picture fits 80 columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from rollout.cockpit.chart_data import WAITING, Dot, MetricView, level
from rollout.cockpit.formatting import amount, duration, short_count, short_odds
from rollout.cockpit.sections import judged
from rollout.cockpit.sections import now as where
from rollout.cockpit.timeline import Row, Tone
from rollout.cockpit.view import RolloutView
from rollout.core.cause import CauseKind
from rollout.core.judge.explain import size, weight
from rollout.core.signals import SignalKind
from rollout.core.target import Json

STYLES = {Tone.GOOD: "green", Tone.BAD: "red", Tone.WARNING: "yellow", Tone.PLAIN: "default"}
SIGNS = {Tone.GOOD: "✓", Tone.BAD: "✕", Tone.WARNING: "‖", Tone.PLAIN: "●"}
VERDICTS = {"harmful": ("✕ worse", "red"), "safe": ("✓ proven", "green"), "unmeasured": ("? not measured", "yellow")}
SPARKS, ASCII_SPARKS = "▁▂▃▄▅▆▇█", "._-=+*%#"
SPARK_MINUTES = 10
SHORTEST_BAR, LONGEST_BAR = 10, 40
MOST_EVENTS = 6
ROOMY_LINES = 36
"""With fewer lines, most events are left out, and all metrics but the most telling."""
MOST_METRICS = 3
LONGEST_REMARK = 240
"""Characters of a remark, so that the commands stay visible; the report has the whole remark."""


def picture(view: RolloutView, height: int | None = None) -> RenderableType:
    """The rollout at a glance, in at most `height` lines (any number if None)."""
    roomy = height is None or height >= ROOMY_LINES
    metrics = view.metrics if roomy else _most_telling(view.metrics)
    events = [row for row in view.rows if row.marked or row.change or row.notes]
    warnings = _warnings(view, roomy=roomy)
    most = MOST_EVENTS if roomy else max(0, 2 - len(view.remarks) - len(warnings))
    gap = [Text()] if roomy else []
    parts: list[RenderableType] = [
        *_head(view),
        Text(),
        _Plan(view),
        Text(),
        _Arms(metrics),
        *(_sizes(metrics) if roomy else ()),
        Text(),
        _Evidence(metrics),
        *([Text(view.odds, "dim")] if roomy else []),
        *gap,
        *(_why(view) if view.running else ()),
        *_alarms(view),
        *(Text(line, "dim", no_wrap=not roomy, overflow="ellipsis") for line in warnings),
        *(gap if view.running else []),
        *(_event(row) for row in (events if height is None else events[max(0, len(events) - most) :])),
        Text() if view.hints else Text(end=""),
        _Hints(view),
    ]
    return Group(*parts)


def _most_telling(metrics: Sequence[MetricView]) -> Sequence[MetricView]:
    """Of the metrics that decide those that must be proven and those that speak most of harm, in their order."""
    deciding = [metric for metric in metrics if metric.decides]
    order = sorted(deciding, key=lambda metric: (not metric.required, -(metric.log_harm or 0.0) / metric.harm_limit))
    return [metric for metric in deciding if metric in order[:MOST_METRICS]]


def _head(view: RolloutView) -> Iterator[Text]:
    lasted = f"{'running for' if view.running else 'lasted'} {duration(view.minutes)}"
    yield Text.assemble((view.rollout_id, "bold"), (f"  {view.series}, {lasted}", "dim"))
    yield Text.assemble((f"{SIGNS[view.tone]} {view.state_words}", f"bold {STYLES[view.tone]}"), where(view))
    if not view.running:
        yield from _why(view)


def _warnings(view: RolloutView, *, roomy: bool) -> Sequence[str]:
    """Preflight's warnings; where there is little room, the beginning of the one that explains a hold."""
    if roomy:
        return view.warnings
    return [line for line in view.warnings if line.startswith("Held")][:1]


def _why(view: RolloutView) -> Iterator[Text]:
    """The remarks and the reason."""
    style = STYLES[view.tone] if view.running else ""
    for line in view.remarks:
        yield Text(line if len(line) <= LONGEST_REMARK else f"{line[: LONGEST_REMARK - 1]}…", STYLES[view.tone])
    yield Text(view.reason, style)


class _Plan:
    """The plan with the present step marked, the weight, and the progress."""

    def __init__(self, view: RolloutView) -> None:
        self._view = view

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        view, width = self._view, _bar_width(options, 34)
        weights = Text()
        for index, step in enumerate(view.plan):
            present = view.running and not view.watching and index == view.step
            weights.append(
                f"[{weight(step.weight_percent)}]" if present else weight(step.weight_percent), _lit(present)
            )
            weights.append(" → ", "dim")
        watched = view.running and view.watching
        weights.append("[100%]" if watched else "100%", _lit(watched))
        table = Table.grid(padding=(0, 2))
        table.add_row(Text("plan", "dim"), weights)
        share = float(view.weight_percent) / 100
        words = f"  {float(view.weight_percent):g} % of the requests"
        table.add_row(
            Text("candidate", "dim"), bar(share, width, "yellow", ascii_only=options.ascii_only).append(words)
        )
        done, total, text = _progress(view)
        table.add_row(
            Text("progress", "dim"), bar(done / total, width, "cyan", ascii_only=options.ascii_only).append(f"  {text}")
        )
        if view.running and view.ramp and view.plan[view.step].ramp is not None:
            look = view.ramp[-1]
            raised = bar(look.share, width, "green", ascii_only=options.ascii_only)
            odds = _odds(look.log_proof, look.log_limit)
            table.add_row(Text("next raise", "dim"), raised.append(f"  {odds} to {look.percent:g} %"))
            table.add_row("", Text(f"{look.words} is proven" if look.proven else f"when {look.words} is proven", "dim"))
        yield table


def _lit(present: bool) -> str:
    return "bold cyan" if present else "dim"


def _progress(view: RolloutView) -> tuple[float, float, str]:
    """The plan's minutes that are over, all its minutes, and the present position in words."""
    bakes = [step.bake_minutes for step in view.plan]
    total = max(1, sum(bakes) + view.watch_minutes)
    if view.watching:
        watched = min(view.watched_minutes, view.watch_minutes)
        return sum(bakes) + watched, total, f"watch, {watched:.0f} of {view.watch_minutes} min"
    done = sum(bakes[: view.step]) + min(view.judged_minutes, bakes[view.step])
    step = view.plan[view.step]
    where = f"step {view.step + 1} of {len(bakes)}{', the control' if step.harm_only else ''}"
    return done, total, f"{where}, {judged(step, view.judged_minutes)}"


class _Arms:
    """Canary against base in the present step, each with its last minutes."""

    def __init__(self, metrics: Sequence[MetricView]) -> None:
        self._metrics = metrics

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
        for column in ("metric", "canary", "", "base", "", "allowed"):
            table.add_column(column, no_wrap=True)
        for metric in self._metrics:
            dots = metric.dots[-SPARK_MINUTES:]
            most = max(
                (v for dot in dots for v in (dot.canary, dot.base, metric.allowed) if v is not None), default=0.0
            )
            canary, base = _spark(dots, "canary", most, options), _spark(dots, "base", most, options)
            table.add_row(
                Text(metric.label, "" if metric.decides else "dim"),
                Text(_counted(metric, metric.canary), "red" if metric.verdict == "harmful" else ""),
                Text(canary, "yellow"),
                Text(_counted(metric, metric.base)),
                Text(base, "blue"),
                Text(amount(metric.allowed, is_rate=metric.is_rate)),
            )
        yield table


def _sizes(metrics: Sequence[MetricView]) -> Iterator[Text]:
    """How large the difference is, of each metric of which that is known."""
    for metric in metrics:
        if metric.effect:
            yield Text.assemble((f"{metric.label}: {size(metric.effect)}", "" if metric.decides else "dim"))


def _counted(metric: MetricView, measure: Json | None) -> str:
    value = amount(level(measure), is_rate=metric.is_rate)
    number = (measure or {}).get("requests", (measure or {}).get("samples"))
    return f"{value} of {short_count(number)}" if number else "–"


def _spark(dots: Sequence[Dot], arm: str, most: float, options: ConsoleOptions) -> str:
    """A column for each minute, as high as its share of the highest; a dot in the middle where the arm has no data."""
    marks = ASCII_SPARKS if options.ascii_only else SPARKS
    values: list[float | None] = [getattr(dot, arm) for dot in dots]
    silent = " " if options.ascii_only else "·"
    return "".join(
        silent
        if value is None
        else marks[min(len(marks) - 1, int(value / most * (len(marks) - 1) + 0.5)) if most else 0]
        for value in values
    )


class _Evidence:
    """The evidence of each metric, of harm and of safety, as a share of what decides."""

    def __init__(self, metrics: Sequence[MetricView]) -> None:
        self._metrics = metrics

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        ascii_only = options.ascii_only
        width = max(8, min(24, (options.max_width - 56) // 2))
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
        for column in ("", "to roll back", "", "to proven", "", "verdict"):
            table.add_column(column, no_wrap=True)
        for metric in self._metrics:
            verdict, style = VERDICTS.get(
                metric.verdict, ("… waiting" if metric.verdict == WAITING else "… not proven", "")
            )
            if metric.is_no_worse:
                verdict, style = "✓ no worse", "green"
            harm = None if metric.log_harm is None else metric.log_harm / metric.harm_limit
            proof = None if metric.log_proof is None else metric.log_proof / metric.proof_limit
            table.add_row(
                Text(metric.label, "" if metric.decides else "dim"),
                bar(harm, width, "red", ascii_only=ascii_only),
                Text(_odds(metric.log_harm, metric.harm_limit)),
                bar(proof, width, "green", ascii_only=ascii_only),
                Text(_odds(metric.log_proof, metric.proof_limit)),
                Text(verdict if metric.decides else "shown only", style if metric.decides else "dim"),
            )
        yield table


def _odds(log_evidence: float | None, limit: float) -> str:
    return "–" if log_evidence is None else f"{short_odds(log_evidence).removesuffix(':1')}/{short_odds(limit)}"


def bar(share: float | None, width: int, style: str, *, ascii_only: bool = False) -> Text:
    """A bar of this width, filled by this share. The filled part differs in shape as well as in colour."""
    filled = 0 if share is None else int(width * min(1.0, max(0.0, share)) + 1e-9)
    full, rest = ("#", ".") if ascii_only else ("━", "─")
    return Text.assemble((full * filled, style), (rest * (width - filled), "dim"))


def _bar_width(options: ConsoleOptions, beside: int) -> int:
    return max(SHORTEST_BAR, min(LONGEST_BAR, options.max_width - beside - 14))


def _alarms(view: RolloutView) -> Iterator[Text]:
    """The alarms, whether each has fired, and what the last analysis could not do."""
    fired = {signal.source for signal in view.signals if signal.kind is SignalKind.ALARM}
    for name in view.alarms:
        words = ("firing", "bold red") if name in fired else ("watched", "dim")
        yield Text.assemble(("alarm    ", "dim"), name, "  ", words)
    for note in view.notes:
        yield Text.assemble(("note     ", "dim"), (note, "yellow"))


def _event(row: Row) -> Text:
    """One line, cut off where the terminal ends."""
    external = row.cause is not None and row.cause.kind in (CauseKind.COMMAND, CauseKind.ALARM)
    said = row.change or row.reason
    cause = f"{row.who}: " if external and row.change else ""  # a reason begins with its cause
    text = Text(overflow="ellipsis", no_wrap=True)
    text.append(f"{row.at:%H:%M} ", "dim")
    text.append(f"{row.weight_percent:>4g} %  ", "dim")
    text.append(f"{row.word:<13}", STYLES[row.tone])
    return text.append(f"  {cause}{said}", "default")


class _Hints:
    """The commands that the controller would accept now, complete, with what they do as far as the line has room."""

    def __init__(self, view: RolloutView) -> None:
        self._view = view

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        commands = [hint.typed(self._view.rollout_id) for hint in self._view.hints]
        longest = max(map(len, commands), default=0)
        for index, (hint, command) in enumerate(zip(self._view.hints, commands, strict=True)):
            fits = 9 + longest < options.max_width
            text = Text(no_wrap=fits, overflow="ellipsis" if fits else "fold")
            text.append("you can  " if index == 0 else " " * 9, "dim")
            yield text.append(command.ljust(longest), "bold").append(f"  {hint.does}", "dim")
