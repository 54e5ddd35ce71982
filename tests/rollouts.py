"""A rollout as a value, for tests that take only what they are about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import product
from typing import Any, get_args

from rollout.core.base_semantics import BaseSemantics
from rollout.core.decision import OnInconclusive, OnRegression, Policy
from rollout.core.judge import Count, JudgeSettings, Step, begin
from rollout.core.measures import Measure, Series
from rollout.core.minutes import Calendar
from rollout.core.rollout import Candidate, Rollout, Settings
from rollout.core.target import Target, TargetState
from rollout.request.judge import parse_judge

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PROD = Target("apigateway-stage", {"restApiId": "a1b2c3d4e5", "stageName": "prod"})
FOUND = TargetState("dep-old", None, {"lambdaAlias": "live", "table": "orders"})
JUDGE: JudgeSettings = parse_judge({"metrics": [{"name": "5XXError"}]})
POLICIES = [Policy(*each) for each in product(get_args(OnInconclusive), get_args(OnRegression))]
"""Every policy that a request can ask for."""
PLAN = (Step(Decimal(5), 10), Step(Decimal(50), 10))


def settings(**fields: Any) -> Settings:
    """Two steps, one metric, no alarms."""
    given: dict[str, Any] = {
        "target": PROD,
        "candidate": Candidate("dep-new", {"lambdaAlias": "next"}),
        "plan": PLAN,
        "judge": JUDGE,
        "policy": Policy(),
        "calendar": Calendar(),
        "watch_minutes": 10,
        "hold_minutes": 60,
        "pause_minutes": 120,
        "undo_minutes": 60,
        "most_minutes_between_analyses": 1,
        "alarms": (),
    }
    return Settings(**given | fields)


def rollout(rollout_id: str = "r-1", **fields: Any) -> Rollout:
    """A rollout that has just been prepared at noon."""
    given_settings = fields.pop("settings", None) or settings()
    prepared = Rollout(
        rollout_id=rollout_id,
        execution=f"arn:aws:states:eu-central-1:123456789012:execution:rollout:{rollout_id}",
        settings=given_settings,
        started_at=NOON,
        original=FOUND,
        expected_states=(FOUND,),
        series=Series({"ApiName": "orders", "Stage": "prod"}, {"ApiName": "orders", "Stage": "prod/Canary"}),
        measures=(Measure("5XXError"),),
        semantics=BaseSemantics(),
        evidence=begin(given_settings.judge, given_settings.plan, {"5XXError": Count(30_000, 3)}),
        phase_since=NOON,
        changed_at=NOON,
        analyzed_at=NOON,
    )
    return replace(prepared, **fields)
