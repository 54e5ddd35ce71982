"""The first edition that the benchmark compares with is the one that was shipped.

`first_edition.json` holds how the shipped first edition ended rollouts of these cells, drawn with this seed.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.judge.first_edition import follow_all
from benchmarks.judge.measure import rng_for
from benchmarks.judge.traffic import Cell, Noise, Release, draw

RECORDED: list[dict[str, Any]] = json.loads(Path(__file__).with_name("first_edition.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("record", RECORDED, ids=lambda record: record["cell"])
def test_it_ends_each_rollout_as_the_shipped_code_did(record: dict[str, Any]) -> None:
    cell = Cell(record["rps"], record["baseRate"], Release(record["release"]), record["factor"], Noise(record["noise"]))
    rollouts = draw(cell, len(record["endings"]), rng_for(cell, record["seed"]))
    endings = follow_all(rollouts)
    assert record["endings"] == [[ending.action.value, list(ending.step_minutes)] for ending in endings]
