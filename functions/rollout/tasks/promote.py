"""Promote: the canary becomes the base; then the watch begins, or the rollout closes."""

from __future__ import annotations

from dataclasses import replace

from rollout.core.certainty import Unclear
from rollout.core.decision import Decision, Phase
from rollout.core.learning import remembered
from rollout.core.rollout import Outcome
from rollout.core.watch import begin_watch, watch_limits
from rollout.errors import ForeignChange, RecordChanged, TargetMissing
from rollout.ports import Ports
from rollout.tasks import fence
from rollout.tasks.raise_weight import look_again, not_yet, overtaken
from rollout.tasks.record import announce, entry, load, not_for, stop, transition
from rollout.tasks.task_result import TaskResult, acting, waiting

STATE = "Promote"


def promote(ports: Ports, rollout_id: str) -> TaskResult:
    """Give the canary all traffic. Called again, it does nothing twice.

    Raises: what the ports raise.
    """
    rollout = load(ports, rollout_id)
    if (answer := not_for(Decision.PROMOTE, ports, rollout) or overtaken(ports, rollout)) is not None:
        return answer
    if (answer := not_yet(ports, rollout)) is not None:
        return answer
    with_canary = next(state for state in rollout.expected_states if state.canary)
    wanted = with_canary.promoted(rollout.settings.target.behind)
    try:
        rollout = fence.begin(ports, rollout, wanted, unless_signalled=True)
    except RecordChanged:
        if (answer := overtaken(ports, load(ports, rollout_id))) is not None:
            return answer
        raise
    try:
        fence.apply(ports, rollout, wanted)
    except (ForeignChange, TargetMissing) as error:
        return stop(ports, rollout.write_answered(), STATE, str(error))
    except Unclear as unclear:
        return look_again(ports, rollout.write_answered(), unclear)

    now = ports.clock.now()
    watch = rollout.settings.watch_minutes
    judge, plan = rollout.settings.judge, rollout.settings.plan
    limits = watch_limits(rollout.evidence, judge, without=rollout.series.custom)
    promoted = replace(
        rollout.confirmed(wanted, now),
        series=rollout.series.whole(),
        measures=tuple(measure for measure in rollout.measures if measure.name not in rollout.series.custom),
        watch_limits=limits,
        learned=remembered(ports.store.learned(rollout.settings.target), rollout.evidence),
        evidence=begin_watch(judge, plan, limits) or rollout.evidence,
        phase=Phase.WATCHING,
        phase_since=now,
        changed_at=now,
        pending_decision=None if watch else Decision.CLOSE,
        outcome=None if watch else Outcome.PROMOTED,
        next_minute=rollout.calendar.first_countable(now),
    )
    if watch:
        promoted = replace(promoted, reason=f"promoted; watching for {watch} min")
        promoted = transition(promoted, state=Phase.WATCHING, now=now, decision=Decision.CONTINUE)
    decision = Decision.CONTINUE if watch else Decision.CLOSE
    line = entry(promoted, state=STATE, decision=decision, now=now, change=wanted)
    # Without a watch this is the end, which a signal that has come since the intent must not be denied.
    saved = announce(ports, ports.store.save(promoted, entry=line, unless_signalled=not watch))
    return waiting(saved, decision, now) if watch else acting(saved, decision)
