"""UpdateIntegration: single values, all or none."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine

from rollout_simulator.moto_patches import apigateway_integrations
from tests.contract.gateway import Gateway, refused
from tests.simulator.moto_patches.conftest import client


def update(gateway: Gateway, *operations: tuple[str, str, str], verb: str = "GET") -> dict[str, Any]:
    named = [{"op": op, "path": path, "value": value} for op, path, value in operations]
    shown: dict[str, Any] = gateway.client.update_integration(
        restApiId=gateway.api_id, resourceId=gateway.root_id, httpMethod=verb, patchOperations=named
    )
    return shown


def uri(gateway: Gateway) -> object:
    return gateway.client.get_integration(restApiId=gateway.api_id, resourceId=gateway.root_id, httpMethod="GET").get(
        "uri"
    )


def test_it_replaces_values_and_shows_them(aws: time_machine.Traveller) -> None:
    gateway = Gateway(client("apigateway"))
    with apigateway_integrations.patched():
        assert update(gateway, ("replace", "/uri", "new"))["uri"] == "new"
    assert uri(gateway) == "new"


@pytest.mark.parametrize(("kind", "path"), [("replace", "/nonsense"), ("add", "/uri"), ("remove", "/uri")])
def test_what_is_not_supported_is_refused_and_changes_nothing(
    aws: time_machine.Traveller, kind: str, path: str
) -> None:
    gateway = Gateway(client("apigateway"))
    text = f"Invalid {kind} operation with path: {path}"
    with apigateway_integrations.patched():
        refused(
            "BadRequestException", 400, text, lambda: update(gateway, ("replace", "/uri", "new"), (kind, path, "x"))
        )
    assert uri(gateway) is None
