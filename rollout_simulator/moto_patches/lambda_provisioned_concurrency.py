"""Provisioned concurrency of versions and aliases: the configuration alone, ready at once.

moto has no such operations. AWS: `$LATEST` takes none (documented); an alias has either it or weights (both error
texts were reported by users of infrastructure tools).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from moto.awslambda import urls
from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError
from moto.awslambda.models import lambda_backends
from moto.core.exceptions import JsonRESTError
from moto.core.utils import get_equivalent_url_in_aws_domain as in_aws_domain

from rollout_simulator.moto_patches.patching import replacements

ACCOUNT = "123456789012"
PATH = r"{0}/(?P<api_version>[^/]+)/functions/(?P<function_name>[\w_:%-]+)/provisioned-concurrency/?$"

_URLS = replacements(urls, url_paths="has no path for provisioned concurrency")

Kept = dict[tuple[str, str], int]
Answer = tuple[int, Mapping[str, str], str]


@contextmanager
def patched() -> Iterator[None]:
    """Answer Put-, Get- and DeleteProvisionedConcurrencyConfig for as long as this is open."""
    with _URLS(url_paths={**urls.url_paths, PATH: _answer}):
        yield


def configured(backend: Any) -> Kept:
    """What is configured, by function and version or alias."""
    kept: Kept = vars(backend).setdefault("provisioned_concurrency", {})
    return kept


def _answer(request: Any, url: str, _headers: Any) -> Answer:
    split, _ = in_aws_domain(url)
    region = split.netloc.split(".")[1]
    backend = lambda_backends[ACCOUNT][region]
    function = unquote(split.path.split("/")[3])
    qualifier = parse_qs(urlsplit(url).query)["Qualifier"][0]
    try:
        name = str(backend.get_function(function).function_name)
        status, shown = _OPERATIONS[request.method](backend, (name, qualifier), request.data)
    except JsonRESTError as error:
        return error.code, dict(error.get_headers()), str(error.get_body())
    return status, {"Content-Type": "application/json"}, json.dumps(shown) if shown else ""


def _put(backend: Any, key: tuple[str, str], body: bytes) -> tuple[int, Any]:
    function, qualifier = key
    if qualifier == "$LATEST":
        raise InvalidParameterValueException(
            "Provisioned Concurrency Configs cannot be applied to unpublished function"
        )
    if qualifier.isdecimal():
        backend.get_function(function, qualifier)
    elif (backend.get_alias(qualifier, function).routing_config or {}).get("AdditionalVersionWeights"):
        raise InvalidParameterValueException("Alias with weights can not be used with Provisioned Concurrency")
    wanted = json.loads(body)["ProvisionedConcurrentExecutions"]
    configured(backend)[key] = wanted
    return 202, _shown(wanted)


def _get(backend: Any, key: tuple[str, str], _body: bytes) -> tuple[int, Any]:
    if key not in configured(backend):
        raise LambdaClientError(
            "ProvisionedConcurrencyConfigNotFoundException",
            "No Provisioned Concurrency Config found for this function",
        )
    return 200, _shown(configured(backend)[key])


def _delete(backend: Any, key: tuple[str, str], _body: bytes) -> tuple[int, Any]:
    configured(backend).pop(key, None)
    return 204, None


_OPERATIONS = {"PUT": _put, "GET": _get, "DELETE": _delete}


def _shown(wanted: int) -> Any:
    return {
        "RequestedProvisionedConcurrentExecutions": wanted,
        "AvailableProvisionedConcurrentExecutions": wanted,
        "AllocatedProvisionedConcurrentExecutions": wanted,
        "Status": "READY",
        "LastModified": datetime.now(UTC).isoformat(timespec="seconds"),
    }
