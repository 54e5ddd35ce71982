"""Prepare: understand the request, see that the rollout can be done, and take the target's lock.

A request's way is a line: it is parsed, everything that it needs is observed, preflight judges that, and the rollout
begins. A request that is refused has touched nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from rollout.core import budget
from rollout.core.cause import Cause, CauseKind
from rollout.core.commands import undo_objection
from rollout.core.controllers import Owner
from rollout.core.decision import Decision, Phase
from rollout.core.findings import Finding, in_words
from rollout.core.judge import begin
from rollout.core.minutes import minutes_more, utc
from rollout.core.preflight.result import PreflightResult, preflight
from rollout.core.rollout import Outcome, Rollout
from rollout.core.rollout_request import RolloutRequest
from rollout.core.signals import Signal, SignalKind
from rollout.core.sources import semantics_of
from rollout.core.target import Json
from rollout.core.texts import fitted
from rollout.core.undo import UNDO
from rollout.errors import Busy, InvalidRequest, NotOurs, RecordChanged, Refused, Repeated, RolloutError, TargetMissing
from rollout.ports import Ports
from rollout.request import parse_request, target_in
from rollout.tasks.claim import claim_of
from rollout.tasks.observe_target import observe_target
from rollout.tasks.record import announce, not_for, refuse, transition
from rollout.tasks.task_result import CONTINUE, TaskResult, acting, waiting

SECONDS_BETWEEN_TRIES = 5
LONGEST_SKEW = timedelta(minutes=1)
"""Between the clocks of two services."""
LONGEST_WAIT = timedelta(minutes=15)
"""A rollout that is superseded gets so long to end."""


def prepare(
    ports: Ports, document: Json, rollout_id: str, execution: str, started_at: datetime, *, by_event: bool = False
) -> TaskResult:
    """Begin the rollout that this document requests, or reject it with the reason.

    On a bus (`by_event`) other controllers hear the request too: one for a target of theirs is passed over in silence.

    The workflow itself makes two more kinds of document: `{"continue": id}` carries a rollout on in a new execution,
    `{"undo": id}` puts back what a promoted one replaced. `started_at` is when the execution started.

    Raises: what the ports raise.
    """
    now = ports.clock.now()
    if (stored := ports.store.load(rollout_id)) is not None:
        if stored.started_at < started_at - LONGEST_SKEW:
            return _name_taken(rollout_id, stored)
        # This very execution has stored the rollout already, and its answer was lost.
        stored = announce(ports, stored)
        return not_for(Decision.CREATE, ports, stored) or acting(stored, Decision.CREATE)
    request: RolloutRequest | None = None
    try:
        order = _order(ports, document, rollout_id)
        if CONTINUE in order:
            return _carry_on(ports, str(order[CONTINUE]), execution)
        if UNDO in order:
            rollout = _undo(ports, order, rollout_id, execution, now)
        else:
            request = parse_request(document)
            result = preflight(request, observe_target(ports, request, now))
            if result.errors:
                reason = in_words(result.errors)
                return _reject(ports, document, rollout_id, execution, reason, now, result.findings)
            rollout = _begin(request, result, rollout_id, execution, now)
        ports.store.open(rollout)
    except RecordChanged as error:
        # This very execution has rejected the request already, and its answer was lost.
        return _reject(ports, document, rollout_id, execution, str(error), now)
    except Repeated as error:
        return TaskResult(Decision.REPEATED, error.rollout_id, reason=str(error))
    except Busy as error:
        if request is not None and request.supersedes and now < started_at + LONGEST_WAIT:
            return _make_way(ports, error.holder, rollout_id)
        return _reject(ports, document, rollout_id, execution, str(error), now)
    except (InvalidRequest, Refused, TargetMissing) as error:
        if by_event and _is_anothers(ports, document, error):
            return TaskResult(Decision.PASS_OVER, rollout_id, reason=str(error))
        return _reject(ports, document, rollout_id, execution, str(error), now)
    rollout = announce(ports, rollout)
    return acting(rollout, rollout.pending_decision or Decision.CREATE)


def _order(ports: Ports, document: object, execution_name: str) -> Json:
    """For what the workflow itself has started this execution; empty when it was started with a request.

    Law: an input only says that there is an order. What it is stands in the table, where requests cannot write.

    Raises: Refused (the input pretends to be the workflow's).
    """
    said = [word for word in (CONTINUE, UNDO) if isinstance(document, dict) and word in document]
    if not said:
        return {}
    order = ports.store.ordered(execution_name)
    if order is None or said[0] not in order:
        raise Refused(f"{said[0]}: only the workflow itself says that; see the command `rollout rollback` for an undo")
    return order


def _is_anothers(ports: Ports, document: object, error: RolloutError) -> bool:
    """Whether this request, which was refused, is for another controller, which hears it too and will answer.

    Raises: what the ports raise.
    """
    if isinstance(error, NotOurs):
        return error.by_another
    target = target_in(document) if isinstance(error, InvalidRequest) else None
    return target is not None and claim_of(ports, target).owner is Owner.ANOTHERS


def _name_taken(rollout_id: str, stored: Rollout) -> TaskResult:
    """Step Functions lets a name be used again after three months; the record of the first is kept longer."""
    reason = f"a rollout named {rollout_id} was begun at {utc(stored.started_at)}; start this one by another name"
    return TaskResult(Decision.REJECT, rollout_id, reason=reason, outcome=Outcome.REJECTED.value)


def _carry_on(ports: Ports, rollout_id: str, execution: str) -> TaskResult:
    """Take a rollout over from the execution before this one.

    Raises: Refused (it has not been handed over to this execution).
    """
    rollout = ports.store.load(rollout_id)
    if rollout is None or rollout.execution != execution:
        raise Refused(f"{CONTINUE}: rollout {rollout_id} has not been handed over to this execution")
    if rollout.pending_decision is not None:
        return acting(rollout, rollout.pending_decision)
    return waiting(rollout, Decision.CONTINUE, ports.clock.now())


def _undo(ports: Ports, document: Json, rollout_id: str, execution: str, now: datetime) -> Rollout:
    """A rollout that begins where a promoted one ended, and leads back.

    Raises: Refused.
    """
    promoted = ports.store.load(str(document[UNDO]))
    if promoted is None:
        raise Refused(f"{UNDO}: there is no rollout {document[UNDO]}")
    if (problem := undo_objection(promoted, ports.clock.now())) is not None:
        raise Refused(problem)
    actor, reason = fitted(str(document.get("actor") or "somebody"), 128), fitted(str(document.get("reason") or ""))
    undoing = replace(
        promoted,
        rollout_id=rollout_id,
        execution=execution,
        started_at=now,
        ended_at=None,
        expected_states=(promoted.last_confirmed,),
        unanswered=(),
        suspect=None,
        restored_at=None,
        phase=Phase.WATCHING,
        phase_since=now,
        pending_decision=Decision.ROLL_BACK,
        outcome=None,
        cause=Cause(CauseKind.COMMAND, actor, "rollback", now.isoformat(), reason),
        reason=f"rolled back after its promotion by {actor}" + (f": {reason}" if reason else ""),
        request_id=None,
        undoes=promoted.rollout_id,
        signals=(),
        signals_seen=0,
        revision=0,
    )
    return transition(undoing, state="ROLLING_BACK", now=now, decision=Decision.ROLL_BACK)


def _make_way(ports: Ports, holder_id: str, rollout_id: str) -> TaskResult:
    """Tell the rollout that holds the target to end, and try again soon. One that is being watched stays promoted."""
    holder = ports.store.load(holder_id)
    if holder is not None and holder.phase is not Phase.ENDED:
        kind = SignalKind.ADVANCE if holder.phase is Phase.WATCHING else SignalKind.ABORT
        signal = Signal(kind, holder.started_at.isoformat(), f"rollout {rollout_id}", "superseded")
        with suppress(Refused):  # it has ended in the meantime
            if (token := ports.store.signal(holder_id, signal)) is not None:
                ports.waker.wake(token)
    reason = f"waiting for rollout {holder_id} to make way"
    return TaskResult(Decision.WAIT, rollout_id, seconds=SECONDS_BETWEEN_TRIES, reason=reason)


def _begin(request: RolloutRequest, result: PreflightResult, rollout_id: str, execution: str, now: datetime) -> Rollout:
    """The rollout as it begins.

    Raises: Refused (the target cannot be measured, or the record could outgrow its room).
    """
    prospect = result.prospect
    settings, measured = prospect.settings, prospect.measured
    if prospect.state is None or measured is None:
        raise Refused(f"{settings.target.key} cannot be measured")
    found = prospect.state.only(settings.watched_variables)  # all that a rollout may have to put back
    known = [*measured.history, *measured.route_history]
    what = settings.candidate.revision or "a new revision"
    rollout = Rollout(
        rollout_id=rollout_id,
        execution=execution,
        settings=settings,
        started_at=now,
        original=found,
        expected_states=(found,),
        series=measured.series,
        measures=tuple(base.measure for base in measured.history),
        stand_in=prospect.stand_in,
        semantics=semantics_of(measured.series, request.base_setting, prospect.request.account),
        warnings=result.findings,
        lag_minutes=prospect.lag_minutes,
        timeout_minutes=minutes_more(prospect.inspection.timeout_seconds),
        firing_at_start=prospect.firing_alarms,
        evidence=begin(settings.judge, settings.plan, {base.measure.name: base.count for base in known}),
        phase_since=now,
        changed_at=now,
        analyzed_at=now,
        request_id=request.request_id,
        reason=f"rollout of {what} on {settings.target.key}; {prospect.source_in_words}",
    )
    if (problem := budget.objection(rollout)) is not None:
        raise Refused(problem)
    if prospect.live_already:
        return _nothing_to_do(rollout)
    return transition(rollout, state="PREPARED", now=now, decision=Decision.CREATE, warnings=result.findings)


def _nothing_to_do(rollout: Rollout) -> Rollout:
    return replace(
        rollout,
        pending_decision=Decision.CLOSE,
        outcome=Outcome.PROMOTED,
        reason=f"nothing to do: {rollout.original.base} is live already",
    )


def _reject(
    ports: Ports,
    document: Json,
    rollout_id: str,
    execution: str,
    reason: str,
    now: datetime,
    findings: Sequence[Finding] = (),
) -> TaskResult:
    event = refuse(
        ports,
        rollout_id,
        request=document,
        execution=execution,
        outcome=Outcome.REJECTED,
        reason=reason,
        now=now,
        findings=findings,
    )
    return TaskResult(Decision.REJECT, rollout_id, reason=event["reason"], outcome=Outcome.REJECTED.value)
