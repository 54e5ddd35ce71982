"""The published JSON Schema says what the parser says, of the judge's block too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from rollout.core.target import Json
from rollout.errors import InvalidRequest
from rollout.request import parse_request
from rollout.request.schemas import request_schema

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = Draft202012Validator(request_schema())
TARGET: Json = {"type": "apigateway-stage", "restApiId": "a1b2c3d4e5", "stageName": "prod"}
ERRORS: Json = {"name": "5XXError"}


def judged(**block: Any) -> Json:
    return {"target": TARGET, "judge": block}


def judged_by(**metric: Any) -> Json:
    return judged(metrics=[ERRORS | metric])


def parses(document: Json) -> bool:
    try:
        parse_request(document)
    except InvalidRequest:
        return False
    return True


GOOD: list[Json] = [
    {"target": TARGET, "$schema": "request.schema.json"},
    judged(),
    judged(preset="tolerant", alpha=0.02, beta="0.1", maxBakeFactor=2, capShare="0.4", gate={"relative": 3}),
    judged(fastLane={"minBad": "5"}, metrics=[ERRORS, {"name": "Orders", "kind": "businessCount"}]),
    judged(metrics=[ERRORS, {"name": "Latency", "quantiles": [50, "99.9"], "required": True, "weight": 2}]),
    judged_by(tolerance={"absolute": 0.01}, dispersion=2, dryRun=False),
    {"target": TARGET, "plan": {"steps": [{"weightPercent": "12.5", "bakeMinutes": 10.0}]}, "holdMinutes": "60"},
]
BAD: list[Json] = [
    judged(preset="strict"),
    judged(alpah=0.1),
    judged(alpha=0),
    judged(beta="1_0"),
    judged(beta=True),
    judged(maxBakeFactor=0.5),
    judged(gate={"relative": 0.9}),
    judged(gate={"factor": 2}),
    judged(capShare=0),
    judged(fastLane={"minBad": 2.5}),
    judged(fastLane={"excess": 2}),
    judged(metrics=[]),
    judged(metrics=[{}]),
    judged(metrics={"name": "5XXError"}),
    judged_by(kind="error"),
    judged_by(required="yes"),
    judged_by(dry_run=True),
    judged_by(tolerance={"relative": -1}),
    judged_by(tolerance=1.25),
    judged_by(dispersion=101),
    judged_by(weight=0),
    judged_by(quantiles=[]),
    {"target": TARGET, "holdMinutes": 10.5},
    {"target": TARGET, "holdMinutes": "1e1"},
    {"target": {"type": "ecs-service"}},
]


@pytest.mark.parametrize("document", GOOD, ids=json.dumps)
def test_what_is_a_request_fits_the_schema(document: Json) -> None:
    assert (parses(document), SCHEMA.is_valid(document)) == (True, True)


@pytest.mark.parametrize("document", BAD, ids=json.dumps)
def test_what_a_field_may_not_say_does_not(document: Json) -> None:
    assert (parses(document), SCHEMA.is_valid(document)) == (False, False)


@pytest.mark.parametrize("path", sorted((ROOT / "events").glob("request*.json")), ids=lambda path: path.stem)
def test_the_sample_requests_fit_the_schema(path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    assert (parses(document), SCHEMA.is_valid(document)) == (True, True)


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(request_schema())
