"""The report: one HTML file that loads nothing, runs no script, and can be printed."""

from __future__ import annotations

import json
from datetime import datetime

from rollout.cockpit.charts import weight_chart
from rollout.cockpit.markup import Markup, raw, tag
from rollout.cockpit.sections import banner, facts, metric_card, plan, ramp, rows
from rollout.cockpit.style import style_sheet
from rollout.cockpit.view import RolloutView
from rollout.core.minutes import utc
from rollout.core.target import Json, target_named


def report(view: RolloutView) -> str:
    """The whole page of one rollout: outcome first, request and settings last."""
    return _page(
        f"{view.rollout_id}: {view.state_words}",
        view.seen_at,
        banner(view),
        facts(view),
        *_hints(view),
        tag("h2", "Timeline"),
        plan(view),
        weight_chart(view),
        *ramp(view),
        tag("h2", "Metrics"),
        tag("div", *(metric_card(view, metric) for metric in view.metrics), class_="rp-metrics"),
        tag("h2", "Decisions"),
        rows(view.rows),
        *_failures(view),
        *_signals(view),
        tag("h2", "Request and settings"),
        tag("pre", json.dumps(view.settings, indent=2, ensure_ascii=False)),
    )


def report_of_rejection(record: Json, now: datetime) -> str:
    """The page of a request that was refused before anything was touched; `record` is what the store kept of it."""
    head = tag(
        "header",
        tag("p", " · ".join(filter(None, (record["rolloutId"], target_named(record.get("target"))))), class_="rp-dim"),
        tag("h1", tag("span", f"‖ {record['state'].capitalize()}", class_="rp-outcome")),
        tag("p", record["reason"]),
        tag("p", "Nothing was touched.", class_="rp-dim"),
        class_="rp-banner rp-warning",
    )
    request = json.dumps(record.get("request"), indent=2, ensure_ascii=False)
    return _page(f"{record['rolloutId']}: rejected", now, head, tag("h2", "Request"), tag("pre", request))


def _hints(view: RolloutView) -> list[Markup]:
    if not view.hints:
        return []
    items = [
        tag(
            "li",
            tag("code", hint.typed(view.rollout_id), class_="rp-mono"),
            " ",
            tag("span", hint.does, class_="rp-dim"),
        )
        for hint in view.hints
    ]
    return [tag("h2", f"What you can do now, as of {view.seen_at:%H:%M} UTC"), tag("ul", *items, class_="rp-hints")]


def _failures(view: RolloutView) -> list[Markup]:
    if not view.failures:
        return []
    lines = (tag("p", line.strip(), class_="rp-dim" if line.startswith(" ") else None) for line in view.failures)
    return [tag("h2", "What failed"), *lines]


def _signals(view: RolloutView) -> list[Markup]:
    if not view.signals:
        return []
    head = tag("tr", *(tag("th", name, scope="col") for name in ("Time", "Signal", "Actor or alarm", "Reason")))
    lines = [
        tag(
            "tr",
            *(
                tag("td", cell)
                for cell in (signal.at[:19].replace("T", " "), signal.kind.lower(), signal.source, signal.reason)
            ),
        )
        for signal in view.signals
    ]
    return [tag("h2", "Commands and alarms"), tag("table", tag("thead", head), tag("tbody", *lines))]


def _page(title: str, at: datetime, *parts: Markup) -> str:
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("style", raw(style_sheet("auto", page=True))),
    )
    foot = tag("footer", f"Rollout Pilot, {utc(at)}", class_="rp-foot rp-dim")
    body = tag("body", tag("main", *parts), foot, class_="rp")
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"
