"""Mutants of the controller, tried with the tests that cover them: `python -m benchmarks.mutants -n 300 --seed 1`."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from math import sqrt
from pathlib import Path

from benchmarks.mutants.coverage_map import ROOT, CoverageMap, measured
from benchmarks.mutants.mutants import Mutant, mutants_of
from benchmarks.mutants.trial import Fate, preload, tried

MUTATED = ("functions/rollout/core", "functions/rollout/tasks", "functions/rollout/adapters")
SLOWER_THAN_MEASURED = 10.0
"""A trial is given so many times what its tests took, and a minute."""


def main(arguments: list[str] | None = None) -> int:
    """0 when the mutants were tried, whatever became of them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutants", description=__doc__)
    parser.add_argument("-n", type=int, default=300, help="how many mutants are drawn (default 300)")
    parser.add_argument("--seed", type=int, default=1, help="by which seed (default 1)")
    parser.add_argument("--at", metavar="FILE:LINE", nargs="+", help="instead: every mutant of these lines")
    parser.add_argument("--coverage", type=Path, help="keep in this file what the tests cover, or take it from there")
    parser.add_argument("--minutes", type=float, help="begin no further trial after so many minutes")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    files = [str(path.relative_to(ROOT)) for folder in MUTATED for path in sorted((ROOT / folder).rglob("*.py"))]
    everything = [mutant for file in files for mutant in mutants_of(ROOT / file, file)]
    drawn = _at(everything, options.at) if options.at else _sample(everything, options.n, options.seed)
    say(f"{len(drawn)} of {len(everything)} mutants of {len(files)} files")
    with tempfile.TemporaryDirectory() as folder:
        covered = measured(files, options.coverage or Path(folder) / "coverage")
    until = began + 60 * options.minutes if options.minutes else float("inf")
    fates = _tried(drawn, covered, until)
    for line in report(fates, time.monotonic() - began):
        say(line)
    return 0


def _sample(everything: Sequence[Mutant], size: int, seed: int) -> list[Mutant]:
    return random.Random(seed).sample(everything, min(size, len(everything)))


def _at(everything: Sequence[Mutant], places: Sequence[str]) -> list[Mutant]:
    return [mutant for mutant in everything if f"{mutant.file}:{mutant.line}" in places]


def _tried(drawn: Sequence[Mutant], covered: CoverageMap, until: float) -> dict[Mutant, Fate]:
    preload()
    fates: dict[Mutant, Fate] = {}
    for mutant in drawn:
        if time.monotonic() > until:
            break
        began = time.monotonic()
        tests = _covering(mutant, covered)
        expected = sum(covered.seconds.get(test, 0.0) for test in tests)
        fates[mutant] = tried(mutant, tests, 60 + SLOWER_THAN_MEASURED * expected)
        seconds, place = time.monotonic() - began, f"{mutant.file}:{mutant.line}"
        say(f"{len(fates)}: {fates[mutant]} by {len(tests)} tests in {seconds:.1f} s: {place}: {mutant.change}")
    return fates


def _covering(mutant: Mutant, covered: CoverageMap) -> Sequence[str]:
    if mutant.in_function:
        return covered.of_lines(mutant.file, mutant.line, mutant.statement)
    return covered.of_file(mutant.file)


def report(fates: dict[Mutant, Fate], seconds: float) -> list[str]:
    """The share killed with its interval, and the survivors."""
    killed = sum(fate.is_killed for fate in fates.values())
    low, high = wilson(killed, len(fates))
    survivors = sorted((mutant, fate) for mutant, fate in fates.items() if not fate.is_killed)
    return [
        f"killed {killed} of {len(fates)}: {killed / len(fates):.1%} (95 %: {low:.1%} to {high:.1%}), "
        f"in {seconds / 60:.0f} min",
        *(f"  {mutant.file}:{mutant.line}: {fate}: {mutant.change}" for mutant, fate in survivors),
    ]


def wilson(hits: int, tries: int, z: float = 1.959964) -> tuple[float, float]:
    """The 95 % interval of a share: E. B. Wilson, Probable inference (1927), equation for the score interval."""
    share, z2 = hits / tries, z * z
    middle = (share + z2 / (2 * tries)) / (1 + z2 / tries)
    half = z * sqrt(share * (1 - share) / tries + z2 / (4 * tries * tries)) / (1 + z2 / tries)
    return middle - half, middle + half


def say(line: str) -> None:
    """To standard output, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
