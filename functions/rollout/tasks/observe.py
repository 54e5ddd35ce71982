"""Reading the new minutes into the evidence, each exactly once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rollout.core.decision import Phase
from rollout.core.indicators import bad_requests
from rollout.core.judge import (
    Evidence,
    InvalidReading,
    Judgement,
    JudgeSettings,
    MetricVerdict,
    MinuteReading,
    Plan,
    convicts,
    judge,
    observe,
)
from rollout.core.measures import RawMinute, countable, reading_of, watched_reading_of
from rollout.core.rollout import Rollout
from rollout.core.target import Json
from rollout.core.watch import judge_of
from rollout.errors import NotAllowed, Unavailable
from rollout.ports import Ports


@dataclass(frozen=True, slots=True)
class Observed:
    """The rollout with its new minutes counted, those minutes as the history keeps them, and the judgement."""

    rollout: Rollout
    minutes: list[Json]
    judgement: Judgement | None


def observe_new_minutes(ports: Ports, rollout: Rollout, now: datetime, notes: list[str]) -> Observed:
    """Count all minutes that can be counted by now, in order, up to the first after which the judge convicts.

    A source that cannot be read leaves its minutes to a later analysis; when they are overdue they count as
    unmeasured. Whatever is wrong goes to `notes`.
    """
    documents = []
    rules = _rules(rollout)
    for raw in _new_minutes(ports, rollout, now, notes):
        rollout, document = _count(rollout, raw, notes)
        documents.append(document)
        if rules and convicts(rollout.evidence, *rules):
            break
    return Observed(rollout, documents, judge(rollout.evidence, *rules) if rules else None)


def _rules(rollout: Rollout) -> tuple[JudgeSettings, Plan] | None:
    """By what the evidence is judged: the request's settings, or during the watch the frozen base; None: by nothing."""
    settings = rollout.settings
    if rollout.phase is not Phase.WATCHING:
        return settings.judge, settings.plan
    judge_of_watch = judge_of(settings.judge, rollout.ceilings)
    return (judge_of_watch, settings.plan[-1:]) if judge_of_watch else None


def _new_minutes(ports: Ports, rollout: Rollout, now: datetime, notes: list[str]) -> Iterator[RawMinute]:
    """The minutes to be counted now; those worth waiting for are left out."""
    calendar = rollout.settings.calendar
    first, last = rollout.next_minute, calendar.last_closed(now)
    if last < first:
        return iter(())
    source = ports.source(rollout.settings.target)
    readable = True
    try:
        raws = source.read(rollout.series, rollout.measures, first, last)
    except (Unavailable, NotAllowed) as error:
        notes.append(f"the metrics could not be read: {error}")
        raws = [RawMinute(minute, {}, complete=False) for minute in range(first, last + 1)]
        readable = False
    return countable(raws, calendar.last_overdue(now, readable=readable))


def _count(rollout: Rollout, raw: RawMinute, notes: list[str]) -> tuple[Rollout, Json]:
    semantics, bad_served = rollout.semantics, rollout.bad_served
    requests = next(
        (
            (counts.canary.requests, counts.stage.requests)
            for counts in raw.counts.values()
            if counts.canary is not None and counts.stage is not None
        ),
        None,
    )
    if rollout.phase is Phase.WATCHING:
        reading = watched_reading_of(raw, rollout.ceilings)
    else:
        if requests is not None and rollout.weight_percent > 0:
            semantics = semantics.observe(*requests, float(rollout.weight_percent) / 100)
        reading = reading_of(raw, rollout.step, semantics)
        bad_served += bad_requests(reading, rollout.settings.judge)
    return (
        replace(
            rollout,
            semantics=semantics,
            evidence=_observe(rollout, reading, notes),
            bad_served=bad_served,
            next_minute=raw.minute + 1,
        ),
        reading_document(reading),
    )


def _observe(rollout: Rollout, reading: MinuteReading, notes: list[str]) -> Evidence:
    rules = _rules(rollout)
    if rules is None:
        return rollout.evidence
    try:
        return observe(rollout.evidence, reading, *rules)
    except InvalidReading as error:
        notes.append(f"unmeasured: {error}")
        return observe(rollout.evidence, MinuteReading(reading.minute, reading.step, {}), *rules)


def reading_document(reading: MinuteReading) -> Json:
    """One judged minute as the history keeps it; `rollout judge` replays these."""
    return {
        "minute": reading.minute,
        "step": reading.step,
        "metrics": {
            name: {"canary": _measure(pair.canary), "base": _measure(pair.base)} for name, pair in reading.pairs.items()
        },
    }


def _measure(count: object) -> Json | None:
    return count._asdict() if isinstance(count, tuple) else None  # type: ignore[attr-defined]


def verdict_documents(verdicts: Sequence[MetricVerdict]) -> list[Json]:
    """The verdicts as events and history carry them."""
    return [
        {
            "metric": verdict.name,
            "verdict": verdict.verdict.value,
            "reason": verdict.reason,
            "logE": verdict.log_e,
            "logECapped": verdict.log_e_capped,
            "logS": verdict.log_s,
            "canary": _measure(verdict.canary),
            "base": _measure(verdict.base),
            "allowedRate": verdict.allowed_rate,
            "dryRun": verdict.dry_run,
            "required": verdict.required,
        }
        for verdict in verdicts
    ]
