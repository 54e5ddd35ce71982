"""How a stage is built, logged and tagged, and whether it may call what its candidate names."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeVar

from rollout.adapters.faults import message_of, translated
from rollout.core.controllers import TAG
from rollout.core.inspection import Backend, Inspection
from rollout.core.invoke_permission import may_invoke
from rollout.core.rollout import Candidate
from rollout.core.target import Json, Target
from rollout.errors import NotAllowed, TargetMissing

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_lambda import LambdaClient

_T = TypeVar("_T")

LARGEST_PAGE = 500
_VARIABLE = re.compile(r"stageVariables\.([A-Za-z0-9_]+)")
_IN_URI = re.compile(r"\$\{stageVariables\.([A-Za-z0-9_]+)\}")
_FUNCTION = re.compile(
    r"/functions/(?P<function>arn:[^:]+:lambda:[^:]+:\d+:function:[^:/]+)(?::(?P<qualifier>[^/:]+))?/"
)


@dataclass(frozen=True, slots=True)
class _Integration:
    """What a method calls, as the API is now defined."""

    called_as: str
    uri: str
    with_role: bool
    """Called with a role of the API's own, so the function's resource policy is not asked."""


class StageInspector:
    """Implements `TargetInspector` for stages."""

    def __init__(self, apigateway: APIGatewayClient, functions: LambdaClient) -> None:
        self._apigateway = apigateway
        self._functions = functions

    def opted_in_by(self, target: Target) -> str | None:
        """The stage's own tag, or else the one that it inherits from its API, which GetStage does not show.

        Raises: TargetMissing, Unavailable.
        """
        try:
            tags = self._stage(target).get("tags", {})
            return str(tags[TAG] if TAG in tags else self._api(target).get("tags", {}).get(TAG, ""))
        except NotAllowed:
            return None

    def inspect(self, target: Target, candidate: Candidate) -> Inspection:
        """Four calls, one for each API of the same name, and one for each function that an overridden variable names;
        two more for each of which an alias is to be moved. Raises: TargetMissing, NotAllowed, Unavailable.
        """
        unreadable: list[str] = []
        stage = self._stage(target)
        api = _tried(lambda: self._api(target), unreadable) or {}
        found = _tried(lambda: list(self._methods(target)), unreadable)
        used, integrations = None, []
        if found is not None:
            used = frozenset(_VARIABLE.findall(json.dumps([method for _, method in found], default=str)))
            integrations = [each for where, method in found for each in _integrations(where, method)]
        variables = {**stage.get("variables", {}), **candidate.overrides}
        settings = stage.get("methodSettings", {}).values()
        return Inspection(
            execution_logging=any(each.get("loggingLevel", "OFF") != "OFF" for each in settings),
            access_log_format=stage.get("accessLogSettings", {}).get("format", ""),
            variables_used=used,
            backends=tuple(self._backends(integrations, variables, frozenset(candidate.overrides), unreadable)),
            functions=dict(self._tagged(target, unreadable)),
            namesakes=tuple(self._namesakes(target, api.get("name"), unreadable)),
            unreadable=tuple(dict.fromkeys(unreadable)),
        )

    def _tagged(self, target: Target, unreadable: list[str]) -> Iterator[tuple[str, str]]:
        for name in sorted(target.behind.spare):
            function, _, alias = name.partition(":")
            tags = _tried(partial(self._function_tags, function, alias), unreadable)
            if tags is not None:
                yield function, tags.get(TAG, "")

    def _function_tags(self, function: str, alias: str) -> Mapping[str, str]:
        with translated(f"ListTags {function}"):
            arn = self._functions.get_alias(FunctionName=function, Name=alias)["AliasArn"]
            return self._functions.list_tags(Resource=arn.rpartition(":")[0])["Tags"]

    def _stage(self, target: Target) -> Mapping[str, Any]:
        with translated(f"GetStage {target.key}"):
            try:
                return self._apigateway.get_stage(restApiId=target.ids["restApiId"], stageName=target.ids["stageName"])
            except self._apigateway.exceptions.NotFoundException as error:
                raise TargetMissing(f"{target.key} does not exist: {message_of(error)}") from error

    def _api(self, target: Target) -> Mapping[str, Any]:
        with translated(f"GetRestApi {target.ids['restApiId']}"):
            return self._apigateway.get_rest_api(restApiId=target.ids["restApiId"])

    def _namesakes(self, target: Target, name: str | None, unreadable: list[str]) -> Iterator[str]:
        """CloudWatch knows a REST API by its name alone (documented), and names need not be unique."""
        if name is None:
            return
        for api in _tried(lambda: self._apis_named(name), unreadable) or ():
            if api != target.ids["restApiId"] and _tried(partial(self._has_stage, api, target), unreadable):
                yield api

    def _apis_named(self, name: str) -> list[str]:
        with translated("GetRestApis"):
            pages = self._apigateway.get_paginator("get_rest_apis").paginate(
                PaginationConfig={"PageSize": LARGEST_PAGE}
            )
            return sorted(api["id"] for page in pages for api in page["items"] if api["name"] == name)

    def _has_stage(self, api: str, target: Target) -> bool:
        stage = target.ids["stageName"]
        with translated(f"GetStage {api}/{stage}"):
            try:
                self._apigateway.get_stage(restApiId=api, stageName=stage)
            except self._apigateway.exceptions.NotFoundException:
                return False
        return True

    def _methods(self, target: Target) -> Iterator[tuple[str, Json]]:
        """Every method with the `restApiId/stage/METHOD/path` that it is called as."""
        api, stage = target.ids["restApiId"], target.ids["stageName"]
        with translated(f"GetResources {api}"):
            pages = self._apigateway.get_paginator("get_resources").paginate(
                restApiId=api, embed=["methods"], PaginationConfig={"PageSize": LARGEST_PAGE}
            )
            for page in pages:
                for resource in page["items"]:
                    for verb, method in resource.get("resourceMethods", {}).items():
                        yield f"{api}/{stage}/{verb}{resource['path']}", dict(method)

    def _backends(
        self,
        integrations: list[_Integration],
        variables: Mapping[str, str],
        overridden: frozenset[str],
        unreadable: list[str],
    ) -> Iterator[Backend]:
        policy = cache(lambda function, qualifier: _tried(lambda: self._policy(function, qualifier), unreadable))
        for each in integrations:
            if not overridden & frozenset(_IN_URI.findall(each.uri)):
                continue
            uri = _IN_URI.sub(lambda name: variables.get(name[1], name[0]), each.uri)
            if (function := _FUNCTION.search(uri)) is None:
                continue
            arn, qualifier = function["function"], function["qualifier"] or ""
            found = policy(arn, qualifier)
            resource = f"{arn}:{qualifier}" if qualifier else arn
            exists, document = (None, None) if found is None else found
            allowed = None if document is None else each.with_role or may_invoke(document, resource, each.called_as)
            yield Backend(arn, qualifier, each.called_as, exists, allowed)

    def _policy(self, function: str, qualifier: str) -> tuple[bool | None, Json | None]:
        """Whether the function exists, and its resource policy: an empty one where it has none.

        GetPolicy gives the same answer for both; of an alias GetAlias tells, and reveals no configuration.
        """
        qualified: Any = {"FunctionName": function, **({"Qualifier": qualifier} if qualifier else {})}
        with translated(f"GetPolicy {function}"):
            try:
                return True, json.loads(self._functions.get_policy(**qualified)["Policy"])
            except self._functions.exceptions.ResourceNotFoundException:
                pass  # no such function, or one without a policy
        if not qualifier or qualifier.isdecimal():
            return None, {}
        with translated(f"GetAlias {function}:{qualifier}"):
            try:
                self._functions.get_alias(FunctionName=function, Name=qualifier)
            except self._functions.exceptions.ResourceNotFoundException:
                return False, None
        return True, {}


def _integrations(where: str, method: Json) -> Iterator[_Integration]:
    integration = method.get("methodIntegration")
    if integration is not None and "uri" in integration:
        yield _Integration(where, integration["uri"], bool(integration.get("credentials")))


def _tried(read: Callable[[], _T], unreadable: list[str]) -> _T | None:
    """What was read; None, and why, where AWS does not allow it."""
    try:
        return read()
    except NotAllowed as error:
        unreadable.append(str(error))
        return None
