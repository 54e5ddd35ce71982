"""`python -m benchmarks.judge`: simulate everything, then write the tables and pictures of docs/judge.md.

    --quick        a fortieth of the rollouts, printed and not written: a look, in a minute
    --seed N       other draws (default 1)
    --processes N  how many at once (default 2)
    --report       no simulation: write the page again from benchmarks/judge/results.json

After every cell the results so far are saved, so that a run may be watched, or cut short.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from functools import partial
from multiprocessing import Pool

from benchmarks.judge import report, speed, variants
from benchmarks.judge.cells import tasks
from benchmarks.judge.measure import Json, measured


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.judge", description="The judge beside the rules of others."
    )
    parser.add_argument("--quick", action="store_true", help="a fortieth of the rollouts, printed and not written")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--report", action="store_true", help="write the page again from the last results")
    options = parser.parse_args(arguments)
    if options.report:
        report.write(report.load())
        return 0
    results: Json = {"seed": options.seed, "speed": speed.measured()._asdict(), "tried": [], "cells": []}
    simulated(options, results)
    if options.quick:
        say("\n\n".join(report.blocks(results).values()))
    else:
        report.save(results)
        report.write(results)
    return 0


def simulated(options: argparse.Namespace, results: Json) -> None:
    """Every cell, in the order of `tasks`, whatever order they are done in; then what else was tried."""
    work = list(tasks(quick=options.quick))
    begun = time.monotonic()
    with Pool(options.processes) as pool:
        for done, record in enumerate(pool.imap(partial(measured, seed=options.seed), work), start=1):
            results["cells"].append(record)
            if not options.quick:
                report.save(results)
            say(f"{done}/{len(work)} cells, {time.monotonic() - begun:.0f} s", error=True)
        try_one = partial(variants.tried, rollouts=50 if options.quick else 2_000, seed=options.seed)
        results["tried"] = [each for found in pool.map(try_one, variants.VARIANTS) for each in found]


def say(words: str, *, error: bool = False) -> None:
    """To whoever started it."""
    print(words, file=sys.stderr if error else sys.stdout, flush=True)


if __name__ == "__main__":
    sys.exit(main())
