"""Tags of REST APIs by TagResource, UntagResource and GetTags.

moto reads every ARN as a stage's, and answers that of a REST API with NotFoundException. AWS: REST APIs and stages,
among others, have tags; GetTags shows none that are inherited (documented: "API Gateway resources that can be tagged").
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

from moto.apigateway.responses import APIGatewayResponse

from rollout_simulator.moto_patches.patching import replacements

_RESPONSE = replacements(
    APIGatewayResponse,
    get_tags="finds no REST API: it reads every ARN as that of a stage",
    tag_resource="finds no REST API: it reads every ARN as that of a stage",
    untag_resource="finds no REST API: it reads every ARN as that of a stage",
)


@contextmanager
def patched() -> Iterator[None]:
    """Let REST APIs be tagged for as long as this is open."""
    with _RESPONSE(get_tags=get_tags, tag_resource=tag_resource, untag_resource=untag_resource):
        yield


def get_tags(response: Any) -> str:
    """Answer GetTags."""
    return json.dumps({"tags": _tagged(response).tags or {}})


def tag_resource(response: Any) -> str:
    """Answer TagResource."""
    tagged = _tagged(response)
    tagged.tags = {**(tagged.tags or {}), **(response._get_param("tags") or {})}
    return "{}"


def untag_resource(response: Any) -> str:
    """Answer UntagResource."""
    tagged, keys = _tagged(response), response.querystring.get("tagKeys", ())
    tagged.tags = {name: value for name, value in (tagged.tags or {}).items() if name not in keys}
    return "{}"


def _tagged(response: Any) -> Any:
    """The REST API or the stage of the request's ARN.

    Raises: NotFoundException.
    """
    _, _, resource = unquote(response.path.partition("/tags/")[2]).partition("::/restapis/")
    api, *rest = resource.split("/")
    return response.backend.get_stage(api, rest[1]) if rest else response.backend.get_rest_api(api)
