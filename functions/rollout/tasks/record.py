"""Reading and writing the rollout's record within a task, and publishing its events.

An event is stored in the same write as the change it tells of, then published, then removed from the record. So no
event is lost when a task dies in between; an event that is published twice has the same `eventId`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import cast

from rollout.core.budget import size_of, unsent
from rollout.core.cause import Cause, CauseKind
from rollout.core.decision import Decision, Phase
from rollout.core.events import CauseDocument, FindingDocument, State, StateChanged, VerdictDocument, WhyDocument
from rollout.core.findings import Finding
from rollout.core.preflight.explaining import explaining
from rollout.core.rollout import Outcome, Rollout
from rollout.core.target import Json, TargetState
from rollout.core.texts import fitted
from rollout.errors import NotAllowed, RolloutError, Unavailable
from rollout.ports import Ports
from rollout.tasks.task_result import CONTINUE, TaskResult, acting, waiting

LONGEST_TOLD_TARGET = 2_000
LONGEST_REFUSAL = 8_000, 16_000
"""Characters and UTF-8 bytes of a refusal's reason: an event, and what a task answers, hold 256 KB in all."""


class RecordMissing(RolloutError):
    """There is no record of this rollout."""


def load(ports: Ports, rollout_id: str) -> Rollout:
    """The rollout as last written.

    Raises: RecordMissing, and what the store raises.
    """
    rollout = find(ports, rollout_id)
    if rollout is None:
        raise RecordMissing(f"there is no rollout {rollout_id}")
    return rollout


def find(ports: Ports, name: str) -> Rollout | None:
    """The rollout of this id, or the one that the execution of this name was ordered to carry on.

    Raises: what the store raises.
    """
    rollout = ports.store.load(name)
    order = None if rollout else ports.store.ordered(name)
    return ports.store.load(str(order[CONTINUE])) if order and CONTINUE in order else rollout


def announce(ports: Ports, rollout: Rollout) -> Rollout:
    """Publish the stored events and remove them from the record.

    A bus that is down must not delay a rollback: an event that cannot be published stays stored, and the next task
    publishes it.
    """
    if not rollout.pending_events:
        return rollout
    try:
        ports.notifier.publish(rollout.pending_events)
    except (Unavailable, NotAllowed):
        return rollout
    return ports.store.save(replace(rollout, pending_events=()))


def tell_all(ports: Ports, rollout: Rollout) -> Rollout:
    """Publish the stored events in the last task of a rollout, after which no task would.

    Raises: Unavailable (the bus is down; try again).
    """
    told = announce(ports, rollout)
    if told.pending_events:
        raise Unavailable(f"{len(told.pending_events)} events of rollout {rollout.rollout_id} could not be sent yet")
    return told


def refuse(
    ports: Ports,
    rollout_id: str,
    *,
    request: object,
    execution: str,
    outcome: Outcome,
    reason: str,
    now: datetime,
    findings: Sequence[Finding] = (),
    even_untold: bool = False,
) -> Json:
    """Store and publish that a request was refused before anything was changed. A refusal stored before is kept.

    With `even_untold` it does not fail when the event cannot be published: the record has the refusal.

    Raises: RecordChanged (there is such a rollout), and what the store and the notifier raise.
    """
    reason = fitted(reason, *LONGEST_REFUSAL)
    event: StateChanged = {
        "eventId": f"{rollout_id}/{outcome}",
        "rolloutId": rollout_id,
        "execution": execution,
        "target": _told_target(request),
        "state": outcome.value,
        "decision": Decision.REJECT.value,
        "reason": reason,
        "evidence": [],
        "at": now.isoformat(),
        "startedAt": now.isoformat(),
    }
    if findings:
        event["findings"] = _documents(findings)
    kept = ports.store.reject(rollout_id, {**event, "request": request})
    told = {name: kept[name] for name in event if name in kept}
    try:
        ports.notifier.publish([told])
    except (Unavailable, NotAllowed):
        if not even_untold:
            raise
    return told


def _told_target(request: object) -> object:
    """The target of a refused request, unless it is too long to be one: an event holds 256 KB in all."""
    target = request.get("target") if isinstance(request, dict) else None
    return target if size_of(target) <= LONGEST_TOLD_TARGET else None


def transition(
    rollout: Rollout,
    *,
    state: str,
    now: datetime,
    decision: Decision,
    verdicts: Sequence[Json] = (),
    warnings: Sequence[Finding] = (),
) -> Rollout:
    """The rollout with a `Rollout State Changed` event recorded for the state it enters."""
    event: StateChanged = {
        "eventId": f"{rollout.rollout_id}/{rollout.revision + 1}/{state}",
        "rolloutId": rollout.rollout_id,
        "execution": rollout.execution,
        "target": rollout.settings.target.to_document(),
        "state": cast("State", str(state)),
        "decision": decision.value,
        "step": rollout.step,
        "steps": len(rollout.settings.plan),
        "weightPercent": float(rollout.weight_percent),
        "reason": rollout.told_reason,
        "cause": cast("CauseDocument", rollout.cause.to_document()) if rollout.cause else None,
        "evidence": cast("list[VerdictDocument]", list(verdicts)),
        "at": now.isoformat(),
        "startedAt": rollout.started_at.isoformat(),
    }
    if rollout.answer_due is not None:
        event["answerDue"] = rollout.answer_due.isoformat()
    if found := warnings or (rollout.warnings if state == Phase.HELD else ()):
        event["findings"] = _documents(found)
    if state == Phase.HELD and (explained := explaining(rollout)):
        event["explains"] = [finding.code for finding in explained]
    if rollout.why is not None:
        event["why"] = cast("WhyDocument", rollout.why.to_document())
    return replace(rollout, pending_events=unsent((*rollout.pending_events, dict(event))))


def notice(rollout: Rollout, words: str, *, now: datetime) -> Rollout:
    """The rollout with an event of something that people should know now, though its state stays as it is."""
    told = transition(rollout, state=rollout.phase, now=now, decision=rollout.pending_decision or Decision.CONTINUE)
    *others, event = told.pending_events
    marked = {**event, "eventId": f"{event['eventId']}/notice", "notice": words}
    return replace(told, pending_events=unsent((*others, marked)))


def _documents(findings: Sequence[Finding]) -> list[FindingDocument]:
    return cast("list[FindingDocument]", [finding.to_document() for finding in findings])


def entry(
    rollout: Rollout,
    *,
    state: str,
    decision: Decision,
    now: datetime,
    analysis: Json | None = None,
    change: TargetState | None = None,
) -> Json:
    """One line of the rollout's history: facts, of which the screens make their texts.

    change: the state in which the target was put, if anything was done to it. `reason` is the text of this decision as
    events, logs and the workflow's answer have it; nothing is read out of it again.
    """
    return {
        "at": now.isoformat(),
        "state": state,
        "phase": rollout.phase.value,
        "step": rollout.step,
        "steps": len(rollout.settings.plan),
        "plannedMinutes": rollout.planned_minutes,
        "weightPercent": float(rollout.weight_percent),
        "decision": decision.value,
        "cause": rollout.cause.to_document() if rollout.cause else None,
        "reason": rollout.told_reason,
        "change": change.to_document() if change else None,
        **({"analysis": analysis} if analysis else {}),
    }


def stop(ports: Ports, rollout: Rollout, state: str, reason: str) -> TaskResult:
    """Leave the target, which somebody else has changed or removed, alone, and close the rollout as STOPPED."""
    now = ports.clock.now()
    stopped = replace(
        rollout,
        outcome=Outcome.STOPPED,
        cause=Cause(CauseKind.FOREIGN_CHANGE),
        reason=reason,
        pending_decision=Decision.STOP,
    )
    ports.store.save(stopped, entry=entry(stopped, state=state, decision=Decision.STOP, now=now))
    return acting(stopped, Decision.STOP)


def not_for(decision: Decision, ports: Ports, rollout: Rollout) -> TaskResult | None:
    """The answer of a task whose decision is not the pending one (any more); None when it is.

    A task is called again when its answer was lost: then the pending decision, or the bake, comes next.
    """
    if rollout.pending_decision is decision and rollout.phase is not Phase.ENDED:
        return None
    if rollout.phase is Phase.ENDED:
        return acting(rollout, Decision.CLOSE)
    if rollout.pending_decision is None:
        return waiting(rollout, Decision.CONTINUE, ports.clock.now())
    return acting(rollout, rollout.pending_decision)
