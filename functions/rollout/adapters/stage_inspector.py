"""How a stage is built, logged and tagged, and whether all that its candidate calls is there and may be called."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from rollout.adapters.faults import message_of, translated
from rollout.adapters.invoked_functions import InvokedFunctions
from rollout.core.access_log import AccessLog, MetricFilter
from rollout.core.api_definition import ApiDefinition, FunctionName, exported, function_named
from rollout.core.controllers import TAG
from rollout.core.inspection import Backend, Inspection, OtherApi, VpcLink, caller_in_words
from rollout.core.rollout import Candidate
from rollout.core.target import Json, Target
from rollout.errors import NotAllowed, RolloutError, TargetMissing, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient

_T = TypeVar("_T")

LARGEST_PAGE = 500
STACK_TAG = "aws:cloudformation:stack-name"
"""CloudFormation tags what it makes so (documented)."""
MOST_FUNCTIONS = 100
"""Of what a candidate calls so many are looked at: an account's Lambda control plane takes 15 calls a second."""


class StageInspector:
    """Implements `TargetInspector` for stages."""

    def __init__(self, client: Callable[[str], Any], home: str) -> None:
        """`client` makes one by the name of its service. `home`: any ARN of the account, region and partition that the
        API is in.
        """
        self._apigateway: APIGatewayClient = client("apigateway")
        self._functions: LambdaClient = client("lambda")
        self._logs: CloudWatchLogsClient = client("logs")
        self._other_apis: Any = client("apigatewayv2")
        self._home = ":".join([*home.split(":")[:2], "execute-api", *home.split(":")[3:5]])

    def opted_in_by(self, target: Target) -> str | None:
        """The stage's own tag, or else the one that it inherits from its API, which GetStage does not show.

        Raises: TargetMissing, Unavailable.
        """
        try:
            tags = self._stage(target).get("tags", {})
            return str(tags[TAG] if TAG in tags else self._api(target).get("tags", {}).get(TAG, ""))
        except NotAllowed:
            return None

    def other_api(self, target: Target) -> OtherApi | None:
        """By its id, with the aliases that its integrations call. Raises: Unavailable."""
        api = target.ids["restApiId"]
        try:
            with translated(f"GetApi {api}"):
                protocol = self._other_apis.get_api(ApiId=api)["ProtocolType"]
            with translated(f"GetIntegrations {api}"):
                pages = self._other_apis.get_paginator("get_integrations").paginate(
                    ApiId=api, PaginationConfig={"PageSize": LARGEST_PAGE}
                )
                uris = [each.get("IntegrationUri", "") for page in pages for each in page["Items"]]
        except (self._other_apis.exceptions.NotFoundException, NotAllowed):
            return None
        names = dict.fromkeys(name for uri in uris if (name := function_named(uri)) and name.qualifier)
        return OtherApi(protocol, tuple((name.short_name, name.qualifier) for name in names))

    def inspect(self, target: Target, candidate: Candidate) -> Inspection:
        """Six calls of API Gateway, one more for authorizers, for each API of the same name, and for each VPC link; one
        of CloudWatch Logs; and one of Lambda for each function that the candidate calls, two where something is amiss
        with it or a variable changes its alias.

        Raises: TargetMissing, NotAllowed, Unavailable.
        """
        unreadable: list[str] = []
        stage = self._stage(target)
        api = _tried(lambda: self._api(target), unreadable) or {}
        defined = _tried(lambda: self._definition(target, candidate, stage["deploymentId"]), unreadable)
        variables = {**stage.get("variables", {}), **candidate.overrides}
        settings = stage.get("methodSettings", {}).values()
        seen = Inspection(
            execution_logging=any(each.get("loggingLevel", "OFF") != "OFF" for each in settings),
            access_log=self._access_log(stage.get("accessLogSettings", {}), unreadable),
            stack=stage.get("tags", {}).get(STACK_TAG, ""),
            cache_cluster=stage.get("cacheClusterEnabled", False),
            functions=dict(self._tagged(target, unreadable)),
            namesakes=tuple(self._namesakes(target, api.get("name"), unreadable)),
        )
        if defined is not None:
            unset = {name: call for call in defined.calls(*target.ids.values()) for name in call.unset(variables)}
            seen = replace(
                seen,
                variables_used=defined.variables_used(),
                all_variables_to=defined.given_all_variables(),
                backends=tuple(self._backends(target, candidate, defined, stage, unreadable)),
                links=tuple(self._links(defined, variables, unreadable)),
                unset_variables={name: caller_in_words(call.called_as) for name, call in unset.items()},
            )
        return replace(seen, unreadable=tuple(dict.fromkeys(unreadable)))

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

    def _access_log(self, settings: Mapping[str, str], unreadable: list[str]) -> AccessLog:
        log = AccessLog(settings.get("destinationArn", ""), settings.get("format", ""))
        if not log.group:
            return log
        # A network without a way to CloudWatch Logs is no reason to refuse a rollout: points tell that filters work.
        found = _tried(lambda: tuple(self._metric_filters(log.group)), unreadable, (NotAllowed, Unavailable))
        return replace(log, filters=found)

    def _metric_filters(self, group: str) -> Iterator[MetricFilter]:
        """Those of a log group; none where there is no such group."""
        with translated(f"DescribeMetricFilters {group}"):
            pages = self._logs.get_paginator("describe_metric_filters").paginate(logGroupName=group)
            try:
                for page in pages:
                    for each in page["metricFilters"]:
                        for made in each["metricTransformations"]:
                            yield MetricFilter(
                                each["filterName"],
                                each.get("filterPattern", ""),
                                made["metricNamespace"],
                                made["metricName"],
                                made["metricValue"],
                                made.get("dimensions", {}),
                            )
            except self._logs.exceptions.ResourceNotFoundException:
                return

    def _definition(self, target: Target, candidate: Candidate, live: str) -> ApiDefinition:
        """What the candidate's deployment contains. Of the live one that is exported. Another shows its methods alone:
        what they call is taken from the API as now defined.
        """
        api = target.ids["restApiId"]
        if candidate.revision == live and (document := self._export(target)) is not None:
            used = any("security" in each for verbs in document["paths"].values() for each in verbs.values())
            return exported(document, self._authorizers(api) if used else {})
        methods = dict(self._methods(api))
        authorized = any("authorizerId" in method for method in methods.values())
        defined = ApiDefinition(methods, self._authorizers(api) if authorized else {})
        deployed = self._deployed_methods(api, candidate.revision) if candidate.revision else None
        return defined if deployed is None else defined.only(deployed)

    def _export(self, target: Target) -> Json | None:
        """The OpenAPI document of the stage; None where there is none, as of an API whose payloads are not in JSON."""
        with translated(f"GetExport {target.key}"):
            try:
                answer = self._apigateway.get_export(
                    restApiId=target.ids["restApiId"],
                    stageName=target.ids["stageName"],
                    exportType="oas30",
                    parameters={"extensions": "apigateway"},
                    accepts="application/json",
                )
            except (self._apigateway.exceptions.BadRequestException, self._apigateway.exceptions.NotFoundException):
                return None
        document: Json = json.loads(answer["body"].read())
        return document

    def _methods(self, api: str) -> Iterator[tuple[str, Json]]:
        """Every method by `METHOD /path`."""
        with translated(f"GetResources {api}"):
            pages = self._apigateway.get_paginator("get_resources").paginate(
                restApiId=api, embed=["methods"], PaginationConfig={"PageSize": LARGEST_PAGE}
            )
            for page in pages:
                for resource in page["items"]:
                    for verb, method in resource.get("resourceMethods", {}).items():
                        yield f"{verb} {resource['path']}", dict(method)

    def _authorizers(self, api: str) -> Mapping[str, Json]:
        with translated(f"GetAuthorizers {api}"):
            pages = self._apigateway.get_paginator("get_authorizers").paginate(
                restApiId=api, PaginationConfig={"PageSize": LARGEST_PAGE}
            )
            return {each["id"]: dict(each) for page in pages for each in page["items"]}

    def _deployed_methods(self, api: str, deployment: str) -> frozenset[str] | None:
        """The methods of a deployment, by `METHOD /path`; None where it does not exist, or says nothing of them."""
        with translated(f"GetDeployment {deployment}"):
            try:
                shown = self._apigateway.get_deployment(restApiId=api, deploymentId=deployment, embed=["apisummary"])
            except self._apigateway.exceptions.NotFoundException:
                return None
        summary = shown.get("apiSummary")
        return frozenset(f"{verb} {path}" for path, verbs in summary.items() for verb in verbs) if summary else None

    def _backends(
        self,
        target: Target,
        candidate: Candidate,
        defined: ApiDefinition,
        stage: Mapping[str, Any],
        unreadable: list[str],
    ) -> Iterator[Backend]:
        functions, base = InvokedFunctions(self._functions, unreadable), stage.get("variables", {})
        variables = {**base, **candidate.overrides}
        looked_at: set[FunctionName] = set()
        live = _tried(partial(self._live_calls, target, candidate, defined, stage), unreadable) or frozenset()
        for call in defined.calls(*target.ids.values()):
            name = call.function(variables)
            if name is None:
                continue
            if name not in looked_at and len(looked_at) == MOST_FUNCTIONS:
                unreadable.append(f"function {name}, and what comes after it: there are more than {MOST_FUNCTIONS}")
                return
            looked_at.add(name)
            caller, before = f"{self._home}:{call.called_as}", call.function(base)
            exists = functions.exists(name, by_policy=not call.with_role)
            allowed = None if exists is False else call.with_role or functions.callable(name, caller)
            version, instead_of = "", ""
            if exists and before and before != name and str(name) not in target.behind.spare:
                version = functions.version(name) or ""
                if before.function == name.function and version == functions.version(before):
                    instead_of = str(before)
            is_live = before == name and call.called_as in live
            yield Backend(name, caller, exists, allowed, version, instead_of, is_live)

    def _live_calls(
        self, target: Target, candidate: Candidate, defined: ApiDefinition, stage: Mapping[str, Any]
    ) -> frozenset[str]:
        """Of what the candidate calls, what the methods of the base's deployment call, too."""
        same = candidate.revision == stage["deploymentId"]
        deployed = None if same else self._deployed_methods(target.ids["restApiId"], stage["deploymentId"])
        live = defined if deployed is None else defined.only(deployed)
        return frozenset(call.called_as for call in live.calls(*target.ids.values()))

    def _links(self, defined: ApiDefinition, variables: Mapping[str, str], unreadable: list[str]) -> Iterator[VpcLink]:
        for identity, method in defined.links(variables).items():
            status = _tried(partial(self._link_status, identity), unreadable)
            if status is not None:
                yield VpcLink(identity, method, status)

    def _link_status(self, identity: str) -> str:
        if not identity:
            return ""
        with translated(f"GetVpcLink {identity}"):
            try:
                return self._apigateway.get_vpc_link(vpcLinkId=identity)["status"]
            except self._apigateway.exceptions.NotFoundException:
                return ""


def _tried(
    read: Callable[[], _T], unreadable: list[str], reasons: tuple[type[RolloutError], ...] = (NotAllowed,)
) -> _T | None:
    """What was read; None, and why, where that could not be for one of these reasons."""
    try:
        return read()
    except reasons as error:
        unreadable.append(str(error))
        return None
