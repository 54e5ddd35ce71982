"""What an API's definition calls, and which stage variables it reads."""

from __future__ import annotations

from typing import Any

import pytest

from rollout.core.api_definition import ApiDefinition, exported

URI = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/{}/invocations"
ORDERS = "arn:aws:lambda:eu-central-1:123456789012:function:orders"


def method(**integration: Any) -> dict[str, Any]:
    return {"methodIntegration": {"type": "AWS", **integration}}


def defined(*methods: dict[str, Any], **authorizers: Any) -> ApiDefinition:
    return ApiDefinition({f"GET /{number}": each for number, each in enumerate(methods)}, authorizers)


@pytest.mark.parametrize(
    ("named", "variables", "found"),
    [
        (ORDERS, {}, "orders"),
        (f"{ORDERS}:next", {}, "orders:next"),
        (f"{ORDERS}:7", {}, "orders:7"),
        (f"{ORDERS}:${{stageVariables.alias}}", {"alias": "next"}, "orders:next"),
        (ORDERS.replace("orders", "${stageVariables.both}"), {"both": "orders:next"}, "orders:next"),
        ("${stageVariables.arn}", {"arn": f"{ORDERS}:next"}, "orders:next"),
    ],
)
def test_the_function_of_a_method_is_found(named: str, variables: dict[str, str], found: str) -> None:
    (call,) = defined(method(uri=URI.format(named))).calls("a1", "prod")
    assert (found, "a1/prod/GET/0", []) == (str(call.function(variables)), call.called_as, list(call.unset(variables)))


@pytest.mark.parametrize("variables", [{}, {"alias": ""}])
def test_a_variable_without_value_in_a_functions_name_is_told(variables: dict[str, str]) -> None:
    (call,) = defined(method(uri=URI.format(f"{ORDERS}:${{stageVariables.alias}}"))).calls("a1", "prod")
    assert (["alias"], None) == (list(call.unset(variables)), call.function(variables))


def test_another_address_is_no_function() -> None:
    (call,) = defined(method(uri="https://${stageVariables.host}/orders")).calls("a1", "prod")
    assert (None, []) == (call.function({}), list(call.unset({})))


def test_the_root_is_called_without_a_path() -> None:
    (call,) = ApiDefinition({"GET /": method(uri=URI.format(ORDERS))}).calls("a1", "prod")
    assert "a1/prod/GET/" == call.called_as


@pytest.mark.parametrize(
    "text",
    [
        "$stageVariables.flag",
        "${stageVariables.flag}",
        "$stageVariables['flag']",
        '$stageVariables["flag"]',
        "$stageVariables.get('flag')",
        '$stageVariables.get( "flag" )',
        "stageVariables.flag",
    ],
)
def test_a_variable_is_read_by_each_way_to_write_it(text: str) -> None:
    api = defined(method(requestTemplates={"application/json": f'{{"x": "{text}"}}'}))
    assert (frozenset({"flag"}), "") == (api.variables_used(), api.given_all_variables())


def test_an_authorizers_address_reads_variables() -> None:
    uri = URI.format(f"{ORDERS}:${{stageVariables.flag}}")
    api = defined({**method(), "authorizerId": "x1"}, x1={"type": "TOKEN", "authorizerUri": uri})
    assert (frozenset({"flag"}), "") == (api.variables_used(), api.given_all_variables())


@pytest.mark.parametrize(
    ("api", "given"),
    [
        (defined(method(type="AWS_PROXY", uri=URI.format(ORDERS))), "the function behind GET /0"),
        (
            defined({**method(), "authorizerId": "x1"}, x1={"type": "REQUEST", "name": "sessions"}),
            "the authorizer sessions",
        ),
        (defined({**method(), "authorizerId": "x1"}, x1={"type": "TOKEN", "name": "tokens"}), ""),
        (defined(method(), x1={"type": "REQUEST", "name": "unused"}), ""),
        (defined(method(type="HTTP_PROXY", uri="https://example.org/")), ""),
        (
            defined(method(requestTemplates={"a": "#foreach($k in $stageVariables.keySet())$k#end"})),
            "a mapping template",
        ),
        (defined(method(requestTemplates={"a": "$stageVariables.get($name)"})), "a mapping template"),
    ],
)
def test_who_is_given_all_variables_is_told(api: ApiDefinition, given: str) -> None:
    assert given == api.given_all_variables()


def test_an_exported_document_is_the_same_definition() -> None:
    integration = {"type": "aws_proxy", "uri": URI.format(ORDERS)}
    document = {
        "paths": {
            "/": {
                "get": {"x-amazon-apigateway-integration": integration, "security": [{"api_key": []}, {"tokens": []}]},
                "parameters": [],
            },
            "/{proxy+}": {"x-amazon-apigateway-any-method": {"x-amazon-apigateway-integration": {"type": "mock"}}},
        }
    }
    authorizers = {"x1": {"name": "tokens", "type": "TOKEN"}}
    assert exported(document, authorizers) == ApiDefinition(
        {
            "GET /": {"methodIntegration": {**integration, "type": "AWS_PROXY"}, "authorizerId": "x1"},
            "ANY /{proxy+}": {"methodIntegration": {"type": "MOCK"}},
        },
        authorizers,
    )


def test_the_vpc_links_are_told_with_the_first_method_that_uses_them() -> None:
    link = {"type": "HTTP", "connectionType": "VPC_LINK", "connectionId": "${stageVariables.link}"}
    api = defined(method(**link), method(**link), method(connectionType="INTERNET"))
    assert ({"abc": "GET /0"}, {"": "GET /0"}) == (api.links({"link": "abc"}), api.links({}))


def test_a_link_of_the_newer_kind_is_not_asked_for() -> None:
    api = defined(method(connectionType="VPC_LINK", connectionId="abc", integrationTarget="arn:aws:x"))
    assert {} == api.links({})
