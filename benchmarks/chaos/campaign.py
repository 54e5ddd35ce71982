"""Many runs in a pool of processes, and what came of them all."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
import traceback
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import parent_process
from multiprocessing.connection import wait
from pathlib import Path

from rollout_simulator.chaos import broken_laws, near_misses, plan_of, run, told
from rollout_simulator.chaos.recorded import Recorded

RUNS_PER_PROCESS = 300
"""Then the process is replaced: moto keeps something of every world it has made."""

ROOT = Path(__file__).parents[2]
MEASURED = ("functions", "rollout_simulator", "statemachine", "template.yaml")
"""What a run is made of."""


@dataclass(frozen=True, slots=True)
class Tally:
    """One run in figures. `story` is told when a law was broken.

    kinds: how often each kind of fault was met, and each kind of act was done.
    code: the version of the files that the run was made of, see `code_version`.
    """

    seed: int
    code: str
    outcomes: tuple[str, ...] = ()
    kinds: Mapping[str, int] = field(default_factory=dict)
    interleaving: str = ""
    seconds: float = 0.0
    simulated_minutes: float = 0.0
    near_misses: tuple[str, ...] = ()
    violations: tuple[str, ...] = ()
    story: tuple[str, ...] = ()


@dataclass(slots=True)
class Summary:
    """Figures over all runs."""

    runs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    code: Counter[str] = field(default_factory=Counter)
    rollouts: int = 0
    simulated_minutes: float = 0.0
    interleavings: set[str] = field(default_factory=set)
    near_misses: list[tuple[int, str]] = field(default_factory=list)
    slowest: list[tuple[float, int]] = field(default_factory=list)
    broken: list[Tally] = field(default_factory=list)

    def add(self, tally: Tally) -> None:
        """One more run."""
        self.runs += 1
        self.outcomes.update(tally.outcomes)
        self.kinds.update(tally.kinds)
        self.code[tally.code] += 1
        self.rollouts += len(tally.outcomes)
        self.simulated_minutes += tally.simulated_minutes
        self.interleavings.add(tally.interleaving)
        self.near_misses += [(tally.seed, what) for what in tally.near_misses]
        self.slowest = sorted([*self.slowest, (tally.seconds, tally.seed)], reverse=True)[:3]
        if tally.violations:
            self.broken.append(tally)

    def lines(self, wall_seconds: float) -> Iterator[str]:
        """The summary in words."""
        outcomes = ", ".join(f"{count} {name.lower().replace('_', ' ')}" for name, count in self.outcomes.most_common())
        yield f"{self.runs} runs, {self.rollouts} rollouts: {outcomes}"
        yield f"{sum(self.kinds.values())} faults met and acts done, by kind:"
        for kind, count in sorted(self.kinds.items()):
            yield f"  {kind:32s} {count:7d}"
        yield f"{len(self.interleavings)} distinct interleavings of the controller's calls"
        yield f"{len(self.near_misses)} near misses: races with a person that no lock excludes, put right"
        yield f"{self.simulated_minutes / 60:.0f} simulated hours in {wall_seconds / 60:.1f} min of wall time"
        slowest = ", ".join(f"seed {seed} {seconds:.1f} s" for seconds, seed in self.slowest)
        yield f"slowest: {slowest}"
        versions = ", ".join(f"{code} ({count} runs)" for code, count in self.code.most_common())
        yield f"version of the code: {versions}"
        yield f"{len(self.broken)} runs broke a law" + (":" if self.broken else "")
        for tally in sorted(self.broken, key=lambda one: one.seed):
            for violation in tally.violations:
                yield f"  seed {tally.seed}: {violation}"
        if self.broken:
            yield f"replay one: python -m benchmarks.chaos --seed {min(one.seed for one in self.broken)}"


def tally_of(seed: int) -> Tally:
    """Make this seed's run; an error of the machine itself counts as a violation, too."""
    try:
        recorded = run(plan_of(seed))
        violations = tuple(str(violation) for violation in broken_laws(recorded))
    except Exception:  # noqa: BLE001 - one broken run must not hide the others
        problem = traceback.format_exc()
        return Tally(seed, code_version(), violations=("the run itself failed",), story=(problem,))
    return Tally(
        seed=seed,
        code=code_version(),
        outcomes=tuple(item["state"]["S"] for item in recorded.records.values()),
        kinds=recorded.kinds(),
        interleaving=interleaving(recorded),
        seconds=round(recorded.wall_seconds, 2),
        simulated_minutes=round((recorded.finished - recorded.started).total_seconds() / 60, 1),
        near_misses=tuple(near_misses(recorded)),
        violations=violations,
        story=tuple(told(recorded)) if violations else (),
    )


def interleaving(recorded: Recorded) -> str:
    """What the order of the calls comes to: who called what, and what went wrong."""
    return hashlib.sha256(repr(list(recorded.calls)).encode()).hexdigest()[:16]


@cache
def code_version() -> str:
    """A hash of the files that a run is made of, as they were when this process first asked."""
    files = [ROOT / name for name in MEASURED]
    files = [file for place in files for file in ([place] if place.is_file() else sorted(place.rglob("*.py")))]
    files += sorted((ROOT / "statemachine").glob("*.json"))
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:8]


def tallies(seeds: Iterable[int], jobs: int) -> Generator[Tally, None, None]:
    """The runs of these seeds, in their order. When it is closed, runs that have not begun are not made."""
    if jobs == 1:
        yield from map(tally_of, seeds)
        return
    with ProcessPoolExecutor(jobs, max_tasks_per_child=RUNS_PER_PROCESS, initializer=_begin) as pool:
        yield from pool.map(tally_of, seeds)


def _begin() -> None:
    """What a process of the pool does first."""
    os.environ["OMP_NUM_THREADS"] = "1"  # one thread of numpy per process is what the cores have room for
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the campaign hears Ctrl-C, and lets its processes finish their runs
    code_version()
    threading.Thread(target=_end_with_the_campaign, daemon=True).start()


def _end_with_the_campaign() -> None:
    """End when the campaign's own process is gone, however it died."""
    campaign = parent_process()
    if campaign is not None:
        wait([campaign.sentinel])
        os._exit(1)
