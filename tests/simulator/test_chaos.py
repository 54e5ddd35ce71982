"""The breaking machine: a slice of its campaign, and proof that its laws notice when a guard is gone.

`make chaos` runs thousands. The planted bugs are listed in `planted.py`.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from benchmarks.chaos.__main__ import seeds_from
from rollout_simulator import chaos
from rollout_simulator.chaos import broken_laws, hardships, near_misses, plan_of, run, told
from rollout_simulator.chaos.hardships import FORGERIES
from rollout_simulator.faults import Mode
from tests.simulator import planted
from tests.simulator.planted import ALIAS, PLANTED, STAGE, Planted

ROOT = Path(chaos.__file__).parents[2]
SLICE = (*range(1, 17), 20, 31, 42)
"""Those of 9 and of the last three roll out a Lambda alias."""
CHECKER = ("laws/*.py", "states.py", "recorded.py", "description.py")


LONG = frozenset({"fills its record with commands", "reads without consistency", "raises despite a stop signal"})
"""The planted bugs whose seeds make long runs."""


@pytest.mark.parametrize("seed", SLICE)
def test_no_law_is_broken(seed: int) -> None:
    recorded = run(plan_of(seed))
    broken = [str(violation) for violation in broken_laws(recorded)]
    assert [] == broken, "\n".join([*told(recorded), *broken])


@pytest.mark.parametrize(
    ("bug", "kind"),
    [
        pytest.param(bug, kind, marks=pytest.mark.slow if bug in LONG else ())
        for bug, planted in PLANTED.items()
        for kind in planted.seeds
    ],
)
def test_a_planted_bug_is_noticed(bug: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bug_: Planted = PLANTED[bug]
    bug_.plant(monkeypatch)
    plans = [plan_of(seed) for seed in bug_.seeds[kind]]
    assert {kind} == {plan.kind for plan in plans}
    assert bug_.law in {violation.law for plan in plans for violation in broken_laws(run(plan))}


@pytest.mark.parametrize("kind", [STAGE, ALIAS])
def test_everything_that_can_go_wrong_is_drawn_within_a_few_hundred_runs(kind: str) -> None:
    plans = [plan_of(seed) for seed in islice(seeds_from(1, kind), 400)]
    assert set(chaos.What) == {act.what for plan in plans for act in plan.acts}
    assert {mode.value for mode in Mode} == {fault.mode for plan in plans for fault in plan.faults}
    drawn = {condition for plan in plans for condition in plan.conditions()}
    hard = {"clocks differ", "names collide", "composite alarm", "handed over soon"}
    assert hard | ({"large record"} if kind == STAGE else set()) <= drawn
    forged = [act for plan in plans for act in plan.acts if act.what is chaos.What.FORGERY]
    assert set(FORGERIES) == {act.details["kind"] for act in forged}


def test_a_hardship_changes_no_other_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    hard = [plan_of(seed) for seed in range(1, 60)]
    monkeypatch.setattr(hardships, "KINDS", ())
    for plan, plain in zip(hard, map(plan_of, range(1, 60)), strict=True):
        assert plain.acts == plan.acts[: len(plain.acts)]
        assert plain.faults == plan.faults[: len(plain.faults)]
        assert plain.scenario["traffic"] == plan.scenario["traffic"]


@pytest.mark.slow
def test_a_read_of_the_table_that_asks_for_no_consistency_shows_the_past(monkeypatch: pytest.MonkeyPatch) -> None:
    planted.reads_without_consistency(monkeypatch)
    broken = broken_laws(run(plan_of(1)))
    assert broken != []


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
