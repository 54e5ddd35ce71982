"""The one way up.

Law: after a stop signal is recorded, the weight never rises again. The intent to raise is written on condition that
no signal has come since the decision; what comes later finds the intent in the record and rolls back.
"""

from __future__ import annotations

from dataclasses import replace

from rollout.core.certainty import Unclear
from rollout.core.decision import Decision, Phase
from rollout.core.judge import Plan, begin_step
from rollout.core.judge.plan import is_probe
from rollout.core.minutes import minute_of
from rollout.core.rollout import Outcome, Rollout
from rollout.core.target import TargetState
from rollout.errors import ForeignChange, RecordChanged, TargetMissing
from rollout.ports import Ports
from rollout.tasks import fence
from rollout.tasks.record import announce, entry, stop, transition
from rollout.tasks.task_result import TaskResult, in_a_moment, waiting


def overtaken(ports: Ports, rollout: Rollout) -> TaskResult | None:
    """The way back to the bake, whose condition fails at once, when a signal comes before the rise; else None."""
    if rollout.overtaken_by is None:
        return None
    return waiting(rollout, Decision.CONTINUE, ports.clock.now())


def not_yet(ports: Ports, rollout: Rollout) -> TaskResult | None:
    """The way to the bake for as long as an earlier write may still land, which would undo this change; else None.

    A change that was begun is brought to its end. What is signalled meanwhile wakes the bake as ever.
    """
    seconds = 0 if rollout.half_done else rollout.quiet_seconds(ports.clock.now())
    return in_a_moment(rollout, seconds) if seconds else None


def look_again(ports: Ports, rollout: Rollout, unclear: Unclear) -> TaskResult:
    """The way to the bake until a second look can tell; the decision that was to be carried out stands."""
    remembering, seconds = fence.look_again_at(rollout, unclear, ports.clock.now())
    return in_a_moment(ports.store.save(remembering), seconds)


def raise_weight(ports: Ports, rollout: Rollout, wanted: TargetState, *, state: str) -> TaskResult:
    """Bring the target to the wanted weight and begin the next step's bake. Called again, it does nothing twice.

    Raises: what the ports raise.
    """
    if (answer := not_yet(ports, rollout)) is not None:
        return answer
    try:
        rollout = fence.begin(ports, rollout, wanted, unless_signalled=True)
    except RecordChanged:
        latest = ports.store.load(rollout.rollout_id)
        if latest is not None and (answer := overtaken(ports, latest)) is not None:
            return answer
        raise
    try:
        fence.apply(ports, rollout, wanted)
    except (ForeignChange, TargetMissing) as error:
        return stop(ports, rollout.write_answered(), state, str(error))
    except Unclear as unclear:
        return look_again(ports, rollout.write_answered(), unclear)
    return _begin_bake(ports, rollout, wanted, state)


def _begin_bake(ports: Ports, rollout: Rollout, wanted: TargetState, state: str) -> TaskResult:
    now = ports.clock.now()
    step, plan = rollout.step_to_begin, rollout.settings.plan
    weight = f"{plan[step].weight_percent.normalize():f} %"
    baking = replace(
        rollout.confirmed(wanted, now),
        step=step,
        raise_to=None,
        pending_decision=None,
        evidence=begin_step(rollout.evidence, step, rollout.settings.judge, plan, _unread(rollout)),
        early={},
        phase=Phase.BAKING,
        phase_since=now,
        changed_at=now,
        next_minute=rollout.calendar.first_countable(now),
        reason=f"canary at {weight}, step {step + 1} of {len(plan)}, {_purpose(plan, step)}",
    )
    baking = transition(baking, state=Phase.BAKING, now=now, decision=Decision.CONTINUE)
    line = entry(baking, state=state, decision=Decision.CONTINUE, now=now, change=wanted)
    try:
        saved = ports.store.save(baking, entry=line)
    except RecordChanged:
        _take_away_if_over(ports, rollout, wanted)
        raise
    return waiting(announce(ports, saved), Decision.CONTINUE, now)


def _purpose(plan: Plan, index: int) -> str:
    step = plan[index]
    if step.harm_only:
        return f"the base keeps the rest as control for {step.bake_minutes} min"
    if is_probe(plan, index):
        return "a probe before the first step"
    return "a rung of the ramp" if step.ramp else f"baking {step.bake_minutes} min"


def _unread(rollout: Rollout) -> range:
    """The minutes of the step that ends whose points are still to come: they are weighed for harm when they do."""
    if rollout.step < 0:
        return range(0)
    return range(rollout.next_minute, minute_of(rollout.analyzed_at))


def _take_away_if_over(ports: Ports, rollout: Rollout, put: TargetState) -> None:
    """The rollout was rolled back by recovery while this task was on its way: undo what the task has just done."""
    latest = ports.store.load(rollout.rollout_id)
    if latest is None:
        return
    rolled_back = latest.outcome in (Outcome.ROLLED_BACK, Outcome.FAILED)
    if rolled_back or latest.pending_decision is Decision.ROLL_BACK:
        fence.apply(ports, latest.with_intent(put), latest.original, rolling_back=True)
