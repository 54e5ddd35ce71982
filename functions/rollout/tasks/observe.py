"""Reading the new minutes into the evidence, each exactly once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from rollout.core.cold import asked_in, comparable, each_comparable
from rollout.core.controller_metrics import bad_requests
from rollout.core.decision import Phase
from rollout.core.early import MOST_MINUTES, believed, grown_by, numbers_of, of_errors, reading_of_numbers
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
    observe_grown,
    observe_late,
    would_convict,
)
from rollout.core.judge.settings import split_route
from rollout.core.measures import Measure, RawMinute, Series, countable, reading_of, watched_reading_of
from rollout.core.minutes import MOST_LAG_MINUTES, minute_of, minutes_more, start_of
from rollout.core.rollout import Rollout
from rollout.core.sources import semantics_of
from rollout.core.target import Json
from rollout.core.watch import judge_of
from rollout.errors import NotAllowed, Unavailable
from rollout.ports import Ports

COUNTED_AGAIN = 3
"""So many of the newest minutes are read again after they were counted; more where invocations may take longer."""
MOST_COUNTED_AGAIN = 45
MINUTES_READ_AGAIN = 1_440
"""What was missing is read again for so long."""


@dataclass(frozen=True, slots=True)
class Observed:
    """The rollout with its new minutes counted, those minutes as the history keeps them, and the judgement.

    settled: in words, what was found out about the metrics themselves. late: minutes that were missing at their time
    and are counted now. unread: how many of the newest closed minutes could not be counted yet. provisional: the
    judgement is of minutes that are not closed yet.
    """

    rollout: Rollout
    minutes: list[Json]
    judgement: Judgement | None
    settled: Sequence[str] = ()
    late: Sequence[Json] = ()
    unread: int = 0
    provisional: bool = False


def observe_new_minutes(ports: Ports, rollout: Rollout, now: datetime, notes: list[str]) -> Observed:
    """Count what has come late, and all minutes that can be counted by now, in order, up to the first after which the
    judge convicts; and look at those that are not closed yet.

    A source that cannot be read leaves its minutes to a later analysis; when they are overdue they count as
    unmeasured. Whatever is wrong goes to `notes`.
    """
    documents = []
    settled: list[str] = []
    rules = judged_by(rollout)
    rollout, read = _read_all(ports, rollout, now, notes, settled)
    rollout = _follow_longest(rollout, [*read.closed, *read.late, *read.early, *read.again], settled)
    rollout, late = _count_late(rollout, read.late, now, settled)
    rollout, grown = _count_grown(rollout, read.again, settled)
    for raw in countable(read.closed, read.overdue):
        rollout, document = _count(rollout, raw, notes, settled)
        documents.append(document)
        if rules and is_harmful(rollout.evidence, *rules):
            break
    if rules is None:
        return Observed(rollout, documents, None, settled)
    unread = _unreadable(rollout, [raw for raw in read.closed if raw.minute >= rollout.next_minute])
    rollout, early = _look_early(rollout, read.early)
    if early is not None and not is_harmful(rollout.evidence, *rules):
        return Observed(rollout, documents, early, settled, (*late, *grown), unread, provisional=True)
    if rollout.phase is not Phase.BAKING:
        return Observed(rollout, documents, judge(rollout.evidence, *rules), settled, (*late, *grown), unread)
    evidence, judgement = conclude(rollout.evidence, *rules)
    return Observed(replace(rollout, evidence=evidence), documents, judgement, settled, (*late, *grown), unread)


def judged_by(rollout: Rollout) -> tuple[JudgeSettings, Plan] | None:
    """By what the evidence is judged: the request's settings, or during the watch the frozen base; None: by nothing."""
    settings = rollout.settings
    if rollout.phase is not Phase.WATCHING:
        return settings.judge, settings.plan
    judge_of_watch = judge_of(settings.judge, rollout.watch_limits)
    return (judge_of_watch, settings.plan[-1:]) if judge_of_watch else None


@dataclass(frozen=True, slots=True)
class _Read:
    """The closed minutes, in order; those that were missing and are read again; those that are not closed yet; and
    those that were counted already.

    overdue: the last of the closed ones that is waited for no longer.
    """

    closed: Sequence[RawMinute] = ()
    overdue: int = 0
    late: Sequence[RawMinute] = ()
    early: Sequence[RawMinute] = ()
    again: Sequence[RawMinute] = ()


def _read_all(
    ports: Ports, rollout: Rollout, now: datetime, notes: list[str], settled: list[str]
) -> tuple[Rollout, _Read]:
    """All minutes of interest in one reading, and the rollout with the series they are of."""
    calendar = rollout.calendar
    first, last = rollout.next_minute, calendar.last_closed(now)
    watching = rollout.phase is Phase.WATCHING
    missed = [] if watching else _read_again(rollout, last)
    early = range(0) if watching or not rollout.weight_percent else _early_minutes(rollout, last, now)
    again = [] if watching else [*rollout.counted]
    wanted = [*missed, *early, *again, *range(first, last + 1)]
    if not wanted:
        return rollout, _Read()
    try:
        raws = _read(ports, rollout, rollout.series, min(wanted), max(wanted))
        series = rollout.series
        closed: Sequence[RawMinute] = [raw for raw in raws if first <= raw.minute <= last]
        if rollout.stand_in is not None and not watching and closed:
            rollout, closed = _choose_source(ports, rollout, closed, calendar.last_overdue(now), settled)
    except (Unavailable, NotAllowed) as error:
        notes.append(f"the metrics could not be read: {error}")
        unreadable = [RawMinute(minute, {}, complete=False) for minute in range(first, last + 1)]
        return rollout, _Read(unreadable, calendar.last_overdue(now, readable=False))
    others = [] if rollout.series is not series else [raw for raw in raws if raw.complete]
    return rollout, _Read(
        closed,
        calendar.last_overdue(now),
        [raw for raw in others if raw.minute in missed],
        [raw for raw in others if raw.minute in early],
        [raw for raw in others if raw.minute in again],
    )


def _unreadable(rollout: Rollout, waiting: Sequence[RawMinute]) -> int:
    """How many of the newest closed minutes, not counted yet, a required metric has no data of as it looks now."""
    evidence, settings = rollout.evidence, rollout.settings
    if rollout.phase is Phase.WATCHING or rollout.step != evidence.step:
        return 0
    with suppress(InvalidReading):
        for raw in waiting:
            reading = reading_of(raw, rollout.step, rollout.semantics)
            known = reading if raw.complete else reading._replace(pairs={})
            evidence = observe(evidence, known, settings.judge, settings.plan)
    return max(evidence.metrics[metric.name].missing for metric in settings.judge.metrics if metric.gates)


def _read_again(rollout: Rollout, last: int) -> list[int]:
    """The minutes that were missing, or came too late for a raise, and may be there by now."""
    return [minute for minute in rollout.evidence.missed_minutes() if last - MINUTES_READ_AGAIN < minute <= last]


def _early_minutes(rollout: Rollout, last_closed: int, now: datetime) -> range:
    """The newest minutes that are not closed yet; at the start of a step also that of the change."""
    first = max(rollout.next_minute, last_closed + 1)
    if not rollout.evidence.step_minutes and first == rollout.next_minute:
        first = min(first, minute_of(rollout.changed_at))
    last = rollout.calendar.last_early(now)
    return range(max(first, last - MOST_MINUTES + 1), last + 1)


def _look_early(rollout: Rollout, raws: Sequence[RawMinute]) -> tuple[Rollout, Judgement | None]:
    """What minutes that are not closed yet say, where two readings say the same; nothing of it is kept as evidence."""
    settings, step = rollout.settings, rollout.step
    if rollout.phase is Phase.WATCHING or step < 0 or step != rollout.evidence.step:
        return rollout, None
    plan = settings.plan
    before = rollout.weight_before
    readings = []
    for raw in raws:
        reading = reading_of(raw.without_routes(), step, rollout.semantics)
        if raw.minute < rollout.next_minute:  # the weight was changed in it
            weights = min(before, plan[step].weight), plan[step].weight
            reading = of_errors(reading, settings.judge)._replace(weights=weights)
        readings.append(reading)
    readings = list(each_comparable(readings, settings.judge, rollout.last_asked))
    seen = {reading.minute: numbers_of(reading) for reading in readings}
    judgement = None
    with suppress(InvalidReading):
        judgement = would_convict(rollout.evidence, believed(readings, rollout.early), settings.judge, plan)
    return replace(rollout, early={minute: numbers for minute, numbers in seen.items() if numbers}), judgement


def _count_late(
    rollout: Rollout, raws: Sequence[RawMinute], now: datetime, settled: list[str]
) -> tuple[Rollout, Sequence[Json]]:
    """Count what was missing at its time and is there now; and wait longer from now on, if points come so late."""
    evidence, judged = rollout.evidence, rollout.settings.judge
    steps = {raw.minute: evidence.step_of(raw.minute) for raw in raws}
    readings = [reading_of(raw, step, rollout.semantics) for raw in raws if (step := steps[raw.minute]) is not None]
    if not readings:
        return rollout, ()
    readings = list(each_comparable(readings, judged, {}))
    try:
        after = observe_late(evidence, readings, judged, rollout.settings.plan)
    except InvalidReading:
        return rollout, ()
    came = set(evidence.missed_minutes()) - set(after.missed_minutes())
    if not came:
        return rollout, ()
    counted = [reading for reading in readings if reading.minute in came]
    for reading in counted:
        rollout = _charged(rollout, reading)
    rollout = replace(rollout, evidence=after)
    # Of a step that has ended some minutes were left unread by the raise: they say nothing of how late points come.
    minutes_late = [minute_of(now) - 1 - minute for minute in came if steps[minute] == rollout.step]
    found = min(minutes_late, default=0)
    if found > rollout.calendar.lag_minutes:
        lag = rollout.settings.calendar.lag_minutes
        settled.append(f"the points come {found} minutes late; lagMinutes is {lag}")
        rollout = replace(rollout, lag_minutes=min(MOST_LAG_MINUTES, found))
    return rollout, [reading_document(reading) for reading in counted]


def _follow_longest(rollout: Rollout, raws: Sequence[RawMinute], settled: list[str]) -> Rollout:
    """Wait longer from now on where an invocation was found to take longer than the lag allows for."""
    longest = max((raw.longest_ms for raw in raws), default=0.0) / 1000
    lag = min(MOST_LAG_MINUTES, rollout.settings.calendar.lag_minutes + minutes_more(longest))
    if lag <= rollout.calendar.lag_minutes:
        return rollout
    settled.append(
        f"an invocation took {longest / 60:.1f} min; minutes are judged {lag} min after their end from now on"
    )
    return replace(rollout, lag_minutes=lag)


def _count_grown(rollout: Rollout, raws: Sequence[RawMinute], settled: list[str]) -> tuple[Rollout, Sequence[Json]]:
    """Weigh anew the minutes whose numbers have grown since they were counted: by invocations that took long."""
    evidence, judged = rollout.evidence, rollout.settings.judge
    grown, counted = [], dict(rollout.counted)
    for raw in raws:
        step = evidence.step_of(raw.minute)
        if step is None:
            continue
        before = reading_of_numbers(counted[raw.minute], raw.minute, step)
        now = reading_of(raw.without_routes(), step, rollout.semantics)
        # A read that shows less for a moment is no news: else it would be counted again when it shows all.
        came = grown_by(before, now).pairs
        now = now._replace(
            pairs={name: now.pairs[name] if name in came else pair for name, pair in before.pairs.items()}
        )
        if (numbers := numbers_of(now)) != numbers_of(before):
            grown.append((before, now))
            counted[raw.minute] = numbers
    if not grown:
        return rollout, ()
    try:
        after = observe_grown(evidence, grown, judged, rollout.settings.plan)
    except InvalidReading:
        return rollout, ()
    served = rollout.bad_served
    for before, now in grown:
        rollout = _charged(rollout, grown_by(before, now))
    if (more := rollout.bad_served - served) > 0:
        settled.append(f"{more} errors more have come to minutes that were counted already")
    rollout = replace(rollout, evidence=after, counted=counted)
    return rollout, [reading_document(now) for _, now in grown]


def _remembering(rollout: Rollout, known: Mapping[int, str], reading: MinuteReading) -> Mapping[int, str]:
    """What the newest minutes were counted with, with this one."""
    keep = min(MOST_COUNTED_AGAIN, max(COUNTED_AGAIN, rollout.timeout_minutes + rollout.calendar.lag_minutes))
    pairs = {name: pair for name, pair in reading.pairs.items() if not split_route(name)[1]}
    numbers = numbers_of(reading._replace(pairs=pairs))
    counted = {minute: seen for minute, seen in known.items() if minute > reading.minute - keep}
    return {**counted, reading.minute: numbers} if numbers else counted


def _read(ports: Ports, rollout: Rollout, series: Series, first: int, last: int) -> Sequence[RawMinute]:
    of_routes = () if rollout.phase is Phase.WATCHING else rollout.settings.judge.judged
    measures = [*rollout.measures, *(Measure(metric.name) for metric in of_routes if metric.parent)]
    return ports.source(rollout.settings.target, series).read(series, measures, first, last)


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
    semantics, last_asked, counted = rollout.semantics, rollout.last_asked, rollout.counted
    if rollout.phase is Phase.WATCHING:
        reading = watched_reading_of(raw, rollout.watch_limits)
    else:
        if (requests := raw.requests) is not None and rollout.weight_percent > 0:
            semantics = semantics.observe(*requests, float(rollout.weight_percent) / 100)
            if semantics.decided and not rollout.semantics.decided:
                settled.append(semantics.in_words)
        reading = reading_of(raw, rollout.step, semantics)
        if semantics.inclusive != rollout.semantics.inclusive:
            counted = {}  # they were counted otherwise
        rollout = _charged(rollout, reading)
        last_asked = asked_in(reading, last_asked)
        reading = comparable(reading, rollout.settings.judge, rollout.last_asked)
        counted = _remembering(rollout, counted, reading)
    return (
        replace(
            rollout,
            semantics=semantics,
            evidence=_observe(rollout, reading, notes),
            last_asked=last_asked,
            next_minute=raw.minute + 1,
            counted=counted,
        ),
        reading_document(reading),
    )


def _charged(rollout: Rollout, reading: MinuteReading) -> Rollout:
    """The rollout with what this minute has cost, which is not in the evidence yet."""
    judge = rollout.settings.judge
    return replace(
        rollout,
        bad_served=rollout.bad_served + bad_requests(reading, judge),
        excess=rollout.excess.plus(reading, rollout.evidence, judge),
    )


def _observe(rollout: Rollout, reading: MinuteReading, notes: list[str]) -> Evidence:
    rules = judged_by(rollout)
    if rules is None:
        return rollout.evidence
    try:
        return observe(rollout.evidence, reading, *rules)
    except InvalidReading as error:
        notes.append(f"unmeasured: {error}")
        return observe(rollout.evidence, MinuteReading(reading.minute, reading.step, {}, readable=False), *rules)


def reading_document(reading: MinuteReading) -> Json:
    """One judged minute as the history keeps it; `rollout judge` replays these. Those of routes would be too many."""
    return {
        "minute": reading.minute,
        "step": reading.step,
        "metrics": {
            name: {"canary": _measure(pair.canary), "base": _measure(pair.base)}
            for name, pair in reading.pairs.items()
            if not split_route(name)[1]
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
            "effect": None if verdict.effect is None else verdict.effect._asdict(),
            "dryRun": verdict.dry_run,
            "required": verdict.required,
            **({"fastLane": True} if verdict.by_fast_lane else {}),
        }
        for verdict in verdicts
    ]
