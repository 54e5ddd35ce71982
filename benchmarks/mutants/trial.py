"""One mutant tried: the tests that cover it, in a process of their own that has the mutant instead of the file."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

import hypothesis
import pytest

from benchmarks.mutants.coverage_map import ROOT
from benchmarks.mutants.mutants import Mutant, mutated

SOURCE = ROOT / "functions"
FIRST_TESTS = 40
PRELOADED = (
    "aws_lambda_powertools.utilities.data_classes",
    "boto3",
    "moto",
    "moto.apigateway.models",
    "moto.awslambda.models",
    "moto.cloudwatch.models",
    "moto.dynamodb.models",
    "moto.events.models",
    "moto.stepfunctions.models",
    "numpy",
    "pydantic",
    "time_machine",
    "yaml",
)
"""What takes long to import and knows nothing of the controller: imported once, before any trial."""


class Fate(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    TIMED_OUT = "timed out"  # killed as well: the tests do not end any more
    SURVIVED = "survived"
    NOT_COVERED = "not covered"  # survived as well: no test runs the line

    @property
    def is_killed(self) -> bool:
        """Whether a test has noticed the mutant."""
        return self in (Fate.KILLED, Fate.TIMED_OUT)


def preload() -> None:
    """Import what every trial needs."""
    for name in PRELOADED:
        importlib.import_module(name)


def tried(mutant: Mutant, tests: Sequence[str], longest_seconds: float) -> Fate:
    """Run these tests over the mutant until one fails.

    Raises: RuntimeError when pytest itself could not run.
    """
    if not tests:
        return Fate.NOT_COVERED
    process = os.fork()
    if process == 0:
        _run_and_exit(mutant, tests)
    code = _waited(process, longest_seconds)
    if code is None:
        return Fate.TIMED_OUT
    if code in (pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise RuntimeError(f"pytest ended with {code} over {mutant}")
    return Fate.SURVIVED if code == pytest.ExitCode.OK else Fate.KILLED


def _waited(process: int, longest_seconds: float) -> int | None:
    """The exit code; None when it had to be ended."""
    until = time.monotonic() + longest_seconds
    while time.monotonic() < until:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return None


def _run_and_exit(mutant: Mutant, tests: Sequence[str]) -> None:
    code: int = pytest.ExitCode.INTERNAL_ERROR
    try:
        os.chdir(ROOT)
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        sys.meta_path.insert(0, _MutantFinder(mutant))
        preloaded = ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # plugins among what the parent has imported
        options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *preloaded]
        code = _first_failure(options, tests)
    finally:
        os._exit(code)


def _first_failure(options: Sequence[str], tests: Sequence[str]) -> int:
    """Run a few tests, which mostly are enough, and then the others: to collect hundreds takes longer than to run."""
    code: int = pytest.ExitCode.OK
    for some in (tests[:FIRST_TESTS], tests[FIRST_TESTS:]):
        if some and code == pytest.ExitCode.OK:
            code = pytest.main([*options, *some], plugins=[_WithoutShrinking()])
        if code == pytest.ExitCode.USAGE_ERROR:  # a test named by what the mutant has changed is not there
            files = sorted({test.split("::")[0] for test in some})
            code = pytest.main([*options, *files], plugins=[_WithoutShrinking()])
    return code


class _WithoutShrinking:
    """A plugin of pytest: a failed property is not made simpler, which takes long and tells nothing here."""

    def pytest_collection_finish(self) -> None:
        phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
        hypothesis.settings.register_profile("mutants", hypothesis.settings(), phases=phases)
        hypothesis.settings.load_profile("mutants")


class _MutantFinder(importlib.abc.MetaPathFinder):
    """Finds the mutant where its module is imported, and nothing else."""

    def __init__(self, mutant: Mutant) -> None:
        self._path = ROOT / mutant.file
        parts = self._path.relative_to(SOURCE).with_suffix("").parts
        self._name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        self._number = mutant.number

    def find_spec(self, fullname: str, _path: object = None, _target: ModuleType | None = None) -> ModuleSpec | None:
        """As the import system asks."""
        if fullname != self._name:
            return None
        loader = _MutantLoader(fullname, str(self._path), self._number)
        return importlib.util.spec_from_file_location(fullname, self._path, loader=loader)


class _MutantLoader(SourceFileLoader):
    """Loads a file with one change."""

    def __init__(self, fullname: str, path: str, number: int) -> None:
        super().__init__(fullname, path)
        self._number = number

    def get_code(self, fullname: str) -> CodeType:
        """The changed tree, compiled under the file's own name."""
        path = Path(self.get_filename(fullname))
        code: CodeType = compile(mutated(path, self._number), str(path), "exec")
        return code
