"""Reading the new minutes into the evidence, each exactly once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rollout.core.controller_metrics import bad_requests
from rollout.core.decision import Phase
from rollout.core.judge import (
    Evidence,
    InvalidReading,
    Judgement,
    JudgeSettings,
    MetricVerdict,
    MinuteReading,
    Plan,
    conclude,
    is_harmful,
    judge,
    observe,
)
from rollout.core.measures import RawMinute, Series, countable, reading_of, watched_reading_of
from rollout.core.minutes import start_of
from rollout.core.rollout import Rollout
from rollout.core.sources import semantics_of
from rollout.core.target import Json
from rollout.core.watch import judge_of
from rollout.errors import NotAllowed, Unavailable
from rollout.ports import Ports


@dataclass(frozen=True, slots=True)
class Observed:
    """The rollout with its new minutes counted, those minutes as the history keeps them, and the judgement.

    settled: in words, what was found out about the metrics themselves.
    """

    rollout: Rollout
    minutes: list[Json]
    judgement: Judgement | None
    settled: Sequence[str] = ()


def observe_new_minutes(ports: Ports, rollout: Rollout, now: datetime, notes: list[str]) -> Observed:
    """Count all minutes that can be counted by now, in order, up to the first after which the judge convicts.

    A source that cannot be read leaves its minutes to a later analysis; when they are overdue they count as
    unmeasured. Whatever is wrong goes to `notes`.
    """
    documents = []
    settled: list[str] = []
    rules = _rules(rollout)
    rollout, minutes = _new_minutes(ports, rollout, now, notes, settled)
    for raw in minutes:
        rollout, document = _count(rollout, raw, notes, settled)
        documents.append(document)
        if rules and is_harmful(rollout.evidence, *rules):
            break
    if rules is None:
        return Observed(rollout, documents, None, settled)
    if rollout.phase is not Phase.BAKING:
        return Observed(rollout, documents, judge(rollout.evidence, *rules), settled)
    evidence, judgement = conclude(rollout.evidence, *rules)
    return Observed(replace(rollout, evidence=evidence), documents, judgement, settled)


def _rules(rollout: Rollout) -> tuple[JudgeSettings, Plan] | None:
    """By what the evidence is judged: the request's settings, or during the watch the frozen base; None: by nothing."""
    settings = rollout.settings
    if rollout.phase is not Phase.WATCHING:
        return settings.judge, settings.plan
    judge_of_watch = judge_of(settings.judge, rollout.watch_limits)
    return (judge_of_watch, settings.plan[-1:]) if judge_of_watch else None


def _new_minutes(
    ports: Ports, rollout: Rollout, now: datetime, notes: list[str], settled: list[str]
) -> tuple[Rollout, Iterator[RawMinute]]:
    """The minutes to be counted now, without those worth waiting for; and the rollout with the series they are of."""
    calendar = rollout.settings.calendar
    first, last = rollout.next_minute, calendar.last_closed(now)
    if last < first:
        return rollout, iter(())
    readable = True
    try:
        raws = _read(ports, rollout, rollout.series, first, last)
        if rollout.stand_in is not None and rollout.phase is not Phase.WATCHING:
            rollout, raws = _choose_source(ports, rollout, raws, calendar.last_overdue(now), settled)
    except (Unavailable, NotAllowed) as error:
        notes.append(f"the metrics could not be read: {error}")
        raws = [RawMinute(minute, {}, complete=False) for minute in range(first, last + 1)]
        readable = False
    return rollout, countable(raws, calendar.last_overdue(now, readable=readable))


def _read(ports: Ports, rollout: Rollout, series: Series, first: int, last: int) -> Sequence[RawMinute]:
    return ports.source(rollout.settings.target, series).read(series, rollout.measures, first, last)


def _choose_source(
    ports: Ports, rollout: Rollout, raws: Sequence[RawMinute], last_overdue: int, settled: list[str]
) -> tuple[Rollout, Sequence[RawMinute]]:
    """Find out, once, whether the canary has a series of its own; if not, go on with the one that stands in.

    It has none when a minute that can be waited for no longer is without it, while the access log has requests of the
    canary in that very minute. Nothing has been counted without it by then, and no minute is lost.
    """
    stand_in = rollout.stand_in
    if stand_in is None:
        return rollout, raws
    if any(raw.has_canary for raw in raws):
        settled.append("the canary has a CloudWatch series of its own, which it is measured by")
        return replace(rollout, stand_in=None), raws
    if raws[0].minute > last_overdue:
        return rollout, raws
    others = _read(ports, rollout, stand_in, raws[0].minute, raws[-1].minute)
    if not any(raw.has_canary for raw in others if raw.minute <= last_overdue):
        return rollout, raws
    settled.append(
        "CloudWatch has no series of the canary, whose requests are in the access log: measured by the access log from "
        f"{start_of(raws[0].minute):%H:%M} UTC on"
    )
    return replace(rollout, series=stand_in, stand_in=None, semantics=semantics_of(stand_in)), others


def _count(rollout: Rollout, raw: RawMinute, notes: list[str], settled: list[str]) -> tuple[Rollout, Json]:
    semantics, bad_served = rollout.semantics, rollout.bad_served
    if rollout.phase is Phase.WATCHING:
        reading = watched_reading_of(raw, rollout.watch_limits)
    else:
        if (requests := raw.requests) is not None and rollout.weight_percent > 0:
            semantics = semantics.observe(*requests, float(rollout.weight_percent) / 100)
            if semantics.decided and not rollout.semantics.decided:
                settled.append(semantics.in_words)
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
        return observe(rollout.evidence, MinuteReading(reading.minute, reading.step, {}, readable=False), *rules)


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
