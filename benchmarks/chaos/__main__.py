"""Break rollouts on purpose: `python -m benchmarks.chaos -n 2000`; replay one run: `--seed S` without `-n`."""

from __future__ import annotations

import argparse
import sys
import time

from benchmarks.chaos.campaign import Summary, tallies
from rollout_simulator.chaos import broken_laws, near_misses, plan_of, run, told

SECONDS_BETWEEN_LINES = 15.0


def main(arguments: list[str] | None = None) -> int:
    """0 when no law was broken, else 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__)
    parser.add_argument("-n", type=int, help="how many runs, with seeds from --seed on")
    parser.add_argument("--seed", type=int, help="the first seed (default 1); without -n: replay this one, and tell it")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--stories", type=int, default=1, help="how many broken runs to tell in full (default 1)")
    options = parser.parse_args(arguments)
    if options.n is None and options.seed is not None:
        return replay(options.seed)
    return campaign(options.n or 2_000, options.seed or 1, options.jobs, options.stories)


def replay(seed: int) -> int:
    """Run one seed and tell all of it."""
    recorded = run(plan_of(seed))
    for line in told(recorded):
        say(line)
    for miss in near_misses(recorded):
        say(f"near miss: {miss}")
    violations = broken_laws(recorded)
    for violation in violations:
        say(f"BROKEN {violation}")
    say(f"{len(violations)} violations in {recorded.wall_seconds:.1f} s")
    return 1 if violations else 0


def campaign(runs: int, first: int, jobs: int, stories: int) -> int:
    """Run seed after seed, telling how it goes."""
    summary, began = Summary(), time.monotonic()
    told_at = began
    for tally in tallies(range(first, first + runs), jobs):
        summary.add(tally)
        if tally.violations and len(summary.broken) <= stories:
            for line in (*tally.story, *(f"BROKEN {violation}" for violation in tally.violations)):
                say(line)
        if time.monotonic() - told_at > SECONDS_BETWEEN_LINES:
            told_at = time.monotonic()
            say(f"{summary.runs} of {runs} runs, {len(summary.broken)} broken, {told_at - began:.0f} s")
    for line in summary.lines(time.monotonic() - began):
        say(line)
    return 1 if summary.broken else 0


def say(line: str) -> None:
    """To standard output, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
