"""UpdateIntegration of a REST API.

moto has no such operation. AWS: it changes an integration by patch operations; an operation that is not supported is
refused (documented). Here `replace` of single values is supported, as listed in `_ATTRIBUTES`; a deployment made
before keeps the integration as it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from moto.apigateway.responses import APIGatewayResponse

from rollout_simulator.moto_patches.apigateway_errors import BadRequest
from rollout_simulator.moto_patches.patching import additions

_RESPONSE = additions(APIGatewayResponse, update_integration="is not implemented")

_ATTRIBUTES: Mapping[str, str] = {
    "/uri": "uri",
    "/httpMethod": "http_method",
    "/credentials": "credentials",
    "/connectionType": "connection_type",
    "/contentHandling": "content_handling",
    "/passthroughBehavior": "passthrough_behaviour",
    "/timeoutInMillis": "timeout_in_millis",
    "/cacheNamespace": "cache_namespace",
}


@contextmanager
def patched() -> Iterator[None]:
    """Answer UpdateIntegration for as long as this is open."""
    with _RESPONSE(update_integration=update_integration):
        yield


def update_integration(response: Any) -> Any:
    """Answer UpdateIntegration; a request with a bad operation changes nothing.

    Raises: BadRequest, NotFoundException.
    """
    _, _, api, _, resource, _, method, *_ = response.path.split("/")
    integration = response.backend.get_integration(api, resource, method)
    changes = {}
    for operation in response._get_param("patchOperations") or ():
        if operation["op"] != "replace" or operation["path"] not in _ATTRIBUTES:
            raise BadRequest(f"Invalid {operation['op']} operation with path: {operation['path']}")
        changes[_ATTRIBUTES[operation["path"]]] = operation.get("value")
    for attribute, value in changes.items():
        setattr(integration, attribute, value)
    return 200, {"status": 200}, json.dumps(integration.to_json())
