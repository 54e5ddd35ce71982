"""Finding what a probe has made, by its name and its tag, and removing it.

The law: nothing is deleted that does not carry both. There is one way of removing, after a run and for `--clean-up`:
what is there is looked up, not remembered, so a run that was killed in the middle of a call leaves nothing behind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from rollout_cli.account_probe.access import GONE, Access, code_of

PREFIX = "rollout-pilot-probe-"
NAME = re.compile(re.escape(PREFIX) + "[0-9a-f]{8}")
TAG = "rollout-pilot-probe"
"""On everything that is made; its value is the name."""
STAGE = "probe"
ROLE_PATH = f"/{TAG}/"

API, FUNCTION, ROLE = "REST API", "function", "role"
KINDS = (API, FUNCTION, ROLE)
"""In the order of their removal, which is that of their making turned round."""

_BUSY = frozenset({"ConflictException", "ResourceConflictException", "DeleteConflict", "DeleteConflictException"})


def names_left(access: Access) -> list[str]:
    """The names of all probes that have left something.

    Raises: ClientError.
    """
    return sorted({*_apis_by_name(access), *_functions_by_name(access), *_roles_by_name(access)})


def remove(access: Access, name: str, kinds: frozenset[str] | None = None) -> list[str]:
    """Remove what the probe of this name has made of these kinds (all). What could not be removed, with AWS's words."""
    left = []
    steps: dict[str, Callable[[Access, str], None]] = {
        API: _remove_apis,
        FUNCTION: _remove_function,
        ROLE: _remove_role,
    }
    for kind in KINDS:
        if kinds is not None and kind not in kinds:
            continue
        try:
            steps[kind](access, name)
        except (ClientError, BotoCoreError) as error:
            left.append(f"{kind} {name}: {error}")
    return left


def _remove_apis(access: Access, name: str) -> None:
    gateway = access.client("apigateway")

    def delete(api: str) -> None:
        access.patiently(lambda: gateway.delete_rest_api(restApiId=api), also=_BUSY, pause=30.0)

    for api in _apis_by_name(access).get(name, ()):
        with suppress(ClientError):  # said below, should it go wrong again; the API goes first
            _remove_logs(access, api)
        _if_there(partial(delete, api))
        _remove_logs(access, api)


def _remove_logs(access: Access, api: str) -> None:
    """API Gateway makes these groups itself, with the API's id in their names, once executions are logged."""
    logs = access.client("logs")
    for canary in ("", "/Canary"):
        _if_there(partial(logs.delete_log_group, logGroupName=f"API-Gateway-Execution-Logs_{api}/{STAGE}{canary}"))


def _remove_function(access: Access, name: str) -> None:
    functions = access.client("lambda")
    found: list[Any] = []
    _if_there(lambda: found.append(functions.get_function(FunctionName=name)))
    if found and found[0].get("Tags", {}).get(TAG) == name:
        access.patiently(lambda: functions.delete_function(FunctionName=name), also=_BUSY)


def _remove_role(access: Access, name: str) -> None:
    iam = access.client("iam")
    found: list[Any] = []
    _if_there(lambda: found.append(iam.list_role_tags(RoleName=name)))
    if not found or _tag_in(found[0]["Tags"]) != name:
        return
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    access.patiently(lambda: iam.delete_role(RoleName=name), also=_BUSY)


def _apis_by_name(access: Access) -> dict[str, list[str]]:
    """The ids of the REST APIs with a probe's name and tag."""
    found: dict[str, list[str]] = {}
    pages = access.client("apigateway").get_paginator("get_rest_apis").paginate(PaginationConfig={"PageSize": 500})
    for page in pages:
        for api in page["items"]:
            if NAME.fullmatch(api["name"]) and (api.get("tags") or {}).get(TAG) == api["name"]:
                found.setdefault(api["name"], []).append(api["id"])
    return found


def _functions_by_name(access: Access) -> Iterator[str]:
    functions = access.client("lambda")
    for page in functions.get_paginator("list_functions").paginate():
        for function in page["Functions"]:
            name = function["FunctionName"]
            if NAME.fullmatch(name) and functions.list_tags(Resource=function["FunctionArn"])["Tags"].get(TAG) == name:
                yield name


def _roles_by_name(access: Access) -> Iterator[str]:
    iam = access.client("iam")
    for page in iam.get_paginator("list_roles").paginate(PathPrefix=ROLE_PATH):
        for role in page["Roles"]:
            name = role["RoleName"]
            if NAME.fullmatch(name) and _tag_in(iam.list_role_tags(RoleName=name)["Tags"]) == name:
                yield name


def _tag_in(tags: list[dict[str, str]]) -> str:
    return next((tag["Value"] for tag in tags if tag["Key"] == TAG), "")


def _if_there(call: Callable[[], Any]) -> None:
    """Do this; what is gone, or was never there, is no error."""
    try:
        call()
    except ClientError as error:
        if code_of(error) not in GONE:
            raise
