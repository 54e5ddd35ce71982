"""Whatever the request allows, the judge answers: at every bound of every field, alone and in pairs, over minutes from
none to the largest counts.
"""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from rollout.core.judge import InvalidSettings, parse_recording, replay
from rollout.errors import InvalidRequest
from rollout.request.judge import parse_judge

MOST = 1_000_000_000_000_000
STEPS: dict[str, list[Any]] = {
    "weightPercent": [0, "1e-99999", 0.001, 0.01, 99.99, 99.999, "99.99999999999999999999", 100],
    "bakeMinutes": [0, 1, 20_160, 10**400],
}
JUDGE: dict[str, list[Any]] = {
    "alpha": [0, 1e-320, 1e-9, 0.5],
    "beta": [0, 1e-320, 1e-9, 0.5],
    "capShare": [0, 1e-320, 0.01, 1],
    "maxBakeFactor": [1, 100],
    "fastLane": [{"minBad": 1, "excess": 0}, {"minBad": 100_000, "excess": 1}, {"excess": 1e-320}],
    "gate": [
        {"relative": 1, "absolute": 1e-320},
        {"relative": 1 + 2**-52, "absolute": 0},
        {"relative": 100, "absolute": 1},
    ],
}
METRIC: dict[str, list[Any]] = {
    "weight": [0, 1e-310, 0.001, 1000],
    "maxExcess": [0, 1e-320, 1e-9, 1],
    "dispersion": [1, 100],
    "tolerance": [
        {"relative": 0, "absolute": 0},
        {"relative": 0, "absolute": 1e-320},
        {"relative": 1e-320, "absolute": 0},
        {"relative": 0, "absolute": 1e-9},
        {"relative": 0.01, "absolute": 0},
        {"relative": 100, "absolute": 1},
    ],
}
MINUTES = [
    ((0, 0), (0, 0)),
    ((1, 1), (0, 0)),
    ((0, 0), (1, 1)),
    ((300, 3), (5_700, 50)),
    ((300, 300), (5_700, 0)),
    ((300, 0), (5_700, 5_700)),
    ((MOST, 0), (MOST, MOST)),
    ((MOST, MOST), (MOST, 0)),
    ((MOST, MOST), (1, 0)),
    ((1, 0), (MOST, MOST)),
]
FIELDS = [
    (where, name, value)
    for where, fields in (("step", STEPS), ("judge", JUDGE), ("metric", METRIC))
    for name, values in fields.items()
    for value in values
]


def a_recording(*fields: tuple[str, str, Any]) -> dict[str, Any]:
    """Two steps and two metrics. Each kind of minute comes once, in this order and then in the opposite order."""
    parts: dict[str, dict[str, Any]] = {
        "step": {"weightPercent": 5, "bakeMinutes": 3},
        "judge": {},
        "metric": {"name": "5XXError"},
    }
    for where, name, value in fields:
        parts[where] |= {name: value}
    minutes = [
        {
            name: {arm: {"requests": n, "bad": bad} for arm, (n, bad) in (("canary", canary), ("base", base))}
            for name in ("5XXError", "4XXError")
        }
        for canary, base in MINUTES + MINUTES[::-1]
    ]
    return {
        "plan": {"steps": [parts["step"]]},
        "judge": parts["judge"] | {"metrics": [parts["metric"], {"name": "4XXError"}]},
        "minutes": minutes,
    }


def shown_or_refused(recording: dict[str, Any]) -> str | None:
    """The text of the refusal; None if it was judged."""
    try:
        shown = replay(*parse_recording(recording, parse_judge)).to_dict()
    except (InvalidSettings, InvalidRequest) as error:
        return str(error)
    json.dumps(shown, allow_nan=False)
    return None


@pytest.mark.parametrize("first", [0, 3, 6, 9])
def test_every_pair_of_bounds_is_judged_or_refused_by_the_name_of_its_field(first: int) -> None:
    judged = 0
    for one, other in itertools.combinations(FIELDS, 2):
        if one[:2] == other[:2]:
            continue
        recording = a_recording(one, other)
        recording["minutes"] = recording["minutes"][first:]
        refused = shown_or_refused(recording)
        if refused is None:
            judged += 1
        else:
            assert one[1] in refused or other[1] in refused, (one, other, refused)
    assert judged > 200
