"""GetExport of a stage: what its deployment contains, as an OpenAPI document with API Gateway's extensions.

moto exports the API as now defined, without integrations and authorizers, and asks for no stage. AWS exports the
deployed version (documented), with `x-amazon-apigateway-integration` and, by its extension `authorizers`,
`x-amazon-apigateway-authorizer`. Whether `extensions=apigateway` has the authorizers as well is not documented: here it
has not. Types are in lower case there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from moto.apigateway.responses import APIGatewayResponse

from rollout_simulator.moto_patches.patching import replacements

_RESPONSE = replacements(
    APIGatewayResponse, get_export="exports the API as now defined, without what it calls, and not the deployment"
)


@contextmanager
def patched() -> Iterator[None]:
    """Answer GetExport from the stage's deployment for as long as this is open."""
    with _RESPONSE(get_export=get_export):
        yield


def get_export(response: Any) -> Any:
    """Answer GetExport.

    Raises: StageNotFoundException.
    """
    _, _, api, _, stage, *_ = response.path.split("/")
    deployment = response.backend.get_stage(api, stage).deployment_id
    defined = response.backend.get_deployment(api, deployment).definition
    body = {"openapi": "3.0.1", "paths": dict(_paths(defined))}
    return 200, {"Content-Type": "application/json"}, json.dumps(body, default=str)


def _paths(defined: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for path, methods in defined["resources"].items():
        verbs = {
            "x-amazon-apigateway-any-method" if verb == "ANY" else verb.lower(): _operation(method, defined)
            for verb, method in methods.items()
        }
        if verbs:
            yield path, verbs


def _operation(method: Mapping[str, Any], defined: Mapping[str, Any]) -> dict[str, Any]:
    integration = {name: value for name, value in (method.get("methodIntegration") or {}).items() if value is not None}
    shown = {"x-amazon-apigateway-integration": {**integration, "type": str(integration.get("type", "")).lower()}}
    authorizer = defined["authorizers"].get(method.get("authorizerId"))
    return {**shown, "security": [{authorizer["name"]: []}]} if authorizer else shown
