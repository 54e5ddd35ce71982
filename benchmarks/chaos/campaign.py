"""Many runs in a pool of processes, and what came of them all."""

from __future__ import annotations

import hashlib
import os
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from rollout_simulator.chaos import broken_laws, near_misses, plan_of, run, told
from rollout_simulator.chaos.recorded import Recorded

RUNS_PER_PROCESS = 300
"""Then the process is replaced: moto keeps something of every world it has made."""


@dataclass(frozen=True, slots=True)
class Tally:
    """One run in figures. `story` is told when a law was broken."""

    seed: int
    outcomes: tuple[str, ...]
    faults: int
    acts: int
    interleaving: str
    seconds: float
    simulated_minutes: float
    near_misses: tuple[str, ...] = ()
    violations: tuple[str, ...] = ()
    story: tuple[str, ...] = ()


@dataclass(slots=True)
class Summary:
    """Figures over all runs."""

    runs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: int = 0
    acts: int = 0
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
        self.rollouts += len(tally.outcomes)
        self.faults += tally.faults
        self.acts += tally.acts
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
        yield f"{self.faults} faults injected, {self.acts} signals, edits, stops and requests from outside"
        yield f"{len(self.interleavings)} distinct interleavings of the controller's calls"
        yield f"{len(self.near_misses)} near misses: races with a person that no lock excludes, put right"
        yield f"{self.simulated_minutes / 60:.0f} simulated hours in {wall_seconds / 60:.1f} min of wall time"
        slowest = ", ".join(f"seed {seed} {seconds:.1f} s" for seconds, seed in self.slowest)
        yield f"slowest: {slowest}"
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
        return Tally(seed, (), 0, 0, "", 0.0, 0.0, violations=("the run itself failed",), story=(problem,))
    return Tally(
        seed=seed,
        outcomes=tuple(item["state"]["S"] for item in recorded.records.values()),
        faults=recorded.faults_injected,
        acts=len(recorded.done),
        interleaving=interleaving(recorded),
        seconds=recorded.wall_seconds,
        simulated_minutes=(recorded.finished - recorded.started).total_seconds() / 60,
        near_misses=tuple(near_misses(recorded)),
        violations=violations,
        story=tuple(told(recorded)) if violations else (),
    )


def interleaving(recorded: Recorded) -> str:
    """What the order of the calls comes to: who called what, and what went wrong."""
    return hashlib.sha256(repr(list(recorded.calls)).encode()).hexdigest()


def tallies(seeds: Iterable[int], jobs: int) -> Iterator[Tally]:
    """The runs of these seeds, in their order."""
    if jobs == 1:
        yield from map(tally_of, seeds)
        return
    with ProcessPoolExecutor(jobs, max_tasks_per_child=RUNS_PER_PROCESS, initializer=_quiet) as pool:
        yield from pool.map(tally_of, seeds, chunksize=4)


def _quiet() -> None:
    """One thread of numpy per process is what the cores have room for."""
    os.environ["OMP_NUM_THREADS"] = "1"
