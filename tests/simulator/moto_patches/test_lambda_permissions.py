"""Lambda resource policies: one for each qualifier."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine

from rollout_simulator.moto_patches import lambda_alias, lambda_permissions
from tests.simulator.moto_patches.conftest import client
from tests.simulator.moto_patches.test_lambda_alias import Function


@pytest.fixture
def function(aws: time_machine.Traveller) -> Iterator[Function]:
    with lambda_alias.patched(), lambda_permissions.patched():
        yield Function()


def allow(qualifier: str | None = None) -> Any:
    qualified = {"Qualifier": qualifier} if qualifier else {}
    return client("lambda").add_permission(
        FunctionName="orders",
        StatementId="api",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        **qualified,
    )


def statements(qualifier: str | None = None) -> list[dict[str, Any]]:
    qualified = {"Qualifier": qualifier} if qualifier else {}
    return list(json.loads(client("lambda").get_policy(FunctionName="orders", **qualified)["Policy"])["Statement"])


def test_a_permission_is_of_the_alias_that_it_was_given_to(function: Function) -> None:
    function.client.create_alias(FunctionName="orders", Name="next", FunctionVersion="1")
    allow("live")
    assert statements("live")[0]["Resource"].endswith(":function:orders:live")
    for other in ("next", None):
        with pytest.raises(function.client.exceptions.ResourceNotFoundException):
            statements(other)


def test_an_alias_keeps_its_permissions_when_it_is_moved(function: Function) -> None:
    allow("live")
    function.update(FunctionVersion="2")
    assert len(statements("live")) == 1


def test_the_functions_own_policy_is_apart_from_its_aliases(function: Function) -> None:
    allow()
    assert statements()[0]["Resource"].endswith(":function:orders")
    with pytest.raises(function.client.exceptions.ResourceNotFoundException):
        statements("live")


def test_a_function_that_does_not_exist_has_no_policy(function: Function) -> None:
    with pytest.raises(function.client.exceptions.ResourceNotFoundException):
        function.client.get_policy(FunctionName="nobody")


def test_a_permission_is_taken_from_the_alias_that_has_it(function: Function) -> None:
    allow("live")
    allow()
    function.client.remove_permission(FunctionName="orders", Qualifier="live", StatementId="api")
    with pytest.raises(function.client.exceptions.ResourceNotFoundException):
        statements("live")
    assert len(statements()) == 1


def test_a_statement_id_that_is_taken_is_a_conflict(function: Function) -> None:
    allow("live")
    with pytest.raises(function.client.exceptions.ResourceConflictException, match=r"statement id \(api\) provided"):
        allow("live")
