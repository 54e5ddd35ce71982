"""Break rollouts on purpose: `python -m benchmarks.chaos -n 2000`; replay one run: `--seed S` without `-n`."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import count, islice
from pathlib import Path

from benchmarks.chaos.campaign import Summary, tallies
from benchmarks.chaos.progress import OtherCampaign, Progress
from rollout_simulator.chaos import broken_laws, near_misses, plan_of, run, told
from rollout_simulator.chaos.fault_targets import FAULT_TARGETS

SECONDS_BETWEEN_LINES = 15.0
PROGRESS = Path(".chaos-progress.jsonl")
INTERRUPTED = 130
"""What a shell makes of Ctrl-C."""


def main(arguments: list[str] | None = None) -> int:
    """0 when no law was broken, else 1; 130 when it was interrupted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__)
    parser.add_argument("-n", type=int, help="how many runs, with seeds from --seed on")
    parser.add_argument("--seed", type=int, help="the first seed (default 1); without -n: replay this one, and tell it")
    parser.add_argument("--kind", choices=sorted(FAULT_TARGETS), help="only runs that roll out this kind of target")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--stories", type=int, default=1, help="how many broken runs to tell in full (default 1)")
    parser.add_argument("--resume", action="store_true", help="go on where a campaign of this file ended")
    parser.add_argument("--progress", type=Path, default=PROGRESS, help=f"the campaign's file (default {PROGRESS})")
    options = parser.parse_args(arguments)
    if options.n is None and options.seed is not None and not options.resume:
        return replay(options.seed)
    first = options.seed or 1
    seeds = list(islice(seeds_from(first, options.kind), options.n or 2_000))
    try:
        progress = Progress(options.progress, {"seed": first, "kind": options.kind}, resume=options.resume)
    except OtherCampaign as error:
        parser.error(str(error))
    return campaign(seeds, options.jobs, options.stories, progress)


def seeds_from(first: int, kind: str | None) -> Iterator[int]:
    """From this one on, those of the runs that roll out this kind of target; None: all."""
    return (seed for seed in count(first) if kind in (None, plan_of(seed).kind))


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


def campaign(seeds: Sequence[int], jobs: int, stories: int, progress: Progress) -> int:
    """Run seed after seed, but for those that are done, telling how it goes."""
    summary, began = Summary(), time.monotonic()
    for tally in progress.runs:
        summary.add(tally)
    if progress.runs:
        say(f"{summary.runs} runs were made before, {len(summary.broken)} broken, {progress.wall_seconds:.0f} s")
    told_at, interrupted, so_far = began, False, len(summary.broken)
    for ending in (signal.SIGINT, signal.SIGTERM):  # a shell starts what runs in the background with Ctrl-C ignored
        signal.signal(ending, signal.default_int_handler)
    try:
        with closing(tallies([seed for seed in seeds if seed not in progress.done], jobs)) as made:
            for tally in made:
                summary.add(tally)
                progress.add(tally, time.monotonic() - began)
                if tally.violations and len(summary.broken) - so_far <= stories:
                    for line in (*tally.story, *(f"BROKEN {violation}" for violation in tally.violations)):
                        say(line)
                if time.monotonic() - told_at > SECONDS_BETWEEN_LINES:
                    told_at = time.monotonic()
                    say(f"{summary.runs} of {len(seeds)} runs, {len(summary.broken)} broken, {told_at - began:.0f} s")
    except KeyboardInterrupt:
        interrupted = True
    for line in summary.lines(progress.wall_seconds + time.monotonic() - began):
        say(line)
    if interrupted:
        say("interrupted; --resume goes on")
        return INTERRUPTED
    return 1 if summary.broken else 0


def say(line: str) -> None:
    """To standard output, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
