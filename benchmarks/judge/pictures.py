"""Figures → pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import log, log10

import numpy as np

from benchmarks.judge.cells import Group
from benchmarks.judge.goals import allowed_minutes, median_minutes, records_of, where
from benchmarks.judge.measure import OURS, OURS_KNOWN, OURS_LEARNED, Json, share
from benchmarks.judge.ours import NAME, settings_with
from benchmarks.judge.peers import PEERS
from benchmarks.judge.svg import Picture
from benchmarks.judge.traffic import PLAN, PLANNED_MINUTES, Cell, Noise, Release, Rollouts, draw
from rollout.core.judge import Count, MinuteReading, Pair, begin, begin_step, judge, observe

RULES = (OURS, *PEERS)
LN_10 = log(10.0)
KINDS = {Noise.CALM: "a", Noise.SHARED: "b", Noise.CLUMPED: "d", Noise.BURSTY: "c"}
SHOWN = Cell(200.0, 0.001, Release.WORSE, 5.0)
"""The regression whose cost is drawn."""


def pictures(records: Sequence[Json], seed: int) -> Mapping[str, str]:
    """By file name; those that nothing was simulated for are left out."""
    drawn = {
        "judge-evidence.svg": evidence(seed),
        "judge-false-rollbacks.svg": false_rollbacks(records),
        "judge-detection.svg": detection(records),
        "judge-bad-requests.svg": bad_requests(records),
        "judge-dispersion.svg": dispersion(records),
    }
    return {name: str(picture) for name, picture in drawn.items() if picture is not None}


def evidence(seed: int) -> Picture:
    """Eight healthy and eight regressed rollouts as the judge sees them."""
    picture = Picture(760, 330, "Evidence of harm, minute by minute: 20 requests a second, 1 % errors")
    left, top, width, height = 64.0, 60.0, 560.0, 220.0
    low, high = -1.0, 3.6
    settings = settings_with()

    def at(minute: float, decades: float) -> tuple[float, float]:
        y = top + height * (high - min(high, max(low, decades))) / (high - low)
        return left + width * minute / PLANNED_MINUTES, y

    for decades, words in ((-1, "1:10"), (0, "1:1"), (1, "10:1"), (2, "100:1"), (3, "1000:1")):
        picture.line([at(0, decades), at(PLANNED_MINUTES, decades)], "limit" if decades == 2 else "grid")
        picture.text(left - 8, at(0, decades)[1] + 4, words, "strong" if decades == 2 else "", "end")
    for step, each in enumerate(PLAN):
        x, _ = at(10 * step, low)
        picture.line([(x, top), (x, top + height)], "grid")
        picture.text(x + 4, top + height + 18, f"{each.weight_percent} %")
    picture.text(left + width, top + height + 18, "40 min", "", "end")
    picture.text(left + width + 8, at(0, 2)[1] + 4, "rolled back", "strong")
    for cell, kind in ((Cell(20, 0.01), "a"), (Cell(20, 0.01, Release.WORSE, 2.5), "c")):
        rollouts = draw(cell, 8, np.random.default_rng([seed, 8]))
        for index in range(8):
            track = _evidence_of(rollouts, index)
            limit = settings.log_limit() / LN_10
            picture.line([at(minute, decades) for minute, decades in enumerate(track)], f"line {kind}")
            if track[-1] >= limit - 1e-9:
                picture.dot(*at(len(track) - 1, track[-1]), kind)
    picture.legend(left, 46, [("a", "as good as the base"), ("c", "2.5 times its errors")])
    return picture


def _evidence_of(rollouts: Rollouts, index: int) -> list[float]:
    """Decades of capped evidence after every minute, until it convicts."""
    settings = settings_with()
    planned = rollouts.planned()
    history = Count(int(planned.history_requests[index]), int(planned.history_bad[index]))
    state = begin(settings, PLAN, {NAME: history})
    track = [0.0]
    for minute in range(PLANNED_MINUTES):
        state = begin_step(state, minute // 10, settings, PLAN)
        counts = [int(each[index, minute]) for each in planned[2:]]
        pair = Pair(Count(*counts[:2]), Count(*counts[2:]))
        state = observe(state, MinuteReading(minute, state.step, {NAME: pair}), settings, PLAN)
        track.append(judge(state, settings, PLAN).log_e_capped / LN_10)
        if track[-1] >= settings.log_limit() / LN_10:
            break
    return track


def false_rollbacks(records: Sequence[Json]) -> Picture | None:
    """One dot per rule and cell."""
    healthy = records_of(records, Group.HEALTHY)
    if not healthy:
        return None
    title = "Healthy releases rolled back, one dot per cell (traffic x error rate)"
    picture, at = _rows(title, RULES, [0, 1, 5, 20, 50, 100])
    for row, rule in enumerate(RULES):
        for lane, noise in enumerate(Noise):
            for record in records_of(healthy, Group.HEALTHY, noise=(noise,)):
                value = share(record["rules"][rule])
                x, y = at(row, 100 * value)
                picture.dot(x, y + 5 * (lane - 1.5), KINDS[noise], 2.4)
    picture.legend(250, 46, [(KINDS[noise], noise.value) for noise in Noise])
    return picture


def _rows(
    title: str, rules: Sequence[str], ticks: Sequence[float]
) -> tuple[Picture, Callable[[int, float], tuple[float, float]]]:
    """A row for each rule, and the place in it of a percentage; the scale is that of its square root."""
    height = 30 * len(rules)
    picture = Picture(760, height + 104, title)
    left, top, width = 250.0, 62.0, 480.0

    def at(row: int, percentage: float) -> tuple[float, float]:
        return left + width * (percentage / ticks[-1]) ** 0.5, top + 30 * row + 15

    for tick in ticks:
        x, _ = at(0, tick)
        picture.line([(x, top), (x, top + height)], "grid")
        picture.text(x, top + height + 18, f"{tick:g} %", "", "middle")
    for row, rule in enumerate(rules):
        picture.text(left - 12, top + 30 * row + 19, rule, "strong" if rule == OURS else "", "end")
    return picture, at


def detection(records: Sequence[Json]) -> Picture | None:
    """The judge's median against the bound."""
    possible = [each for each in records_of(records, Group.REGRESSED) if each["bound"] is not None]
    if not possible:
        return None
    picture = Picture(760, 400, "Minutes to detect (median) against the bound that no method beats")
    left, top, width, height = 64.0, 60.0, 560.0, 280.0
    most = 120.0

    def at(bound: float, minutes: float) -> tuple[float, float]:
        return left + width * log10(bound) / log10(40), top + height * (1 - log10(min(most, minutes)) / log10(most))

    for tick in (1, 2, 5, 10, 20, 40, 120):
        if tick <= 40:
            picture.line([at(tick, 1), at(tick, most)], "grid")
            picture.text(at(tick, 1)[0], top + height + 18, f"{tick}", "", "middle")
        picture.line([at(1, tick), at(40, tick)], "grid")
        picture.text(left - 8, at(1, tick)[1] + 4, "never" if tick == 120 else f"{tick}", "", "end")
    minutes = [1 + 39 * each / 60 for each in range(61)]
    picture.line([at(each, each) for each in minutes], "limit")
    picture.line([at(each, 1.5 * each + 3) for each in minutes], "limit")
    picture.text(left + width + 8, at(40, 40)[1] + 4, "the bound")
    picture.text(left + width + 8, at(40, 63)[1] + 4, "1.5 x + 3 min")
    for record in possible:
        cell = record["cell"]
        kind = "c" if median_minutes(record) > allowed_minutes(record) else "a"
        words = f"{where(record)}, {cell['release']} x{cell['factor']:g}: {median_minutes(record):g} min"
        picture.dot(*at(record["bound"], median_minutes(record)), kind, 4, words)
    below = "first minute with enough information, in the plan's traffic"
    picture.text(left + width / 2, top + height + 40, below, "", "middle")
    return picture


def bad_requests(records: Sequence[Json]) -> Picture | None:
    """What a regression costs under each rule."""
    found = [each for each in records_of(records, Group.REGRESSED) if _is(each, SHOWN)]
    if not found:
        return None
    (record,) = found
    title = f"Bad requests served until the rollback (median): five times the errors, {where(record)}"
    picture = Picture(760, 30 * len(RULES) + 70, title)
    served = {rule: record["rules"][rule]["bad"][0] for rule in RULES}
    largest = max(served.values())
    for row, rule in enumerate(RULES):
        figures = record["rules"][rule]
        y = 44 + 30 * row
        picture.text(238, y + 19, rule, "strong" if rule == OURS else "", "end")
        missed = 1.0 - share(figures)
        picture.bar(250, y + 6, 340 * served[rule] / largest, 16, "a" if rule == OURS else "b")
        minutes = figures["minutes"][0]
        when = "not rolled back" if minutes is None else f"{minutes:g} min"
        words = f"{served[rule]:,.0f}, {when}" + (f", missed {missed:.0%}" if missed > 0.005 and minutes else "")
        picture.text(258 + 340 * served[rule] / largest, y + 19, words)
    return picture


def _is(record: Json, cell: Cell) -> bool:
    own = record["cell"]
    return (own["rps"], own["base_rate"], own["release"], own["factor"]) == (
        cell.rps,
        cell.base_rate,
        cell.release,
        cell.factor,
    )


def dispersion(records: Sequence[Json]) -> Picture | None:
    """False rollbacks under clumped errors: φ = 1, learned, known."""
    clumped = records_of(records, Group.HEALTHY, noise=(Noise.CLUMPED, Noise.BURSTY))
    if not clumped:
        return None
    rules = {OURS: "φ = 1", OURS_LEARNED: "φ learned from one rollout", OURS_KNOWN: "φ as it is"}
    title = "Errors in clumps of three: healthy releases rolled back, one dot per cell"
    picture, at = _rows(title, list(rules.values()), [0, 0.2, 1, 2, 4, 8, 12])
    for row, rule in enumerate(rules):
        for record in clumped:
            value = share(record["rules"][rule])
            x, y = at(row, 100 * value)
            bursty = record["cell"]["noise"] == Noise.BURSTY
            picture.dot(x, y + (5 if bursty else -5), KINDS[Noise(record["cell"]["noise"])], 3.5, where(record))
    picture.legend(250, 46, [(KINDS[noise], noise.value) for noise in (Noise.CLUMPED, Noise.BURSTY)])
    return picture
