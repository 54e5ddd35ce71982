"""Prepare: understand the request, see that the rollout can be done, and take the target's lock.

A request that is refused has touched nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from rollout.core.base_semantics import BaseSemantics
from rollout.core.decision import Decision
from rollout.core.judge import begin
from rollout.core.rollout import Outcome, Rollout, Settings
from rollout.core.target import Json, Target, TargetState
from rollout.errors import InvalidRequest, RecordChanged, Refused, TargetMissing
from rollout.ports import Ports
from rollout.request import Request, parse_request
from rollout.tasks.next import Next, acting
from rollout.tasks.record import announce, not_for, transition

STATE = "Prepare"


def prepare(ports: Ports, document: Json, rollout_id: str, execution: str) -> Next:
    """Begin the rollout that this document requests, or reject it with the reason.

    Raises: what the ports raise.
    """
    now = ports.clock.now()
    try:
        request = parse_request(document)
        rollout = _begin(ports, request, rollout_id, execution, now)
        ports.store.open(rollout)
    except RecordChanged:
        # This very execution has stored the rollout already, and its answer was lost.
        stored = ports.store.load(rollout_id)
        if stored is None:
            raise
        return not_for(Decision.CREATE, ports, stored) or acting(stored, Decision.CREATE)
    except (InvalidRequest, Refused, TargetMissing) as error:
        return _reject(ports, document, rollout_id, execution, str(error), now)
    rollout = announce(ports, rollout)
    return acting(rollout, rollout.decided or Decision.CREATE)


def _begin(ports: Ports, request: Request, rollout_id: str, execution: str, now: datetime) -> Rollout:
    target = Target.from_document(request.target.model_dump(by_alias=True))
    settings = request.settings(_alarms(ports, request, target))
    shifter, source = ports.shifter(target), ports.source(target)
    found = shifter.read(target)
    if found.canary is not None:
        raise Refused(
            f"{target.key} already has a {found.canary} that no rollout of ours made; promote or remove it first"
        )
    shifter.verify(target, settings.candidate)
    series = shifter.series(target, request.measurement.canary_series)
    last_minute = settings.calendar.last_closed(now)
    history = source.history(series, [metric.name for metric in settings.judge.metrics], last_minute)
    evidence = begin(settings.judge, settings.plan, {base.measure.name: base.count for base in history})
    rollout = Rollout(
        rollout_id=rollout_id,
        execution=execution,
        settings=settings,
        started_at=now,
        found=found,
        ours=(found,),
        series=series,
        measures=tuple(base.measure for base in history),
        semantics=BaseSemantics(request.base_setting),
        evidence=evidence,
        phase_since=now,
        changed_at=now,
        reason=f"rollout of {settings.candidate.revision or 'the API as now defined'} on {target.key}",
    )
    if _live_already(settings, found):
        return _nothing_to_do(rollout)
    return transition(rollout, state="PREPARED", now=now, decision=Decision.CREATE)


def _alarms(ports: Ports, request: Request, target: Target) -> tuple[str, ...]:
    """The alarms of the request and those tagged for the target, none of them firing.

    Raises: Refused.
    """
    names = tuple(dict.fromkeys([*request.alarms, *ports.alarms.tagged_for(target)]))
    if not names:
        return ()
    states = ports.alarms.named(names)
    missing = [name for name in names if name not in {alarm.name for alarm in states}]
    if missing:
        raise Refused(f"alarms: {_listed(missing)} not found in this account and region")
    firing = [alarm.name for alarm in states if alarm.state == "ALARM"]
    if firing and not request.ignore_alarms_already_firing:
        raise Refused(
            f"alarms: {_listed(firing)} already firing; wait until it is over, or set ignoreAlarmsAlreadyFiring "
            "to let it count only from the next time it fires"
        )
    return names


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"


def _live_already(settings: Settings, found: TargetState) -> bool:
    candidate = settings.candidate
    return candidate.revision == found.base and candidate.overrides.items() <= dict(found.variables).items()


def _nothing_to_do(rollout: Rollout) -> Rollout:
    return replace(
        rollout,
        decided=Decision.CLOSE,
        outcome=Outcome.PROMOTED,
        reason=f"nothing to do: {rollout.found.base} is live already",
    )


def _reject(ports: Ports, document: Json, rollout_id: str, execution: str, reason: str, now: datetime) -> Next:
    event: Json = {
        "eventId": f"{rollout_id}/{Outcome.REJECTED}",
        "rolloutId": rollout_id,
        "execution": execution,
        "target": document.get("target") if isinstance(document, dict) else None,
        "state": Outcome.REJECTED.value,
        "decision": Decision.REJECT.value,
        "reason": reason,
        "evidence": [],
        "at": now.isoformat(),
        "startedAt": now.isoformat(),
    }
    ports.store.reject(rollout_id, {**event, "request": document})
    ports.notifier.publish([event])
    return Next(Decision.REJECT, rollout_id, reason=reason, outcome=Outcome.REJECTED.value)
