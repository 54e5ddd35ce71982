"""The message that a `Rollout State Changed` event makes: what happened, why, the numbers, and possible commands.

A topic gets a subject and a text, or a custom notification of Amazon Q Developer in chat applications, which shows it
in Slack and Teams (documented: version "1.0", source "custom"; of the content only the description is required; a
thread id keeps a rollout's messages together).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from rollout.core.cause import cause_in
from rollout.core.commands import ROLLBACK, purpose
from rollout.core.events import FindingDocument, StateChanged, VerdictDocument
from rollout.core.judge import Effect, explain
from rollout.core.target import Json
from rollout.core.texts import cleaned, for_chat
from rollout.core.why import Why

LONGEST_SUBJECT = 100
"""Of an SNS subject, which is ASCII without line breaks (documented)."""
LONGEST_REASON = 2_000
"""Characters of a reason in a message; a chat message's description has at most 8,000."""
END_OF_REASON = 500
MOST_METRICS = 20
LINES_OF_A_CHAT = 6
"""Of what failed: the first group with its samples, and the next one."""
USUAL_STACK = "rollout-pilot"
"""The stack of a command line that names none."""


@dataclass(frozen=True, slots=True)
class Place:
    """The controller's stack and region, which command lines name."""

    stack: str
    region: str


@dataclass(frozen=True, slots=True)
class Notification:
    """The message of one event. `event_id` is the same when the event is delivered again."""

    event_id: str
    subject: str
    text: str
    chat: Json


HAPPENED: Mapping[str, tuple[str, str]] = {
    # state:       (in a subject,   in a sentence)
    "PREPARED": ("started", "The request is accepted; the canary comes next."),
    "BAKING": ("step begun", "The canary serves its weight and is judged."),
    "HELD": ("held, needs you", "A person must decide; until then the candidate keeps the weight shown here."),
    "PAUSED": ("paused", "The weight is not raised; the judge and the alarms go on."),
    "WATCHING": (
        "promoted, watching",
        "The candidate serves everybody; alarms still roll back, and the frozen base is compared with.",
    ),
    "ROLLING_BACK": ("rolling back", "The base is getting all requests again."),
    "PROMOTED": ("promoted", "The candidate serves everybody."),
    "ROLLED_BACK": ("rolled back", "The base serves everybody again; the target is as it was found."),
    "STOPPED": ("stopped", "Somebody else changed the target; it was left as it is."),
    "REJECTED": ("rejected", "The request was refused; nothing was touched."),
    "FAILED": ("failed", "The rollout failed; its target was not touched, or is as it was found."),
}

_STATUS = ("status {id}", "see the state")
_WHY = ("why {id}", "see what fails, by the logs")
_REPORT = ("report {id} --html {id}.html", "save the report as a page")

_POSSIBLE: Mapping[str, tuple[str, ...]] = {
    "PREPARED": ("abort",),
    "BAKING": ("pause", "advance", "promote", "abort"),
    "HELD": ("approve", "promote", "abort"),
    "PAUSED": ("resume", "promote", "abort"),
    "WATCHING": ("advance", "abort"),
    "PROMOTED": (ROLLBACK,),
}
"""The commands of the state; in other states there is none."""
_REPORTED = frozenset({"PROMOTED", "ROLLED_BACK", "STOPPED"})
"""The outcomes of which there is a report."""


def notification(event: StateChanged, place: Place) -> Notification:
    """The message of this event. Raises KeyError: it is not a `Rollout State Changed` event."""
    event = cleaned(event)
    what, sentence = HAPPENED[event["state"]]
    if "notice" in event:
        what, sentence = "needs a look", f"{event['notice'][0].upper()}{event['notice'][1:]}."
    commands = list(_commands(event, place))
    subject = f"Rollout {what}: {_target(event)}{_at_weight(event)}"
    if "answerDue" in event:
        due = datetime.fromisoformat(event["answerDue"])
        sentence = f"{sentence} If nobody answers by {due:%Y-%m-%d %H:%M %Z}, it is rolled back."
    paragraphs = [
        f"{event['rolloutId']}: {event['state'].replace('_', ' ')}\n{sentence}",
        f"Target  {_target(event)}\nWhen    {_when(event)}\nWhere   {_where(event)}{_cause(event)}",
        f"Why\n  {_shortened(event['reason'])}",
    ]
    if failed := _failed(event):
        paragraphs.append("\n".join(["What failed", *(f"  {line}" for line in failed)]))
    numbers = [f"  {_numbers(verdict)}" for verdict in event["evidence"][:MOST_METRICS]]
    if numbers:
        paragraphs.append("\n".join(["Numbers of this step", *numbers]))
    for heading, warnings in _warnings(event):
        paragraphs.append("\n".join([heading, *warnings]))
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
    failed = "\n".join(f"• {for_chat(line)}" for line in _failed(event)[:LINES_OF_A_CHAT])
    description = f"{sentence}\n*Why:* {reason}" + (f"\n*What failed:*\n{failed}" if failed else "")
    description += f"\n{numbers}" if numbers else ""
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
    """Command lines that can be copied, each with its purpose."""
    for command in _POSSIBLE.get(event["state"], ()):
        step = " --step {step}" if command == "approve" else ""
        yield _command_line(f"{command} {{id}}{step}", event, place), purpose(command, event["state"])
    if event["state"] == "HELD":
        yield _command_line(_WHY[0], event, place), _WHY[1]
    for line, does in (_REPORT, _STATUS) if event["state"] in _REPORTED else (_STATUS,):
        yield _command_line(line, event, place), does


def _command_line(line: str, event: StateChanged, place: Place) -> str:
    words = line.format(id=event["rolloutId"], step=event.get("step", 0) + 1)
    stack = "" if place.stack == USUAL_STACK else f" --stack {place.stack}"
    return f"rollout {words}{stack} --region {place.region}"


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
    effect = verdict.get("effect")
    size = f"; {explain.size(Effect(**effect))}" if effect else ""
    return f"{verdict['metric']}: {verdict['verdict']}{shown}; {arms}{allowed}{size}"


def _failed(event: StateChanged) -> list[str]:
    """What the logs say of the candidate's failures, if the event says."""
    return list(Why.from_document(dict(event["why"])).lines()) if "why" in event else []


def _warnings(event: StateChanged) -> Iterator[tuple[str, list[str]]]:
    """Preflight's warnings with their fixes; apart, and first, those that explain why the rollout is held. Of a
    refusal, whose reason has the errors, the commands that mend them: each in a line of its own, to be pasted.
    """
    explains = event.get("explains", ())
    found = [each for each in event.get("findings", ()) if _warns(each)]
    for heading, chosen in (
        ("Preflight warned of it", [each for each in found if each["code"] in explains]),
        ("Warnings", [each for each in found if each["code"] not in explains]),
    ):
        if chosen:
            yield heading, [line for each in chosen for line in _told(each)]
    commands = [each["command"] for each in event.get("findings", ()) if "command" in each and not _warns(each)]
    if commands:
        yield "To mend it", [f"  {command}" for command in dict.fromkeys(commands)]


def _told(found: FindingDocument) -> Iterator[str]:
    """A warning and its fix; the command in a line of its own, for with the sentence's end it would not work."""
    command = found.get("command", "")
    fix = found["fix"].removesuffix(command).rstrip()
    yield f"  {found['what']}. {fix}" + ("" if command else ".")
    if command:
        yield f"  {command}"


def _warns(found: FindingDocument) -> bool:
    """Whether this finding is a warning. Errors are in the reason of the refusal."""
    return found["severity"] == "warning"


def _arm(measure: Json) -> str:
    if "samples" in measure:
        samples, total = measure["samples"], measure["total"]
        return f"{total / samples:.4g} on average of {samples:,}" if samples else "no samples"
    requests, bad = measure["requests"], measure["bad"]
    return f"{bad:,} of {requests:,}" + (f" ({bad / requests:.2%})" if requests else "")


def _shortened(reason: str) -> str:
    """Its beginning, which has the cause, and its end, which has what was shown only and would have convicted."""
    if len(reason) <= LONGEST_REASON:
        return reason
    return f"{reason[: LONGEST_REASON - END_OF_REASON - 1]}…{reason[-END_OF_REASON:]}"


def _ascii(subject: str) -> str:
    """The subject as SNS accepts it."""
    words = " ".join(subject.split())
    plain = "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in words)
    return plain if len(plain) <= LONGEST_SUBJECT else f"{plain[: LONGEST_SUBJECT - 3]}..."
