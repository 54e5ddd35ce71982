"""For all tests: the same examples every time, and at the end the names of those that could not be run here."""

from __future__ import annotations

import gc
from collections import defaultdict

import pytest
from hypothesis import settings

# A red build is the same red build again.
settings.register_profile("deterministic", derandomize=True, deadline=None, database=None)
settings.load_profile("deterministic")


def pytest_collection_finish() -> None:
    """What is imported stays: the garbage collector need not look through it again and again."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name each test that was skipped, under the reason: what is not shown on this machine."""
    skipped: list[pytest.TestReport] = terminalreporter.stats.get("skipped", [])
    tests: dict[str, list[str]] = defaultdict(list)
    for report in skipped:
        reason = str(report.longrepr[-1]) if isinstance(report.longrepr, tuple | list) else str(report.longrepr)
        tests[reason.removeprefix("Skipped: ")].append(report.nodeid)
    if skipped:
        terminalreporter.section(f"{len(skipped)} skipped: not shown on this machine")
    for reason, names in sorted(tests.items()):
        terminalreporter.write_line(f"{len(names)}: {reason}")
        for name in sorted(names):
            terminalreporter.write_line(f"    {name}")
