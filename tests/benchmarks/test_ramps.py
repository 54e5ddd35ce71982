"""The benchmark of the ramp: its rollouts are reproducible, and its table is that of its results."""

from __future__ import annotations

import json

from benchmarks.judge.ramps import FIXED, KINDS, MARKER, PAGE, RAMP, RATES, RESULTS, rolled_out, table
from rollout.core.judge.ramp import from_start

KIND = {kind.name: kind for kind in KINDS}


def test_the_same_seed_is_the_same_rollout() -> None:
    first, second = (rolled_out(FIXED, KIND["10 % fail"], 200.0, 7) for _ in range(2))
    assert ("rollback", first) == (first.action, second)


def test_the_ramp_has_its_control_after_forty_minutes_under_heavy_traffic() -> None:
    ending = rolled_out(from_start(RAMP, 120_000.0), KIND["healthy, base 1 %"], 2_000.0, 1)
    assert ("promote", 40) == (ending.action, ending.control_at)


def test_everything_fails_and_the_ramp_costs_a_fiftieth() -> None:
    failing = KIND["everything fails"]
    fixed = rolled_out(FIXED, failing, 2_000.0, 1)
    ramp = rolled_out(from_start(RAMP, 120_000.0), failing, 2_000.0, 1)
    assert ("rollback", "rollback") == (fixed.action, ramp.action)
    assert 45 < fixed.bad / ramp.bad < 55


def test_the_table_in_the_docs_is_that_of_the_results() -> None:
    cells = json.loads(RESULTS.read_text(encoding="utf-8"))
    assert [(kind.name, rate) for kind in KINDS for rate in RATES] == [(cell["kind"], cell["rps"]) for cell in cells]
    assert table(cells) == PAGE.read_text(encoding="utf-8").split(MARKER)[1].strip()
