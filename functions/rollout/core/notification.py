"""A `Rollout State Changed` event in words for people: what happened, why, the numbers, and what can be done now.

What is sent to a topic is a subject and a text, or the format of custom notifications of Amazon Q Developer in chat
applications, which shows them in Slack and Teams (documented: version "1.0", source "custom"; of the content only the
description is required; a thread id keeps a rollout's messages together).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from rollout.core.cause import cause_in
from rollout.core.events import FindingDocument, StateChanged, VerdictDocument
from rollout.core.target import Json
from rollout.core.texts import cleaned, for_chat

LONGEST_SUBJECT = 100
"""Of an SNS subject, which is ASCII without line breaks (documented)."""
LONGEST_REASON = 2_000
"""Nobody reads more; a chat message's description must stay below 8,000 characters."""
MOST_METRICS = 20
USUAL_STACK = "rollout-pilot"
"""The stack that commands are for when they name none."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the controller is, so that a command can be copied as it stands."""

    stack: str
    region: str


@dataclass(frozen=True, slots=True)
class Notification:
    """One event in words. `event_id` is the same whenever the event comes again."""

    event_id: str
    subject: str
    text: str
    chat: Json


HAPPENED: Mapping[str, tuple[str, str]] = {
    # state:       (in a subject,   in a sentence)
    "PREPARED": ("started", "The request is accepted; the canary comes next."),
    "BAKING": ("step begun", "The canary has its share of the requests and is being judged."),
    "HELD": ("held, needs you", "A person has to decide; until then the candidate has the share shown here."),
    "PAUSED": ("paused", "The ramp is stopped; the judge and the alarms go on watching."),
    "WATCHING": ("promoted, watching", "The candidate serves everybody; alarms and the frozen base still judge it."),
    "ROLLING_BACK": ("rolling back", "All traffic is being given back to the base."),
    "PROMOTED": ("promoted", "The candidate serves everybody."),
    "ROLLED_BACK": ("rolled back", "Everybody is served by the base again, as it was found."),
    "STOPPED": ("stopped", "Somebody else changed the target; it was left as it is."),
    "REJECTED": ("rejected", "The request was refused; nothing was touched."),
    "FAILED": ("failed", "The rollout failed; its target was not touched, or is as it was found."),
}

_LOOK = ("status {id}", "see how it stands")
_REPORT = ("report {id} --html {id}.html", "have the whole story as a page")

_POSSIBLE: Mapping[str, tuple[tuple[str, str], ...]] = {
    "PREPARED": (("abort {id}", "call it off"),),
    "BAKING": (
        ("pause {id}", "stop the ramp"),
        ("advance {id}", "skip the wait"),
        ("promote {id}", "give the canary everything, now"),
        ("abort {id}", "give everything back to the base"),
    ),
    "HELD": (
        ("approve {id} --step {step}", "let it go on"),
        ("promote {id}", "give the canary everything, now"),
        ("abort {id}", "give everything back to the base"),
    ),
    "PAUSED": (
        ("resume {id}", "let the ramp go on"),
        ("promote {id}", "give the canary everything, now"),
        ("abort {id}", "give everything back to the base"),
    ),
    "WATCHING": (
        ("advance {id}", "end the watch"),
        ("abort {id}", "put the previous deployment back"),
    ),
    "PROMOTED": (("rollback {id}", "put the previous deployment back"), _REPORT),
    "ROLLED_BACK": (_REPORT,),
    "STOPPED": (_REPORT,),
}
"""What a person can do in a state; in all others only to look."""


def notification(event: StateChanged, place: Place) -> Notification:
    """The event in words. Raises KeyError: it is not a `Rollout State Changed` event."""
    event = cleaned(event)
    what, sentence = HAPPENED[event["state"]]
    commands = list(_commands(event, place))
    subject = f"Rollout {what}: {_target(event)}{_at_weight(event)}"
    paragraphs = [
        f"{event['rolloutId']}: {event['state'].replace('_', ' ')}\n{sentence}",
        f"Target  {_target(event)}\nWhen    {_when(event)}\nWhere   {_where(event)}{_cause(event)}",
        f"Why\n  {_shortened(event['reason'])}",
    ]
    numbers = [f"  {_numbers(verdict)}" for verdict in event["evidence"][:MOST_METRICS]]
    if numbers:
        paragraphs.append("\n".join(["Numbers of this step", *numbers]))
    warnings = [f"  {found['what']}. {found['fix']}." for found in event.get("findings", ()) if _warns(found)]
    if warnings:
        paragraphs.append("\n".join(["Warnings", *warnings]))
    width = max(len(command) for command, _ in commands)
    paragraphs.append(
        "\n".join(["What you can do now", *(f"  {command:{width}}  # {purpose}" for command, purpose in commands)])
    )
    return Notification(
        event_id=event["eventId"],
        subject=_ascii(subject),
        text="\n\n".join(paragraphs) + "\n",
        chat=_chat(event, subject, sentence, commands),
    )


def _chat(event: StateChanged, subject: str, sentence: str, commands: list[tuple[str, str]]) -> Json:
    title, reason = for_chat(subject), for_chat(_shortened(event["reason"]))
    numbers = "\n".join(f"• {for_chat(_numbers(verdict))}" for verdict in event["evidence"][:MOST_METRICS])
    description = f"{sentence}\n*Why:* {reason}" + (f"\n{numbers}" if numbers else "")
    return {
        "version": "1.0",
        "source": "custom",
        "id": event["eventId"],
        "content": {
            "textType": "client-markdown",
            "title": title,
            "description": description,
            "nextSteps": [f"`{for_chat(command)}` {purpose}" for command, purpose in commands],
            "keywords": [event["state"], for_chat(event["rolloutId"])],
        },
        "metadata": {
            "threadId": event["rolloutId"],
            "summary": title,
            "eventType": event["state"],
            "relatedResources": [for_chat(_target(event)), event["execution"]],
            "additionalContext": {"rolloutId": event["rolloutId"], "state": event["state"], "reason": reason},
        },
    }


def _commands(event: StateChanged, place: Place) -> Iterator[tuple[str, str]]:
    """Commands that can be copied as they stand, each with its purpose."""
    for command, purpose in (*_POSSIBLE.get(event["state"], ()), _LOOK):
        words = command.format(id=event["rolloutId"], step=event.get("step", 0) + 1)
        stack = "" if place.stack == USUAL_STACK else f" --stack {place.stack}"
        yield f"rollout {words}{stack} --region {place.region}", purpose


def _target(event: StateChanged) -> str:
    """The target's name without its kind, such as `a1b2c3d4e5/prod`."""
    target = event["target"]
    if not isinstance(target, dict):
        return "no target"
    return "/".join(str(value) for name, value in target.items() if name != "type") or "no target"


def _at_weight(event: StateChanged) -> str:
    return f" at {event['weightPercent']:g} %" if event.get("weightPercent") else ""


def _where(event: StateChanged) -> str:
    if event.get("step", -1) < 0:
        return "before the first step"
    return (
        f"step {event['step'] + 1} of {event['steps']}, the candidate has {event['weightPercent']:g} % of the requests"
    )


def _cause(event: StateChanged) -> str:
    """The line that names what brought the decision about, if the event says."""
    cause = cause_in(dict(event))
    return f"\nCause   {cause.who}" if cause else ""


def _when(event: StateChanged) -> str:
    at, started_at = datetime.fromisoformat(event["at"]), datetime.fromisoformat(event["startedAt"])
    return f"{at:%Y-%m-%d %H:%M:%S %Z}, {(at - started_at).total_seconds() / 60:.0f} min after the start"


def _numbers(verdict: VerdictDocument) -> str:
    allowed = "" if verdict["allowedRate"] is None else f", allowed {verdict['allowedRate']:.2%}"
    shown = ", shown only" if verdict["dryRun"] else ""
    arms = f"canary {_arm(dict(verdict['canary']))}, base {_arm(dict(verdict['base']))}"
    return f"{verdict['metric']}: {verdict['verdict']}{shown}; {arms}{allowed}"


def _warns(found: FindingDocument) -> bool:
    """Errors are the reason of a refusal already."""
    return found["severity"] == "warning"


def _arm(measure: Json) -> str:
    if "samples" in measure:
        samples, total = measure["samples"], measure["total"]
        return f"{total / samples:.4g} on average of {samples:,}" if samples else "no samples"
    requests, bad = measure["requests"], measure["bad"]
    return f"{bad:,} of {requests:,}" + (f" ({bad / requests:.2%})" if requests else "")


def _shortened(reason: str) -> str:
    return reason if len(reason) <= LONGEST_REASON else f"{reason[: LONGEST_REASON - 1]}…"


def _ascii(subject: str) -> str:
    """What SNS takes as a subject."""
    words = " ".join(subject.split())
    plain = "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in words)
    return plain if len(plain) <= LONGEST_SUBJECT else f"{plain[: LONGEST_SUBJECT - 3]}..."
