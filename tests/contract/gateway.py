"""A plain API and its stage, made and changed by boto3 alone: what the control plane's tests are written with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError


class Gateway:
    """One API with a method, a stage `prod`, its base deployment and another to try."""

    def __init__(self, client: Any) -> None:
        self.client: Any = client
        self.api_id: str = self.client.create_rest_api(name="orders")["id"]
        self.root_id: str = self.client.get_resources(restApiId=self.api_id)["items"][0]["id"]
        self.add_method("GET")
        self.base = self.deploy()
        self.client.create_stage(
            restApiId=self.api_id,
            stageName="prod",
            deploymentId=self.base,
            variables={"lambdaAlias": "live", "table": "orders"},
        )
        self.next = self.deploy(description="next")

    def add_method(self, verb: str) -> None:
        """Change the API's definition, so that the next deployment differs."""
        resource = {"restApiId": self.api_id, "resourceId": self.root_id, "httpMethod": verb}
        self.client.put_method(**resource, authorizationType="NONE")
        self.client.put_integration(**resource, type="MOCK")

    def deploy(self, **given: Any) -> str:
        """CreateDeployment; gives the new deployment's id."""
        created: str = self.client.create_deployment(restApiId=self.api_id, **given)["id"]
        return created

    def patch(self, *operations: tuple[str, ...]) -> dict[str, Any]:
        """UpdateStage of `prod`: (op, path, value), or ("copy", from, path)."""
        named = [
            {"op": "copy", "from": first, "path": rest[0]}
            if op == "copy"
            else {"op": op, "path": first, **({"value": rest[0]} if rest else {})}
            for op, first, *rest in operations
        ]
        stage: dict[str, Any] = self.client.update_stage(restApiId=self.api_id, stageName="prod", patchOperations=named)
        return stage

    def stage(self) -> dict[str, Any]:
        """GetStage of `prod`."""
        shown: dict[str, Any] = self.client.get_stage(restApiId=self.api_id, stageName="prod")
        shown.pop("ResponseMetadata")
        return shown

    def start_canary(self) -> None:
        """A canary at 5 % on the next deployment."""
        self.patch(
            ("replace", "/canarySettings/deploymentId", self.next),
            ("replace", "/canarySettings/percentTraffic", "5.0"),
        )


def refused(code: str, status: int, text: str, call: Callable[[], object]) -> None:
    """The call fails with just this code, HTTP status and text."""
    with pytest.raises(ClientError) as caught:
        call()
    response = caught.value.response
    assert (
        response["Error"]["Code"],
        response["ResponseMetadata"]["HTTPStatusCode"],
        response["Error"]["Message"],
    ) == (code, status, text)
