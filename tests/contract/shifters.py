"""Stages and aliases, real and in memory, each with a base, and a revision beside it that could be rolled out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from rollout.adapters.apigateway_stage import ApiGatewayStage
from rollout.adapters.function_aliases import FunctionAliases
from rollout.adapters.lambda_alias import LambdaAlias
from rollout.core.target import Target, TargetState
from rollout.errors import NotAllowed, RolloutError, Unavailable
from rollout.ports import TrafficShifter
from rollout_simulator.fakes import FakeAliasShifter, FakeShifter
from rollout_simulator.moto_patches.lambda_code import zipped
from tests.contract.aws import client, in_trouble, refusing

VARIABLES = {"lambdaAlias": "live", "table": "orders"}
STAGE = {"restApiId": "a1b2c3d4e5", "stageName": "prod"}
ALIAS = {"functionName": "orders", "aliasName": "live"}


class World(Protocol):
    """A target on revision `base` beside a revision `next`, and what a canary of it overrides."""

    @property
    def shifter(self) -> TrafficShifter: ...

    @property
    def target(self) -> Target: ...

    @property
    def base(self) -> str: ...

    @property
    def next(self) -> str: ...

    @property
    def variables(self) -> Mapping[str, str]: ...

    @property
    def overrides(self) -> Mapping[str, str]: ...

    def becomes(self, state: TargetState) -> None:
        """Somebody else changes the target."""

    def delete(self) -> None:
        """Somebody else deletes it."""

    def failing(self, error: type[RolloutError]) -> AbstractContextManager[None]: ...


class OverApiGateway:
    """A stage `prod`."""

    variables = VARIABLES
    overrides: Mapping[str, str] = {"lambdaAlias": "next"}

    def __init__(self) -> None:
        self.client = client("apigateway")
        self.shifter = ApiGatewayStage(self.client, FunctionAliases(client("lambda")))
        self.api = self.client.create_rest_api(name="orders")["id"]
        self.target = Target("apigateway-stage", {"restApiId": self.api, "stageName": "prod"})
        root = self.client.get_resources(restApiId=self.api)["items"][0]["id"]
        method = {"restApiId": self.api, "resourceId": root, "httpMethod": "GET"}
        self.client.put_method(**method, authorizationType="NONE")
        self.client.put_integration(**method, type="MOCK")
        self.base = self.client.create_deployment(restApiId=self.api)["id"]
        self.next = self.client.create_deployment(restApiId=self.api)["id"]
        self.client.create_stage(
            restApiId=self.api, stageName="prod", deploymentId=self.base, variables=dict(VARIABLES)
        )

    def becomes(self, state: TargetState) -> None:
        stage = self.client.get_stage(restApiId=self.api, stageName="prod")
        operations = [("replace", "/deploymentId", state.base)]
        operations += [("replace", f"/variables/{name}", value) for name, value in state.variables.items()]
        if "canarySettings" in stage:
            operations.append(("remove", "/canarySettings", ""))
        if state.canary is not None:
            operations += [
                ("replace", "/canarySettings/deploymentId", state.canary.revision),
                ("replace", "/canarySettings/percentTraffic", str(state.canary.weight_percent)),
            ]
            operations += [
                ("replace", f"/canarySettings/stageVariableOverrides/{name}", value)
                for name, value in state.canary.overrides.items()
            ]
        self.client.update_stage(
            restApiId=self.api,
            stageName="prod",
            patchOperations=[{"op": op, "path": path, "value": value} for op, path, value in operations],
        )

    def delete(self) -> None:
        self.client.delete_stage(restApiId=self.api, stageName="prod")

    def failing(self, error: type[RolloutError]) -> AbstractContextManager[None]:
        code, status = {
            NotAllowed: ("AccessDeniedException", 403),
            Unavailable: ("TooManyRequestsException", 429),
        }[error]
        return refusing("apigateway", code, status)


class OverLambda:
    """An alias `live` of a function `orders` whose code has changed since its last version."""

    variables: Mapping[str, str] = {}
    overrides: Mapping[str, str] = {}
    target = Target("lambda-alias", ALIAS)

    def __init__(self) -> None:
        self.client = client("lambda")
        self.shifter = LambdaAlias(self.client)
        trust = json.dumps({"Version": "2012-10-17", "Statement": []})
        self.role = client("iam").create_role(RoleName="orders", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        self.base = self.client.create_function(
            FunctionName="orders",
            Runtime="python3.13",
            Handler="index.handler",
            Role=self.role,
            Code={"ZipFile": zipped("base")},
            Publish=True,
        )["Version"]
        self.next = self.publish("next")
        self.deploy("made")
        self.client.create_alias(FunctionName="orders", Name="live", FunctionVersion=self.base)

    def deploy(self, code: str) -> None:
        """$LATEST is of this code from now on."""
        self.client.update_function_code(FunctionName="orders", ZipFile=zipped(code))

    def publish(self, code: str) -> str:
        """A version of this code."""
        return str(
            self.client.update_function_code(FunctionName="orders", ZipFile=zipped(code), Publish=True)["Version"]
        )

    def alias(self) -> dict[str, Any]:
        """As GetAlias shows it."""
        shown: dict[str, Any] = self.client.get_alias(FunctionName="orders", Name="live")
        del shown["ResponseMetadata"]
        return shown

    def becomes(self, state: TargetState) -> None:
        canary = state.canary
        weights = {canary.revision: float(canary.weight_percent / 100)} if canary else {}
        self.client.update_alias(
            FunctionName="orders",
            Name="live",
            FunctionVersion=state.base,
            RoutingConfig={"AdditionalVersionWeights": weights},
        )

    def delete(self) -> None:
        self.client.delete_alias(FunctionName="orders", Name="live")

    def failing(self, error: type[RolloutError]) -> AbstractContextManager[None]:
        code, status = {
            NotAllowed: ("AccessDeniedException", 403),
            Unavailable: ("TooManyRequestsException", 429),
        }[error]
        return refusing("lambda", code, status)


class InMemory:
    """A fake."""

    base, next = "1", "2"

    def __init__(
        self, fake: FakeShifter, target: Target, variables: Mapping[str, str], overrides: Mapping[str, str]
    ) -> None:
        self.fake = fake
        self.shifter = fake
        self.target = target
        self.variables = variables
        self.overrides = overrides
        fake.deploy(target, self.next)
        fake.put(target, TargetState(self.base, None, variables))

    @classmethod
    def stage(cls) -> InMemory:
        """A stage's."""
        return cls(FakeShifter(), Target("apigateway-stage", STAGE), VARIABLES, OverApiGateway.overrides)

    @classmethod
    def alias(cls) -> InMemory:
        """An alias's."""
        return cls(FakeAliasShifter(), OverLambda.target, {}, {})

    def becomes(self, state: TargetState) -> None:
        self.fake.put(self.target, state)

    def delete(self) -> None:
        self.fake.delete(self.target)

    def failing(self, error: type[RolloutError]) -> AbstractContextManager[None]:
        return in_trouble(self.fake, error)
