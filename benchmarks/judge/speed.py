"""How fast the judge is: `python -m benchmarks.judge.speed`.

Import: a fresh Python that imports the judge, less a fresh Python that does nothing. Analysis: catching up on a
4-hour history of 6 metrics, minute by minute, and judging. Both in milliseconds of processor time, the best of many,
and as a ratio to a fixed loop in pure Python on the same machine in the same run, which can be compared elsewhere.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from math import log
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rollout.core.judge import (
    Count,
    Evidence,
    Judgement,
    JudgeSettings,
    MinuteReading,
    Pair,
    Step,
    begin,
    begin_step,
    observe_all,
)
from rollout.request.judge import parse_judge

IMPORT_LIMIT_MS = 15.0
ANALYSIS_LIMIT_MS = 30.0
MINUTES = 240
RATES = {
    "5XXError": 0.01,
    "4XXError": 0.03,
    "Latency.p90": 0.1,
    "Latency.p99": 0.01,
    "IntegrationLatency.p90": 0.1,
    "IntegrationLatency.p99": 0.01,
}
PLAN = tuple(Step(Decimal(weight), MINUTES // 4) for weight in (5, 10, 25, 50))
REQUESTS_PER_MINUTE = 12_000
FUNCTIONS = Path(__file__).resolve().parents[2] / "functions"


class Speed(NamedTuple):
    """In milliseconds."""

    reference: float
    importing: float
    analysis: float


def measured(repeats: int = 25) -> Speed:
    """The best of so many."""
    settings, readings = parse_judge({"metrics": [{"name": name} for name in RATES]}), a_history()
    return Speed(
        min(spent(reference_loop) for _ in range(repeats)),
        min(python("import rollout.core.judge") for _ in range(repeats)) - min(python("pass") for _ in range(repeats)),
        min(spent(lambda: analysed(settings, readings)) for _ in range(repeats)),
    )


def spent(run: Callable[[], object]) -> float:
    """Milliseconds of processor time."""
    begun = time.process_time()
    run()
    return 1000.0 * (time.process_time() - begun)


def reference_loop() -> float:
    """100,000 logarithms, added up."""
    total = 0.0
    for number in range(1, 100_001):
        total += log(number)
    return total


def python(statement: str) -> float:
    """Milliseconds that a fresh interpreter takes, one that knows where the functions are."""
    environment = os.environ | {"PYTHONPATH": str(FUNCTIONS)}
    process = subprocess.Popen([sys.executable, "-c", statement], env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{statement!r} failed")
    return 1000.0 * (usage.ru_utime + usage.ru_stime)


def a_history(seed: int = 1) -> list[MinuteReading]:
    """Four healthy hours through the four steps of a plan."""
    rng = np.random.default_rng(seed)
    readings = []
    for minute in range(MINUTES):
        step = minute * len(PLAN) // MINUTES
        arms = PLAN[step].weight, 1.0 - PLAN[step].weight
        requests = [int(rng.poisson(REQUESTS_PER_MINUTE * share)) for share in arms]
        counts = {
            name: [Count(each, int(rng.binomial(each, rate))) for each in requests] for name, rate in RATES.items()
        }
        readings.append(MinuteReading(minute, step, {name: Pair(*each) for name, each in counts.items()}))
    return readings


def analysed(settings: JudgeSettings, readings: list[MinuteReading]) -> Judgement:
    """All that piled up, step after step."""
    evidence: Evidence = begin(settings, PLAN, {name: Count(360_000, round(360_000 * p)) for name, p in RATES.items()})
    for step in range(len(PLAN)):
        evidence = begin_step(evidence, step, settings, PLAN)
        of_step = [reading for reading in readings if reading.step == step]
        evidence, judgement = observe_all(evidence, of_step, settings, PLAN)
    return judgement


def main() -> int:
    """Print the figures; 1 if a limit is exceeded."""
    speed = measured()
    print(f"reference loop            {speed.reference:6.1f} ms")
    for what, took, limit in (
        ("import, over an empty one", speed.importing, IMPORT_LIMIT_MS),
        ("4 hours of 6 metrics", speed.analysis, ANALYSIS_LIMIT_MS),
    ):
        print(f"{what:<25} {took:6.1f} ms, {took / speed.reference:.2f} x the loop (limit {limit:g} ms)")
    return 0 if speed.importing < IMPORT_LIMIT_MS and speed.analysis < ANALYSIS_LIMIT_MS else 1


if __name__ == "__main__":
    sys.exit(main())
