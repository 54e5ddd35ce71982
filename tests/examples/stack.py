"""The example's own stack in the embedded AWS: made once, updated by each further `sam deploy`.

As CloudFormation does, an update touches only the resources whose resolved properties have changed, and sends for a
stage what has changed. Of SAM it knows that a function is published anew when its code has changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rollout_simulator.moto_patches.lambda_code import zipped
from rollout_simulator.template import Deployment, Stack, load_template

Json = dict[str, Any]


class ExampleStack(Stack):
    """One `sam deploy` of the template in this folder; `before` is what the one before it has left."""

    def __init__(
        self, folder: Path, clients: Callable[[str], Any], before: Deployment | None = None, **parameters: str
    ) -> None:
        super().__init__(
            load_template(folder / "template.yaml"), clients, name="orders", parameters=parameters, root=folder
        )
        self._before = before
        self.touched: list[str] = []

    def _make(self, logical_id: str, kind: str, properties: Json) -> None:
        if kind == "AWS::Serverless::Function":
            code = (self._root / properties["CodeUri"] / "orders.py").read_bytes()
            properties["CodeDigest"] = hashlib.sha256(code).hexdigest()
        if self._before is not None and self._before.resources.get(logical_id) == properties:
            self._made(logical_id, self._before.physical[logical_id], **self._before.attributes[logical_id])
            return
        self.touched.append(logical_id)
        maker = _MAKERS.get(kind)
        if maker is None:
            super()._make(logical_id, kind, properties)
        else:
            maker(self, logical_id, properties, self._before.physical.get(logical_id) if self._before else None)

    def _rest_api(self, logical_id: str, properties: Json, present: str | None) -> None:
        client = self._clients("apigateway")
        tags = {tag["Key"]: tag["Value"] for tag in properties["Tags"]}
        api = present or client.create_rest_api(name=properties["Name"], tags=tags)["id"]
        client.put_rest_api(restApiId=api, mode="overwrite", body=json.dumps(properties["Body"]).encode())
        self._made(logical_id, api, RootResourceId="root")

    def _deployment_of_api(self, logical_id: str, properties: Json, _present: str | None) -> None:
        answer = self._clients("apigateway").create_deployment(
            restApiId=properties["RestApiId"], description=properties["Description"]
        )
        self._made(logical_id, answer["id"], DeploymentId=answer["id"])

    def _stage(self, logical_id: str, properties: Json, present: str | None) -> None:
        client = self._clients("apigateway")
        where = {"restApiId": properties["RestApiId"], "stageName": properties["StageName"]}
        if present is None:
            tags = {tag["Key"]: tag["Value"] for tag in properties["Tags"]}
            client.create_stage(**where, deploymentId=properties["DeploymentId"], tags=tags)
        wanted = {
            "/deploymentId": properties["DeploymentId"],
            "/accessLogSettings/destinationArn": properties["AccessLogSetting"]["DestinationArn"].removesuffix(":*"),
            "/accessLogSettings/format": properties["AccessLogSetting"]["Format"],
            "/*/*/logging/loglevel": properties["MethodSettings"][0]["LoggingLevel"],
            **{f"/variables/{name}": value for name, value in properties["Variables"].items()},
        }
        operations = [{"op": "replace", "path": path, "value": value} for path, value in wanted.items()]
        client.update_stage(**where, patchOperations=operations)
        self._made(logical_id, properties["StageName"])

    def _published_function(self, logical_id: str, properties: Json, present: str | None) -> None:
        client = self._clients("lambda")
        code = zipped(f"# {properties['CodeDigest']}")
        if present is None:
            role = self._role(logical_id, properties)
            client.create_function(
                FunctionName=self._physical_name(logical_id),
                Runtime=properties["Runtime"],
                Handler=properties["Handler"],
                Role=role,
                Code={"ZipFile": code},
            )
        else:
            client.update_function_code(FunctionName=present, ZipFile=code)
        published = client.publish_version(FunctionName=self._physical_name(logical_id))
        arn = published["FunctionArn"].removesuffix(f":{published['Version']}")
        self._made(logical_id, self._physical_name(logical_id), Arn=arn)
        self._deployment.attributes[logical_id]["Version.Version"] = published["Version"]


_MAKERS: dict[str, Callable[[ExampleStack, str, Json, str | None], None]] = {
    "AWS::ApiGateway::RestApi": ExampleStack._rest_api,
    "AWS::ApiGateway::Deployment": ExampleStack._deployment_of_api,
    "AWS::ApiGateway::Stage": ExampleStack._stage,
    "AWS::Serverless::Function": ExampleStack._published_function,
}
