"""`python -m benchmarks.performance startup|cost|scale|report`; see the package."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "functions")]

RESULTS = Path(__file__).with_name("results.json")


def main() -> int:
    """Measure one part and keep its figures, or write the report."""
    from benchmarks.performance.cost import measured as cost  # noqa: PLC0415 - the path is set above
    from benchmarks.performance.report import pages  # noqa: PLC0415
    from benchmarks.performance.routes import measured as routes  # noqa: PLC0415
    from benchmarks.performance.scale import measured as scale  # noqa: PLC0415
    from benchmarks.performance.startup import measured as startup  # noqa: PLC0415

    parts: Mapping[str, Callable[[], Any]] = {
        "startup": startup,
        "cost": cost,
        "routes": routes,
        "scale": scale,
    }
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance", description=__doc__)
    parser.add_argument("part", choices=[*parts, "report"])
    chosen = parser.parse_args().part
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    if chosen in parts:
        results[chosen] = parts[chosen]()
        RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
        sys.stdout.write(json.dumps(results[chosen], indent=1) + "\n")
    else:
        for path, content in pages(results).items():
            path.write_text(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
