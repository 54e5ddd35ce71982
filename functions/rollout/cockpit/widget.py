"""The CloudWatch dashboard's custom widget: the running rollouts, with buttons, and the latest ones.

CloudWatch takes HTML with inline CSS and SVG, and removes scripts, `<iframe>` and `<use>` (documented). A button is a
link followed by `<cwdb-action>`, which calls the function with what is written in it, as the person who looks at the
dashboard. Its payload is untrusted input: the function validates it like a command of the command line.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rollout.cockpit.charts import weight_chart
from rollout.cockpit.hints import Hint
from rollout.cockpit.markup import Markup, joined, raw, tag
from rollout.cockpit.sections import banner, facts, metric_card, plan, ramp, rows
from rollout.cockpit.style import style_sheet
from rollout.cockpit.view import RolloutView
from rollout.core.target import Json

DESCRIPTION = """## Rollouts

The rollouts that run now, each with its charts and with buttons for the commands that are possible, and the latest
others. A button asks for a confirmation, and the controller validates the command.

### Parameters

| parameter | what |
|---|---|
| `most` | how many rollouts are listed, from 1 to 100; 20 if left out |
| `rollout` | the id of one rollout, to show it alone; all if left out |

``` yaml
most: 20
```
"""
"""What CloudWatch shows about the widget; the first block prefills its parameters."""

NAMED_STEP = frozenset({"approve", "advance", "promote"})
"""Commands that are sent with the step that is shown; they are refused when another step has begun."""

_ASKED = {
    "abort": "Give the base all requests again?",
    "pause": "Stop raising the weight? The judge and the alarms go on.",
    "resume": "Go on after the pause?",
    "approve": "Go on to the next step although it is not proven?",
    "advance": "Go on to the next step now?",
    "promote": "Give the candidate ALL requests now?",
    "rollback": "Undo the promotion and put the base back?",
}


FIELDS = {"name": ("Your name", 60), "reason": ("Why", 200)}
"""The text fields beside the buttons: label, and the most characters."""


def field_of(name: str, rollout_id: str) -> str:
    """The field's name. CloudWatch sends all fields of a widget together, so the name has the rollout's id."""
    return f"{name}-{rollout_id}"


@dataclass(frozen=True, slots=True)
class Widget:
    """The function's ARN that the buttons call, the colours, and whether buttons are shown."""

    endpoint: str
    theme: Literal["light", "dark"] = "light"
    commands: bool = True

    def overview(self, running: Sequence[RolloutView], recent: Sequence[Json], said: str = "") -> str:
        """All running rollouts in full, and a list of the latest. `said` is the answer to the last command."""
        shown = [self._running(view) for view in running] or [tag("p", "No rollout is running.", class_="rp-dim")]
        return self._whole(
            *self._said(said),
            *shown,
            tag("h2", "Latest rollouts"),
            self._list(recent),
        )

    def one(self, view: RolloutView, said: str = "") -> str:
        """One rollout in full, with every decision."""
        return self._whole(*self._said(said), self._running(view), tag("h2", "Decisions"), rows(view.rows))

    def refused(self, record: Json) -> str:
        """A request that was refused before anything was touched."""
        head = tag("header", tag("p", record["rolloutId"]), tag("p", record["reason"]), class_="rp-banner rp-warning")
        request = tag("pre", json.dumps(record.get("request"), indent=2, ensure_ascii=False))
        return self._whole(head, tag("h2", "Request"), request)

    def problem(self, words: str) -> str:
        """The error, instead of anything else."""
        return self._whole(tag("p", words, class_="rp-said", role="alert"))

    def _running(self, view: RolloutView) -> Markup:
        return tag(
            "section",
            banner(view, "h2"),
            *self._buttons(view),
            facts(view),
            plan(view),
            weight_chart(view),
            *ramp(view),
            tag("div", *(metric_card(view, metric) for metric in view.metrics), class_="rp-metrics"),
            class_="rp-rollout",
        )

    def _buttons(self, view: RolloutView) -> list[Markup]:
        if not self.commands or not view.hints:
            return []
        fields = (
            tag(
                "label",
                tag("span", f"{words} "),
                tag("input", name=field_of(name, view.rollout_id), maxlength=most, placeholder="kept in the history"),
                class_="rp-field",
            )
            for name, (words, most) in FIELDS.items()
        )
        return [tag("div", *(self._button(view, hint) for hint in view.hints), *fields, class_="rp-buttons")]

    def _button(self, view: RolloutView, hint: Hint) -> Markup:
        command: Json = {"rolloutId": view.rollout_id, "command": hint.command}
        if hint.command in NAMED_STEP:
            command["expectedStep"] = view.step
        asked = f"{_ASKED[hint.command]} ({view.rollout_id})"
        class_ = "btn rp-danger" if hint.command in ("abort", "rollback") else "btn"
        return joined(
            tag("a", hint.command.capitalize(), class_=class_, title=hint.does),
            self._action({"command": command}, confirmation=asked),
        )

    def _list(self, recent: Sequence[Json]) -> Markup:
        head = tag("tr", *(tag("th", name, scope="col") for name in ("Rollout", "Target", "State", "Started (UTC)")))
        lines = [
            tag(
                "tr",
                tag(
                    "td",
                    tag("a", each["rolloutId"], class_="rp-link"),
                    self._action({"rollout": each["rolloutId"]}, display="popup"),
                ),
                tag("td", each["target"] or "–"),
                tag("td", each["state"].replace("_", " ").lower()),
                tag("td", each["startedAt"][:16].replace("T", " ")),
            )
            for each in recent
        ]
        return tag("table", tag("thead", head), tag("tbody", *lines))

    def _action(self, payload: Json, *, display: str = "widget", confirmation: str | None = None) -> Markup:
        """The action of the element before it. Without `<`, `>` and `&` the JSON is the same as text and as HTML."""
        text = json.dumps(payload).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
        return tag(
            "cwdb-action",
            raw(text),
            action="call",
            display=display,
            endpoint=self.endpoint,
            confirmation=confirmation,
        )

    @staticmethod
    def _said(said: str) -> list[Markup]:
        return [tag("p", said, class_="rp-said", role="status")] if said else []

    def _whole(self, *parts: Markup) -> str:
        style = tag("style", raw(style_sheet(self.theme)))
        return str(tag("div", style, *parts, class_="rp rp-widget"))
