"""One rollout for a person: its state, its decisions, its metrics, and the commands that are possible now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from rollout.cockpit import history as facts
from rollout.cockpit.chart_data import MetricView, metric_views
from rollout.cockpit.formatting import deciding_odds
from rollout.cockpit.hints import Hint, hints_for
from rollout.cockpit.ramp_data import RampLook, ramp_looks
from rollout.cockpit.timeline import Row, Tone, timeline
from rollout.core.cause import CauseKind
from rollout.core.decision import Phase
from rollout.core.judge import Plan
from rollout.core.judge.ramp import MINUTES_BESIDE_A_BAKE, likely_course
from rollout.core.minutes import utc
from rollout.core.preflight.explaining import explaining
from rollout.core.rollout import Outcome, Rollout
from rollout.core.signals import Signal
from rollout.core.target import Json
from rollout.core.texts import cleaned
from rollout.core.undo import Undo

SECONDS_PER_MINUTE = 60

_STATES: dict[str, tuple[str, Tone]] = {
    Phase.BAKING: ("Baking", Tone.PLAIN),
    Phase.HELD: ("Held for a person", Tone.WARNING),
    Phase.PAUSED: ("Paused", Tone.WARNING),
    Phase.WATCHING: ("Promoted, being watched", Tone.GOOD),
    Outcome.PROMOTED: ("Promoted", Tone.GOOD),
    Outcome.ROLLED_BACK: ("Rolled back", Tone.BAD),
    Outcome.STOPPED: ("Stopped", Tone.WARNING),
    Outcome.REJECTED: ("Rejected", Tone.WARNING),
    Outcome.FAILED: ("Failed", Tone.BAD),
}
_UNDONE = ("Promoted, and undone since", Tone.WARNING)


@dataclass(frozen=True, slots=True)
class Weight:
    """The candidate's share of the requests from this minute (since the rollout began) on."""

    minute: float
    percent: float


@dataclass(frozen=True, slots=True)
class RolloutView:
    """One rollout for a person. Minutes count from its beginning; `minutes` is how long it has lasted, and
    `from_minute` where what is shown begins, because a long history need not be read whole.

    `remarks` says, line by line, what else there is to know: who made it wait for a person, and since when; which
    rollout has undone it. `warnings` is what preflight warned of, `failures` what the logs say of the
    candidate's failures. `odds` says which decide. `least_minutes_left` is
    what the plan takes at least from here on; None once it has ended or waits for a person. `judged_minutes` are those
    of the present step. `ramp` is how near each raise of a ramp came to its proof.
    """

    rollout_id: str
    target: str
    series: str
    state: str
    state_words: str
    tone: Tone
    reason: str
    remarks: tuple[str, ...]
    warnings: tuple[str, ...]
    failures: tuple[str, ...]
    running: bool
    started_at: datetime
    ended_at: datetime | None
    seen_at: datetime
    minutes: float
    from_minute: float
    base: str
    candidate: str
    overrides: tuple[tuple[str, str], ...]
    plan: Plan
    step: int
    weight_percent: Decimal
    judged_minutes: int
    watching: bool
    watch_minutes: int
    watched_minutes: float
    least_minutes_left: float | None
    weights: tuple[Weight, ...]
    odds: str
    metrics: tuple[MetricView, ...]
    ramp: tuple[RampLook, ...]
    rows: tuple[Row, ...]
    alarms: tuple[str, ...]
    notes: tuple[str, ...]
    signals: tuple[Signal, ...]
    hints: tuple[Hint, ...]
    settings: Json

    @property
    def highest_weight(self) -> float:
        """The highest weight that the candidate has had, in percent."""
        return max((weight.percent for weight in self.weights), default=0.0)


def view_of(rollout: Rollout, history: Sequence[Json], now: datetime, undo: Undo | None = None) -> RolloutView:
    """The view of this rollout at `now`; `history` is oldest first, and its first lines may be missing.

    Every text in it is one visible line, whatever an older version has stored.
    """
    view: RolloutView = cleaned(_view_of(rollout, history, now, undo))
    return view


def _view_of(rollout: Rollout, history: Sequence[Json], now: datetime, undo: Undo | None) -> RolloutView:
    settings = rollout.settings
    words, tone = _UNDONE if undo is not None and undo.done else _STATES[rollout.state]
    until = rollout.ended_at or now
    watching = any(line["phase"] == Phase.WATCHING for line in history)
    candidate = _candidate(rollout)
    last = next((line for line in reversed(history) if "analysis" in line), None)
    return RolloutView(
        rollout_id=rollout.rollout_id,
        target=settings.target.key,
        series=_named(rollout),
        state=rollout.state,
        state_words=words,
        tone=tone,
        reason=rollout.told_reason,
        remarks=tuple(remarks_of(rollout, undo)),
        warnings=tuple(warnings_of(rollout)),
        failures=tuple(rollout.why.lines()) if rollout.why else (),
        running=rollout.phase is not Phase.ENDED,
        started_at=rollout.started_at,
        ended_at=rollout.ended_at,
        seen_at=now,
        minutes=_minutes(rollout, until),
        from_minute=0.0 if _is_whole(history) else _minutes(rollout, datetime.fromisoformat(history[0]["at"])),
        base=rollout.original.base,
        candidate=candidate,
        overrides=tuple(sorted(settings.candidate.overrides.items())),
        plan=settings.plan,
        step=max(0, rollout.step),
        weight_percent=Decimal(0) if undo is not None and undo.done else rollout.weight_percent,
        judged_minutes=rollout.evidence.bake_minutes,
        watching=watching,
        watch_minutes=settings.watch_minutes,
        watched_minutes=_watched(rollout, history, until),
        least_minutes_left=_least_minutes_left(rollout, now),
        weights=_weights(rollout, history),
        odds=deciding_odds(settings.judge),
        metrics=metric_views(rollout, history),
        ramp=ramp_looks(rollout, history),
        rows=tuple(timeline(rollout, history)),
        alarms=settings.alarms,
        notes=facts.notes(last) if last is not None and rollout.phase is not Phase.ENDED else (),
        signals=rollout.signals,
        hints=hints_for(rollout, now, undo),
        settings=settings.to_document(),
    )


def remarks_of(rollout: Rollout, undo: Undo | None = None) -> Iterator[str]:
    """What the reason does not say: why the candidate failed, who paused the rollout or which alarm held it, when it is
    rolled back if nobody answers, and which rollout has undone it.
    """
    if undo is not None:
        words = str(undo)
        yield words[0].upper() + words[1:]
    if rollout.why is not None:
        yield rollout.why.headline
    if rollout.answer_due is None:
        return
    cause = rollout.wait_cause
    if rollout.phase is Phase.PAUSED and cause is not None and cause.kind is CauseKind.COMMAND:
        yield f"Paused by {cause.source}" + (f": {cause.reason}" if cause.reason else "")
    elif cause is not None and cause.kind is CauseKind.ALARM:
        yield f"Held: {cause}"
    yield f"since {utc(rollout.phase_since)}; no answer by {utc(rollout.answer_due)} rolls it back"


def warnings_of(rollout: Rollout) -> Iterator[str]:
    """What preflight warned of, with the fixes: first what explains why the rollout is held."""
    explained = explaining(rollout) if rollout.phase is Phase.HELD else ()
    for finding in explained:
        yield f"Held, as preflight warned: {finding}"
    for finding in rollout.warnings:
        if finding not in explained:
            yield f"Preflight warned: {finding}"


def _named(rollout: Rollout) -> str:
    """The target's name for people: an API's name instead of its id."""
    names = rollout.series.base
    ids = rollout.settings.target.ids.values()
    return " / ".join([names["ApiName"], *list(ids)[1:]] if "ApiName" in names else ids)


def _is_whole(history: Sequence[Json]) -> bool:
    """Whether the history has its first line."""
    return not history or history[0]["state"] != facts.ANALYZE


def _minutes(rollout: Rollout, moment: datetime) -> float:
    return max(0.0, (moment - rollout.started_at).total_seconds() / SECONDS_PER_MINUTE)


def _candidate(rollout: Rollout) -> str:
    """The candidate's revision: named by the request, or made with the canary."""
    if rollout.settings.candidate.revision:
        return rollout.settings.candidate.revision
    seen = next((state.canary for state in reversed(rollout.expected_states) if state.canary), None)
    if seen is not None:
        return seen.revision
    return rollout.last_confirmed.base if rollout.last_confirmed.base != rollout.original.base else "not known any more"


def _weights(rollout: Rollout, history: Sequence[Json]) -> tuple[Weight, ...]:
    """Each change of the weight. A rollout begins at 0 %; one that undoes a promotion begins at 100 %."""
    undoes = bool(history) and history[0]["state"] == "Roll back" and history[0]["step"] >= 0
    found = [Weight(0.0, 100.0 if undoes else 0.0)] if _is_whole(history) else []
    for line in history:
        percent = float(line["weightPercent"])
        if not found or found[-1].percent != percent:
            found.append(Weight(_minutes(rollout, datetime.fromisoformat(line["at"])), percent))
    return tuple(found)


def _watched(rollout: Rollout, history: Sequence[Json], until: datetime) -> float:
    began = next((line["at"] for line in history if line["phase"] == Phase.WATCHING), None)
    return 0.0 if began is None else _minutes(rollout, until) - _minutes(rollout, datetime.fromisoformat(began))


def _least_minutes_left(rollout: Rollout, now: datetime) -> float | None:
    if rollout.phase not in (Phase.BAKING, Phase.WATCHING):
        return None
    settings = rollout.settings
    if rollout.phase is Phase.WATCHING:
        return max(0.0, settings.watch_minutes - (_minutes(rollout, now) - _minutes(rollout, rollout.phase_since)))
    step = max(0, rollout.step)
    present = max(0, settings.plan[step].bake_minutes - rollout.evidence.bake_minutes)
    if not rollout.evidence.step_minutes or rollout.step != rollout.evidence.step:
        since = (now - rollout.changed_at).total_seconds() / SECONDS_PER_MINUTE
        present += int(max(0.0, MINUTES_BESIDE_A_BAKE - since))
    later, measured = likely_course(settings.plan[step + 1 :])
    return present + measured + len(later) * MINUTES_BESIDE_A_BAKE + settings.watch_minutes
