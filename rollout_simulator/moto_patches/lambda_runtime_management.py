"""GetRuntimeManagementConfig of a function or a published version.

moto has no such operation. AWS: it shows how a runtime is updated, and answers a function or version that does not
exist with ResourceNotFoundException (API reference).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from moto.awslambda import urls
from moto.awslambda.models import lambda_backends
from moto.core.exceptions import JsonRESTError
from moto.core.utils import get_equivalent_url_in_aws_domain as in_aws_domain

from rollout_simulator.moto_patches.patching import replacements

ACCOUNT = "123456789012"
PATH = r"{0}/(?P<api_version>[^/]+)/functions/(?P<function_name>[\w_:%-]+)/runtime-management-config/?$"

_URLS = replacements(urls, url_paths="has no path for the runtime management of versions")


@contextmanager
def patched() -> Iterator[None]:
    """Answer GetRuntimeManagementConfig for as long as this is open."""
    with _URLS(url_paths={**urls.url_paths, PATH: _answer}):
        yield


def _answer(_request: Any, url: str, _headers: Any) -> tuple[int, Mapping[str, str], str]:
    split, _ = in_aws_domain(url)
    backend = lambda_backends[ACCOUNT][split.netloc.split(".")[1]]
    qualifier = parse_qs(urlsplit(url).query).get("Qualifier", ["$LATEST"])[0]
    try:
        function = backend.get_function(unquote(split.path.split("/")[3]), qualifier)
    except JsonRESTError as error:
        return error.code, dict(error.get_headers()), str(error.get_body())
    shown = {"UpdateRuntimeOn": "Auto", "FunctionArn": function.function_arn}
    return 200, {"Content-Type": "application/json"}, json.dumps(shown)
