"""The tiers of the tests: no test is left out by both `make test` and `make test-slow`, or run twice; CI runs both."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def selected(target: str) -> str:
    """The expression by which this target selects tests."""
    found = re.search(rf'^{target}:.*\n(?:\t.*\n)*?\t.*\$\(PYTEST\) -m "([^"]+)"', MAKEFILE, re.MULTILINE)
    assert found, target
    return found[1]


def test_every_test_is_in_one_tier() -> None:
    for slow, runtime in product((False, True), repeat=2):
        marks = {"slow": slow, "runtime": runtime}
        runs = [eval(selected(target), {}, marks) for target in ("test", "test-slow")]  # pytest's own language
        assert 1 == runs.count(True), marks


def test_all_is_both_tiers() -> None:
    assert re.search(r"^test-all: test test-slow ", MAKEFILE, re.MULTILINE)


def test_continuous_integration_runs_what_the_readme_names() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    run = re.findall(r"^make \S+", script, re.MULTILINE)
    assert ["make test", "make test-slow"] == run
    assert [] == [command for command in run if not re.search(rf"^{command} ", readme, re.MULTILINE)]
    assert "make test-all" in (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
