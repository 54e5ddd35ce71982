"""The breaking machine: a slice of its campaign, and proof that its laws notice when a guard is gone.

`make chaos` runs thousands. The planted bugs are listed in `planted.py`.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from rollout_simulator import chaos
from rollout_simulator.chaos import broken_laws, near_misses, plan_of, run, told
from tests.simulator.planted import PLANTED, Planted

ROOT = Path(chaos.__file__).parents[2]
SLICE = (*range(1, 17), 20, 31, 42)
"""Those of 9 and of the last three roll out a Lambda alias."""
CHECKER = ("laws/*.py", "states.py", "recorded.py", "description.py")


@pytest.mark.parametrize("seed", SLICE)
def test_no_law_is_broken(seed: int) -> None:
    recorded = run(plan_of(seed))
    broken = [str(violation) for violation in broken_laws(recorded)]
    assert [] == broken, "\n".join([*told(recorded), *broken])


@pytest.mark.parametrize(("bug", "kind"), [(bug, kind) for bug, planted in PLANTED.items() for kind in planted.seeds])
def test_a_planted_bug_is_noticed(bug: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    planted: Planted = PLANTED[bug]
    planted.plant(monkeypatch)
    plans = [plan_of(seed) for seed in planted.seeds[kind]]
    assert {kind} == {plan.kind for plan in plans}
    assert planted.law in {violation.law for plan in plans for violation in broken_laws(run(plan))}


def test_each_law_has_a_planted_bug() -> None:
    assert set(chaos.Law) == {planted.law for planted in PLANTED.values()}


def test_a_run_is_a_pure_function_of_its_seed() -> None:
    first, second = run(plan_of(7)), run(plan_of(7))
    assert (first.calls, first.events) == (second.calls, second.events)
    assert list(told(first)) == list(told(second))


def test_the_laws_share_nothing_with_the_controller() -> None:
    folder = Path(chaos.__file__).parent
    files = {name: list(folder.glob(name)) for name in CHECKER}
    assert [] == [name for name, found in files.items() if not found]
    for path in [path for found in files.values() for path in found]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not [module for module in modules if module.partition(".")[0] == "rollout"]


def test_a_race_with_a_person_is_told_apart_from_a_broken_law() -> None:
    from tests.workflow.trouble import before, ran  # noqa: PLC0415 - one test's

    recorded = ran(before("ShiftTraffic", "UpdateStage", chaos.What.FOREIGN_CHANGE, kind="canary removed"))
    assert any("brought a canary back and took it away again" in miss for miss in near_misses(recorded))
    assert [] == broken_laws(recorded)


@pytest.mark.slow
def test_a_replay_tells_its_plan_and_what_happened() -> None:
    command = [sys.executable, "-m", "benchmarks.chaos", "--seed", "3"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert answer.stdout.startswith("seed 3: ")
    assert "time line:" in answer.stdout
    assert "0 violations" in answer.stdout
