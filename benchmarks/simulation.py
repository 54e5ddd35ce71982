"""How long a rollout takes to simulate: `python -m benchmarks.simulation`.

Prints wall seconds and milliseconds per analysis for a forty-minute plan at 20 and at 2,000 requests a second, and the
ratio of the two, which is what must stay near one: counts are drawn, never single requests.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "functions")]

from rollout_simulator.scenario import SCENARIOS, load_scenario  # noqa: E402
from rollout_simulator.simulation import simulate  # noqa: E402

RATES = (20.0, 2_000.0)


def main() -> None:
    """Run each rate three times after one warm-up; the best of three is shown."""
    healthy = load_scenario(SCENARIOS / "healthy.toml")
    simulate(healthy)
    best = {}
    for rate in RATES:
        scenario = healthy.model_copy(
            update={"traffic": healthy.traffic.model_copy(update={"requests_per_second": rate})}
        )
        seconds = []
        for _ in range(3):
            began = time.perf_counter()
            result = simulate(scenario)
            seconds.append(time.perf_counter() - began)
        analyses = sum(line.state == "Analyze" for line in result.timeline)
        best[rate] = min(seconds)
        print(
            f"{rate:7,.0f} requests/s: {result.outcome} after {result.simulated_minutes:g} simulated minutes in "
            f"{best[rate]:.2f} s, {1000 * best[rate] / analyses:.1f} ms per analysis"
        )
    print(f"2,000 requests/s take {best[RATES[1]] / best[RATES[0]]:.2f} times as long as 20")


if __name__ == "__main__":
    main()
