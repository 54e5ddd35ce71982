"""Dashboard: show the rollouts, and carry out a button's command like every other command.

Law: a button's payload is untrusted input and is validated like a command of the command line.
"""

from __future__ import annotations

from dataclasses import dataclass

from rollout.cockpit.view import RolloutView, view_of
from rollout.cockpit.widget import FIELDS, Widget, field_of
from rollout.core.rollout import Rollout
from rollout.core.target import Json
from rollout.core.texts import fitted
from rollout.errors import InvalidRequest, RolloutError
from rollout.ports import Ports
from rollout.tasks.on_command import Answer, on_command
from rollout.tasks.undo import undo_of

ACTOR = "the dashboard"
"""CloudWatch does not tell the function who uses the dashboard (documented); CloudTrail records who invoked it."""
DEFAULT_MOST, HIGHEST_MOST = 20, 100
MOST_DRAWN = 5
"""Running rollouts that are drawn whole; the others are in the list."""
NEWEST = 300
"""Lines of a history that are drawn: about one page of the table."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The widget's HTML, and what became of the command, if one was given."""

    html: str
    answer: Answer | None = None


def dashboard(ports: Ports, event: Json, endpoint: str, *, buttons: bool) -> Shown:
    """What the widget shows; the command of a button is carried out first. Whatever goes wrong is shown as text.

    `endpoint` is the function's own ARN, to which the buttons lead; without `buttons` no command is accepted either.
    """
    around = event.get("widgetContext")
    around = around if isinstance(around, dict) else {}
    widget = Widget(endpoint, "dark" if around.get("theme") == "dark" else "light", buttons)
    answer = None
    try:
        if "command" in event:
            answer = _carried(ports, event["command"], around.get("forms"), allowed=buttons)
        said = answer.message if answer else ""
        if "rollout" in event:
            return Shown(_one(ports, widget, event["rollout"], said), answer)
        return Shown(_overview(ports, widget, event.get("most", DEFAULT_MOST), said), answer)
    except RolloutError as error:
        return Shown(widget.problem(str(error)), answer)


def _carried(ports: Ports, payload: object, forms: object, *, allowed: bool) -> Answer:
    """The answer to a button's command. Name and reason are what was typed; the name is no proof of identity."""
    if not allowed:
        return Answer(False, "this dashboard takes no commands")
    if not isinstance(payload, dict):
        return Answer(False, "command: must be an object with rolloutId and command")
    fields = forms.get("all") if isinstance(forms, dict) else None
    typed = fields if isinstance(fields, dict) else {}
    name, reason = (
        _typed(typed.get(field_of(each, str(payload.get("rolloutId")))), FIELDS[each][1]) for each in FIELDS
    )
    return on_command(ports, {**payload, "actor": f"{name} (dashboard)" if name else ACTOR, "reason": reason})


def _typed(text: object, most: int) -> str:
    """What was typed, on one line and of at most so many characters; "" for nothing."""
    return fitted(" ".join(text.split()), most) if isinstance(text, str) else ""


def _overview(ports: Ports, widget: Widget, most: object, said: str) -> str:
    if isinstance(most, bool) or not isinstance(most, int) or not 1 <= most <= HIGHEST_MOST:
        raise InvalidRequest(f"most: must be a whole number from 1 to {HIGHEST_MOST}, got {most!r}")
    found = [ports.store.load(rollout_id) for rollout_id in ports.store.unfinished()[:MOST_DRAWN]]
    running = [_view(ports, rollout) for rollout in found if rollout is not None and rollout.ended_at is None]
    running.sort(key=lambda view: view.started_at, reverse=True)
    return widget.overview(running, ports.store.recent(most), said)


def _one(ports: Ports, widget: Widget, rollout_id: object, said: str) -> str:
    if not isinstance(rollout_id, str) or not rollout_id:
        raise InvalidRequest("rollout: must be the id of a rollout")
    rollout = ports.store.load(rollout_id)
    if rollout is not None:
        return widget.one(_view(ports, rollout), said)
    rejection = ports.store.rejection(rollout_id)
    return widget.problem(f"There is no rollout {rollout_id}.") if rejection is None else widget.refused(rejection)


def _view(ports: Ports, rollout: Rollout) -> RolloutView:
    history = ports.store.history(rollout.rollout_id, NEWEST)
    return view_of(rollout, history, ports.clock.now(), undo_of(ports.store, rollout))
