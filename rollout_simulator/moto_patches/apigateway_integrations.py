"""UpdateIntegration of a REST API, and integrations by VPC link.

moto has no such operation, and forgets the id of an integration's VPC link. AWS: UpdateIntegration changes an
integration by patch operations; an operation that is not supported is refused (documented). Here `replace` of single
values is supported, as listed in `_ATTRIBUTES`; a deployment made before keeps the integration as it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from moto.apigateway.models import Integration
from moto.apigateway.responses import APIGatewayResponse

from rollout_simulator.moto_patches.apigateway_errors import BadRequest
from rollout_simulator.moto_patches.patching import additions, replacements

_RESPONSE = additions(APIGatewayResponse, update_integration="is not implemented")
_PUT = replacements(APIGatewayResponse, put_integration="forgets connectionId")
_INTEGRATION = replacements(Integration, to_json="does not show connectionId")

_ATTRIBUTES: Mapping[str, str] = {
    "/uri": "uri",
    "/httpMethod": "http_method",
    "/credentials": "credentials",
    "/connectionType": "connection_type",
    "/connectionId": "connection_id",
    "/contentHandling": "content_handling",
    "/passthroughBehavior": "passthrough_behaviour",
    "/timeoutInMillis": "timeout_in_millis",
    "/cacheNamespace": "cache_namespace",
}


@contextmanager
def patched() -> Iterator[None]:
    """Answer UpdateIntegration, and keep the ids of VPC links, for as long as this is open."""
    put, shown = APIGatewayResponse.put_integration, Integration.to_json

    def put_integration(response: Any) -> Any:
        answer = put(response)
        _, _, api, _, resource, _, method, *_ = response.path.split("/")
        integration = response.backend.get_integration(api, resource, method)
        integration.connection_id = response._get_param("connectionId")
        return answer[0], answer[1], json.dumps(integration.to_json())

    def to_json(integration: Any) -> dict[str, Any]:
        connection = getattr(integration, "connection_id", None)
        return {**shown(integration), **({"connectionId": connection} if connection else {})}

    with (
        _RESPONSE(update_integration=update_integration),
        _PUT(put_integration=put_integration),
        _INTEGRATION(to_json=to_json),
    ):
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
