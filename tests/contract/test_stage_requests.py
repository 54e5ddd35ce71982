"""What the stage's adapter asks of API Gateway, where the embedded AWS would take more than AWS is known to take."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from botocore.stub import Stubber

from rollout.adapters.apigateway_stage import ApiGatewayStage
from rollout.adapters.function_aliases import FunctionAliases
from rollout.core.rollout import Candidate
from rollout.core.target import Canary, Target, TargetState
from tests.contract.aws import client

TARGET = Target("apigateway-stage", {"restApiId": "a1b2c3d4e5", "stageName": "prod"})
BASE = TargetState("dep-1", None, {"lambdaAlias": "live"})
API_DEFINED_NOW = Candidate(None, {})


@pytest.fixture
def stub() -> Iterator[Stubber]:
    """API Gateway, which answers what it is told to, and only to what is expected."""
    with Stubber(client("apigateway")) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def stage() -> ApiGatewayStage:
    return ApiGatewayStage(client("apigateway"), FunctionAliases(client("lambda")))


def replaced(path: str, value: str) -> dict[str, str]:
    return {"op": "replace", "path": f"/canarySettings/{path}", "value": value}


@pytest.mark.parametrize(("use_stage_cache", "said"), [(True, "true"), (False, "false")])
def test_a_new_canary_is_asked_for_in_json_words(
    stub: Stubber, stage: ApiGatewayStage, use_stage_cache: bool, said: str
) -> None:
    """Every value of a patch operation is a text; a truth value is "true" or "false" in it, as in AWS's examples."""
    canary = Canary("dep-2", Decimal("12.5"), {"lambdaAlias": "next"}, use_stage_cache)
    operations = [
        replaced("deploymentId", "dep-2"),
        replaced("percentTraffic", "12.5"),
        replaced("useStageCache", said),
        replaced("stageVariableOverrides/lambdaAlias", "next"),
    ]
    shown = {
        "deploymentId": "dep-1",
        "variables": {"lambdaAlias": "live"},
        "canarySettings": {
            "deploymentId": "dep-2",
            "percentTraffic": 12.5,
            "stageVariableOverrides": {"lambdaAlias": "next"},
            "useStageCache": use_stage_cache,
        },
    }
    stub.add_response("update_stage", shown, {**TARGET.ids, "patchOperations": operations})
    wanted = TargetState("dep-1", canary, BASE.variables)
    assert wanted == stage.change(TARGET, BASE, wanted)


def test_what_a_canary_does_not_show_is_what_api_gateway_takes_it_for(stub: Stubber, stage: ApiGatewayStage) -> None:
    """Every field of canarySettings is optional: the base's deployment, no traffic, no overrides, no cache."""
    stub.add_response("get_stage", {"deploymentId": "dep-1", "canarySettings": {}}, TARGET.ids)
    assert TargetState("dep-1", Canary("dep-1", Decimal(0), {}, use_stage_cache=False), {}) == stage.read(TARGET)


def page(*descriptions: str, position: str = "") -> dict[str, Any]:
    items = [{"id": f"dep-{description}", "description": description} for description in descriptions]
    return {"items": items, **({"position": position} if position else {})}


@pytest.mark.parametrize("pages_before", [0, 1, 2])
def test_a_deployment_made_earlier_is_found_by_its_stamp_on_whatever_page(
    stub: Stubber, stage: ApiGatewayStage, pages_before: int
) -> None:
    """An API may have more deployments than a page (500 at most) shows; a second one would be made and rolled out."""
    asked: dict[str, Any] = {"restApiId": "a1b2c3d4e5", "limit": 500}
    for number in range(pages_before):
        stub.add_response("get_deployments", page("theirs", "rollout r-0", position=f"after-{number}"), asked)
        asked = {**asked, "position": f"after-{number}"}
    stub.add_response("get_deployments", page("theirs", "rollout r-1"), asked)
    assert "dep-rollout r-1" == stage.materialize(TARGET, API_DEFINED_NOW, "r-1")


def test_a_deployment_is_made_when_no_page_has_its_stamp(stub: Stubber, stage: ApiGatewayStage) -> None:
    asked: dict[str, Any] = {"restApiId": "a1b2c3d4e5", "limit": 500}
    stub.add_response("get_deployments", page("theirs", position="after-0"), asked)
    stub.add_response("get_deployments", page("rollout r-0"), {**asked, "position": "after-0"})
    made = {"restApiId": "a1b2c3d4e5", "description": "rollout r-1"}
    stub.add_response("create_deployment", {"id": "dep-new"}, made)
    assert "dep-new" == stage.materialize(TARGET, API_DEFINED_NOW, "r-1")
