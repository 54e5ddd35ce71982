"""`python -m benchmarks.judge`: simulate everything, then write the tables and pictures of docs/judge.md.

    --quick        a fortieth of the rollouts, printed and not written: a look, in two minutes
    --rollouts N   so many in each cell (default 2,000)
    --seed N       other draws (default 1)
    --processes N  how many at once (default 2)
    --resume       only the cells that benchmarks/judge/results.json does not have yet
    --report       no simulation: measure the speed, and write the page again from benchmarks/judge/results.json

After every cell the results so far are saved, so that a run may be watched, or cut short and resumed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from functools import partial
from multiprocessing import Pool

from benchmarks.judge import report, situations, speed, variants
from benchmarks.judge.cells import ROLLOUTS, tasks
from benchmarks.judge.measure import Json, cell_of, measured


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.judge", description="The judge beside the rules of others."
    )
    parser.add_argument("--quick", action="store_true", help="a fortieth of the rollouts, printed and not written")
    parser.add_argument("--rollouts", type=int, default=ROLLOUTS, help="so many in each cell")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--resume", action="store_true", help="only the cells that the last results lack")
    parser.add_argument("--report", action="store_true", help="measure the speed, and write the page again")
    options = parser.parse_args(arguments)
    results: Json
    if options.report:
        results = report.load() | {"speed": speed.measured()._asdict()}
        report.save(results)
        report.write(results)
        return 0
    before = report.load() if options.resume else {"cells": [], "situations": []}
    results = {"seed": options.seed, "cells": before["cells"], "situations": before["situations"]}
    results |= {"speed": speed.measured()._asdict(), "tried": []}
    simulate(options, results)
    if options.quick:
        say("\n\n".join(report.blocks(results).values()))
    else:
        report.save(results)
        report.write(results)
    return 0


def simulate(options: argparse.Namespace, results: Json) -> None:
    """Every cell and situation, in the order of their lists, whatever order they are done in; then what was tried."""
    known = {cell_of(each).name for each in results["cells"]}
    known |= {f"{each['kind']} {each['name']}" for each in results["situations"]}
    count = options.rollouts // 40 if options.quick else options.rollouts
    cells = [task for task in tasks(count) if task.cell.name not in known]
    apart = [each for each in situations.situations(count) if f"{each.kind} {each.name}" not in known]
    begun = time.monotonic()
    with Pool(options.processes) as pool:
        parts = (
            ("cells", cells, pool.imap(partial(measured, seed=options.seed), cells)),
            ("situations", apart, pool.imap(partial(situations.measured, seed=options.seed), apart)),
        )
        for name, work, records in parts:
            for done, record in enumerate(records, start=1):
                results[name].append(record)
                if not options.quick:
                    report.save(results)
                say(f"{done}/{len(work)} {name}, {time.monotonic() - begun:.0f} s", error=True)
        try_one = partial(variants.tried, rollouts=count, seed=options.seed)
        results["tried"] = [each for found in pool.map(try_one, variants.VARIANTS) for each in found]


def say(words: str, *, error: bool = False) -> None:
    """To whoever started it."""
    print(words, file=sys.stderr if error else sys.stdout, flush=True)


if __name__ == "__main__":
    sys.exit(main())
