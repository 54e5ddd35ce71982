"""The facts of one line of a rollout's history, and the words that are made of them.

A line of a version that stored fewer facts is shown as it is: what it does not say is not guessed.
"""

from __future__ import annotations

from rollout.core.cause import CauseKind, cause_in
from rollout.core.decision import Decision, Phase
from rollout.core.judge.explain import display_name
from rollout.core.target import Json, TargetState

ANALYZE = "Analyze"
"""The state whose lines are decisions; all other states carry one out."""


def is_decision(line: Json) -> bool:
    """Whether the line tells of a decision, and not of the state that carries one out."""
    return bool(line["state"] == ANALYZE or line["decision"] == Decision.STOP)


def word(line: Json) -> str:
    """What was decided or done: `advance`, `roll back`, `create canary`."""
    text: str = line["decision"] if is_decision(line) else line["state"]
    return text.replace("_", " ").lower()


def change(line: Json) -> str:
    """What was done to the target; "" for nothing."""
    changed = line["change"]
    if not isinstance(changed, dict):  # None, or the text of an earlier version
        return changed or ""
    return f"set {TargetState.from_document(changed)}"


def notes(line: Json) -> tuple[str, ...]:
    """What the analysis could not do."""
    return tuple(line.get("analysis", {}).get("notes", ()))


def found(line: Json) -> tuple[str, ...]:
    """What the analysis found out about the metrics, or about canary and base when an alarm fired."""
    return tuple(line.get("analysis", {}).get("found", ()))


def progress(line: Json) -> str:
    """How many minutes have been judged, of those planned."""
    judged, planned = line["analysis"]["judgedMinutes"], line["plannedMinutes"]
    if "proof" in line["analysis"]:
        return f"step {line['step'] + 1} of {line['steps']}, {judged} min judged"
    if judged > planned:
        return f"{judged} min judged, {planned} planned"
    where = "watch" if line["phase"] == Phase.WATCHING else f"step {line['step'] + 1} of {line['steps']}"
    return f"{where}, {judged} of {planned} min judged"


def headline(line: Json, before: Json) -> str:
    """Why, in short, without the numbers of the metrics, and without a cause that is the one of the line before."""
    cause = cause_in(line)
    if line["state"] != ANALYZE or cause is None:
        return str(line["reason"])
    said = [] if cause.kind is CauseKind.JUDGE or cause == cause_in(before) else [str(cause)]
    judged = [progress(line)] if "judgedMinutes" in line.get("analysis", {}) else []
    return "; ".join([*said, *found(line), *judged, *notes(line)])


def telling_verdict(line: Json) -> Json | None:
    """The verdict that the decision turned on, or else the deciding metric's that speaks most against the canary.

    None where there is none, or where the line's reason has its numbers already.
    """
    analysis = line.get("analysis", {})
    if "judgedMinutes" not in analysis:
        return None
    deciding = [verdict for verdict in analysis.get("verdicts", ()) if not verdict["dryRun"]]
    named = [verdict for verdict in deciding if verdict["metric"] == analysis.get("decidingMetric")]
    return max(named or deciding, key=harm, default=None)


def harm(verdict: Json) -> float:
    """ln of the evidence of harm that counts: each minute's gain capped, unless the newest alone is bad enough."""
    return float(verdict["logE"] if verdict.get("fastLane") else verdict["logECapped"])


def metric_name(verdict: Json) -> str:
    """The metric's name for people."""
    return display_name(verdict["metric"])
