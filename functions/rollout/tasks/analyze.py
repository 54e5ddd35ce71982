"""Analyze: read what is new, weigh it, and decide what the rollout does next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rollout.core.alarm_names import is_arn
from rollout.core.attribution import QUIET_MINUTES, attribution, candidate_adds, is_proven_better, worst_odds
from rollout.core.cause import JUDGE, Cause, CauseKind
from rollout.core.certainty import Unclear
from rollout.core.commands import concerns
from rollout.core.decision import WAITING, Assessment, Decision, Phase, Policy, brought_about, decide
from rollout.core.inspection import AlarmState
from rollout.core.judge import Action, Judgement, Proof
from rollout.core.judge.ramp import LONGEST_OF_ANY_KIND
from rollout.core.pace import minutes_to_wait
from rollout.core.rollout import Outcome, Rollout
from rollout.core.signals import Signal, SignalKind, deciding, stopping
from rollout.core.target import Json
from rollout.core.watch import describe
from rollout.errors import ForeignChange, NotAllowed, TargetMissing, Unavailable
from rollout.ports import Ports
from rollout.tasks import fence
from rollout.tasks.observe import Observed, judged_by, observe_new_minutes, verdict_documents
from rollout.tasks.raise_weight import look_again
from rollout.tasks.record import announce, entry, load, notice, stop, transition
from rollout.tasks.task_result import CONTINUE, TaskResult, acting, waiting

STATE = "Analyze"

_ASSESSMENTS = {
    Action.CONTINUE: Assessment.UNPROVEN,
    Action.EXTEND: Assessment.OVERDUE,
    Action.ADVANCE: Assessment.PROVEN,
    Action.PROMOTE: Assessment.PROVEN,
    Action.HOLD: Assessment.INCONCLUSIVE,
    Action.ROLL_BACK: Assessment.HARMFUL,
}
_FINAL = frozenset({Decision.ROLL_BACK, Decision.STOP, Decision.CLOSE})
"""Decisions that no signal overtakes."""
MOST_ANALYSES = 1_500
"""In one execution. Each costs 13 events of the 25,000 that a history may have; the rest is for retries."""
MOST_UNREAD_MINUTES = 2
"""While so many of the newest minutes are unreadable, nothing is raised or promoted."""
_PHASES = {Decision.HOLD: Phase.HELD, Decision.PAUSE: Phase.PAUSED}


def analyze(ports: Ports, rollout_id: str, execution: str = "") -> TaskResult:
    """Decide what the rollout does next, and record the decision with its reasons before answering.

    `execution` is the one that asks; "" from the workflow's definition of before, which does not say. One that has
    handed the rollout over, and whose answer was lost, is answered so again.

    Raises: what the store raises; faults of the target's and the metrics' services are survived and noted.
    """
    rollout = load(ports, rollout_id)
    if rollout.phase is Phase.ENDED:
        return acting(rollout, Decision.CLOSE)
    if execution and execution != rollout.execution:
        return replace(acting(rollout, Decision.HAND_OVER), execution=rollout.execution_name)
    if rollout.pending_decision is not None and (rollout.overtaken_by is None or rollout.pending_decision in _FINAL):
        return acting(rollout, rollout.pending_decision)
    stop_signal = stopping(rollout.pending_signals)
    now = ports.clock.now()
    if stop_signal is not None:
        return _conclude(ports, rollout, now, Assessment.UNPROVEN, stop_signal, str(stop_signal), {})
    rollout = replace(rollout, analyses=rollout.analyses + 1, analyzed_at=now)

    notes: list[str] = []
    rollout, answer = _looked_at(ports, rollout, now, notes)
    if answer is not None:
        return answer

    rollout, alarms = _look_at_alarms(ports, rollout, now, notes)
    if alarms.fired is not None:
        return _conclude(ports, rollout, now, Assessment.UNPROVEN, alarms.fired, str(alarms.fired), {"notes": notes})
    observed = observe_new_minutes(ports, rollout, now, notes)
    rollout, judgement = observed.rollout, observed.judgement
    flapped = _weighed(rollout, judgement, alarms.flapped, notes)
    if flapped is not None:
        return _conclude(ports, rollout, now, Assessment.UNPROVEN, flapped, str(flapped), {"notes": notes})
    rollout = _with_shown_only(rollout, judgement)
    signal = deciding([each for each in rollout.pending_signals if concerns(each.step, rollout)])
    analysis: Json = {
        "minutes": observed.minutes,
        **({"lateMinutes": list(observed.late)} if observed.late else {}),
        "judgedMinutes": rollout.evidence.step_minutes,
        "notes": notes,
        "found": list(observed.settled),
        **_judgement_document(judgement),
    }
    rollout = replace(rollout, raise_to=judgement.next_step if judgement else None)
    if rollout.phase is Phase.WATCHING:
        return _watch(ports, rollout, now, signal, judgement, analysis, alarms.unknown)
    if signal is None and _unanswered(rollout, now):
        hours = rollout.minutes_to_answer / 60
        cause = Cause(CauseKind.DEADLINE, reason=f"{rollout.phase.lower()} for {hours:g} h and nobody answered")
        reason = f"{cause.reason}; {_words(judgement)}"
        return _record(ports, rollout, now, Decision.ROLL_BACK, cause, reason, analysis)
    reason = "; ".join([*([str(signal)] if signal else []), *observed.settled, _words(judgement)])
    assessment, reservations = _assessed(rollout, observed, alarms.unknown, now)
    reason = "; ".join([*reservations, reason])
    return _conclude(ports, rollout, now, assessment, signal, reason, analysis)


def _looked_at(ports: Ports, rollout: Rollout, now: datetime, notes: list[str]) -> tuple[Rollout, TaskResult | None]:
    """The rollout after a look at its target, and the answer if the look decides already."""
    try:
        fence.verify_unchanged(ports, rollout)
    except (ForeignChange, TargetMissing) as error:
        return rollout, stop(ports, rollout, STATE, str(error))
    except Unclear as unclear:
        if not unclear.stale:
            return rollout, look_again(ports, rollout, unclear)
        if _is_raised_again(rollout, unclear):
            reason = f"a raise that was given up has landed while no request was to go to the canary: {unclear}"
            return rollout, _record(ports, rollout, now, Decision.LOWER, rollout.wait_cause or JUDGE, reason, {})
        notes.append(str(unclear))
    except (Unavailable, NotAllowed) as error:
        notes.append(f"the target could not be read: {error}")
    else:
        return replace(rollout, suspect=None), None
    return rollout, None


def _is_raised_again(rollout: Rollout, unclear: Unclear) -> bool:
    """Whether the canary seems to serve although it is held at zero: what a read shows of the past is lowered in vain,
    and a raise that has landed late is not noticed otherwise. What somebody says meanwhile is answered first.
    """
    held = rollout.phase is Phase.HELD and rollout.weight_percent == 0 and not rollout.pending_signals
    return held and unclear.seen.canary is not None and unclear.seen.canary.weight_percent > 0


def _with_shown_only(rollout: Rollout, judgement: Judgement | None) -> Rollout:
    """The rollout that remembers what is shown only and would have convicted."""
    found = judgement.would_have_convicted if judgement is not None else {}
    return replace(rollout, would_have_convicted={**rollout.would_have_convicted, **found}) if found else rollout


def _assessed(rollout: Rollout, observed: Observed, unknown_alarms: str, now: datetime) -> tuple[Assessment, list[str]]:
    """What the judgement means for the decision, and what speaks against taking it as it is.

    Nothing is raised or promoted while the newest minutes cannot be read, or while nobody knows whether an alarm fires.
    """
    judgement = observed.judgement
    assessment = Assessment.UNPROVEN if judgement is None else _ASSESSMENTS[judgement.action]
    reservations = []
    if observed.provisional:
        reservations.append("by minutes that are not closed yet, seen twice")
    if rollout.overspent:
        return Assessment.HARMFUL, [rollout.overspent, *reservations]
    if assessment is Assessment.PROVEN:
        if unknown_alarms:
            reservations.append(f"nobody knows whether an alarm fires ({unknown_alarms})")
        if observed.unread >= MOST_UNREAD_MINUTES:
            reservations.append(f"the newest {observed.unread} min could not be read yet")
        if not reservations and rollout.before_last_raise and not rollout.is_complete(now):
            return Assessment.OVERDUE, [f"invocations may take {rollout.timeout_minutes} min, and some may hang still"]
        if reservations:
            assessment = Assessment.INCONCLUSIVE if _is_overlong(rollout) else Assessment.OVERDUE
    return assessment, reservations


def _watch(
    ports: Ports,
    rollout: Rollout,
    now: datetime,
    signal: Signal | None,
    judgement: Judgement | None,
    analysis: Json,
    unknown_alarms: str,
) -> TaskResult:
    """After 100 % the alarms and the frozen base judge until the watch is over; the frozen base may only tell.

    While nobody knows whether an alarm fires the watch goes on, for so long again at most: there is nothing to wait
    for in an alarm that has been deleted.
    """
    seen = describe(judgement.verdicts, rollout.watch_limits) if judgement else "nothing can be judged"
    harmful = judgement is not None and judgement.action is Action.ROLL_BACK
    asked = timedelta(minutes=rollout.settings.watch_minutes)
    watched = now - rollout.phase_since
    if harmful and rollout.settings.policy.on_regression_after_promotion == "tell":
        rollout, harmful = _told_worse(rollout, seen, now, analysis), False
    if harmful:
        assessment, reason = Assessment.HARMFUL, f"worse than the base was before the promotion: {seen}"
    elif watched >= asked and unknown_alarms and watched < 2 * asked:
        assessment, reason = Assessment.UNPROVEN, f"promoted; watching on, for {unknown_alarms}"
    elif watched >= asked:
        assessment, reason = Assessment.PROVEN, f"promoted, and watched for {watched.total_seconds() / 60:.0f} min"
        reason += f", in the end without its alarms: {unknown_alarms}" if unknown_alarms else ""
        if judgement is not None and not any(verdict.canary[0] for verdict in judgement.verdicts):
            reason += "; nothing was measured in that time"
        reason += f"; {rollout.worse_than_before}" if rollout.worse_than_before else ""
    else:
        assessment, reason = Assessment.UNPROVEN, f"promoted; watching; {seen}"
        reason += f"; {rollout.worse_than_before}" if rollout.worse_than_before else ""
    reason = f"{signal}; {reason}" if signal else reason
    return _conclude(ports, rollout, now, assessment, signal, reason, analysis)


def _told_worse(rollout: Rollout, seen: str, now: datetime, analysis: Json) -> Rollout:
    """The rollout with the finding, for every reason from now on, and with an event that tells of it, once."""
    if rollout.worse_than_before:
        return rollout
    words = (
        f"worse than the base was before the promotion: {seen}; nothing is left to compare with; "
        "`rollout rollback` puts the base back"
    )
    told = replace(rollout, worse_than_before=words, reason=words, cause=JUDGE)
    return transition(
        told, state=Phase.WATCHING, now=now, decision=Decision.CONTINUE, verdicts=analysis.get("verdicts", ())
    )


def _conclude(
    ports: Ports,
    rollout: Rollout,
    now: datetime,
    assessment: Assessment,
    signal: Signal | None,
    reason: str,
    analysis: Json,
) -> TaskResult:
    if signal is not None and signal.kind is SignalKind.ALARM and rollout.phase is not Phase.WATCHING:
        words = attribution(rollout.evidence, rollout.settings.judge, rollout.settings.plan)
        reason = f"{reason}; {words}" if words else reason
        analysis = {**analysis, "found": [*analysis.get("found", ()), *([words] if words else [])]}
    holdable = rollout.step >= 0 and not rollout.half_done
    decision = decide(
        rollout.phase,
        assessment,
        signal.kind if signal else None,
        last_step=rollout.on_last_step,
        policy=rollout.settings.policy if holdable else Policy(),
    )
    if decision is Decision.LOWER and rollout.phase is Phase.HELD and rollout.weight_percent == 0:
        decision = Decision.HOLD
    if signal is None or not brought_about(rollout.phase, assessment, signal.kind):
        return _record(ports, rollout, now, decision, _standing_cause(rollout, decision), reason, analysis)
    return _record(ports, rollout, now, decision, Cause.of_signal(signal), reason, analysis)


def _standing_cause(rollout: Rollout, decision: Decision) -> Cause:
    """The cause of a decision without a new signal: as long as a rollout stays paused or held, what made it wait."""
    stays = _PHASES.get(decision) is rollout.phase
    return rollout.wait_cause if stays and rollout.wait_cause else JUDGE


def _record(
    ports: Ports,
    rollout: Rollout,
    now: datetime,
    decision: Decision,
    cause: Cause,
    reason: str,
    analysis: Json,
) -> TaskResult:
    """Write the decision with its cause and reason, and answer with it."""
    decided = replace(
        rollout,
        cause=cause,
        reason=reason,
        signals_seen=len(rollout.signals),
        pending_decision=None if decision in WAITING else decision,
        outcome=Outcome.PROMOTED if decision is Decision.CLOSE else rollout.outcome,
    )
    if decision in WAITING:
        phase = Phase.WATCHING if rollout.phase is Phase.WATCHING else _PHASES.get(decision, Phase.BAKING)
        if phase is not rollout.phase:
            decided = replace(decided, phase=phase, phase_since=now, wait_cause=cause)
            decided = transition(
                decided, state=phase, now=now, decision=decision, verdicts=analysis.get("verdicts", ())
            )
    elif decision is Decision.ROLL_BACK:
        decided = transition(
            decided, state="ROLLING_BACK", now=now, decision=decision, verdicts=analysis.get("verdicts", ())
        )
    line = entry(decided, state=STATE, decision=decision, now=now, analysis=analysis)
    if decision not in WAITING:
        # Success is final only when no signal has come since the rollout was read.
        final = decision is Decision.CLOSE
        return acting(ports.store.save(decided, entry=line, unless_signalled=final), decision)
    if rollout.analyses >= MOST_ANALYSES:
        next_part = decided.handed_over()
        ports.store.order(next_part.execution_name, {CONTINUE: rollout.rollout_id})
        handed_over = announce(ports, ports.store.save(next_part, entry=line))
        return replace(acting(handed_over, Decision.HAND_OVER), execution=handed_over.execution_name)
    saved = announce(ports, ports.store.save(decided, entry=line))
    return waiting(saved, decision, now, _pace(saved, analysis))


def _pace(rollout: Rollout, analysis: Json) -> int:
    """Minutes until the next analysis."""
    limit = analysis.get("logELimit")
    step = rollout.settings.plan[max(0, rollout.step)]
    return minutes_to_wait(
        judged=rollout.evidence.bake_minutes,
        bake_minutes=step.bake_minutes,
        evidence_share=analysis["logE"] / limit if limit else 0.0,
        most=rollout.settings.most_minutes_between_analyses,
    )


@dataclass(frozen=True, slots=True)
class _Alarms:
    """What a look at the alarms has shown.

    fired: the first that went to ALARM since the rollout began. flapped: one that fires, and was firing before the
    rollout began. unknown: why some alarm's state is not known, "" when all are.
    """

    fired: Signal | None = None
    flapped: Signal | None = None
    unknown: str = ""


def _look_at_alarms(ports: Ports, rollout: Rollout, now: datetime, notes: list[str]) -> tuple[Rollout, _Alarms]:
    """The second line behind the alarm events, and the rollout that remembers which alarms it has missed.

    A rollout that is held for a regression is held for a person, who knows: there an alarm is noted, and neither
    commands nor the deadline have to wait for it.
    """
    names = rollout.settings.alarms
    if not names:
        return rollout, _Alarms()
    try:
        states = ports.alarms.named(names)
    except (Unavailable, NotAllowed) as error:
        unknown = f"the alarms could not be read: {error}"
        notes.append(unknown)
        return rollout, _Alarms(unknown=unknown)
    shown = {alarm.name for alarm in states}
    missing = tuple(sorted(name for name in names if name not in shown and not is_arn(name)))  # others only send events
    unknown = f"alarm {', '.join(missing)} does not exist any more" if missing else ""
    notes.extend([unknown] if unknown else [])
    if gone := [name for name in missing if name not in rollout.missing_alarms]:
        words = f"alarm {', '.join(gone)} does not exist any more; nothing is raised or promoted without it"
        rollout = notice(rollout, words, now=now)
    rollout = replace(rollout, missing_alarms=missing, firing_at_start=_still_flapping(rollout, states, now))
    policy = rollout.settings.policy
    lowered = policy.on_regression == "hold" or rollout.weight_percent == 0
    held = rollout.phase is Phase.HELD and policy.holds_regressions and lowered
    fired = flapped = None
    for alarm in states:
        if alarm.state != "ALARM" or alarm.since <= rollout.started_at:
            continue
        signal = Signal.of_alarm(alarm.name, alarm.since.isoformat(), alarm.reason)
        if held:
            notes.append(str(signal))
        elif alarm.name in rollout.firing_at_start:
            flapped = flapped or signal
        else:
            fired = fired or signal
    return rollout, _Alarms(fired, flapped, unknown)


def _still_flapping(rollout: Rollout, states: Sequence[AlarmState], now: datetime) -> tuple[str, ...]:
    """Those of the alarms that were firing at the start which have not been quiet for long since.

    While the canary is proven better than the base, none of them becomes an alarm like any other.
    """
    if not rollout.firing_at_start or is_proven_better(rollout.evidence, rollout.settings.judge):
        return rollout.firing_at_start
    quiet = timedelta(minutes=QUIET_MINUTES)
    calm = {alarm.name for alarm in states if alarm.state == "OK" and now - alarm.since >= quiet}
    return tuple(name for name in rollout.firing_at_start if name not in calm)


def _weighed(rollout: Rollout, judgement: Judgement | None, alarm: Signal | None, notes: list[str]) -> Signal | None:
    """The alarm that fires again as it did before the rollout, if that is the candidate's doing by the judge's odds.

    Else it is noted; and where the judge convicts anyway, the judge does it.
    """
    if alarm is None or (judgement is not None and judgement.action is Action.ROLL_BACK):
        return None
    rules = judged_by(rollout)
    if rules is not None and candidate_adds(rollout.evidence, *rules):
        return alarm
    words = worst_odds(rollout.evidence, *rules) if rules else "unknown"
    notes.append(
        f"alarm {alarm.source} fires again, as it did before the rollout; the odds that the candidate makes anything "
        f"worse are {words}, and it counts from 10:1 on"
    )
    return None


def _is_overlong(rollout: Rollout) -> bool:
    """Whether the step has baked for as long as it may."""
    step, judge = rollout.settings.plan[rollout.step], rollout.settings.judge
    if step.ramp is not None:
        return rollout.evidence.step_minutes >= LONGEST_OF_ANY_KIND
    return rollout.evidence.step_minutes >= step.bake_minutes * judge.max_bake_factor


def _unanswered(rollout: Rollout, now: datetime) -> bool:
    return rollout.answer_due is not None and now >= rollout.answer_due


def _words(judgement: Judgement | None) -> str:
    return judgement.reason if judgement else "nothing can be judged"


def _judgement_document(judgement: Judgement | None) -> Json:
    if judgement is None:
        return {}
    return {
        "action": judgement.action.value,
        "decidingMetric": judgement.deciding_metric,
        "logE": judgement.log_e,
        "logELimit": judgement.log_e_limit,
        "verdicts": verdict_documents(judgement.verdicts),
        **({"proof": _proof_document(judgement.proof)} if judgement.proof else {}),
    }


def _proof_document(proof: Proof) -> Json:
    return {
        "metric": proof.metric,
        "weightPercent": float(proof.weight_percent),
        "margin": [proof.margin.relative, proof.margin.absolute],
        "logS": proof.log_s,
        "proven": proof.proven,
    }
