"""A rollout: what it was asked, where it stands, and what it knows. One value, stored as one record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from math import ceil
from typing import TYPE_CHECKING

from rollout.core.base_semantics import BaseSemantics
from rollout.core.cause import REQUEST, Cause, CauseKind, cause_in
from rollout.core.certainty import SECOND_LOOK, StateAt, UnansweredWrite, states_left, write_begun
from rollout.core.cold import LastAsked
from rollout.core.decision import Decision, Phase, Policy
from rollout.core.execution_names import handed_over_name
from rollout.core.findings import Finding
from rollout.core.judge import Count, Evidence, JudgeSettings, Moments, Pair, Ramp, Step, Totals
from rollout.core.judge.explain import with_shown_only
from rollout.core.measures import Measure, Series
from rollout.core.minutes import Calendar
from rollout.core.signals import Signal, overtaking
from rollout.core.spending import NOTHING_SPENT, ErrorBudget, Excess
from rollout.core.target import NOTHING_BEHIND, Behind, Json, Target, TargetState
from rollout.core.why import Why

if TYPE_CHECKING:
    from rollout.core.learning import Lesson

MOST_ALARMS = 90
"""How many alarms a rollout may watch: they are released together with its target, all or nothing."""


_CANDIDATES_DOING = frozenset({CauseKind.JUDGE, CauseKind.ALARM, CauseKind.DEADLINE})
"""The causes of a rollback that are the candidate's doing, or may be: a person who aborts has a reason of their own."""


class Outcome(StrEnum):
    """How a rollout ended."""

    PROMOTED = "PROMOTED"
    ROLLED_BACK = "ROLLED_BACK"
    STOPPED = "STOPPED"
    REJECTED = "REJECTED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is to go live. Without a `revision` one is made of the API or function as now defined."""

    revision: str | None
    overrides: dict[str, str]
    use_stage_cache: bool = False

    def to_document(self) -> Json:
        """A JSON object."""
        return {
            "revision": self.revision,
            "overrides": self.overrides,
            "useStageCache": self.use_stage_cache,
        }

    @classmethod
    def from_document(cls, document: Json) -> Candidate:
        """The inverse of `to_document`."""
        return cls(document["revision"], document["overrides"], document["useStageCache"])


@dataclass(frozen=True, slots=True)
class Settings:
    """What the request asked for; it does not change while the rollout runs.

    max_bad_requests: what it may cost beyond the base's rate; the error budget's share is in it once the traffic of the
    base is known.
    """

    target: Target
    candidate: Candidate
    plan: tuple[Step, ...]
    judge: JudgeSettings
    policy: Policy
    calendar: Calendar
    watch_minutes: int
    hold_minutes: int
    pause_minutes: int
    undo_minutes: int
    most_minutes_between_analyses: int
    alarms: tuple[str, ...]
    max_bad_requests: int | None = None
    error_budget: ErrorBudget | None = None

    @property
    def watched_variables(self) -> frozenset[str]:
        """The stage variables that the rollout overrides; a change of these by others is foreign."""
        return frozenset(self.candidate.overrides)

    def to_document(self) -> Json:
        """A JSON object."""
        return {
            "target": self.target.to_document(),
            "behind": self.target.behind.to_document(),
            "candidate": self.candidate.to_document(),
            "plan": [_step_document(step) for step in self.plan],
            "judge": self.judge.to_dict(),
            "onInconclusive": self.policy.on_inconclusive,
            "onRegression": self.policy.on_regression,
            "onRegressionAfterPromotion": self.policy.on_regression_after_promotion,
            "lagMinutes": self.calendar.lag_minutes,
            "graceMinutes": self.calendar.grace_minutes,
            "outageMinutes": self.calendar.outage_minutes,
            "settleSeconds": self.calendar.settle_seconds,
            "watchMinutes": self.watch_minutes,
            "holdMinutes": self.hold_minutes,
            "pauseMinutes": self.pause_minutes,
            "undoMinutes": self.undo_minutes,
            "mostMinutesBetweenAnalyses": self.most_minutes_between_analyses,
            "alarms": list(self.alarms),
            "maxBadRequests": self.max_bad_requests,
            "errorBudget": self.error_budget._asdict() if self.error_budget else None,
        }

    @classmethod
    def from_document(cls, document: Json) -> Settings:
        """The inverse of `to_document`."""
        return cls(
            target=_target(document),
            candidate=Candidate.from_document(document["candidate"]),
            plan=tuple(_step(step) for step in document["plan"]),
            judge=JudgeSettings.from_dict(document["judge"]),
            policy=Policy(
                document["onInconclusive"],
                document["onRegression"],
                document.get("onRegressionAfterPromotion", "rollback"),  # as all rollouts did that began without it
            ),
            calendar=Calendar(
                lag_minutes=document["lagMinutes"],
                grace_minutes=document["graceMinutes"],
                outage_minutes=document["outageMinutes"],
                settle_seconds=document["settleSeconds"],
            ),
            watch_minutes=document["watchMinutes"],
            hold_minutes=document["holdMinutes"],
            pause_minutes=document[
                "pauseMinutes" if "pauseMinutes" in document else "holdMinutes"
            ],  # 0.1 had one for both
            undo_minutes=document["undoMinutes"],
            most_minutes_between_analyses=document["mostMinutesBetweenAnalyses"],
            alarms=tuple(document["alarms"]),
            max_bad_requests=document.get("maxBadRequests"),
            error_budget=ErrorBudget(**document["errorBudget"]) if document.get("errorBudget") else None,
        )


def _step_document(step: Step) -> Json:
    document: Json = {"weightPercent": str(step.weight_percent), "bakeMinutes": step.bake_minutes}
    if step.ramp is not None:
        document["ramp"] = list(step.ramp)
    return document | {"harmOnly": True} if step.harm_only else document


def _step(document: Json) -> Step:
    ramp = Ramp(*document["ramp"]) if "ramp" in document else None
    return Step(Decimal(document["weightPercent"]), document["bakeMinutes"], document.get("harmOnly", False), ramp)


def _wait_cause(document: Json | None) -> Cause | None:
    """The stored cause; 0.1 stored the signal itself, and nothing where the judge alone held the rollout."""
    if not document:
        return None
    return Cause.of_signal(Signal.from_document(document)) if "source" in document else Cause.from_document(document)


def _sums(pair: Pair) -> Json:
    return {name: None if totals is None else totals._asdict() for name, totals in pair._asdict().items()}


def _totals(document: Json | None) -> Totals | None:
    if document is None:
        return None
    return Moments(**document) if "samples" in document else Count(**document)


def _target(document: Json) -> Target:
    """The settings' target; a record of an earlier version knows nothing behind it."""
    behind = Behind.from_document(document["behind"]) if "behind" in document else NOTHING_BEHIND
    return replace(Target.from_document(document["target"]), behind=behind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """One rollout, whole.

    expected_states: every state in which our own writes may have left the target. The first is the last one that a
    read has confirmed. A change is appended here before it is made (intent before effect); once it has been read
    back, it stands alone.
    unanswered: the writes that were announced and may still land, though nobody waits for them any more.
    left: the states that our own writes have ended a short while ago; a read may still show them.
    suspect: what a look has shown that our own hand had not left, until a second look tells.
    restored_at: when the target was brought back to the original, or first found so.
    original: the target as it was before the rollout.
    stand_in: the series to go on with if the canary's own stays missing.
    warnings: what preflight warned of.
    cause: what brought the last decision about; None in a record of a version that did not store it.
    step: the present step, from 0; -1 before the first. raise_to: the one that a decided raise begins, where that is
    not the next.
    pending_decision: the decision that is being carried out, until the state that carries it out is done with it.
    wait_cause: what brought it into the present phase, of a rollout that is paused or held.
    next_minute: the first minute not yet counted.
    execution_number: which execution of this rollout it is, from 1.
    analyses: how many analyses the present execution has made; analyzed_at: when the last was.
    watch_limits: the bad rates that the watch tolerates, by metric.
    learned: the lessons to keep for the target's next rollout, once this one is promoted.
    undoes: the promoted rollout that this one undoes, if it does.
    signals_seen: how many of `signals` have been considered.
    pending_events: notifications that are recorded and perhaps not yet sent.
    bad_served: the errors that the canary has answered with, as far as they were counted.
    excess: those of them that the base's rate does not explain.
    lag_minutes: how late the points were found to come, where that is later than the request says.
    timeout_minutes: so many minutes more may pass until a minute's invocations have ended, by the slower version's
    Timeout; 0 where that is within the lag, or where the target has none.
    counted: what the newest minutes were counted with, by minute: they are read again, and weighed anew if they grew.
    last_asked: of each arm the last counted minute in which it had requests.
    early: what was seen of minutes that were not closed yet, by minute.
    firing_at_start: the alarms that were firing before it began; they count only for what the candidate adds.
    missing_alarms: those that the last look did not find, of which people have been told.
    would_have_convicted: what is shown only and would have rolled the rollout back, with the sums of the arms then.
    why: what the logs say of the failures of a candidate that was rolled back; None as long as nobody has looked.
    worse_than_before: how the candidate was found worse after the promotion than the base before it, "" if it was not.
    revision: counts the writes of the record.
    """

    rollout_id: str
    execution: str
    settings: Settings
    started_at: datetime
    original: TargetState
    expected_states: tuple[TargetState, ...]
    unanswered: tuple[UnansweredWrite, ...] = ()
    left: tuple[StateAt, ...] = ()
    suspect: StateAt | None = None
    restored_at: datetime | None = None
    series: Series
    stand_in: Series | None = None
    measures: tuple[Measure, ...]
    semantics: BaseSemantics
    evidence: Evidence
    phase: Phase = Phase.BAKING
    phase_since: datetime
    wait_cause: Cause | None = None
    step: int = -1
    raise_to: int | None = None
    pending_decision: Decision | None = Decision.CREATE
    changed_at: datetime
    next_minute: int = 0
    execution_number: int = 1
    analyses: int = 0
    analyzed_at: datetime
    watch_limits: Mapping[str, float] = field(default_factory=dict)
    learned: Mapping[str, Lesson] = field(default_factory=dict)
    request_id: str | None = None
    undoes: str | None = None
    warnings: tuple[Finding, ...] = ()
    cause: Cause | None = REQUEST
    reason: str = ""
    outcome: Outcome | None = None
    ended_at: datetime | None = None
    signals: tuple[Signal, ...] = ()
    signals_seen: int = 0
    pending_events: tuple[Json, ...] = ()
    bad_served: int = 0
    excess: Excess = NOTHING_SPENT
    lag_minutes: int = 0
    timeout_minutes: int = 0
    counted: Mapping[int, str] = field(default_factory=dict)
    early: Mapping[int, str] = field(default_factory=dict)
    last_asked: LastAsked = field(default_factory=dict)
    firing_at_start: tuple[str, ...] = ()
    missing_alarms: tuple[str, ...] = ()
    would_have_convicted: Mapping[str, Pair] = field(default_factory=dict)
    worse_than_before: str = ""
    why: Why | None = None
    revision: int = 0

    @property
    def told_reason(self) -> str:
        """The reason of the last decision as people are told it, with what is shown only and would have convicted."""
        return with_shown_only(self.reason, self.would_have_convicted)

    @property
    def wants_explanation(self) -> bool:
        """Whether it was rolled back because of what the candidate did, and nobody has looked yet why that was."""
        by = self.cause.kind if self.cause else None
        closing = self.pending_decision is Decision.CLOSE and self.outcome is Outcome.ROLLED_BACK
        return closing and by in _CANDIDATES_DOING and self.why is None

    @property
    def calendar(self) -> Calendar:
        """When minutes may be counted, by the lag that was asked for or the one that was found."""
        asked = self.settings.calendar
        return replace(asked, lag_minutes=max(asked.lag_minutes, self.lag_minutes))

    def is_complete(self, now: datetime) -> bool:
        """Whether every invocation of the present step's bake has ended, whatever it does: its Timeout is over."""
        if not self.timeout_minutes:
            return True
        start = self.evidence.starts_of(self.step, self.next_minute)
        complete = self.settings.calendar.last_closed(now) - self.timeout_minutes
        return complete >= start + self.settings.plan[max(0, self.step)].bake_minutes - 1

    @property
    def overspent(self) -> str:
        """In words, that the rollout has cost more bad requests than it may; "" if it has not."""
        most, spent = self.settings.max_bad_requests, self.excess.spent
        if most is None or spent < max(1, most):
            return ""
        budget = self.settings.error_budget
        of = ", the share of the error budget" if budget else ""
        return f"{spent:,.0f} bad requests more than the base's rate explains; {most:,} are allowed{of}"

    @property
    def last_confirmed(self) -> TargetState:
        """The state of the target as last confirmed."""
        return self.expected_states[0]

    @property
    def weight_percent(self) -> Decimal:
        """The candidate's confirmed share of the requests; 100 after promotion, 0 without a canary."""
        if self.last_confirmed.canary is not None:
            return self.last_confirmed.canary.weight_percent
        promoted = self.last_confirmed != self.original or self.outcome is Outcome.PROMOTED
        return Decimal(100) if promoted else Decimal(0)

    @property
    def pending_signals(self) -> Sequence[Signal]:
        """The signals that no decision has considered yet."""
        return self.signals[self.signals_seen :]

    @property
    def half_done(self) -> bool:
        """Whether a change of the target has been begun and not been confirmed."""
        return len(self.expected_states) > 1

    @property
    def overtaken_by(self) -> Signal | None:
        """The pending signal that is handled before a raise of the weight that has been decided."""
        return overtaking(self.pending_signals, half_done=self.half_done or self.step < 0)

    @property
    def step_to_begin(self) -> int:
        """The step that a raise begins."""
        return self.step + 1 if self.raise_to is None else self.raise_to

    @property
    def weight_before(self) -> float:
        """The fraction of the traffic that the canary had in the step before; 0 in the first."""
        begun = [step for step in range(self.step) if self.evidence.starts[step : step + 1] not in ((), (None,))]
        return self.settings.plan[begun[-1]].weight if begun else 0.0

    @property
    def on_last_step(self) -> bool:
        """Whether the plan has no further step."""
        return self.step >= len(self.settings.plan) - 1

    @property
    def before_last_raise(self) -> bool:
        """Whether what comes next is the last raise within the plan, or the promotion."""
        return self.step >= len(self.settings.plan) - 2

    @property
    def planned_minutes(self) -> int:
        """The minutes to be judged in the present step, or in the watch; an extended bake lasts longer."""
        if self.phase is Phase.WATCHING:
            return self.settings.watch_minutes
        return self.settings.plan[max(0, self.step)].bake_minutes

    @property
    def answer_due(self) -> datetime | None:
        """When a rollout that waits for a person is rolled back if nobody answers; None for one that does not wait."""
        if self.phase not in (Phase.HELD, Phase.PAUSED) or self.pending_decision is not None:
            return None
        return self.phase_since + timedelta(minutes=self.minutes_to_answer)

    @property
    def minutes_to_answer(self) -> int:
        """How long a rollout in the present phase waits for a person."""
        paused = self.phase is Phase.PAUSED
        return self.settings.pause_minutes if paused else self.settings.hold_minutes

    @property
    def state(self) -> str:
        """The rollout's state for people: its outcome once it has ended, its phase before."""
        return self.outcome.value if self.outcome and self.phase is Phase.ENDED else self.phase.value

    def handed_over(self) -> Rollout:
        """The same rollout, carried on by a new execution before the history of this one is full."""
        execution_number = self.execution_number + 1
        name = handed_over_name(self.rollout_id, self.execution, execution_number)
        return replace(
            self, execution=f"{self.execution.rpartition(':')[0]}:{name}", execution_number=execution_number, analyses=0
        )

    @property
    def execution_name(self) -> str:
        """The name of the present execution."""
        return self.execution.rpartition(":")[2]

    def with_intent(self, *wanted: TargetState) -> Rollout:
        """The same rollout about to bring its target into the last of these states, by way of the others."""
        expected_states = self.expected_states
        for state in wanted:
            expected_states = expected_states if state in expected_states else (*expected_states, state)
        return replace(self, expected_states=expected_states)

    def write_begun(self, now: datetime) -> Rollout:
        """The same rollout with a write announced by the revision that it is saved as."""
        return replace(self, unanswered=write_begun(self.unanswered, self.revision + 1, now))

    def write_answered(self) -> Rollout:
        """The same rollout when it is known what became of the write that this very revision has announced."""
        return replace(self, unanswered=tuple(each for each in self.unanswered if each.revision != self.revision))

    def confirmed(self, state: TargetState, now: datetime, *others: TargetState) -> Rollout:
        """The same rollout with the target known to be in this state; `others` are where it may be yet."""
        answered, over = self.write_answered(), [each for each in self.expected_states if each != state]
        left = states_left(self.left, over, now, self.settings.watched_variables) if over else self.left
        return replace(answered, expected_states=(state, *others), left=left, suspect=None)

    @property
    def may_have_written(self) -> bool:
        """Whether any write of ours has reached the target, or may have; not when AWS has refused every one."""
        return bool(self.write_answered().unanswered or self.left) or self.last_confirmed != self.original

    def may_look_back(self, now: datetime) -> Rollout:
        """The same rollout, to look at its target once more in a moment, although nothing of it was seen there."""
        once_more = UnansweredWrite(self.revision, now + SECOND_LOOK)
        return replace(self, unanswered=(*self.unanswered, once_more))

    def quiet_seconds(self, now: datetime) -> int:
        """For how long a write of ours may still land; 0 when none can."""
        last = max((each.until for each in self.unanswered), default=now)
        return max(0, ceil((last - now).total_seconds()))

    def to_document(self) -> Json:
        """A JSON object without the signals, which other writers append to."""
        return {
            "rolloutId": self.rollout_id,
            "execution": self.execution,
            "settings": self.settings.to_document(),
            "startedAt": self.started_at.isoformat(),
            "found": self.original.to_document(),
            "ours": [state.to_document() for state in self.expected_states],
            "unanswered": [write.to_document() for write in self.unanswered],
            "left": [state.to_document() for state in self.left],
            "suspect": self.suspect.to_document() if self.suspect else None,
            "restoredAt": self.restored_at.isoformat() if self.restored_at else None,
            "series": self.series.to_document(),
            "standIn": self.stand_in.to_document() if self.stand_in else None,
            "measures": [measure.to_document() for measure in self.measures],
            "semantics": self.semantics.to_document(),
            "evidence": self.evidence.to_dict(),
            "phase": self.phase.value,
            "phaseSince": self.phase_since.isoformat(),
            "waitCause": self.wait_cause.to_document() if self.wait_cause else None,
            "step": self.step,
            "raiseTo": self.raise_to,
            "decided": self.pending_decision.value if self.pending_decision else None,
            "changedAt": self.changed_at.isoformat(),
            "nextMinute": self.next_minute,
            "part": self.execution_number,
            "analyses": self.analyses,
            "analyzedAt": self.analyzed_at.isoformat(),
            "ceilings": dict(self.watch_limits),
            "learned": dict(self.learned),
            "requestId": self.request_id,
            "undoes": self.undoes,
            "warnings": [warning.to_document() for warning in self.warnings],
            "cause": self.cause.to_document() if self.cause else None,
            "reason": self.reason,
            "outcome": self.outcome.value if self.outcome else None,
            "endedAt": self.ended_at.isoformat() if self.ended_at else None,
            "signalsSeen": self.signals_seen,
            "pendingEvents": list(self.pending_events),
            "badServed": self.bad_served,
            "excess": list(self.excess),
            "foundLagMinutes": self.lag_minutes,
            "timeoutMinutes": self.timeout_minutes,
            "counted": {str(minute): numbers for minute, numbers in self.counted.items()},
            "lastAsked": dict(self.last_asked),
            "early": {str(minute): numbers for minute, numbers in self.early.items()},
            "firingAtStart": list(self.firing_at_start),
            "missingAlarms": list(self.missing_alarms),
            "wouldHaveConvicted": {name: _sums(pair) for name, pair in self.would_have_convicted.items()},
            "worseThanBefore": self.worse_than_before,
            "why": self.why.to_document() if self.why else None,
        }

    @classmethod
    def from_document(cls, document: Json, signals: Sequence[Json], revision: int) -> Rollout:
        """The inverse of `to_document`, with what is stored beside the document."""
        return cls(
            rollout_id=document["rolloutId"],
            execution=document["execution"],
            settings=Settings.from_document(document["settings"]),
            started_at=datetime.fromisoformat(document["startedAt"]),
            original=TargetState.from_document(document["found"]),
            expected_states=tuple(TargetState.from_document(state) for state in document["ours"]),
            unanswered=tuple(UnansweredWrite.from_document(write) for write in document.get("unanswered", ())),
            left=tuple(StateAt.from_document(state) for state in document.get("left", ())),
            suspect=StateAt.from_document(document["suspect"]) if document.get("suspect") else None,
            restored_at=datetime.fromisoformat(document["restoredAt"]) if document.get("restoredAt") else None,
            series=Series.from_document(document["series"]),
            stand_in=Series.from_document(document["standIn"]) if document.get("standIn") else None,
            measures=tuple(Measure.from_document(measure) for measure in document["measures"]),
            semantics=BaseSemantics.from_document(document["semantics"]),
            evidence=Evidence.from_dict(document["evidence"]),
            phase=Phase(document["phase"]),
            phase_since=datetime.fromisoformat(document["phaseSince"]),
            wait_cause=_wait_cause(document.get("waitCause")),
            step=document["step"],
            raise_to=document.get("raiseTo"),
            pending_decision=Decision(document["decided"]) if document["decided"] else None,
            changed_at=datetime.fromisoformat(document["changedAt"]),
            next_minute=document["nextMinute"],
            execution_number=document["part"],
            analyses=document["analyses"],
            analyzed_at=datetime.fromisoformat(document["analyzedAt"]),
            watch_limits=document["ceilings"],
            learned=document["learned"],
            request_id=document["requestId"],
            undoes=document.get("undoes"),
            warnings=tuple(Finding.from_document(warning) for warning in document.get("warnings", [])),
            cause=cause_in(document),
            reason=document["reason"],
            outcome=Outcome(document["outcome"]) if document["outcome"] else None,
            ended_at=datetime.fromisoformat(document["endedAt"]) if document["endedAt"] else None,
            signals=tuple(Signal.from_document(signal) for signal in signals),
            signals_seen=document["signalsSeen"],
            pending_events=tuple(document["pendingEvents"]),
            bad_served=document.get("badServed", 0),  # the oldest records lack it
            excess=Excess(*document.get("excess", ())),
            lag_minutes=document.get("foundLagMinutes", 0),
            timeout_minutes=document.get("timeoutMinutes", 0),
            counted={int(minute): numbers for minute, numbers in document.get("counted", {}).items()},
            last_asked=document.get("lastAsked", {}),
            early={int(minute): numbers for minute, numbers in document.get("early", {}).items()},
            firing_at_start=tuple(document.get("firingAtStart", ())),
            missing_alarms=tuple(document.get("missingAlarms", ())),
            would_have_convicted={
                name: Pair(*map(_totals, (sums["canary"], sums["base"])))
                for name, sums in document.get("wouldHaveConvicted", {}).items()
            },
            worse_than_before=document.get("worseThanBefore", ""),
            why=Why.from_document(document["why"]) if document.get("why") else None,
            revision=revision,
        )
