"""The parts of the report and the widget."""

from __future__ import annotations

from collections.abc import Iterable

from rollout.cockpit.chart_data import WAITING, MetricView, level
from rollout.cockpit.charts import bar, evidence_chart, ramp_chart, rates_chart
from rollout.cockpit.formatting import amount, duration, short_odds
from rollout.cockpit.markup import Markup, joined, tag
from rollout.cockpit.timeline import Row, Tone
from rollout.cockpit.view import RolloutView
from rollout.core.judge import Plan, Step
from rollout.core.judge.explain import size, weight
from rollout.core.judge.plan import is_probe
from rollout.core.minutes import utc
from rollout.core.target import Json

_SIGNS = {Tone.GOOD: "✓", Tone.BAD: "✕", Tone.WARNING: "‖", Tone.PLAIN: "●"}
_VERDICTS = {
    "harmful": Tone.BAD,
    "safe": Tone.GOOD,
    "undecided": Tone.PLAIN,
    "unmeasured": Tone.WARNING,
    WAITING: Tone.PLAIN,
}
_VERDICT_WORDS = {
    "harmful": "worse than tolerated",
    "safe": "proven safe enough",
    "undecided": "not proven yet",
    "unmeasured": "not measured",
    WAITING: "waiting for its first judged minute",
}
COLUMNS = ("#", "Time", "Weight", "Decision", "Cause", "Reason and change")


def banner(view: RolloutView, heading: str = "h1") -> Markup:
    """The state or the outcome, and the reason."""
    return tag(
        "header",
        tag("p", f"{view.series} · {view.target}", class_="rp-dim"),
        tag(heading, tag("span", f"{_SIGNS[view.tone]} {view.state_words}", class_="rp-outcome"), now(view)),
        *(tag("p", line) for line in view.remarks),
        tag("p", view.reason),
        *(tag("p", line, class_="rp-dim") for line in view.warnings),
        class_=f"rp-banner rp-{view.tone}",
    )


def now(view: RolloutView) -> str:
    """The present step of a running rollout and its progress; "" for one that has ended."""
    if not view.running:
        return ""
    if view.watching:
        where = f" — {view.watched_minutes:.0f} of {view.watch_minutes} min"
    else:
        step = view.plan[view.step]
        where = f" — {float(view.weight_percent):g} %, step {view.step + 1} of {len(view.plan)}"
        where += f"{', the control' if step.harm_only else ''}, {judged(step, view.judged_minutes)}"
    left = view.least_minutes_left
    return where + ("" if left is None else f"; at least {duration(left)} to go")


def judged(step: Step, minutes: int) -> str:
    """How far the step is. The rung of a ramp lasts until the next one is proven."""
    return f"{minutes} min judged" if step.ramp is not None else f"{minutes} of {step.bake_minutes} min judged"


def facts(view: RolloutView) -> Markup:
    """The candidate, the base, the times and the alarms of a rollout."""
    overrides = ", ".join(f"{name}={value}" for name, value in view.overrides)
    pairs: list[tuple[str, str]] = [
        ("Rollout", view.rollout_id),
        ("Candidate", f"{view.candidate}{f' with {overrides}' if overrides else ''}"),
        ("Base", view.base),
        ("Started", utc(view.started_at)),
        ("Duration", duration(view.minutes)),
        ("Highest weight", f"{view.highest_weight:g} %"),
        ("Alarms", ", ".join(view.alarms) or "none"),
    ]
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs), class_="rp-facts")


def plan(view: RolloutView) -> Markup:
    """The weights of the plan, the present one marked."""
    items = [
        tag(
            "li",
            f"{weight(step.weight_percent)} {_kind_of(view.plan, index)}",
            class_="rp-now" if view.running and not view.watching and index == view.step else None,
        )
        for index, step in enumerate(view.plan)
    ]
    watch = tag(
        "li",
        f"100% · watch {duration(view.watch_minutes)}",
        class_="rp-now" if view.running and view.watching else None,
    )
    return tag("ul", *items, watch, class_="rp-plan")


def _kind_of(plan: Plan, index: int) -> str:
    step = plan[index]
    if is_probe(plan, index):
        return "probe"
    if step.ramp is not None:
        return "by evidence"
    return f"{'control' if step.harm_only else '×'} {duration(step.bake_minutes)}"


def ramp(view: RolloutView) -> list[Markup]:
    """Of a ramp: how near its next raise was, and what each raise was proven by; nothing of another plan."""
    if not view.ramp or is_probe(view.plan, 0):
        return []
    *before, last = view.ramp
    told = [look for look in before if look.raised] + [last]
    items = [
        tag(
            "li",
            f"{'raised' if look.raised else 'next'}, {duration(look.minute)} after the start: to {look.percent:g} %, ",
            tag("span", f"{look.words}, {short_odds(look.log_proof)} of {short_odds(look.log_limit)}", class_="rp-dim"),
        )
        for look in told
        if look.raised or view.running
    ]
    return [ramp_chart(view), tag("ol", *items, class_="rp-raises")]


def metric_card(view: RolloutView, metric: MetricView) -> Markup:
    """One metric: its verdict, its numbers, its evidence, and its two charts."""
    role = "" if metric.decides and metric.required else "shown only" if not metric.decides else "needs no proof"
    harm = None if metric.log_harm is None else metric.log_harm / metric.harm_limit
    proof = None if metric.log_proof is None else metric.log_proof / metric.proof_limit
    return tag(
        "section",
        tag("h3", metric.label, " ", chip(metric), " ", tag("span", role, class_="rp-dim") if role else None),
        tag("p", numbers(metric)),
        bar(harm, _of(metric.log_harm, metric.harm_limit), "rp-bar-harm", "roll back"),
        bar(proof, _of(metric.log_proof, metric.proof_limit), "rp-bar-proof", "proven") if metric.proves else None,
        tag("div", rates_chart(view, metric), evidence_chart(view, metric), class_="rp-charts"),
        class_="rp-card",
    )


def chip(metric: MetricView) -> Markup:
    """The metric's verdict, as a coloured label."""
    tone = Tone.GOOD if metric.is_no_worse else _VERDICTS[metric.verdict]
    return tag("span", verdict_words(metric), class_=f"rp-chip rp-{tone}")


def verdict_words(metric: MetricView) -> str:
    """The metric's verdict in words."""
    if metric.is_no_worse:
        return "no worse than before" if metric.watched else "no worse than the base"
    return _VERDICT_WORDS[metric.verdict]


def numbers(metric: MetricView) -> str:
    """Canary against base in the present step, in words."""
    if metric.verdict == WAITING:
        return "No minute has been judged since the last change of the weight."
    bound = "at least" if metric.higher_is_better else "at most"
    base = f", base {_counted(metric, metric.base)}" if metric.base else ""
    allowed = (
        f"; {bound} {amount(metric.allowed, is_rate=metric.is_rate)} allowed" if metric.allowed is not None else ""
    )
    difference = f"; {size(metric.effect)}" if metric.effect else ""
    return f"Canary {_counted(metric, metric.canary)}{base}{allowed}{difference}"


def _counted(metric: MetricView, measure: Json | None) -> str:
    value = amount(level(measure), is_rate=metric.is_rate)
    if not measure:
        return value
    if "requests" in measure:
        return f"{measure['bad']:,} of {measure['requests']:,} ({value})"
    return f"{value} (of {measure['samples']:,})"


def _of(log_evidence: float | None, limit: float) -> str:
    return "–" if log_evidence is None else f"{short_odds(log_evidence)} of {short_odds(limit)}"


def rows(found: Iterable[Row]) -> Markup:
    """The table of decisions."""
    head = tag("tr", *(tag("th", name, scope="col") for name in COLUMNS))
    return tag("table", tag("thead", head), tag("tbody", *(_row(row) for row in found)), class_="rp-rows")


def _row(row: Row) -> Markup:
    span = f" – {duration(row.until)}" if row.times > 1 else ""
    times = f" × {row.times}" if row.times > 1 else ""
    why = [tag("div", row.reason)] if row.reason else []
    if row.change:
        why.append(tag("div", row.change, class_="rp-dim rp-mono"))
    why += [tag("div", note, class_="rp-dim") for note in row.notes]
    return tag(
        "tr",
        tag("td", row.number, data_label="#"),
        tag(
            "td",
            f"{duration(row.minute)}{span}",
            " ",
            tag("span", f"{row.at:%H:%M}", class_="rp-dim"),
            data_label="Time",
        ),
        tag("td", f"{row.weight_percent:g} %", data_label="Weight"),
        tag("td", tag("span", row.word, class_=f"rp-word rp-{row.tone}"), times, data_label="Decision"),
        tag("td", row.who, data_label="Cause"),
        tag("td", joined(*why)),
    )
