"""IAM in the embedded AWS: what policies say, what calls need, and the refusal in between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest

from rollout_simulator.clients import client
from rollout_simulator.embedded_aws import EmbeddedAws
from rollout_simulator.permissions.calls import Place, UnknownCall, needed_by
from rollout_simulator.permissions.enforcement import Permissions
from rollout_simulator.permissions.policies import Permission, Statement, UnsupportedPolicy, statements_of
from rollout_simulator.template import Deployment
from tests.contract.gateway import Gateway

PLACE = Place("123456789012", "eu-west-1", "arn:aws:states:eu-west-1:123456789012:stateMachine:m")
TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table/t"
STAGE = "arn:aws:apigateway:eu-west-1::/restapis/a1/stages/prod"
OPTED_IN = {"StringEquals": {"aws:ResourceTag/rollout-pilot": "managed"}}

Json = dict[str, Any]


def allowed(needed: Permission, tags: dict[str, str] | None = None, **statement: Any) -> bool:
    (found,) = statements_of([{"Statement": {"Effect": "Allow", **statement}}])
    return bool(found.grants(needed, lambda _: tags or {}))


def put(*keys: str) -> Permission:
    return Permission("dynamodb:PutItem", TABLE, (("dynamodb:LeadingKeys", keys),))


def told(*sources: str) -> Permission:
    return Permission("events:PutEvents", "*", (("events:source", sources),))


@pytest.mark.parametrize(
    ("action", "resource", "expected"),
    [
        ("dynamodb:GetItem", TABLE, True),
        ("dynamodb:getitem", TABLE, True),
        (["dynamodb:PutItem", "dynamodb:GetItem"], [f"{TABLE}/index/i", TABLE], True),
        ("dynamodb:*", "*", True),
        ("dynamodb:Get*", "arn:aws:dynamodb:*:*:table/?", True),
        ("dynamodb:PutItem", TABLE, False),
        ("dynamodb:GetItem", f"{TABLE}/index/i", False),
        ("dynamodb:GetItem", TABLE.upper(), False),
    ],
)
def test_a_statement_allows_an_action_on_a_resource(action: Any, resource: Any, expected: bool) -> None:
    assert expected is allowed(Permission("dynamodb:GetItem", TABLE), Action=action, Resource=resource)


def test_a_condition_on_a_tag_holds_for_resources_that_have_it() -> None:
    patch = Permission("apigateway:PATCH", STAGE)
    statement: Json = {"Action": "apigateway:PATCH", "Resource": "*", "Condition": OPTED_IN}
    assert allowed(patch, {"rollout-pilot": "managed"}, **statement)
    assert not allowed(patch, {"rollout-pilot": "maybe"}, **statement)
    assert not allowed(patch, {}, **statement)


def test_a_condition_on_leading_keys_holds_when_all_partitions_are_among_them() -> None:
    keys = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["NOTIFIED", "ROLLOUT#*"]}}
    statement: Json = {"Action": "dynamodb:PutItem", "Resource": TABLE, "Condition": keys}
    assert allowed(put("NOTIFIED"), **statement)
    assert allowed(put("NOTIFIED", "ROLLOUT#1"), **statement)
    assert not allowed(put("NOTIFIED", "TARGET#1"), **statement)
    assert not allowed(put("NOTIFIED#1"), **statement)


def test_a_condition_that_asks_for_no_set_needs_the_key_to_be_there() -> None:
    statement: Json = {"Action": "events:PutEvents", "Resource": "*"}
    statement["Condition"] = {"StringEquals": {"events:source": "ours"}}
    assert allowed(told("ours"), **statement)
    assert not allowed(told("theirs"), **statement)
    assert not allowed(told("ours", "theirs"), **statement)
    assert not allowed(told(), **statement)


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Deny", "Action": "*", "Resource": "*"},
        {"Effect": "Allow", "NotAction": "*", "Resource": "*"},
        {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}},
        {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:username": "x"}}},
        {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"events:source": "a*"}}},
    ],
)
def test_what_is_not_understood_is_an_error_and_never_ignored(statement: Json) -> None:
    with pytest.raises(UnsupportedPolicy):
        statements_of([{"Statement": [statement]}])


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "needed"),
    [
        ("apigateway", "UpdateStage", {"restApiId": "a1", "stageName": "prod"}, [("apigateway:PATCH", STAGE)]),
        (
            "apigateway",
            "CreateDeployment",
            {"restApiId": "a1"},
            [("apigateway:POST", "arn:aws:apigateway:eu-west-1::/restapis/a1/deployments")],
        ),
        ("dynamodb", "Query", {"TableName": "t", "IndexName": "i"}, [("dynamodb:Query", f"{TABLE}/index/i")]),
        (
            "dynamodb",
            "TransactWriteItems",
            {"TransactItems": [{"Put": {"TableName": "t"}}, {"Delete": {"TableName": "t"}}]},
            [("dynamodb:PutItem", TABLE), ("dynamodb:DeleteItem", TABLE)],
        ),
        (
            "events",
            "PutEvents",
            {"Entries": [{}, {"EventBusName": "mine"}]},
            [
                ("events:PutEvents", "arn:aws:events:eu-west-1:123456789012:event-bus/default"),
                ("events:PutEvents", "arn:aws:events:eu-west-1:123456789012:event-bus/mine"),
            ],
        ),
        (
            "lambda",
            "Invoke",
            {"FunctionName": "f", "Qualifier": "7"},
            [("lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:123456789012:function:f:7")],
        ),
        ("stepfunctions", "SendTaskSuccess", {"taskToken": "t"}, [("states:SendTaskSuccess", PLACE.state_machine)]),
        ("resourcegroupstaggingapi", "GetResources", {}, [("tag:GetResources", "*")]),
    ],
)
def test_a_call_needs_iams_actions_on_iams_resources(
    service: Any, operation: str, parameters: Json, needed: list[tuple[str, str]]
) -> None:
    client = boto3.Session("a", "b", region_name=PLACE.region).client(service)
    model = client.meta.service_model.operation_model(operation)
    assert needed == [permission[:2] for permission in needed_by(model, parameters, PLACE)]


def keys_of(service: Any, operation: str, parameters: Json) -> list[Json]:
    """The condition keys of each permission that the call needs."""
    model = boto3.Session("a", "b", region_name=PLACE.region).client(service).meta.service_model
    return [dict(each.keys) for each in needed_by(model.operation_model(operation), parameters, PLACE)]


def test_each_part_of_a_transaction_is_checked_with_the_partitions_of_all() -> None:
    first = {"Put": {"TableName": "t", "Item": {"pk": {"S": "A"}}}}
    second = {"Delete": {"TableName": "t", "Key": {"pk": {"S": "B"}}}}
    both = {"dynamodb:LeadingKeys": ("A", "B")}
    assert keys_of("dynamodb", "TransactWriteItems", {"TransactItems": [first, second]}) == [both, both]


def test_events_are_checked_by_their_sources_and_detail_types() -> None:
    entries = [{"Source": "a", "DetailType": "x"}, {"Source": "a", "DetailType": "y"}]
    expected = {"events:source": ("a",), "events:detail-type": ("x", "y")}
    assert keys_of("events", "PutEvents", {"Entries": entries}) == [expected]


def test_a_call_that_nobody_has_explained_is_an_error() -> None:
    client = boto3.Session("a", "b", region_name=PLACE.region).client("sts")
    with pytest.raises(UnknownCall, match="sts:GetCallerIdentity"):
        needed_by(client.meta.service_model.operation_model("GetCallerIdentity"), {}, PLACE)


def test_with_one_api_named_no_tag_is_needed_and_no_other_api_can_be_touched() -> None:
    with EmbeddedAws(parameters={"RestApiId": "a1b2c3d4e5"}) as aws:
        statements = aws.permissions.roles["ShiftTrafficFunction"]
    own, other = (f"arn:aws:apigateway:us-east-1::/restapis/{api}/stages/prod" for api in ("a1b2c3d4e5", "f6g7h8i9j0"))
    allowing = {
        stage: any(each.grants(Permission("apigateway:PATCH", stage), lambda _: {}) for each in statements)
        for stage in (own, other)
    }
    assert allowing == {own: True, other: False}


ROLES_THAT_TELL = (
    "PrepareFunction",
    "CreateCanaryFunction",
    "AnalyzeFunction",
    "ShiftTrafficFunction",
    "PromoteFunction",
    "RollBackFunction",
    "CloseFunction",
    "RecoverFunction",
)


@pytest.fixture(scope="module")
def template_roles() -> Mapping[str, list[Statement]]:
    """The statements of the product's own roles."""
    with EmbeddedAws() as aws:
        return aws.permissions.roles


def may(
    statements: list[Statement], action: str, resource: str, tags: Json | None = None, keys: Json | None = None
) -> bool:
    given = tuple((key, (value,)) for key, value in (keys or {}).items())
    return any(each.grants(Permission(action, resource, given), lambda _: tags or {}) for each in statements)


def test_the_roles_that_tell_are_those_with_the_permission(template_roles: Mapping[str, list[Statement]]) -> None:
    telling = {
        role for role, found in template_roles.items() if any("events:PutEvents" in each.actions for each in found)
    }
    assert telling == set(ROLES_THAT_TELL)


@pytest.mark.parametrize("role", ROLES_THAT_TELL)
@pytest.mark.parametrize(
    ("source", "detail_type", "expected"),
    [
        ("rollout.pilot", "Rollout State Changed", True),
        ("rollout.pilot", "Rollout Requested", False),
        ("rollout.pilot", "Rollout Command", False),
        ("shop.orders", "Rollout State Changed", False),
    ],
)
def test_a_role_may_tell_what_becomes_of_rollouts_and_nothing_else(
    template_roles: Mapping[str, list[Statement]], role: str, source: str, detail_type: str, expected: bool
) -> None:
    keys = {"events:source": source, "events:detail-type": detail_type}
    bus = "arn:aws:events:us-east-1:123456789012:event-bus/default"
    assert may(template_roles[role], "events:PutEvents", bus, keys=keys) is expected


RECORD, TARGET, ALARM, REQUEST = "ROLLOUT#", "TARGET#", "ALARM#", "REQUEST#"
EXECUTION, NOTIFIED = "EXECUTION#", "NOTIFIED"
ADD = ("PutItem", "UpdateItem")
CHANGE = (*ADD, "DeleteItem")

WRITES: dict[str, tuple[tuple[str, ...], set[str]]] = {
    "RolloutStateMachine": (("UpdateItem",), {RECORD}),
    "PrepareFunction": (ADD, {RECORD, TARGET, ALARM, REQUEST}),
    "CreateCanaryFunction": (ADD, {RECORD}),
    "AnalyzeFunction": (ADD, {RECORD, EXECUTION}),
    "ShiftTrafficFunction": (ADD, {RECORD}),
    "PromoteFunction": (ADD, {RECORD}),
    "RollBackFunction": (ADD, {RECORD}),
    "ExplainFunction": (("UpdateItem",), {RECORD}),
    "CloseFunction": (CHANGE, {RECORD, TARGET, ALARM}),
    "RecoverFunction": (CHANGE, {RECORD, TARGET, ALARM}),
    "OnAlarmFunction": (("UpdateItem",), {RECORD}),
    "OnCommandFunction": (("UpdateItem",), {RECORD, EXECUTION}),
    "NotifyFunction": (CHANGE, {NOTIFIED}),
    "DashboardFunction": (("UpdateItem",), {RECORD, EXECUTION}),
}
"""By which actions each role may write which kinds of items; whatever is not here it may not."""


@pytest.mark.parametrize("action", CHANGE)
def test_a_role_may_write_its_own_kinds_of_items_and_no_others(
    template_roles: Mapping[str, list[Statement]], action: str
) -> None:
    table = "arn:aws:dynamodb:us-east-1:123456789012:table/rollout-pilot-RolloutTable"
    keys = {kind: f"{kind}a/b" for kind in (RECORD, TARGET, ALARM, REQUEST, EXECUTION, "SOMETHING#")}
    keys[NOTIFIED] = NOTIFIED
    for role, statements in template_roles.items():
        writing = {
            kind
            for kind, key in keys.items()
            if may(statements, f"dynamodb:{action}", table, keys={"dynamodb:LeadingKeys": key})
        }
        actions, kinds = WRITES[role]
        assert (role, writing) == (role, kinds if action in actions else set())


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, False),
        ({"rollout-pilot": "managed"}, True),
        ({"rollout-pilot": "rollout-pilot"}, True),
        ({"rollout-pilot": "other"}, False),
        ({"team": "managed"}, False),
    ],
)
@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("apigateway:PATCH", STAGE.replace("eu-west-1", "us-east-1")),
        ("apigateway:POST", "arn:aws:apigateway:us-east-1::/restapis/a1/deployments"),
        ("lambda:UpdateAlias", "arn:aws:lambda:us-east-1:123456789012:function:orders:live"),
        ("lambda:PublishVersion", "arn:aws:lambda:us-east-1:123456789012:function:orders"),
    ],
)
def test_what_is_changed_has_opted_in_to_this_controller_or_to_any(
    template_roles: Mapping[str, list[Statement]], action: str, resource: str, tags: Json, expected: bool
) -> None:
    assert may(template_roles["CreateCanaryFunction"], action, resource, tags) is expected


POST, GET, PATCH = (f"apigateway:{method}" for method in ("POST", "GET", "PATCH"))
MANAGED = {"rollout-pilot": "managed"}


@pytest.fixture
def permissions() -> Iterator[tuple[Permissions, str]]:
    """Those of one role that may do everything to APIs that have opted in; and an API that has, without its stage."""
    with EmbeddedAws(template_file=None) as aws:
        statement = {"Effect": "Allow", "Action": "apigateway:*", "Resource": "*", "Condition": OPTED_IN}
        policies = {"Role": [{"Statement": [statement]}]}
        aws.permissions.apply(Deployment("s", policies=policies, physical={"Role": "caller"}))
        gateway = Gateway(aws.client("apigateway"))
        gateway.client.tag_resource(resourceArn=arn(gateway.api_id), tags=MANAGED)
        yield aws.permissions, gateway.api_id


def arn(api: str, path: str = "") -> str:
    return f"arn:aws:apigateway:us-east-1::/restapis/{api}{path}"


def tag_stage(api: str, value: str) -> None:
    client("apigateway", "us-east-1").tag_resource(resourceArn=arn(api, "/stages/prod"), tags={"rollout-pilot": value})


@pytest.mark.parametrize(
    ("action", "path"),
    [
        (GET, ""),
        (GET, "/deployments"),
        (GET, "/deployments/d1"),
        ("apigateway:DELETE", "/deployments/d1"),
        (GET, "/resources/r1"),
        (PATCH, "/resources/r1/methods/GET/integration"),
        (PATCH, "/authorizers/a1"),
        (PATCH, "/stages/prod"),
        (POST, "/deployments"),
    ],
)
def test_what_belongs_to_an_api_inherits_its_tags(permissions: tuple[Permissions, str], action: str, path: str) -> None:
    role, api = permissions
    other = client("apigateway", "us-east-1").create_rest_api(name="untagged")["id"]
    allowing = {each: role.allow("caller", Permission(action, arn(each, path))) for each in (api, other, "none")}
    assert allowing == {api: True, other: False, "none": False}


def test_a_stages_own_tag_comes_before_the_one_it_inherits(permissions: tuple[Permissions, str]) -> None:
    role, api = permissions
    tag_stage(api, "other")
    assert not role.allow("caller", Permission(PATCH, arn(api, "/stages/prod")))
    tag_stage(api, "managed")
    assert role.allow("caller", Permission(PATCH, arn(api, "/stages/prod")))


def test_whether_a_deployment_that_is_only_being_made_inherits_can_be_played_both_ways(
    permissions: tuple[Permissions, str],
) -> None:
    role, api = permissions
    role.new_resources_inherit = False
    assert not role.allow("caller", Permission(POST, arn(api, "/deployments")))
    assert role.allow("caller", Permission(GET, arn(api, "/deployments")))
    assert role.allow("caller", Permission(PATCH, arn(api, "/stages/prod")))
