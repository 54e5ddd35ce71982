"""The page about cost and speed says what was measured, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.performance.report import pages

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_and_its_pictures_are_made_of_the_results() -> None:
    results = json.loads((ROOT / "benchmarks" / "performance" / "results.json").read_text(encoding="utf-8"))
    stale = [path.name for path, text in pages(results).items() if path.read_text(encoding="utf-8") != text]
    assert stale == [], "run: python -m benchmarks.performance report"
