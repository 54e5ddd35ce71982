"""Which tests run which line, and how long each takes: what a mutant is tried with."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import coverage
import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("tests/core", "tests/functions", "tests/contract")
"""The fast tests. Those of the workflow run nearly every line within seconds each: with them, a mutant that survives
would take minutes."""
IN_ANOTHER_PROCESS = "rollout local"
"""In the name of each test whose controller runs in another process, which a mutant does not reach."""


@dataclass(frozen=True, slots=True)
class CoverageMap:
    """seconds: how long each test takes. tests: by file and line the tests that run it."""

    seconds: Mapping[str, float]
    tests: Mapping[str, Mapping[int, Sequence[str]]]

    def of_lines(self, file: str, *lines: int) -> list[str]:
        """The tests that run any of these lines, the likeliest to notice a change first."""
        return self._sorted(file, {test for line in lines for test in self.tests.get(file, {}).get(line, ())})

    def of_file(self, file: str) -> list[str]:
        """The tests that run anything of this file: what stands outside functions is run once, at its import."""
        return self._sorted(file, {test for tests in self.tests.get(file, {}).values() for test in tests})

    def _sorted(self, file: str, tests: set[str]) -> list[str]:
        """Those of the file's own tests first (`test_promote.py` for `promote.py`), then the fastest."""
        own = f"_{Path(file).stem}"
        return sorted(tests, key=lambda test: (own not in test.split("::")[0], self.seconds.get(test, 0.0), test))


def measured(files: Sequence[str], data: Path) -> CoverageMap:
    """Run the tests once, in a process of their own, and see which lines of these files each of them runs.

    data: where coverage.py keeps it; if it is there already, no test is run.

    Raises: RuntimeError when the tests fail as they are.
    """
    if not data.exists():
        _measure_in_process(data)
    seconds = json.loads(data.with_suffix(".json").read_text(encoding="utf-8"))
    seen = coverage.CoverageData(str(data))
    seen.read()
    tests = {
        file: {
            line: [test for test in found if test in seconds]
            for line, found in seen.contexts_by_lineno(str(ROOT / file)).items()
        }
        for file in files
    }
    return CoverageMap(seconds, tests)


def _measure_in_process(data: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.mutants.coverage_map", str(data.resolve())]
    if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
        raise RuntimeError("the tests fail without any mutant")


class _Recorder:
    """A plugin of pytest that names the running test to coverage.py."""

    def __init__(self, measuring: coverage.Coverage) -> None:
        self.measuring = measuring
        self.seconds: dict[str, float] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if IN_ANOTHER_PROCESS not in item.name]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.measuring.switch_context(item.nodeid)
        try:
            return (yield)
        finally:
            self.measuring.switch_context("")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration


def _measure(data: Path) -> int:
    measuring = coverage.Coverage(data_file=str(data), include=[str(ROOT / "functions/rollout/*")], config_file=False)
    measuring.set_option("run:core", "ctrace")
    recorder = _Recorder(measuring)
    measuring.start()
    code = pytest.main(["-q", "-p", "no:cacheprovider", *FOLDERS], plugins=[recorder])
    measuring.stop()
    measuring.save()
    data.with_suffix(".json").write_text(json.dumps(recorder.seconds), encoding="utf-8")
    return int(code)


if __name__ == "__main__":
    sys.exit(_measure(Path(sys.argv[1])))
