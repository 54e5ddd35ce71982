"""What the judge must reach, and whether it did."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import exp, inf, log
from typing import NamedTuple

from benchmarks.judge.cells import BUSY, Group
from benchmarks.judge.measure import FIRST_EDITION, OURS, OURS_LEARNED, Json, share
from benchmarks.judge.traffic import PLANNED_MINUTES, WEIGHTS, Noise, Release
from rollout.core.judge.settings import BALANCED

ALPHA = 0.01
MOST_FALSE, MOST_FALSE_CLUMPED, MOST_FALSE_CHANGING, MOST_FALSE_WARM = 0.002, 0.01, 0.005, 0.01
MOST_BAD_TO_FIRST = 0.85
LEAST_QUIET_PROMOTED, LEAST_QUIET_FOUND = 0.90, 0.70
ENOUGH_BAD_PER_MINUTE = 20


class Goal(NamedTuple):
    """One goal: what was asked, what was found, in how many rollouts, and whether it is reached."""

    asked: str
    found: str
    rollouts: int
    reached: bool


def goals(records: Sequence[Json]) -> list[Goal]:
    """Those of the cells; a goal whose cells were not simulated is left out."""
    makers = (_edge, _healthy, _clumped, _bursty, _changing, _fewer_bad, _soon, _all_fail, _late, _on_time)
    found = [make(records) for make in makers]
    return [goal for goal in found if goal is not None]


def records_of(
    records: Iterable[Json], group: Group, *, noise: Iterable[Noise] = tuple(Noise), release: Release | None = None
) -> list[Json]:
    """Those of a group, under one of these noises."""
    return [
        each
        for each in records
        if each["group"] == group and each["cell"]["noise"] in set(noise) and release in {None, each["cell"]["release"]}
    ]


def where(record: Json) -> str:
    """A cell in words: 20 rps, 1 %."""
    cell = record["cell"]
    return f"{cell['rps']:g} rps, {100 * cell['base_rate']:g} %"


def percent(value: float) -> str:
    """A share, to the hundredth of a percent where it is near none or all."""
    if value in {0.0, 1.0}:
        return f"{100 * value:.0f} %"
    return f"{100 * value:.0f} %" if 0.0995 <= value < 0.995 else f"{100 * value:.2f} %"


def _worst_of(records: Sequence[Json], rule: str = OURS) -> tuple[float, Json]:
    worst = max(records, key=lambda each: share(each["rules"][rule]))
    return share(worst["rules"][rule]), worst


def _total(records: Sequence[Json], rule: str = OURS) -> int:
    return sum(each["rules"][rule]["rollouts"] for each in records)


def _false(records: Sequence[Json], asked: str, limit: float, rule: str = OURS) -> Goal | None:
    if not records:
        return None
    worst, at = _worst_of(records, rule)
    cells = len(records)
    mean = sum(share(each["rules"][rule]) for each in records) / cells
    found = f"worst of {cells} cells {percent(worst)} ({at['cell']['noise']}, {where(at)}), mean {percent(mean)}"
    return Goal(asked, found, _total(records, rule), worst <= limit)


def _edge(records: Sequence[Json]) -> Goal | None:
    asked = f"1. Exactly on the tolerance: false rollbacks at most α = {percent(ALPHA)}"
    return _false(records_of(records, Group.EDGE), asked, ALPHA)


def _healthy(records: Sequence[Json]) -> Goal | None:
    healthy = records_of(records, Group.HEALTHY, noise=(Noise.CALM, Noise.SHARED))
    return _false(healthy, f"1. Healthy, calm or shared noise: at most {percent(MOST_FALSE)} in every cell", MOST_FALSE)


def _clumped(records: Sequence[Json]) -> Goal | None:
    clumped = records_of(records, Group.HEALTHY, noise=(Noise.CLUMPED,))
    asked = f"1. Healthy, errors in clumps of 3: at most {percent(MOST_FALSE_CLUMPED)} in every cell"
    return _beside(clumped, _false(clumped, asked, MOST_FALSE_CLUMPED))


def _bursty(records: Sequence[Json]) -> Goal | None:
    bursty = records_of(records, Group.HEALTHY, noise=(Noise.BURSTY,))
    asked = f"1. The same with a long tail of clumps: at most {percent(MOST_FALSE_CLUMPED)} in every cell"
    return _beside(bursty, _false(bursty, asked, MOST_FALSE_CLUMPED))


def _beside(records: Sequence[Json], goal: Goal | None) -> Goal | None:
    """The goal, with the first edition's worst cell beside it and what a learned φ makes of ours."""
    if goal is None:
        return None
    first, _ = _worst_of(records, FIRST_EDITION)
    learned, _ = _worst_of(records, OURS_LEARNED)
    found = f"{goal.found}; φ learned from one rollout: worst {percent(learned)}; first edition: worst {percent(first)}"
    return goal._replace(found=found)


def _changing(records: Sequence[Json]) -> Goal | None:
    changing = records_of(records, Group.HEALTHY, noise=(Noise.DIURNAL, Noise.CRON))
    asked = f"1. Traffic and errors that change inside blocks (diurnal, cron): at most {percent(MOST_FALSE_CHANGING)}"
    return _false(changing, asked, MOST_FALSE_CHANGING)


def _fewer_bad(records: Sequence[Json]) -> Goal | None:
    """Over the regressions that are beyond the tolerance: the mean bad requests, ours to the first edition's."""
    clear = [each for each in records_of(records, Group.REGRESSED) if _times_tolerated(each) > 1.0]
    if not clear:
        return None
    judged, everything = (_mean_ratio(clear, figure) for figure in ("meanJudgedBad", "meanBad"))
    by_size = [f"{what} {_mean_ratio(of, 'meanJudgedBad'):.2f}" for what, of in _by_regression(clear)]
    found = (
        f"{judged:.2f} in the judged minutes ({', '.join(by_size)}); {everything:.2f} of all, with the settling and "
        f"the lag that no judge can shorten; {len(clear)} cells"
    )
    asked = f"1. Bad requests of a regressed canary: at most {MOST_BAD_TO_FIRST:g} x the first edition's, in the mean"
    return Goal(asked, found, _total(clear), judged <= MOST_BAD_TO_FIRST)


def _by_regression(records: Sequence[Json]) -> list[tuple[str, list[Json]]]:
    kinds = dict.fromkeys(_what(each) for each in records)
    return [(kind, [each for each in records if _what(each) == kind]) for kind in kinds]


def _mean_ratio(records: Sequence[Json], figure: str) -> float:
    """The geometric mean over the cells of the mean of this figure, ours to the first edition's."""
    pairs = [(each["rules"][OURS][figure], each["rules"][FIRST_EDITION][figure]) for each in records]
    return exp(sum(log((ours + 0.5) / (first + 0.5)) for ours, first in pairs) / len(pairs))


def situation_goals(results: Sequence[Json]) -> list[Goal]:
    """The goals of the situations with a shape of their own."""
    warm = [each for each in results if each["kind"] == "warm-up"]
    counted = [each for each in results if each["kind"] == "warm-up counted"]
    quiet = {each["name"]: each for each in results if each["kind"] == "quiet"}
    found = []
    if warm:
        words = ", ".join(f"{each['name']}: {percent(share(each))}" for each in warm)
        without = ", ".join(percent(share(each)) for each in counted)
        worst = max(share(each) for each in warm)
        asked = f"2. A release that warms up: at most {percent(MOST_FALSE_WARM)} rolled back"
        total = sum(each["rollouts"] for each in warm)
        found.append(Goal(asked, f"{words} (were those minutes counted: {without})", total, worst <= MOST_FALSE_WARM))
    if quiet:
        good, bad = quiet["healthy"], quiet["ten times worse"]
        words = f"{percent(share(good, 'promoted'))} promoted; ten times worse: {percent(share(bad))} found"
        asked = "3. 0.02 requests a second, 4 x 1 day: healthy promoted ≥ 90 %, ten times 0.1 % found ≥ 70 %"
        reached = share(good, "promoted") >= LEAST_QUIET_PROMOTED and share(bad) >= LEAST_QUIET_FOUND
        found.append(Goal(asked, words, good["rollouts"] + bad["rollouts"], reached))
    return found


def _soon(records: Sequence[Json]) -> Goal | None:
    """Where the bound allows for it within the plan."""
    possible = [each for each in records_of(records, Group.REGRESSED) if allowed_minutes(each) <= PLANNED_MINUTES]
    if not possible:
        return None
    late = [each for each in possible if median_minutes(each) > allowed_minutes(each)]
    ratios = sorted(median_minutes(each) / each["bound"] for each in possible if each["bound"] >= 2)
    middle = f"{ratios[len(ratios) // 2]:.2f}" if ratios else "–"
    found = (
        f"{len(possible) - len(late)} of {len(possible)} cells where that is within the plan; "
        f"median / bound: {middle} in the middle cell with a bound of 2 min or more"
    )
    if late:
        found += "; not: " + "; ".join(
            f"{where(each)}, {_what(each)} {median_minutes(each):g} min (bound {each['bound']:g})" for each in late
        )
    return Goal(
        "Edition 1, 3. Median time to detect at most 1.5 x the bound + 3 min", found, _total(possible), not late
    )


def _what(record: Json) -> str:
    cell = record["cell"]
    return "all fail" if cell["release"] == Release.ALL_FAIL else f"x{cell['factor']:g}"


def median_minutes(record: Json, rule: str = OURS) -> float:
    """To the rollback; infinite if most were never rolled back."""
    median = record["rules"][rule]["minutes"][0]
    return inf if median is None else float(median)


def allowed_minutes(record: Json) -> float:
    """1.5 x the bound + 3."""
    return inf if record["bound"] is None else 1.5 * record["bound"] + 3.0


def _all_fail(records: Sequence[Json]) -> Goal | None:
    failing = records_of(records, Group.REGRESSED, release=Release.ALL_FAIL)
    if not failing:
        return None
    many = [each for each in failing if _canary_per_minute(each) >= ENOUGH_BAD_PER_MINUTE]
    few = [each for each in failing if each not in many]
    words = [_slowest(of, what) for of, what in ((many, "20 or more"), (few, "fewer")) if of]
    reached = all(_within(each, 1) for each in many) and all(_within(each, 3) for each in few)
    asked = "Edition 1, 4. Everything fails: detected within 1 min at 20 or more bad requests a minute, else within 3"
    return Goal(asked, "; ".join(words), _total(failing), reached)


def _slowest(records: Sequence[Json], what: str) -> str:
    medians = max(median_minutes(each) for each in records)
    p95s = max(each["rules"][OURS]["minutes"][1] or inf for each in records)
    return f"{what}: slowest cell median {medians:g}, p95 {p95s:g} min"


def _within(record: Json, minutes: int) -> bool:
    p95 = record["rules"][OURS]["minutes"][1]
    return p95 is not None and p95 <= minutes


def _canary_per_minute(record: Json) -> float:
    return 60.0 * float(record["cell"]["rps"]) * float(WEIGHTS[0])


def _late(records: Sequence[Json]) -> Goal | None:
    """Of regressions that are at least twice what is tolerated; what is said of the others is said apart."""
    late = records_of(records, Group.LATE)
    clear = [each for each in late if _times_tolerated(each) >= 2.0]
    if not clear:
        return None
    missed, total = _missed(clear), _total(clear)
    slowest = max(each["rules"][OURS]["minutes"][1] or inf for each in clear)
    found = f"{total - missed:,} of {total:,}; p95 of the slowest cell at minute {slowest:g} of {PLANNED_MINUTES}"
    faint = [each for each in late if each not in clear]
    if faint:
        times = max(_times_tolerated(each) for each in faint)
        found += f" (of those {times:.1f} times what is tolerated: {percent(1.0 - _missed(faint) / _total(faint))})"
    asked = f"Edition 1, 5. A late start, a leak, or only at ≥ 25 %, at {BUSY:,.0f} rps, twice what is tolerated: found"
    return Goal(asked, found, total, not missed)


def _missed(records: Sequence[Json]) -> int:
    return sum(each["rules"][OURS]["rollouts"] - each["rules"][OURS]["rolledBack"] for each in records)


def _times_tolerated(record: Json) -> float:
    cell = record["cell"]
    return float(cell["factor"] * cell["base_rate"] / BALANCED.of(cell["base_rate"]))


def _on_time(records: Sequence[Json]) -> Goal | None:
    busy = [
        each
        for each in records_of(records, Group.HEALTHY, noise=(Noise.CALM, Noise.SHARED))
        if each["cell"]["rps"] >= 20
    ]
    if not busy:
        return None
    late: Callable[[Json], float] = lambda each: 1.0 - share(each["rules"][OURS], "onTime")  # noqa: E731
    worst = max(busy, key=late)
    found = (
        f"{percent(sum(1.0 - late(each) for each in busy) / len(busy))} promoted after exactly {PLANNED_MINUTES} min; "
        f"worst cell {percent(1.0 - late(worst))} ({worst['cell']['noise']}, {where(worst)})"
    )
    median = all((each["rules"][OURS]["promotedIn"] or [inf, inf])[1] <= PLANNED_MINUTES for each in busy)
    return Goal("Edition 1, 6. Healthy at ≥ 20 rps: promoted in the planned time", found, _total(busy), median)
