"""How an alias's function is tagged, and how long its invocations may take.

Who may call an alias is its callers' business: it keeps its name and policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.adapters.faults import message_of, translated
from rollout.core.controllers import TAG
from rollout.core.inspection import Inspection
from rollout.core.rollout import Candidate
from rollout.core.target import Target
from rollout.errors import NotAllowed, TargetMissing

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.type_defs import AliasConfigurationResponseTypeDef


class AliasInspector:
    """Implements `TargetInspector` for Lambda aliases."""

    def __init__(self, client: LambdaClient) -> None:
        self._client = client

    def inspect(self, target: Target, candidate: Candidate) -> Inspection:
        """The Timeouts of both versions. Raises: TargetMissing, Unavailable."""
        function = target.ids["functionName"]
        try:
            versions = (self._alias(target)["FunctionVersion"], candidate.revision)
            return Inspection(timeout_seconds=max(self._timeout(function, version) for version in versions))
        except NotAllowed as error:
            return Inspection(unreadable=(str(error),))

    def other_api(self, target: Target) -> None:
        """An alias's name is that of nothing else."""
        del target

    def opted_in_by(self, target: Target) -> str | None:
        """The function's tag; an alias has none of its own. Raises: TargetMissing, Unavailable."""
        arn = self._alias(target)["AliasArn"]
        try:
            with translated(f"ListTags {target.key}"):
                return self._client.list_tags(Resource=arn.rpartition(":")[0])["Tags"].get(TAG, "")
        except NotAllowed:
            return None

    def _alias(self, target: Target) -> AliasConfigurationResponseTypeDef:
        with translated(f"GetAlias {target.key}"):
            try:
                return self._client.get_alias(FunctionName=target.ids["functionName"], Name=target.ids["aliasName"])
            except self._client.exceptions.ResourceNotFoundException as error:
                raise TargetMissing(f"{target.key} does not exist: {message_of(error)}") from error

    def _timeout(self, function: str, version: str | None) -> int:
        """The Timeout of a version, or of what is to be published as one; 0 where there is no such version."""
        named: str = function if version is None else f"{function}:{version}"
        with translated(f"GetFunctionConfiguration {named}"):
            try:
                return self._client.get_function_configuration(FunctionName=named)["Timeout"]
            except self._client.exceptions.ResourceNotFoundException:
                return 0
