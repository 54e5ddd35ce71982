"""What every `TargetInspector` promises, kept by the adapters of stages and aliases, and by their fake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Protocol

import pytest

from rollout.adapters.alias_inspector import AliasInspector
from rollout.adapters.stage_inspector import StageInspector
from rollout.core.access_log import AccessLog
from rollout.core.api_definition import FunctionName
from rollout.core.inspection import Backend, Inspection, OtherApi
from rollout.core.rollout import Candidate
from rollout.core.target import Behind, Target
from rollout.errors import NotAllowed, RolloutError, TargetMissing, Unavailable
from rollout.ports import TargetInspector
from rollout_simulator.fakes import FakeInspector
from rollout_simulator.moto_patches import (
    apigateway_canary,
    apigateway_exports,
    apigateway_integrations,
    lambda_alias,
    lambda_permissions,
)
from rollout_simulator.moto_patches.lambda_code import zipped
from tests.contract.aws import REGION, client, in_trouble, refusing

FUNCTION = f"arn:aws:lambda:{REGION}:123456789012:function:orders"
URI = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{{}}/invocations"
LOG_GROUP = f"arn:aws:logs:{REGION}:123456789012:log-group:orders"
HOME = f"arn:aws:states:{REGION}:123456789012:stateMachine:rollout-pilot"
CALLER = f"arn:aws:execute-api:{REGION}:123456789012:"
NEXT = Candidate("dep-2", {"lambdaAlias": "next"})
MANAGED = {"rollout-pilot": "managed"}


class World(Protocol):
    """A stage `prod` whose GET /orders calls the alias of `orders` that `lambdaAlias` names; it may call `next`."""

    @property
    def inspector(self) -> TargetInspector: ...

    @property
    def target(self) -> Target: ...

    def tag(self) -> None: ...

    def log_executions(self) -> None: ...

    def log_access(self, log_format: str) -> None: ...

    def failing(self, error: type[RolloutError]) -> AbstractContextManager[None]: ...


class OverAws:
    def __init__(self, tags: Mapping[str, str] | None = None) -> None:
        self.apigateway, self.functions = client("apigateway"), client("lambda")
        self.inspector = StageInspector(client, HOME)
        self.api = self.apigateway.create_rest_api(name="orders", tags=dict(tags or {}))["id"]
        self.target = Target("apigateway-stage", {"restApiId": self.api, "stageName": "prod"})
        role = client("iam").create_role(RoleName="orders", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        self.functions.create_function(
            FunctionName="orders",
            Runtime="python3.13",
            Role=role,
            Handler="index.handler",
            Code={"ZipFile": zipped()},
            Publish=True,
        )
        for alias in ("live", "next"):
            self.functions.create_alias(FunctionName="orders", Name=alias, FunctionVersion="1")
        self.allow("next")
        self.where = self.resource("orders")
        self.method("GET", f"{FUNCTION}:${{stageVariables.lambdaAlias}}")
        deployment = self.apigateway.create_deployment(restApiId=self.api)["id"]
        self.apigateway.create_stage(
            restApiId=self.api, stageName="prod", deploymentId=deployment, variables={"lambdaAlias": "live"}
        )

    def resource(self, path: str) -> str:
        root = self.apigateway.get_resources(restApiId=self.api)["items"][0]["id"]
        return str(self.apigateway.create_resource(restApiId=self.api, parentId=root, pathPart=path)["id"])

    def method(self, verb: str, function: str, **integration: Any) -> None:
        where = {"restApiId": self.api, "resourceId": self.where, "httpMethod": verb}
        self.apigateway.put_method(**where, authorizationType="NONE")
        self.apigateway.put_integration(
            **where,
            type="AWS_PROXY",
            integrationHttpMethod="POST",
            uri=f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function}/invocations",
            **integration,
        )

    def allow(self, alias: str, source: str = "*") -> None:
        self.functions.add_permission(
            FunctionName="orders",
            Qualifier=alias,
            StatementId=f"api-{len(source)}",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=f"arn:aws:execute-api:{REGION}:123456789012:{self.api}/{source}",
        )

    def patch(self, path: str, value: str) -> None:
        self.apigateway.update_stage(
            restApiId=self.api,
            stageName="prod",
            patchOperations=[{"op": "replace", "path": path, "value": value}],
        )

    def tag(self) -> None:
        arn = f"arn:aws:apigateway:{REGION}::/restapis/{self.api}/stages/prod"
        self.apigateway.tag_resource(resourceArn=arn, tags=MANAGED)

    def log_executions(self) -> None:
        self.patch("/*/*/logging/loglevel", "INFO")

    def log_access(self, log_format: str) -> None:
        self.patch("/accessLogSettings/destinationArn", LOG_GROUP)
        self.patch("/accessLogSettings/format", log_format)

    def failing(self, error: type[RolloutError]) -> AbstractContextManager[None]:
        if error is TargetMissing:
            self.apigateway.delete_stage(restApiId=self.api, stageName="prod")
        code, status = {
            NotAllowed: ("AccessDeniedException", 403),
            Unavailable: ("TooManyRequestsException", 429),
            TargetMissing: ("NotFoundException", 404),
        }[error]
        return refusing("apigateway", code, status)


class InMemory:
    def __init__(self) -> None:
        self.inspector = FakeInspector()
        self.target = Target("apigateway-stage", {"restApiId": "a1b2c3d4e5", "stageName": "prod"})
        caller = f"{CALLER}a1b2c3d4e5/prod/GET/orders"
        self.inspector.tag = ""
        self.inspector.found = Inspection(
            execution_logging=False,
            access_log=AccessLog("", ""),
            variables_used=frozenset({"lambdaAlias"}),
            backends=(Backend(FunctionName(FUNCTION, "next"), caller, exists=True, callable=True),),
        )

    def tag(self) -> None:
        self.inspector.tag = "managed"

    def log_executions(self) -> None:
        self.inspector.found = replace(self.inspector.found, execution_logging=True)

    def log_access(self, log_format: str) -> None:
        self.inspector.found = replace(self.inspector.found, access_log=AccessLog(LOG_GROUP, log_format, ()))

    def failing(self, error: type[RolloutError]) -> AbstractContextManager[None]:
        return in_trouble(self.inspector, error)


@pytest.fixture
def patched(aws: None) -> Iterator[None]:
    with (
        apigateway_canary.patched(),
        apigateway_exports.patched(),
        apigateway_integrations.patched(),
        lambda_alias.patched(),
        lambda_permissions.patched(),
    ):
        yield


@pytest.fixture
def over_aws(patched: None) -> OverAws:
    return OverAws()


@pytest.fixture(params=["adapter", "fake"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "fake":
        return InMemory()
    made: OverAws = request.getfixturevalue("over_aws")
    return made


def inspected(world: World, candidate: Candidate = NEXT) -> Inspection:
    return world.inspector.inspect(world.target, candidate)


def test_a_plain_stage_logs_nothing_and_has_not_opted_in(world: World) -> None:
    seen = inspected(world)
    assert (seen.execution_logging, seen.access_log) == (False, AccessLog("", ""))
    assert world.inspector.opted_in_by(world.target) == ""
    assert seen.unreadable == ()


def test_a_tagged_stage_has_opted_in(world: World) -> None:
    world.tag()
    assert world.inspector.opted_in_by(world.target) == "managed"


def test_execution_logging_is_seen(world: World) -> None:
    world.log_executions()
    assert inspected(world).execution_logging


def test_the_format_of_the_access_log_is_seen(world: World) -> None:
    world.log_access('{"status":"$context.status"}')
    assert AccessLog(LOG_GROUP, '{"status":"$context.status"}', ()) == inspected(world).access_log


def test_the_variables_that_the_api_uses_are_seen(world: World) -> None:
    assert inspected(world).variables_used == frozenset({"lambdaAlias"})


def test_the_alias_that_the_candidate_calls_is_seen(world: World) -> None:
    (backend,) = inspected(world).backends
    assert (str(backend.name), backend.exists, backend.callable) == ("orders:next", True, True)
    assert "GET /orders" == backend.called_as


@pytest.mark.parametrize("error", [NotAllowed, Unavailable, TargetMissing])
def test_a_target_that_cannot_be_read_is_called_so(world: World, error: type[RolloutError]) -> None:
    with world.failing(error), pytest.raises(error):
        inspected(world)


@pytest.mark.parametrize("error", [Unavailable, TargetMissing])
def test_the_tag_of_a_target_that_cannot_be_read_is_not_made_up(world: World, error: type[RolloutError]) -> None:
    with world.failing(error), pytest.raises(error):
        world.inspector.opted_in_by(world.target)


# --- AWS alone ---------------------------------------------------------------------------------------------------


def test_the_apis_own_tag_opts_its_stages_in(patched: None) -> None:
    world = OverAws(MANAGED)
    assert world.inspector.opted_in_by(world.target) == "managed"


def test_a_stages_own_tag_comes_before_the_apis(patched: None) -> None:
    world = OverAws({"rollout-pilot": "another"})
    world.tag()
    assert world.inspector.opted_in_by(world.target) == "managed"


@pytest.mark.parametrize("operation", ["GetStage", "GetRestApi"])
def test_a_tag_that_may_not_be_read_is_not_known(over_aws: OverAws, operation: str) -> None:
    with refusing("apigateway", "AccessDeniedException", 403, operation=operation):
        assert over_aws.inspector.opted_in_by(over_aws.target) is None


def test_an_alias_without_a_policy_may_not_be_called(over_aws: OverAws) -> None:
    (backend,) = inspected(over_aws, Candidate("dep-2", {"lambdaAlias": "live"})).backends
    assert (str(backend.name), backend.exists, backend.callable) == ("orders:live", True, False)


def test_an_alias_that_another_stage_may_call_may_not_be_called_by_this(over_aws: OverAws) -> None:
    over_aws.allow("live", "test/*")
    (backend,) = inspected(over_aws, Candidate("dep-2", {"lambdaAlias": "live"})).backends
    assert backend.callable is False


def test_an_alias_that_does_not_exist_is_said_to(over_aws: OverAws) -> None:
    (backend,) = inspected(over_aws, Candidate("dep-2", {"lambdaAlias": "nowhere"})).backends
    assert (str(backend.name), backend.exists, backend.callable) == ("orders:nowhere", False, None)


def test_an_api_that_calls_with_a_role_of_its_own_needs_no_permission(over_aws: OverAws) -> None:
    role = "arn:aws:iam::123456789012:role/api"
    over_aws.method("PUT", f"{FUNCTION}:${{stageVariables.lambdaAlias}}", credentials=role)
    backends = inspected(over_aws, Candidate("dep-2", {"lambdaAlias": "live"})).backends
    assert {each.called_as.split()[0]: each.callable for each in backends} == {"GET": False, "PUT": True}


def deployed(world: OverAws) -> str:
    return str(world.apigateway.create_deployment(restApiId=world.api)["id"])


def by_caller(inspection: Inspection) -> dict[str, tuple[str, bool | None, bool | None]]:
    return {each.called_as: (str(each.name), each.exists, each.callable) for each in inspection.backends}


def test_what_the_integration_names_outright_is_looked_at_too(over_aws: OverAws) -> None:
    over_aws.method("PUT", f"{FUNCTION}:live")
    over_aws.method("POST", FUNCTION)
    over_aws.method("DELETE", f"{FUNCTION}:1")
    over_aws.method("PATCH", FUNCTION.replace("orders", "gone"))
    assert by_caller(inspected(over_aws, Candidate(deployed(over_aws), NEXT.overrides))) == {
        "GET /orders": ("orders:next", True, True),
        "PUT /orders": ("orders:live", True, False),
        "POST /orders": ("orders", True, False),
        "DELETE /orders": ("orders:1", True, False),
        "PATCH /orders": ("gone", False, None),
    }


def test_a_method_that_the_candidates_deployment_does_not_have_is_nobodys_business(over_aws: OverAws) -> None:
    before = deployed(over_aws)
    over_aws.method("PUT", f"{FUNCTION}:nowhere")
    assert ["GET /orders"] == list(by_caller(inspected(over_aws, Candidate(before, NEXT.overrides))))
    after = Candidate(deployed(over_aws), NEXT.overrides)
    assert ["GET /orders", "PUT /orders"] == list(by_caller(inspected(over_aws, after)))
    assert ["GET /orders", "PUT /orders"] == list(by_caller(inspected(over_aws, Candidate(None, NEXT.overrides))))


def live(world: OverAws) -> str:
    stage = world.apigateway.get_stage(restApiId=world.api, stageName="prod")
    return str(stage["deploymentId"])


def change_the_integration(world: OverAws, function: str) -> None:
    """In the API's definition alone."""
    world.apigateway.update_integration(
        restApiId=world.api,
        resourceId=world.where,
        httpMethod="GET",
        patchOperations=[{"op": "replace", "path": "/uri", "value": URI.format(function)}],
    )


def test_of_the_live_deployment_what_is_deployed_is_looked_at(over_aws: OverAws) -> None:
    change_the_integration(over_aws, f"{FUNCTION}:gone")
    over_aws.method("PUT", f"{FUNCTION}:gone")
    seen = inspected(over_aws, Candidate(live(over_aws), NEXT.overrides))
    assert {"GET /orders": ("orders:next", True, True)} == by_caller(seen)
    assert (frozenset({"lambdaAlias"}), "the function behind GET /orders") == (
        seen.variables_used,
        seen.all_variables_to,
    )


def test_authorizers_of_the_live_deployment_are_looked_at(over_aws: OverAws) -> None:
    name = authorized(over_aws, "REQUEST", "next")
    over_aws.patch("/deploymentId", deployed(over_aws))
    seen = inspected(over_aws, Candidate(live(over_aws), {}))
    assert {"GET /orders", f"the authorizer {name}"} == by_caller(seen).keys()


def test_an_api_that_cannot_be_exported_is_looked_at_as_it_is_defined(over_aws: OverAws) -> None:
    change_the_integration(over_aws, f"{FUNCTION}:live")
    with refusing("apigateway", "BadRequestException", 400, operation="GetExport"):
        seen = inspected(over_aws, Candidate(live(over_aws), NEXT.overrides))
    assert {"GET /orders": ("orders:live", True, False)} == by_caller(seen)


def test_what_the_base_calls_for_the_same_method_is_live(over_aws: OverAws) -> None:
    over_aws.method("PUT", f"{FUNCTION}:live")
    assert [False, False] == [each.live for each in inspected(over_aws, Candidate(None, NEXT.overrides)).backends]
    over_aws.patch("/deploymentId", deployed(over_aws))
    assert [False, True] == [each.live for each in inspected(over_aws, Candidate(None, NEXT.overrides)).backends]


def test_a_role_of_the_apis_own_does_not_make_a_version_exist(over_aws: OverAws) -> None:
    over_aws.method("PUT", f"{FUNCTION}:7", credentials="arn:aws:iam::123456789012:role/api")
    assert ("orders:7", False, None) == by_caller(inspected(over_aws, Candidate(None, {})))["PUT /orders"]


def test_a_variable_without_a_value_in_a_functions_name_is_said(over_aws: OverAws) -> None:
    over_aws.method("PUT", f"{FUNCTION}:${{stageVariables.other}}")
    seen = inspected(over_aws, Candidate(None, {"lambdaAlias": "next"}))
    assert {"other": "PUT /orders"} == seen.unset_variables
    assert ["GET /orders"] == list(by_caller(seen))


def test_an_alias_on_the_version_of_the_bases_alias_is_the_same_in_its_place(over_aws: OverAws) -> None:
    (backend,) = inspected(over_aws).backends
    assert ("1", "orders:live") == (backend.version, backend.instead_of)
    over_aws.functions.update_function_code(FunctionName="orders", ZipFile=zipped("new"), Publish=True)
    over_aws.functions.update_alias(FunctionName="orders", Name="next", FunctionVersion="2")
    (backend,) = inspected(over_aws).backends
    assert ("2", "") == (backend.version, backend.instead_of)


def test_an_alias_that_the_rollout_itself_points_is_not_held_to_its_present_version(over_aws: OverAws) -> None:
    target = replace(over_aws.target, behind=Behind({"lambdaAlias": "next"}, {"orders:next": "2"}))
    (backend,) = over_aws.inspector.inspect(target, NEXT).backends
    assert backend.instead_of == ""


def authorized(world: OverAws, kind: str, alias: str, **settings: Any) -> str:
    """Let PUT be authorized by this alias of `orders`; the authorizer's id."""
    uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{FUNCTION}:{alias}/invocations"
    made = world.apigateway.create_authorizer(
        restApiId=world.api, name="tokens", type=kind, authorizerUri=uri, identitySource="x", **settings
    )
    where = {"restApiId": world.api, "resourceId": world.where, "httpMethod": "PUT"}
    world.apigateway.put_method(**where, authorizationType="CUSTOM", authorizerId=made["id"])
    world.apigateway.put_integration(**where, type="MOCK")
    return str(made["id"])


@pytest.mark.parametrize("kind", ["TOKEN", "REQUEST"])
def test_an_authorizer_needs_a_permission_of_its_own(over_aws: OverAws, kind: str) -> None:
    name = authorized(over_aws, kind, "${stageVariables.lambdaAlias}")
    over_aws.functions.remove_permission(FunctionName="orders", Qualifier="next", StatementId="api-1")
    over_aws.allow("next", "prod/*")
    seen = inspected(over_aws, Candidate(None, NEXT.overrides))
    assert ("orders:next", True, False) == by_caller(seen)[f"the authorizer {name}"]
    over_aws.allow("next", f"authorizers/{name}")
    seen = inspected(over_aws, Candidate(None, NEXT.overrides))
    assert ("orders:next", True, True) == by_caller(seen)[f"the authorizer {name}"]


def test_an_authorizer_with_a_role_of_its_own_needs_none(over_aws: OverAws) -> None:
    role = "arn:aws:iam::123456789012:role/api"
    name = authorized(over_aws, "TOKEN", "live", authorizerCredentials=role)
    assert ("orders:live", True, True) == by_caller(inspected(over_aws, Candidate(None, {})))[f"the authorizer {name}"]


def test_an_authorizer_that_no_method_uses_is_not_looked_at(over_aws: OverAws) -> None:
    over_aws.apigateway.create_authorizer(
        restApiId=over_aws.api,
        name="unused",
        type="TOKEN",
        authorizerUri=f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{FUNCTION}:gone/invocations",
        identitySource="x",
    )
    assert ["GET /orders"] == list(by_caller(inspected(over_aws)))


def test_a_vpc_link_is_looked_at(over_aws: OverAws) -> None:
    link = over_aws.apigateway.create_vpc_link(name="orders", targetArns=["arn:aws:elasticloadbalancing:x"])["id"]
    for verb, connection in {"PUT": link, "POST": "gone", "PATCH": "${stageVariables.link}"}.items():
        where = {"restApiId": over_aws.api, "resourceId": over_aws.where, "httpMethod": verb}
        over_aws.apigateway.put_method(**where, authorizationType="NONE")
        over_aws.apigateway.put_integration(
            **where,
            type="HTTP_PROXY",
            integrationHttpMethod="GET",
            uri="http://orders.internal/",
            connectionType="VPC_LINK",
            connectionId=connection,
        )
    found = inspected(over_aws, Candidate(None, {})).links
    assert {(link, "AVAILABLE"), ("gone", ""), ("", "")} == {(each.identity, each.status) for each in found}


def test_what_may_not_be_told_of_a_function_is_held_against_nobody(over_aws: OverAws) -> None:
    over_aws.method("PUT", f"{FUNCTION}:1")
    with refusing("lambda", "AccessDeniedException", 403, operation="GetRuntimeManagementConfig"):
        seen = inspected(over_aws, Candidate(None, {}))
    assert ("orders:1", None, False) == by_caller(seen)["PUT /orders"]
    assert any("GetRuntimeManagementConfig" in each for each in seen.unreadable)


def test_metric_filters_that_cannot_be_read_refuse_no_rollout(over_aws: OverAws) -> None:
    over_aws.log_access('{"status":"$context.status"}')
    with refusing("logs", "ServiceUnavailableException", 503, operation="DescribeMetricFilters"):
        seen = inspected(over_aws, Candidate(None, {}))
    assert seen.access_log is not None
    assert seen.access_log.filters is None
    assert any("DescribeMetricFilters" in each for each in seen.unreadable)


def test_a_function_of_another_region_is_not_looked_at(over_aws: OverAws) -> None:
    over_aws.method("PUT", FUNCTION.replace(REGION, "us-west-2"))
    seen = inspected(over_aws, Candidate(None, {}))
    assert ("orders", None, None) == by_caller(seen)["PUT /orders"]
    assert ("function orders: it is in us-west-2",) == seen.unreadable


def test_a_function_whose_very_name_is_a_variable_is_followed(over_aws: OverAws) -> None:
    over_aws.method("PUT", FUNCTION.replace("orders", "${stageVariables.name}:${stageVariables.lambdaAlias}"))
    backends = inspected(over_aws, Candidate("dep-2", {"name": "payments", "lambdaAlias": "next"})).backends
    assert {str(each.name): each.exists for each in backends} == {"orders:next": True, "payments:next": False}


@pytest.mark.parametrize(
    ("service", "operation", "lost"),
    [("lambda", "GetPolicy", "callable"), ("apigateway", "GetResources", "variables")],
)
def test_what_may_not_be_read_is_said_and_held_against_nobody(
    over_aws: OverAws, service: str, operation: str, lost: str
) -> None:
    with refusing(service, "AccessDeniedException", 403, operation=operation):
        seen = inspected(over_aws)
    (said,) = seen.unreadable
    assert operation in said
    known = {"callable": [each.callable for each in seen.backends], "variables": seen.variables_used}
    assert known[lost] in (None, [None])


def test_the_stack_and_the_cache_of_a_stage_are_seen(over_aws: OverAws) -> None:
    assert ("", False) == (inspected(over_aws).stack, inspected(over_aws).cache_cluster)
    arn = f"arn:aws:apigateway:{REGION}::/restapis/{over_aws.api}/stages/prod"
    over_aws.apigateway.tag_resource(resourceArn=arn, tags={"aws:cloudformation:stack-name": "orders"})
    over_aws.patch("/cacheClusterEnabled", "true")
    assert ("orders", True) == (inspected(over_aws).stack, inspected(over_aws).cache_cluster)


def http_api(protocol: str, *functions: str) -> Target:
    """An API of the newer kind whose integrations call these; and a target that takes it for a REST API."""
    apis = client("apigatewayv2")
    api = apis.create_api(Name="orders", ProtocolType=protocol, RouteSelectionExpression="x")["ApiId"]
    for function in functions:
        apis.create_integration(ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=function)
    return Target("apigateway-stage", {"restApiId": api, "stageName": "prod"})


@pytest.mark.parametrize("protocol", ["HTTP", "WEBSOCKET"])
def test_an_api_of_another_kind_is_told_with_the_aliases_it_calls(over_aws: OverAws, protocol: str) -> None:
    uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{FUNCTION}:next/invocations"
    target = http_api(protocol, f"{FUNCTION}:live", FUNCTION, uri, "https://example.org/", f"{FUNCTION}:live")
    found = over_aws.inspector.other_api(target)
    assert OtherApi(protocol, (("orders", "live"), ("orders", "next"))) == found


def test_a_rest_api_that_is_not_there_is_no_other(over_aws: OverAws) -> None:
    assert over_aws.inspector.other_api(replace(over_aws.target, ids={"restApiId": "x", "stageName": "y"})) is None
    with refusing("apigatewayv2", "AccessDeniedException", 403):
        assert over_aws.inspector.other_api(over_aws.target) is None


# --- an alias ----------------------------------------------------------------------------------------------------

LIVE = Target("lambda-alias", {"functionName": "orders", "aliasName": "live"})


def test_the_tag_of_a_function_is_seen_where_its_alias_is_to_be_moved(over_aws: OverAws) -> None:
    target = replace(over_aws.target, behind=Behind({"lambdaAlias": "next"}, {"orders:next": "1"}))
    assert over_aws.inspector.inspect(target, Candidate("d", {})).functions == {"orders": ""}
    over_aws.functions.tag_resource(Resource=FUNCTION, Tags=MANAGED)
    assert over_aws.inspector.inspect(target, Candidate("d", {})).functions == {"orders": "managed"}


@pytest.fixture
def alias(over_aws: OverAws) -> AliasInspector:
    """The inspector of the alias `live` of that function."""
    return AliasInspector(over_aws.functions)


def test_an_alias_has_opted_in_with_its_function(over_aws: OverAws, alias: AliasInspector) -> None:
    assert alias.opted_in_by(LIVE) == ""
    over_aws.functions.tag_resource(Resource=FUNCTION, Tags=MANAGED)
    assert alias.opted_in_by(LIVE) == "managed"
    assert alias.inspect(LIVE, Candidate("2", {})) == Inspection(timeout_seconds=3)


def test_an_alias_that_is_not_there_is_missing(alias: AliasInspector) -> None:
    with pytest.raises(TargetMissing, match="lambda-alias/orders/gone does not exist"):
        alias.opted_in_by(Target("lambda-alias", {"functionName": "orders", "aliasName": "gone"}))


def test_an_alias_whose_tags_may_not_be_read_is_held_against_nobody(alias: AliasInspector) -> None:
    with refusing("lambda", "AccessDeniedException", 403, operation="ListTags"):
        assert alias.opted_in_by(LIVE) is None


# --- namesakes, and how long invocations may take -----------------------------------------------------------------


def another_api(over_aws: OverAws, name: str, stage: str) -> str:
    api = over_aws.apigateway.create_rest_api(name=name)["id"]
    root = over_aws.apigateway.get_resources(restApiId=api)["items"][0]["id"]
    where = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
    over_aws.apigateway.put_method(**where, authorizationType="NONE")
    over_aws.apigateway.put_integration(**where, type="MOCK")
    deployment = over_aws.apigateway.create_deployment(restApiId=api)["id"]
    over_aws.apigateway.create_stage(restApiId=api, stageName=stage, deploymentId=deployment)
    return str(api)


def test_an_api_of_the_same_name_with_a_stage_of_the_same_name_is_a_namesake(over_aws: OverAws) -> None:
    other = another_api(over_aws, "orders", "prod")
    assert (other,) == inspected(over_aws).namesakes


@pytest.mark.parametrize(("name", "stage"), [("orders", "test"), ("payments", "prod")])
def test_one_name_alone_makes_no_namesake(over_aws: OverAws, name: str, stage: str) -> None:
    another_api(over_aws, name, stage)
    assert () == inspected(over_aws).namesakes


def test_namesakes_that_may_not_be_looked_for_are_said(over_aws: OverAws) -> None:
    with refusing("apigateway", "AccessDeniedException", 403, operation="GetRestApis"):
        seen = inspected(over_aws)
    assert ((), True) == (seen.namesakes, any("GetRestApis" in each for each in seen.unreadable))


def test_the_larger_timeout_of_both_versions_is_what_an_invocation_may_take(
    over_aws: OverAws, alias: AliasInspector
) -> None:
    over_aws.functions.update_function_configuration(FunctionName="orders", Timeout=840)
    assert 840 == alias.inspect(LIVE, Candidate(None, {})).timeout_seconds
    assert 3 == alias.inspect(LIVE, Candidate("1", {})).timeout_seconds


def test_a_timeout_that_may_not_be_read_is_not_known(alias: AliasInspector) -> None:
    with refusing("lambda", "AccessDeniedException", 403, operation="GetFunctionConfiguration"):
        seen = alias.inspect(LIVE, Candidate("2", {}))
    assert (0, True) == (seen.timeout_seconds, any("GetFunctionConfiguration" in each for each in seen.unreadable))
