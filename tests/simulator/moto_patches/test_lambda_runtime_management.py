"""GetRuntimeManagementConfig tells whether a function or version is there, and nothing else of it."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from rollout_simulator.moto_patches import lambda_runtime_management
from tests.simulator.moto_patches.test_lambda_alias import Function


@pytest.fixture
def function(aws: None) -> Function:
    return Function()


@pytest.mark.parametrize("qualifier", ["1", "$LATEST"])
def test_what_is_there_is_shown(function: Function, qualifier: str) -> None:
    with lambda_runtime_management.patched():
        shown = function.client.get_runtime_management_config(FunctionName="orders", Qualifier=qualifier)
    assert {"UpdateRuntimeOn", "FunctionArn"} == shown.keys() - {"ResponseMetadata"}


@pytest.mark.parametrize(("name", "qualifier"), [("orders", "77"), ("gone", "$LATEST")])
def test_what_is_not_there_is_not_found(function: Function, name: str, qualifier: str) -> None:
    with lambda_runtime_management.patched(), pytest.raises(ClientError, match="ResourceNotFoundException"):
        function.client.get_runtime_management_config(FunctionName=name, Qualifier=qualifier)
