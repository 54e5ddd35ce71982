"""Whether a resource policy lets API Gateway call a function."""

from __future__ import annotations

from typing import Any

import pytest

from rollout.core.invoke_permission import may_invoke

ALIAS = "arn:aws:lambda:eu-central-1:123456789012:function:orders:next"
SOURCE = "arn:aws:execute-api:eu-central-1:123456789012:"
CALLER = SOURCE + "a1b2c3d4e5/prod/GET/orders/{id}"


def statement(source: str | None = f"{SOURCE}a1b2c3d4e5/*", **changes: Any) -> dict[str, Any]:
    made = {
        "Sid": "api",
        "Effect": "Allow",
        "Principal": {"Service": "apigateway.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": ALIAS,
    }
    if source is not None:
        made["Condition"] = {"ArnLike": {"AWS:SourceArn": source}}
    return {**made, **changes}


@pytest.mark.parametrize(
    "allowing",
    [
        statement(),
        statement(source=None),
        statement(f"{SOURCE}a1b2c3d4e5/*/*/*"),
        statement(f"{SOURCE}a1b2c3d4e5/prod/GET/orders/*"),
        statement("arn:aws:execute-api:*:*:a1b2c3d4e5/prod/*"),
        statement(SOURCE + "a1b2c3d4e5/prod/GET/orders/{id}"),
        statement(Condition={"ArnEquals": {"aws:SourceArn": f"{SOURCE}a1b2c3d4e5/*"}}),
        statement(
            Condition={"StringEquals": {"aws:sourceAccount": "123456789012"}, "IpAddress": {"aws:SourceIp": "x"}}
        ),
        statement(Principal="*"),
        statement(Action="lambda:*"),
        statement(Action=["lambda:GetFunction", "lambda:InvokeFunction"]),
        statement(Resource="arn:aws:lambda:eu-central-1:123456789012:function:orders:*"),
        statement(Condition={"StringEquals": {"AWS:SourceAccount": "123456789012"}}),
    ],
)
def test_it_may_by_a_statement_like(allowing: dict[str, Any]) -> None:
    assert may_invoke({"Statement": [statement("arn:aws:execute-api:x:y:other/*"), allowing]}, ALIAS, CALLER)


@pytest.mark.parametrize(
    "other",
    [
        statement(f"{SOURCE}zzzzzzzzzz/*"),
        statement(f"{SOURCE}a1b2c3d4e5/test/*"),
        statement(f"{SOURCE}a1b2c3d4e5/*/POST/orders/*"),
        statement(Effect="Deny"),
        statement("arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/*"),
        statement("arn:aws:execute-api:eu-central-1:210987654321:a1b2c3d4e5/*"),
        statement("arn:aws:execute-api:eu-central-1:a1b2c3d4e5/*"),
        statement(Condition={"StringEquals": {"AWS:SourceArn": f"{SOURCE}a1b2c3d4e5/*"}}),
        statement(Condition={"StringEquals": {"AWS:SourceAccount": "210987654321"}}),
        statement(
            Condition={
                "ArnLike": {"AWS:SourceArn": f"{SOURCE}a1b2c3d4e5/*"},
                "StringEquals": {"AWS:SourceAccount": ["210987654321"]},
            }
        ),
        statement(Condition={"StringNotEquals": {"AWS:SourceAccount": "123456789012"}}),
        statement(Principal={"Service": "events.amazonaws.com"}),
        statement(Action="lambda:GetFunction"),
        statement(Resource=ALIAS.replace(":next", ":live")),
        statement(Resource=ALIAS.replace(":next", "")),
    ],
)
def test_it_may_not_by_a_statement_like(other: dict[str, Any]) -> None:
    assert not may_invoke({"Statement": [other]}, ALIAS, CALLER)


def test_it_may_not_by_no_policy_at_all() -> None:
    assert not may_invoke({}, ALIAS, CALLER)


def test_a_denial_outweighs_what_is_allowed() -> None:
    assert not may_invoke({"Statement": [statement(), statement(Effect="Deny", Action="lambda:*")]}, ALIAS, CALLER)


def test_a_denial_on_a_condition_that_is_not_understood_denies_nothing() -> None:
    denying = statement(Effect="Deny", Condition={"Bool": {"aws:SecureTransport": "false"}})
    assert may_invoke({"Statement": [statement(), denying]}, ALIAS, CALLER)


def test_an_authorizer_is_a_caller_of_its_own() -> None:
    authorizer = f"{SOURCE}a1b2c3d4e5/authorizers/x1"
    assert may_invoke({"Statement": [statement(authorizer)]}, ALIAS, authorizer)
    assert not may_invoke({"Statement": [statement(f"{SOURCE}a1b2c3d4e5/prod/*")]}, ALIAS, authorizer)
