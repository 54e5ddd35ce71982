"""What the judge must reach, and whether it did."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import inf
from typing import NamedTuple

from benchmarks.judge.cells import BUSY, Group
from benchmarks.judge.measure import OURS, OURS_KNOWN, OURS_LEARNED, Json, share
from benchmarks.judge.traffic import PLANNED_MINUTES, WEIGHTS, Noise, Release
from rollout.core.judge.settings import BALANCED

ALPHA = 0.01
MOST_FALSE, MOST_FALSE_CLUMPED, MOST_FALSE_KNOWN = 0.002, 0.06, 0.005
ENOUGH_BAD_PER_MINUTE = 20


class Goal(NamedTuple):
    """One goal: what was asked, what was found, in how many rollouts, and whether it is reached."""

    asked: str
    found: str
    rollouts: int
    reached: bool


def goals(records: Sequence[Json]) -> list[Goal]:
    """All six; those whose cells were not simulated are left out."""
    found = [make(records) for make in (_edge, _healthy, _clumped, _bursty, _known, _soon, _all_fail, _late, _on_time)]
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
    return _false(
        records_of(records, Group.EDGE),
        f"1. Exactly on the tolerance: false rollbacks at most α = {percent(ALPHA)}",
        ALPHA,
    )


def _healthy(records: Sequence[Json]) -> Goal | None:
    return _false(
        records_of(records, Group.HEALTHY, noise=(Noise.CALM, Noise.SHARED)),
        f"2. Healthy, calm or shared noise: at most {percent(MOST_FALSE)} in every cell",
        MOST_FALSE,
    )


def _clumped(records: Sequence[Json]) -> Goal | None:
    return _false(
        records_of(records, Group.HEALTHY, noise=(Noise.CLUMPED,)),
        f"2. Healthy, errors in clumps of 3, φ = 1: at most {percent(MOST_FALSE_CLUMPED)}",
        MOST_FALSE_CLUMPED,
    )


def _bursty(records: Sequence[Json]) -> Goal | None:
    return _false(
        records_of(records, Group.HEALTHY, noise=(Noise.BURSTY,)),
        f"2. The same with a long tail of clumps, φ = 1: at most {percent(MOST_FALSE_CLUMPED)}",
        MOST_FALSE_CLUMPED,
    )


def _known(records: Sequence[Json]) -> Goal | None:
    clumped = records_of(records, Group.HEALTHY, noise=(Noise.CLUMPED, Noise.BURSTY))
    asked = f"2. Both at the true φ: at most {percent(MOST_FALSE_KNOWN)}"
    goal = _false(clumped, asked, MOST_FALSE_KNOWN, OURS_KNOWN)
    if goal is None:
        return None
    learned, at = _worst_of(clumped, OURS_LEARNED)
    cell = f"{at['cell']['noise']}, {where(at)}"
    return goal._replace(found=f"{goal.found}; at a φ learned from one rollout, worst {percent(learned)} ({cell})")


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
    return Goal("3. Median time to detect at most 1.5 x the bound + 3 min", found, _total(possible), not late)


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
    asked = "4. Everything fails: detected within 1 min at 20 or more bad requests a minute, else within 3"
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
    asked = f"5. A late start, a leak, or only at ≥ 25 %, at {BUSY:,.0f} rps, twice what is tolerated: always detected"
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
    return Goal("6. Healthy at ≥ 20 rps: promoted in the planned time", found, _total(busy), median)
