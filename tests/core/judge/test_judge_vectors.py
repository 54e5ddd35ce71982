"""The judge agrees with numbers computed independently, with 40 digits, to 1e-9."""

import json
from decimal import Decimal
from math import isclose
from pathlib import Path
from typing import Any

import pytest

from rollout.core.judge import Count, Tolerance, combine, parse_recording, replay
from rollout.core.judge.explain import explain
from rollout.core.judge.harm import KAPPAS as HARM_KAPPAS
from rollout.core.judge.information import kl_to_null
from rollout.core.judge.minute import log_e
from rollout.core.judge.previewing import requests_to_prove
from rollout.core.judge.safety import KAPPAS as SAFETY_KAPPAS
from rollout.request.judge import parse_judge
from tests.core.judge.builders import NAME, some_settings

VECTORS: dict[str, Any] = json.loads(Path(__file__).with_name("vectors.json").read_text(encoding="utf-8"))


ROLLOUTS = json.loads(Path(__file__).with_name("rollout_vectors.json").read_text(encoding="utf-8"))["cases"]


def agree(actual: float, expected: float) -> bool:
    return isclose(actual, expected, rel_tol=1e-9, abs_tol=1e-12)


def test_the_grids_and_defaults_are_those_of_the_vectors() -> None:
    defaults = VECTORS["defaults"]
    settings = some_settings()
    assert tuple(VECTORS["kappa_harm"]) == HARM_KAPPAS
    assert tuple(VECTORS["kappa_safe"]) == SAFETY_KAPPAS
    assert settings.metrics[0].tolerance == (defaults["r"], defaults["d"])
    assert settings.gate == (defaults["gate_r"], defaults["gate_d"])
    assert settings.fast_lane == (defaults["fast_min_bad"], defaults["fast_excess"])
    assert (settings.alpha, settings.beta) == (defaults["alpha"], defaults["beta"])
    assert (settings.cap_share, settings.max_bake_factor) == (
        defaults["cap_share"],
        defaults["max_bake_factor"],
    )


@pytest.mark.parametrize("case", VECTORS["minute_log_e"])
def test_one_minute(case: dict[str, Any]) -> None:
    tolerance = Tolerance(case["r"], case["d"])
    canary, base = Count(case["nc"], case["xc"]), Count(case["nb"], case["xb"])
    assert agree(log_e(case["p1"], canary, base, case["pb"], tolerance), case["log_e"])


@pytest.mark.parametrize("case", ROLLOUTS, ids=lambda case: case["name"])
def test_a_whole_rollout(case: dict[str, Any]) -> None:
    replayed, expected = replay(*parse_recording(case["input"], parse_judge)).to_dict(), case["expect"]
    assert (replayed["verdict"], replayed["atMinute"]) == (expected["verdict"], expected["atMinute"])
    for actual, minute in zip(replayed["minutes"], expected["minutes"], strict=True):
        assert (actual["step"], actual["action"]) == (minute["step"], minute["action"])
        assert agree(actual["logE"], minute["logE"])
        for name, metric in minute["metrics"].items():
            of_metric = actual["metrics"][name]
            assert of_metric["verdict"] == metric["verdict"]
            assert all(agree(of_metric[part], metric[part]) for part in ("logE", "logECapped", "logS"))


@pytest.mark.parametrize("case", VECTORS["requests_to_prove_zero_errors"])
def test_requests_to_prove(case: dict[str, Any]) -> None:
    assert case["n"] == requests_to_prove(case["pb"], Tolerance(case["r"], case["d"]), case["beta"])


@pytest.mark.parametrize("case", VECTORS["combine"])
def test_several_metrics(case: dict[str, Any]) -> None:
    assert agree(combine(zip(case["weights"], case["log_es"], strict=True)), case["log_e"])


@pytest.mark.parametrize("case", VECTORS["kl_to_null"])
def test_the_information_bound(case: dict[str, Any]) -> None:
    tolerance = Tolerance(case["r"], case["d"])
    assert agree(kl_to_null(case["pc"], case["pb"], case["nc"], case["nb"], tolerance), case["nats"])


@pytest.mark.parametrize("case", VECTORS["explain"])
def test_what_it_says(case: dict[str, Any]) -> None:
    given = case["args"]
    settings = some_settings(alpha=given["alpha"])
    text = explain(
        NAME,
        Count(given["nc"], given["xc"]),
        Count(given["nb"], given["xb"]),
        allowed_rate=Tolerance(given["r"], given["d"]).of(given["xb"] / given["nb"]),
        log_e=given["log_e"],
        log_e_limit=settings.log_limit(),
        weight_percent=Decimal(str(given["weight"])) * 100,
        minutes=given["minutes"],
    )
    assert case["text"] == text
