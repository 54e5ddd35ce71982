"""What a probe makes: a REST API that answers by itself, a function that nobody invokes, and the function's role.

All of it has one name, `rollout-pilot-probe-` and eight hexadecimal digits, and a tag with that name. The API's one
method is a mock that answers with the stage variable `arm`, which the canary overrides: whoever calls it learns from
which of the two the answer came.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from rollout_cli.account_probe.access import Access
from rollout_cli.account_probe.removal import API, FUNCTION, ROLE, ROLE_PATH, STAGE, TAG

BASE, CANARY = "base", "canary"
"""The arms, as the API answers."""
ALIAS = "probe"
MOST_REQUESTS_PER_SECOND = 10
"""The stage's throttle: it bounds what a stranger who found the URL could cost."""
LATEST_READ_SECONDS = 60.0
"""After so long a change that no read shows is taken not to have been made."""
SETTLING_SECONDS = 5.0
_NO_ROLE_YET = frozenset({"InvalidParameterValueException"})
"""Lambda's answer as long as IAM has not told it of a new role."""


_SERVER_ERROR = 500
_IS_THERE = 409
"""A name of ours is taken only by us: the answer to the call before was lost, and the client has sent it once more."""


@dataclass
class Subject:
    """What is made, as far as it is made.

    role_arn: of a role that is there already; None: one is made. attempted: the kinds of which one may exist.
    """

    access: Access
    name: str
    role_arn: str | None = None
    attempted: set[str] = field(default_factory=set)
    rest_api_id: str = ""
    deployments: tuple[str, ...] = ()
    """Three of the same API: the base's, the canary's, and one more."""
    versions: tuple[str, ...] = ()
    makes_role: bool = field(init=False)

    def __post_init__(self) -> None:
        self.makes_role = self.role_arn is None

    @cached_property
    def gateway(self) -> Any:
        """The client of API Gateway."""
        return self.access.client("apigateway")

    @cached_property
    def functions(self) -> Any:
        """The client of Lambda."""
        return self.access.client("lambda")

    @property
    def arn_prefix(self) -> str:
        """The partition's, such as `arn:aws`."""
        return ":".join(self._identity["Arn"].split(":")[:2])

    @property
    def region(self) -> str:
        """Where everything is made."""
        return str(self.gateway.meta.region_name)

    @property
    def url(self) -> str:
        """Where the API is invoked, in the partition of the region's own endpoint."""
        domain = str(self.gateway.meta.endpoint_url).rpartition(f".{self.region}.")[2].rstrip("/") or "amazonaws.com"
        return f"https://{self.rest_api_id}.execute-api.{self.region}.{domain}/{STAGE}"

    def make(self) -> None:
        """Make everything, the role first.

        Raises: ClientError.
        """
        if self.makes_role:
            self._make_role()
        self._make_function()
        self._make_api()

    # --- the stage, which the questions change ----------------------------------------------------------------

    def stage(self) -> Mapping[str, Any]:
        """The stage as GetStage shows it."""
        return dict(self.gateway.get_stage(restApiId=self.rest_api_id, stageName=STAGE))

    def patch(self, *operations: tuple[str, ...]) -> Mapping[str, Any]:
        """UpdateStage with these operations, each (op, path, value) or (copy, path, from).

        Raises: ClientError.
        """
        patches = []
        for kind, path, *more in operations:
            key = "from" if kind == "copy" else "value"
            patches.append({"op": kind, "path": path, **({key: more[0]} if more else {})})
        return dict(
            self.access.patiently(
                lambda: self.gateway.update_stage(restApiId=self.rest_api_id, stageName=STAGE, patchOperations=patches)
            )
        )

    def settle(self) -> None:
        """The base alone, on the first deployment: how every question on the stage begins.

        A read may show the stage as it was a moment ago, so a moment is waited first.
        """
        self.access.sleep(SETTLING_SECONDS)
        self.access.until(self._is_settled, seconds=LATEST_READ_SECONDS)

    def begin_canary(self, percent: str) -> None:
        """From the base alone: a canary on the second deployment, which answers by its own name."""
        self.settle()
        self.patch(
            ("replace", "/canarySettings/deploymentId", self.deployments[1]),
            ("replace", "/canarySettings/percentTraffic", percent),
            ("replace", "/canarySettings/useStageCache", "false"),
            ("replace", "/canarySettings/stageVariableOverrides/arm", CANARY),
        )
        self.access.until(lambda: "canarySettings" in self.stage(), seconds=LATEST_READ_SECONDS)

    def _is_settled(self) -> bool:
        """Whether the stage is shown so; it is brought there where it is not."""
        stage = self.stage()
        if "canarySettings" in stage:
            with suppress(self.gateway.exceptions.BadRequestException):  # it is gone already
                self.patch(("remove", "/canarySettings"))
            return False
        if stage["deploymentId"] == self.deployments[0] and stage.get("variables", {}).get("arm") == BASE:
            return True
        self.patch(("replace", "/deploymentId", self.deployments[0]), ("replace", "/variables/arm", BASE))
        return False

    # --- inside -------------------------------------------------------------------------------------------------

    @cached_property
    def _identity(self) -> Mapping[str, str]:
        return dict(self.access.client("sts").get_caller_identity())

    @contextmanager
    def _attempt(self, kind: str) -> Iterator[None]:
        """Until AWS has refused to make it, one may exist: an interrupted call may still be carried out."""
        self.attempted.add(kind)
        try:
            yield
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
            if status < _SERVER_ERROR and status != _IS_THERE:
                self.attempted.discard(kind)
            raise

    def _make_role(self) -> None:
        """Lambda may take it, and so may this account: the question about tags is asked with it."""
        iam, account = self.access.client("iam"), self._identity["Account"]
        principals = ({"Service": "lambda.amazonaws.com"}, {"AWS": f"{self.arn_prefix}:iam::{account}:root"})
        trust = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": one, "Action": "sts:AssumeRole"} for one in principals],
        }
        with self._attempt(ROLE):
            made = iam.create_role(
                RoleName=self.name,
                Path=ROLE_PATH,
                AssumeRolePolicyDocument=json.dumps(trust),
                MaxSessionDuration=3600,
                Description="Of a probe by Rollout Pilot; may be deleted",
                Tags=[{"Key": TAG, "Value": self.name}],
            )
        self.role_arn = made["Role"]["Arn"]

    def _make_function(self) -> None:
        with self._attempt(FUNCTION):
            self.access.patiently(
                lambda: self.functions.create_function(
                    FunctionName=self.name,
                    Runtime="python3.13",
                    Handler="index.handler",
                    Role=self.role_arn,
                    Code={"ZipFile": _package("first")},
                    Description="Of a probe by Rollout Pilot; may be deleted",
                    Tags={TAG: self.name},
                ),
                also=_NO_ROLE_YET,
            )
        first = self._published()
        self.access.patiently(
            lambda: self.functions.update_function_code(FunctionName=self.name, ZipFile=_package("second"))
        )
        self.versions = first, self._published()
        self.functions.create_alias(FunctionName=self.name, Name=ALIAS, FunctionVersion=first)

    def _published(self) -> str:
        self.access.until(self._is_ready, seconds=120.0)
        return str(self.functions.publish_version(FunctionName=self.name)["Version"])

    def _is_ready(self) -> bool:
        shown = self.functions.get_function_configuration(FunctionName=self.name)
        return bool(shown.get("State", "Active") == "Active" and shown.get("LastUpdateStatus") != "InProgress")

    def _make_api(self) -> None:
        patiently, gateway = self.access.patiently, self.gateway
        with self._attempt(API):
            made = patiently(
                lambda: gateway.create_rest_api(
                    name=self.name,
                    description="Of a probe by Rollout Pilot; may be deleted",
                    endpointConfiguration={"types": ["REGIONAL"]},
                    tags={TAG: self.name},
                )
            )
        self.rest_api_id = made["id"]
        root = gateway.get_resources(restApiId=self.rest_api_id)["items"][0]["id"]
        where = {"restApiId": self.rest_api_id, "resourceId": root, "httpMethod": "GET"}
        gateway.put_method(**where, authorizationType="NONE")
        gateway.put_method_response(**where, statusCode="200")
        gateway.put_integration(
            **where, type="MOCK", requestTemplates={"application/json": json.dumps({"statusCode": 200})}
        )
        gateway.put_integration_response(
            **where, statusCode="200", responseTemplates={"application/json": "$stageVariables.arm"}
        )
        self.deployments = tuple(
            patiently(lambda name=name: gateway.create_deployment(restApiId=self.rest_api_id, description=name))["id"]  # type: ignore[misc]
            for name in (BASE, CANARY, "other")
        )
        gateway.create_stage(
            restApiId=self.rest_api_id, stageName=STAGE, deploymentId=self.deployments[0], variables={"arm": BASE}
        )
        limit = str(MOST_REQUESTS_PER_SECOND)
        self.patch(("replace", "/*/*/throttling/rateLimit", limit), ("replace", "/*/*/throttling/burstLimit", limit))


def _package(text: str) -> bytes:
    """A deployment package; another text makes another version."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as package:
        package.writestr(zipfile.ZipInfo("index.py"), f"def handler(event, context):\n    return {text!r}\n")
    return packed.getvalue()
