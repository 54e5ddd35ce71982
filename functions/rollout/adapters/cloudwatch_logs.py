"""Where the logs of a target are, and what is in them. Nothing but log lines and settings is read: no request's body.

Of a function's configuration only the log group and the version are taken; its environment goes nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rollout.adapters.faults import message_of, translated
from rollout.core.target import Target
from rollout.core.why.function_log import LogLine
from rollout.core.why.logs import Called, FunctionLog, Page, Search, StageLog
from rollout.errors import Refused, TargetMissing

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient

LINES_OF_A_PAGE = 2_000
LARGEST_PAGE_OF_RESOURCES = 500
_LOG_GROUP = re.compile(r"arn:[^:]+:logs:[^:]*:[^:]*:log-group:([^:]+)")
_VARIABLE = re.compile(r"\$\{stageVariables\.([A-Za-z0-9_]+)\}")
_FUNCTION = re.compile(
    r"/functions/(?P<function>arn:[^:]+:lambda:[^:]+:\d+:function:[^:/]+)(?::(?P<qualifier>[^/:]+))?/"
)


class CloudWatchLogs:
    """Implements `Logs`."""

    def __init__(self, logs: CloudWatchLogsClient, apigateway: APIGatewayClient, functions: LambdaClient) -> None:
        self._logs = logs
        self._apigateway = apigateway
        self._functions = functions

    def of_stage(self, target: Target) -> StageLog:
        """By GetStage. A destination that is no log group, such as a delivery stream, counts as no access log.

        Raises: TargetMissing, NotAllowed, Unavailable.
        """
        with translated(f"GetStage {target.key}"):
            try:
                stage = self._apigateway.get_stage(restApiId=target.ids["restApiId"], stageName=target.ids["stageName"])
            except self._apigateway.exceptions.NotFoundException as error:
                raise TargetMissing(f"{target.key} does not exist: {message_of(error)}") from error
        settings = stage.get("accessLogSettings", {})
        found = _LOG_GROUP.match(settings.get("destinationArn", ""))
        return StageLog(found[1] if found else "", settings.get("format", ""), stage.get("variables", {}))

    def called(self, target: Target, variables: Mapping[str, str]) -> Sequence[Called]:
        """By GetResources, its first page: an API has 300 resources unless its quota was raised.

        Raises: NotAllowed, Unavailable.
        """
        api = target.ids["restApiId"]
        with translated(f"GetResources {api}"):
            page = self._apigateway.get_resources(restApiId=api, embed=["methods"], limit=LARGEST_PAGE_OF_RESOURCES)
        found = []
        for resource in page.get("items", ()):
            for verb, method in resource.get("resourceMethods", {}).items():
                written: str = method.get("methodIntegration", {}).get("uri", "")
                uri = _VARIABLE.sub(lambda name: variables.get(name[1], name[0]), written)
                if function := _FUNCTION.search(uri):
                    route = f"{verb} {resource['path']}"
                    found.append(Called(route, function["function"], function["qualifier"] or ""))
        return found

    def of_function(self, function: str, qualifier: str) -> FunctionLog:
        """By GetFunctionConfiguration.

        Raises: TargetMissing, NotAllowed, Unavailable.
        """
        named: Any = {"FunctionName": function, **({"Qualifier": qualifier} if qualifier else {})}
        with translated(f"GetFunctionConfiguration {function}"):
            try:
                found = self._functions.get_function_configuration(**named)
            except self._functions.exceptions.ResourceNotFoundException as error:
                raise TargetMissing(f"function {function}: {message_of(error)}") from error
        group = found.get("LoggingConfig", {}).get("LogGroup") or usual_group(found["FunctionName"])
        return FunctionLog(group, found["Version"])

    def page(self, search: Search, token: str = "") -> Page:
        """By FilterLogEvents. A page may be empty though more follow (documented).

        Raises: TargetMissing, Refused, NotAllowed, Unavailable.
        """
        more: Any = {
            **({"filterPattern": search.pattern} if search.pattern else {}),
            **({"nextToken": token} if token else {}),
        }
        with translated(f"FilterLogEvents {search.group}"):
            try:
                answer = self._logs.filter_log_events(
                    logGroupName=search.group,
                    startTime=int(search.first.timestamp() * 1000),
                    endTime=int(search.last.timestamp() * 1000),
                    limit=LINES_OF_A_PAGE,
                    **more,
                )
            except self._logs.exceptions.ResourceNotFoundException as error:
                raise TargetMissing(f"there is no log group {search.group}") from error
            except self._logs.exceptions.InvalidParameterException as error:
                raise Refused(f"FilterLogEvents {search.group}: {message_of(error)}") from error
        lines = [
            LogLine(event.get("logStreamName", ""), event.get("timestamp", 0), event.get("message", ""))
            for event in answer.get("events", ())
        ]
        return Page(lines, answer.get("nextToken") or "")


def usual_group(function_name: str) -> str:
    """The log group of a function that names none of its own (documented)."""
    return f"/aws/lambda/{function_name}"
