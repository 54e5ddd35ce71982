"""The API of a scenario in the embedded AWS: a REST API with a live stage, a new deployment, and its alarms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from rollout.core.inspection import OPT_IN
from rollout_simulator.alarms import put_alarm
from rollout_simulator.moto_patches.lambda_code import zipped
from rollout_simulator.scenario import Alarm, Scenario
from rollout_simulator.template import ACCOUNT, REGION

ALIAS = "lambdaAlias"
"""The stage variable that names the alias behind the API."""

NEW = "2"
"""The version of each function that is to be rolled out, where the controller points the aliases itself."""

ACCESS_LOG_FORMAT = (
    '{"requestId":"$context.requestId","apiId":"$context.apiId","stage":"$context.stage",'
    '"isCanaryRequest":"$context.isCanaryRequest","status":$context.status,"responseLatency":$context.responseLatency}'
)
"""As in examples/snippets/access-log-metrics.yaml; a test says so."""

CANDIDATE = "candidate"
"""The description of the deployment that is to be rolled out."""


@dataclass(frozen=True, slots=True)
class ExampleApi:
    """The ids that a request needs. `candidate` is the deployment to roll out."""

    rest_api_id: str
    stage: str
    base: str
    candidate: str
    functions: tuple[str, ...] = ()
    """Those behind it, by name. The live alias of each is on version 1; version 2 is new."""

    def request(self, scenario: Scenario) -> dict[str, Any]:
        """The scenario's request, with the target and the candidate that the scenario leaves out."""
        request = dict(scenario.request)
        request.setdefault(
            "target", {"type": "apigateway-stage", "restApiId": self.rest_api_id, "stageName": self.stage}
        )
        overrides = dict(scenario.api.candidate_variables)
        candidate: dict[str, Any] = {"deploymentId": self.candidate, "stageVariables": overrides}
        if scenario.api.on_promotion is not None:
            candidate["functions"] = [
                {"functionName": name, "aliasName": overrides[ALIAS], "version": NEW} for name in self.functions
            ]
            candidate["onPromotion"] = scenario.api.on_promotion
        request.setdefault("candidate", candidate)
        named = [alarm.name for alarm in scenario.alarms if alarm.named_in_request]
        if named:
            request.setdefault("alarms", named)
        return request


def create_api(clients: Callable[[str], Any], scenario: Scenario) -> ExampleApi:
    """Make the API, its live stage and the candidate's deployment; `clients` makes a boto3 client of a service.

    It is built soundly: it calls the alias that the stage variable `lambdaAlias` names, and may, and has opted in.
    """
    apigateway, api = clients("apigateway"), scenario.api
    rest_api_id = apigateway.create_rest_api(name=api.name, tags=dict([OPT_IN]))["id"]
    root = apigateway.get_resources(restApiId=rest_api_id)["items"][0]["id"]
    names = [f"{api.name}{'' if number == 1 else number}-{rest_api_id}" for number in range(1, api.functions + 1)]
    for number, name in enumerate(names, start=1):
        path = "" if number == 1 else f"part{number}"
        resource = root
        if path:
            resource = apigateway.create_resource(restApiId=rest_api_id, parentId=root, pathPart=path)["id"]
        where = {"restApiId": rest_api_id, "resourceId": resource, "httpMethod": "GET"}
        apigateway.put_method(**where, authorizationType="NONE")
        function = _function(clients, scenario, name, f"{rest_api_id}/{api.stage}/GET/{path}")
        called = f"{function}:${{stageVariables.{ALIAS}}}"
        uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{called}/invocations"
        apigateway.put_integration(**where, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    base = apigateway.create_deployment(restApiId=rest_api_id, description="live")["id"]
    apigateway.create_stage(
        restApiId=rest_api_id,
        stageName=api.stage,
        deploymentId=base,
        variables=dict(api.variables),
        tags=dict([OPT_IN]),
    )
    if operations := list(_logging(scenario)):
        apigateway.update_stage(restApiId=rest_api_id, stageName=api.stage, patchOperations=operations)
    candidate = apigateway.create_deployment(restApiId=rest_api_id, description=CANDIDATE)["id"]
    return ExampleApi(rest_api_id, api.stage, base, candidate, tuple(names))


def _function(clients: Callable[[str], Any], scenario: Scenario, name: str, called_as: str) -> str:
    """A function behind the API, with an alias for each value of the stage variable; its ARN."""
    functions, api = clients("lambda"), scenario.api
    role = clients("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]
    arn: str = functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role["Arn"],
        Handler="index.handler",
        Code={"ZipFile": zipped()},
        Tags=dict([OPT_IN]),
    )["FunctionArn"]
    version = functions.publish_version(FunctionName=name)["Version"]
    for alias in dict.fromkeys(
        variables[ALIAS] for variables in (api.variables, api.candidate_variables) if ALIAS in variables
    ):
        functions.create_alias(FunctionName=name, Name=alias, FunctionVersion=version)
        if alias == api.candidate_variables.get(ALIAS) and not api.candidate_may_be_invoked:
            continue
        functions.add_permission(
            FunctionName=name,
            Qualifier=alias,
            StatementId="api",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{called_as}",
        )
    if api.on_promotion is not None:
        functions.update_function_code(FunctionName=name, ZipFile=zipped("new"))
        functions.publish_version(FunctionName=name)
    return arn


def _logging(scenario: Scenario) -> Iterator[dict[str, str]]:
    """What the stage logs, as patch operations."""
    if scenario.api.execution_logging:
        yield {"op": "replace", "path": "/*/*/logging/loglevel", "value": "ERROR"}
    if scenario.api.access_log:
        group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{scenario.api.name}-access"
        yield {"op": "replace", "path": "/accessLogSettings/destinationArn", "value": group}
        yield {"op": "replace", "path": "/accessLogSettings/format", "value": ACCESS_LOG_FORMAT}


def create_alarm(client: Any, alarm: Alarm, scenario: Scenario, api: ExampleApi) -> None:
    """Make one of the scenario's alarms, by boto3's CloudWatch client."""
    dimensions = {"ApiName": scenario.api.name, "Stage": scenario.api.stage}
    tag = f"{api.rest_api_id}/{api.stage}"
    put_alarm(client, alarm, "AWS/ApiGateway", alarm.metric or "5XXError", dimensions, tag)
