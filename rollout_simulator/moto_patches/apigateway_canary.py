"""API Gateway's REST control plane with canaries: stages, deployments, promotion and refusals.

moto answers canary settings with a 200 and ignores them, lets `replace /canarySettings/deploymentId` overwrite the
base deployment, and loses a stage's variables when it is deployed to again. AWS (UpdateStage: see `stage_operations`):

- CreateDeployment to an existing stage repoints it and keeps its variables (documented). While it has a
  canary, a deployment without canary settings is refused (read in public code).
- CreateDeployment with canary settings attaches a canary, or replaces the one there, and leaves the base
  alone; the stage must exist (recorded).
- A deployment that a stage uses as its base (recorded) or its canary (read in public code) cannot be deleted.
- A deployment is a snapshot: its `api_digest` tells which definition of the API it holds.
- GetDeployments gives 25 at a time unless told otherwise (documented).

Unknown: the answer to CreateStage with an unknown deployment (here as UpdateStage's), and what
CreateDeployment's `variables` do to a stage that has some (here they are merged).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from moto.apigateway.models import APIGatewayBackend, Stage
from moto.apigateway.responses import APIGatewayResponse

from rollout_simulator.moto_patches.api_deployments import (
    existing,
    point_stage,
    require_deployable,
    require_unused,
    snapshot,
)
from rollout_simulator.moto_patches.apigateway_errors import BadRequest
from rollout_simulator.moto_patches.patching import replacements
from rollout_simulator.moto_patches.stage_control_plane import StageControlPlane, canary_of
from rollout_simulator.moto_patches.stage_operations import new_canary

DEPLOYMENTS_PER_PAGE = 25
LARGEST_PAGE = 500

_BACKEND = replacements(
    APIGatewayBackend,
    create_stage="drops canarySettings; accepts a deployment that does not exist",
    update_stage="ignores all of /canarySettings but deploymentId, which it writes to the base; does not undo a part",
    delete_stage="is where a stage goes, of which listeners are told",
    delete_rest_api="is where stages go, of which listeners are told",
    create_deployment="replaces the whole stage, so that its variables are lost; knows no canary",
    get_deployment="answers a missing deployment with a KeyError",
    delete_deployment="deletes a deployment that a canary uses",
)
_RESPONSE = replacements(
    APIGatewayResponse,
    create_stage="does not read canarySettings",
    create_deployment="does not read canarySettings, stageDescription and cache settings",
    get_deployment="does not know embed=apisummary",
    get_deployments="has one page only",
)
_STAGE = replacements(Stage, to_json="shows no canarySettings, createdDate and lastUpdatedDate")


@contextmanager
def patched(plane: StageControlPlane | None = None) -> Iterator[StageControlPlane]:
    """Give moto's API Gateway canaries for as long as this is open; yields the switches and listeners."""
    plane = plane if plane is not None else StageControlPlane()
    with ExitStack() as stack:
        operations = (*_stage_operations(plane), *_deployment_operations(plane))
        answers = (create_stage, create_deployment, get_deployment, get_deployments)
        stack.enter_context(_BACKEND(**{new.__name__: new for new in operations}))
        stack.enter_context(_RESPONSE(**{new.__name__: new for new in answers}))
        stack.enter_context(_STAGE(to_json=_showing_canary(Stage.to_json)))
        yield plane


def _showing_canary(to_json: Any) -> Any:
    def with_canary_and_dates(stage: Any) -> dict[str, Any]:
        shown: dict[str, Any] = to_json(stage)
        if (canary := canary_of(stage)) is not None:
            shown["canarySettings"] = canary
        if (created := getattr(stage, "created_date", None)) is not None:
            shown["createdDate"] = created
            shown["lastUpdatedDate"] = stage.last_updated_date
        return shown

    return with_canary_and_dates


# Replacements of moto's backend operations. Each keeps moto's signature: CloudFormation calls them as well.


def _stage_operations(plane: StageControlPlane) -> tuple[Any, ...]:
    delete_api_in_moto = APIGatewayBackend.delete_rest_api

    def create_stage(
        backend: Any,
        function_id: str,
        stage_name: str,
        deploymentId: str,  # noqa: N803 - moto's name
        canary_settings: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> Any:
        api = backend.get_rest_api(function_id)
        canary = None
        if canary_settings:
            canary = new_canary(canary_settings.get("deploymentId", deploymentId), canary_settings, plane.rules)
        if not {deploymentId, (canary or {}).get("deploymentId", deploymentId)} <= api.deployments.keys():
            raise BadRequest("Deployment id does not exist")
        with plane.writing(api, stage_name):
            created = api.create_stage(stage_name, deploymentId, **{**_STAGE_DEFAULTS, **settings})
            created.canary_settings = canary
        return created

    def update_stage(backend: Any, function_id: str, stage_name: str, patch_operations: Any) -> Any:
        stage = backend.get_stage(function_id, stage_name)
        api = backend.get_rest_api(function_id)
        with plane.writing(api, stage_name):
            plane.patch(api, stage, patch_operations or ())
        return stage

    def delete_stage(backend: Any, function_id: str, stage_name: str) -> None:
        backend.get_stage(function_id, stage_name)
        api = backend.get_rest_api(function_id)
        with plane.writing(api, stage_name):
            del api.stages[stage_name]

    def delete_rest_api(backend: Any, function_id: str) -> Any:
        for stage_name in list(backend.get_rest_api(function_id).stages):
            delete_stage(backend, function_id, stage_name)
        return delete_api_in_moto(backend, function_id)

    return create_stage, update_stage, delete_stage, delete_rest_api


_STAGE_DEFAULTS: Mapping[str, Any] = {
    "variables": None,
    "description": "",
    "cacheClusterEnabled": None,
    "cacheClusterSize": None,
    "tags": None,
    "tracing_enabled": None,
}


def _deployment_operations(plane: StageControlPlane) -> tuple[Any, ...]:
    def create_deployment(
        backend: Any,
        function_id: str,
        name: str | None,
        description: str | None = "",
        stage_variables: Mapping[str, str] | None = None,
        *,
        canary_settings: Mapping[str, Any] | None = None,
        stage_settings: Mapping[str, Any] | None = None,
    ) -> Any:
        api = backend.get_rest_api(function_id)
        require_deployable(api, name, canary_settings)
        canary = None if canary_settings is None else new_canary("", canary_settings, plane.rules)
        plane.admit_deployment(api)
        deployment = snapshot(api, name, description)
        if name:
            settings = {**(stage_settings or {}), "variables": stage_variables or {}}
            with plane.writing(api, name):
                point_stage(api, name, deployment.id, canary, settings)
        return deployment

    def get_deployment(backend: Any, function_id: str, deployment_id: str) -> Any:
        return existing(backend.get_rest_api(function_id), deployment_id)

    def delete_deployment(backend: Any, function_id: str, deployment_id: str) -> Any:
        api = backend.get_rest_api(function_id)
        deployment = existing(api, deployment_id)
        require_unused(api, deployment_id)
        del api.deployments[deployment_id]
        return deployment

    return create_deployment, get_deployment, delete_deployment


# Replacements of moto's answers, where moto does not read a parameter.


def create_stage(response: Any) -> Any:
    """Answer CreateStage."""
    stage = response.backend.create_stage(
        response.path.split("/")[2],
        response._get_param("stageName"),
        response._get_param("deploymentId"),
        canary_settings=response._get_param("canarySettings"),
        variables=response._get_param("variables", if_none={}),
        description=response._get_param("description", if_none=""),
        cacheClusterEnabled=response._get_param("cacheClusterEnabled", if_none=False),
        cacheClusterSize=response._get_param("cacheClusterSize"),
        tags=response._get_param("tags"),
        tracing_enabled=response._get_param("tracingEnabled"),
    )
    return 201, {"status": 201}, json.dumps(stage.to_json())


def create_deployment(response: Any) -> Any:
    """Answer CreateDeployment."""
    deployment = response.backend.create_deployment(
        response.path.split("/")[2],
        response._get_param("stageName"),
        response._get_param("description"),
        response._get_param("variables", if_none={}),
        canary_settings=response._get_param("canarySettings"),
        stage_settings={
            "description": response._get_param("stageDescription"),
            "cache_cluster_enabled": response._get_param("cacheClusterEnabled"),
            "cache_cluster_size": response._get_param("cacheClusterSize"),
            "tracing_enabled": response._get_param("tracingEnabled"),
        },
    )
    return 201, {"status": 201}, json.dumps(deployment.to_json())


def get_deployment(response: Any) -> str:
    """Answer GetDeployment; `embed=apisummary` adds what was deployed (documented)."""
    _, _, rest_api_id, _, deployment_id = response.path.split("/")
    deployment = response.backend.get_deployment(rest_api_id, deployment_id)
    shown = deployment.to_json()
    if "apisummary" in response.querystring.get("embed", ()):
        shown["apiSummary"] = deployment.api_summary
    return json.dumps(shown)


def get_deployments(response: Any) -> str:
    """Answer GetDeployments, one page at a time."""
    deployments = list(response.backend.get_rest_api(response.path.split("/")[2]).deployments.values())
    first = int(response._get_param("position") or 0)
    end = first + min(int(response._get_param("limit") or DEPLOYMENTS_PER_PAGE), LARGEST_PAGE)
    answer: dict[str, Any] = {"item": [each.to_json() for each in deployments[first:end]]}
    if end < len(deployments):
        answer["position"] = str(end)
    return json.dumps(answer)
