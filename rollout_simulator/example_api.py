"""The API of a scenario in the embedded AWS: a REST API with a live stage, a new deployment, and its alarms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from rollout.core.access_log import DIMENSIONS, NAMESPACE, VALUES
from rollout.core.controllers import ANY_CONTROLLER, TAG
from rollout_simulator.alarms import put_alarm
from rollout_simulator.moto_patches.lambda_code import zipped
from rollout_simulator.scenario import Alarm, Scenario
from rollout_simulator.template import ACCOUNT, REGION

ALIAS = "lambdaAlias"
"""The stage variable that names the alias behind the API."""

OLD, NEW = "1", "2"
"""The versions of each function. The new one is there where the controller points the aliases itself, and where the
canary reaches another alias, which is on it then."""

ACCESS_LOG_FORMAT = (
    '{"requestId":"$context.requestId","apiId":"$context.apiId","stage":"$context.stage",'
    '"isCanaryRequest":"$context.isCanaryRequest","status":$context.status,"responseLatency":$context.responseLatency,'
    '"httpMethod":"$context.httpMethod","resourcePath":"$context.resourcePath",'
    '"integrationRequestId":"$context.integration.requestId","traceId":"$context.xrayTraceId",'
    '"errorType":"$context.error.responseType","error":"$context.error.message"}'
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
    further: tuple[str, ...] = ()
    """The deployments of the further requests."""
    candidate_version: str = OLD
    """Of the functions, behind the candidate."""

    def request(self, scenario: Scenario, further: int | None = None) -> dict[str, Any]:
        """The scenario's request, or a further one, with the target and the candidate that the scenario leaves out."""
        request = scenario.asked(further)
        request.setdefault(
            "target", {"type": "apigateway-stage", "restApiId": self.rest_api_id, "stageName": self.stage}
        )
        overrides = dict(scenario.api.candidate_variables)
        deployment = self.candidate if further is None else self.further[further]
        candidate: dict[str, Any] = {"deploymentId": deployment, "stageVariables": overrides}
        if scenario.api.on_promotion is not None:
            candidate["functions"] = [
                {"functionName": name, "aliasName": overrides[ALIAS], "version": NEW} for name in self.functions
            ]
            candidate["onPromotion"] = scenario.api.on_promotion
        request.setdefault("candidate", candidate)
        if named := scenario.named_alarms():
            request.setdefault("alarms", named)
        return request


def create_api(clients: Callable[[str], Any], scenario: Scenario) -> ExampleApi:
    """Make the API, its live stage and the candidate's deployment; `clients` makes a boto3 client of a service.

    It is built soundly: it calls the alias that the stage variable `lambdaAlias` names, and may, and has opted in.
    """
    apigateway, api = clients("apigateway"), scenario.api
    rest_api_id = apigateway.create_rest_api(name=api.name, tags={TAG: ANY_CONTROLLER})["id"]
    root = apigateway.get_resources(restApiId=rest_api_id)["items"][0]["id"]
    resources = {"/": root}
    names = [f"{api.name}{'' if number == 1 else number}-{rest_api_id}" for number in range(1, api.functions + 1)]
    for number, name in enumerate(names, start=1):
        path = "" if number == 1 else f"part{number}"
        resource = root
        if path:
            resource = apigateway.create_resource(restApiId=rest_api_id, parentId=root, pathPart=path)["id"]
        where = {"restApiId": rest_api_id, "resourceId": resource, "httpMethod": "GET"}
        apigateway.put_method(**where, authorizationType="NONE")
        function = _function(clients, scenario, name, f"{rest_api_id}/{api.stage}/GET/{path}")
        apigateway.put_integration(**where, type="AWS_PROXY", integrationHttpMethod="POST", uri=_uri(function))
        if number == 1 and scenario.all_routes():
            _create_routes(clients, scenario, rest_api_id, function, resources)
    base = apigateway.create_deployment(restApiId=rest_api_id, description="live")["id"]
    apigateway.create_stage(
        restApiId=rest_api_id,
        stageName=api.stage,
        deploymentId=base,
        variables=dict(api.variables),
        tags={TAG: ANY_CONTROLLER},
    )
    if api.access_log:
        _create_metric_filters(clients, scenario)
    if operations := list(_logging(scenario)):
        apigateway.update_stage(restApiId=rest_api_id, stageName=api.stage, patchOperations=operations)
    candidate = apigateway.create_deployment(restApiId=rest_api_id, description=CANDIDATE)["id"]
    further = tuple(
        apigateway.create_deployment(restApiId=rest_api_id, description=f"{CANDIDATE} {number}")["id"]
        for number, _ in enumerate(scenario.requests, start=2)
    )
    for _ in scenario.namesakes:
        _create_namesake(apigateway, scenario)
    version = NEW if _has_new_version(scenario) else OLD
    return ExampleApi(rest_api_id, api.stage, base, candidate, tuple(names), further, version)


def _has_new_version(scenario: Scenario) -> bool:
    api = scenario.api
    return api.on_promotion is not None or api.candidate_variables.get(ALIAS) not in (None, api.variables.get(ALIAS))


def _create_namesake(apigateway: Any, scenario: Scenario) -> None:
    """Another API with the same name and a stage of the same name, which has nothing to do with the rollout."""
    rest_api_id = apigateway.create_rest_api(name=scenario.api.name)["id"]
    root = apigateway.get_resources(restApiId=rest_api_id)["items"][0]["id"]
    where = {"restApiId": rest_api_id, "resourceId": root, "httpMethod": "GET"}
    apigateway.put_method(**where, authorizationType="NONE")
    apigateway.put_integration(**where, type="MOCK")
    deployment = apigateway.create_deployment(restApiId=rest_api_id)["id"]
    apigateway.create_stage(restApiId=rest_api_id, stageName=scenario.api.stage, deploymentId=deployment)


def _create_routes(
    clients: Callable[[str], Any], scenario: Scenario, rest_api_id: str, function: str, resources: dict[str, str]
) -> None:
    """The routes that the scenario tells apart, all answered by one function. `resources` has ids by path."""
    apigateway, functions = clients("apigateway"), clients("lambda")
    for number, route in enumerate(scenario.all_routes()):
        method, _, path = route.name.partition(" ")
        resource = _resource(apigateway, rest_api_id, path, resources)
        where = {"restApiId": rest_api_id, "resourceId": resource, "httpMethod": method}
        if (method, path) == ("GET", "/"):
            continue  # is there already
        apigateway.put_method(**where, authorizationType="NONE")
        apigateway.put_integration(**where, type="AWS_PROXY", integrationHttpMethod="POST", uri=_uri(function))
        for alias in _aliases(scenario):
            functions.add_permission(
                FunctionName=function,
                Qualifier=alias,
                StatementId=f"route-{number}",
                Action="lambda:InvokeFunction",
                Principal="apigateway.amazonaws.com",
                SourceArn=f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{rest_api_id}/{scenario.api.stage}/{method}{path}",
            )


def _resource(apigateway: Any, rest_api_id: str, path: str, resources: dict[str, str]) -> str:
    """The id of the resource at this path, which is made if it is not there, with those above it."""
    if path not in resources:
        above, _, part = path.rpartition("/")
        parent = _resource(apigateway, rest_api_id, above or "/", resources)
        made = apigateway.create_resource(restApiId=rest_api_id, parentId=parent, pathPart=part)
        resources[path] = made["id"]
    return resources[path]


def _uri(function: str) -> str:
    """The integration with the alias of this function (its ARN) that the stage variable names."""
    called = f"{function}:${{stageVariables.{ALIAS}}}"
    return f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{called}/invocations"


def _aliases(scenario: Scenario) -> list[str]:
    """The aliases that the stage or the canary names and that API Gateway may invoke."""
    api = scenario.api
    named = dict.fromkeys(
        variables[ALIAS] for variables in (api.variables, api.candidate_variables) if ALIAS in variables
    )
    forbidden = None if api.candidate_may_be_invoked else api.candidate_variables.get(ALIAS)
    return [alias for alias in named if alias != forbidden]


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
        Tags={TAG: ANY_CONTROLLER},
    )["FunctionArn"]
    version = functions.publish_version(FunctionName=name)["Version"]
    functions.update_function_code(FunctionName=name, ZipFile=zipped("new"))
    new = functions.publish_version(FunctionName=name)["Version"]
    live = api.variables.get(ALIAS)
    for alias in dict.fromkeys(
        variables[ALIAS] for variables in (api.variables, api.candidate_variables) if ALIAS in variables
    ):
        ours = api.on_promotion is not None  # then the rollout itself points the canary's alias to the new version
        functions.create_alias(FunctionName=name, Name=alias, FunctionVersion=version if ours or alias == live else new)
        if alias not in _aliases(scenario):
            continue
        functions.add_permission(
            FunctionName=name,
            Qualifier=alias,
            StatementId="api",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{called_as}",
        )
    return arn


def _logging(scenario: Scenario) -> Iterator[dict[str, str]]:
    """What the stage logs, as patch operations."""
    if scenario.api.execution_logging:
        yield {"op": "replace", "path": "/*/*/logging/loglevel", "value": "ERROR"}
    if scenario.api.access_log:
        group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{access_log_group(scenario)}"
        yield {"op": "replace", "path": "/accessLogSettings/destinationArn", "value": group}
        yield {"op": "replace", "path": "/accessLogSettings/format", "value": ACCESS_LOG_FORMAT}
    if scenario.all_routes():
        yield {"op": "replace", "path": "/*/*/metrics/enabled", "value": "true"}


def access_log_group(scenario: Scenario) -> str:
    """The log group of the stage's access log."""
    return f"{scenario.api.name}-access"


def _create_metric_filters(clients: Callable[[str], Any], scenario: Scenario) -> None:
    """The log group of the access log with its filters, as in examples/snippets/access-log-metrics.yaml."""
    logs, group = clients("logs"), access_log_group(scenario)
    logs.create_log_group(logGroupName=group)
    for metric, variable in VALUES.items():
        logs.put_metric_filter(
            logGroupName=group,
            filterName=metric,
            filterPattern=f"{{ $.{variable} = * }}",
            metricTransformations=[
                {
                    "metricNamespace": NAMESPACE,
                    "metricName": metric,
                    "metricValue": f"$.{variable}",
                    "dimensions": {name: f"$.{each}" for name, each in DIMENSIONS.items()},
                }
            ],
        )


def create_alarm(alarm: Alarm, scenario: Scenario, api: ExampleApi) -> None:
    """Make one of the scenario's alarms."""
    dimensions = {"ApiName": scenario.api.name, "Stage": scenario.api.stage}
    tag = f"{api.rest_api_id}/{api.stage}"
    put_alarm(alarm, "AWS/ApiGateway", alarm.metric or "5XXError", dimensions, tag)
