"""How a function alias is tagged. Who may call an alias is its callers' business: it keeps its name and its policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollout.adapters.faults import message_of, translated
from rollout.core.inspection import Inspection
from rollout.core.rollout import Candidate
from rollout.core.target import Target
from rollout.errors import NotAllowed, TargetMissing

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


class AliasInspector:
    """Implements `TargetInspector` for Lambda aliases."""

    def __init__(self, client: LambdaClient) -> None:
        self._client = client

    def inspect(self, target: Target, candidate: Candidate) -> Inspection:
        """The function's tags, for an alias has none of its own, and the Timeouts of both versions. Raises as the port
        says.
        """
        function, alias = target.ids["functionName"], target.ids["aliasName"]
        with translated(f"GetAlias {target.key}"):
            try:
                found = self._client.get_alias(FunctionName=function, Name=alias)
            except self._client.exceptions.ResourceNotFoundException as error:
                raise TargetMissing(f"{target.key} does not exist: {message_of(error)}") from error
        unreadable: list[str] = []
        tags = None
        try:
            with translated(f"ListTags {target.key}"):
                tags = self._client.list_tags(Resource=found["AliasArn"].rpartition(":")[0])["Tags"]
        except NotAllowed as error:
            unreadable.append(str(error))
        seconds = [0]
        try:
            seconds += [self._timeout(function, each) for each in (found["FunctionVersion"], candidate.revision)]
        except NotAllowed as error:
            unreadable.append(str(error))
        return Inspection(tags=tags, timeout_seconds=max(seconds), unreadable=tuple(unreadable))

    def _timeout(self, function: str, version: str | None) -> int:
        """The Timeout of a version, or of what is to be published as one; 0 where there is no such version."""
        qualified: dict[str, str] = {} if version is None else {"Qualifier": version}
        with translated(f"GetFunctionConfiguration {function}"):
            try:
                return self._client.get_function_configuration(FunctionName=function, **qualified)["Timeout"]
            except self._client.exceptions.ResourceNotFoundException:
                return 0
