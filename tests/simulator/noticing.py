"""After how many plain runs the breaking machine notices each planted bug: `python -m tests.simulator.noticing`.

Plain: the seeds from 1 on as they come, of one kind of target; nothing is chosen for the bug. A run whose plan lacks
what the bug needs to make any difference is counted, but not made. Prints a table.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice

import pytest

from benchmarks.chaos.__main__ import seeds_from
from rollout_simulator.chaos import broken_laws, plan_of, run
from tests.simulator.planted import ALIAS, PLANTED, STAGE

MOST_RUNS = 200
Noticed = tuple[int, int, str] | None
"""After how many runs of the kind, with which seed, by which laws; None: not within so many."""


def noticed(bug: str, kind: str, most: int) -> Noticed:
    """When the first law is broken."""
    for number, seed in enumerate(islice(seeds_from(1, kind), most), start=1):
        if not PLANTED[bug].needs(plan_of(seed)):
            continue
        with pytest.MonkeyPatch.context() as patch:
            PLANTED[bug].plant(patch)
            try:
                laws = sorted({violation.law.value for violation in broken_laws(run(plan_of(seed)))})
            except Exception as error:  # noqa: BLE001 - a bug may break the run itself, which is noticed, too
                laws = [f"the run failed: {type(error).__name__}"]
        if laws:
            return number, seed, ", ".join(laws)
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """One row for each bug."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulator.noticing", description=__doc__)
    parser.add_argument("bugs", nargs="*", help="default: all", metavar="BUG")
    parser.add_argument("--most", type=int, default=MOST_RUNS, help=f"runs of each kind (default {MOST_RUNS})")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    options = parser.parse_args(arguments)
    bugs = options.bugs or list(PLANTED)
    with ProcessPoolExecutor(options.jobs) as pool:
        found = {(bug, kind): pool.submit(noticed, bug, kind, options.most) for bug in bugs for kind in (STAGE, ALIAS)}
        for bug in bugs:
            cells = [_cell(found[bug, kind].result(), options.most) for kind in (STAGE, ALIAS)]
            sys.stdout.write(f"| {bug} | {' | '.join(cells)} |\n")
            sys.stdout.flush()
    return 0


def _cell(result: Noticed, most: int) -> str:
    if result is None:
        return f"not in {most}"
    number, seed, laws = result
    return f"{number} (seed {seed}: {laws})"


if __name__ == "__main__":
    sys.exit(main())
