"""Deployments of a REST API: what a deployment contains, when one is refused, and how it changes a stage."""

from __future__ import annotations

import copy
import hashlib
import json
import time
from collections.abc import Mapping
from typing import Any

from moto.apigateway import models
from moto.apigateway.exceptions import NoIntegrationDefined, NoMethodDefined
from moto.apigateway.utils import ApigwDeploymentIdentifier

from rollout_simulator.moto_patches.apigateway_errors import BadRequest, NotFound
from rollout_simulator.moto_patches.stage_control_plane import canary_of

# moto's classes hold more than their annotations admit.
_Deployment: Any = models.Deployment
_Stage: Any = models.Stage
_Identifier: Any = ApigwDeploymentIdentifier


def require_deployable(api: Any, stage_name: str | None, canary_settings: Mapping[str, Any] | None) -> None:
    """Refuse a CreateDeployment that AWS refuses, before anything is made."""
    methods = [method for resource in api.resources.values() for method in resource.resource_methods.values()]
    if not methods:
        raise NoMethodDefined
    if not any(method.method_integration for method in methods):
        raise NoIntegrationDefined
    if canary_settings is not None:
        _require_stage(api, stage_name)
    elif stage_name in api.stages and canary_of(api.stages[stage_name]) is not None:
        raise BadRequest(
            f"Non canary deployment not supported on stage {stage_name} because Canary is enabled. "
            "Provide CanarySettings in deploymentInput."
        )


def _require_stage(api: Any, stage_name: str | None) -> None:
    if not stage_name:
        raise BadRequest(
            "Invalid deployment content specified.Non null and non empty stageName must be provided for "
            f"canary deployment. Provided value is {'null' if stage_name is None else stage_name}"
        )
    if stage_name not in api.stages:
        raise BadRequest(
            f"Invalid deployment content specified.Stage {stage_name} must already be created before making "
            "a canary release deployment"
        )


def snapshot(api: Any, stage_name: str | None, description: str | None) -> Any:
    """A new deployment of the API as now defined. Its description names it to moto's table of chosen identifiers."""
    identifier = _Identifier(api.account_id, api.region_name, stage_name=description)
    deployment = _Deployment(identifier.generate(list(api.deployments)), stage_name, description)
    deployment.created_date = int(time.time())
    deployment.api_summary = _summary(api)
    deployment.definition = definition(api)
    deployment.api_digest = digest(deployment.definition)
    api.deployments[deployment.id] = deployment
    return deployment


def definition(api: Any) -> dict[str, Any]:
    """What a deployment holds of the API, safe from later changes.

    `resources` are, by path and verb, the methods with their integrations as GetMethod shows them; `authorizers`, by
    identifier, as GetAuthorizer shows them.
    """
    resources = {
        resource.get_path(): {verb: method.to_json() for verb, method in resource.resource_methods.items()}
        for resource in api.resources.values()
    }
    authorizers = {name: authorizer.to_json() for name, authorizer in api.authorizers.items()}
    return copy.deepcopy({"resources": resources, "authorizers": authorizers})


def digest(defined: Mapping[str, Any]) -> str:
    """A fingerprint of a `definition`: equal only for equal ones."""
    return hashlib.sha256(json.dumps(defined, sort_keys=True, default=str).encode()).hexdigest()


def _summary(api: Any) -> dict[str, Any]:
    return {
        resource.get_path(): {
            verb: {
                "authorizationType": method.authorization_type or "NONE",
                "apiKeyRequired": str(method.api_key_required).lower() == "true",
            }
            for verb, method in resource.resource_methods.items()
        }
        for resource in api.resources.values()
        if resource.resource_methods
    }


def point_stage(
    api: Any, stage_name: str, deployment_id: str, canary: dict[str, Any] | None, settings: Mapping[str, Any]
) -> None:
    """Point the stage, or its canary, at the deployment; a stage that is not there yet is created."""
    stage = api.stages.get(stage_name)
    if stage is None:
        stage = api.stages[stage_name] = _Stage(name=stage_name, deployment_id=deployment_id)
        api.update_integration_mocks(stage_name)
    if canary is None:
        stage.deployment_id = deployment_id
    else:
        stage.canary_settings = {**canary, "deploymentId": deployment_id}
    for attribute, value in settings.items():
        if attribute == "variables":
            stage.variables = {**stage.variables, **value}
        elif value is not None:
            setattr(stage, attribute, value)


def existing(api: Any, deployment_id: str) -> Any:
    """The deployment called `deployment_id`."""
    if deployment_id not in api.deployments:
        raise NotFound("Invalid Deployment identifier specified")
    return api.deployments[deployment_id]


def require_unused(api: Any, deployment_id: str) -> None:
    """Refuse to delete a deployment that a stage or a canary points to."""
    for stage in api.stages.values():
        if stage.deployment_id == deployment_id:
            raise BadRequest("Active stages pointing to this deployment must be moved or deleted")
        if (canary_of(stage) or {}).get("deploymentId") == deployment_id:
            raise BadRequest("Active stages with canary settings pointing to this deployment must be moved or deleted")
