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

    def inspect(self, target: Target, candidate: Candidate) -> Inspection:  # noqa: ARG002 - every candidate is alike
        """The function's tags; an alias has none of its own. Raises: TargetMissing, NotAllowed, Unavailable."""
        with translated(f"GetAlias {target.key}"):
            try:
                arn = self._client.get_alias(FunctionName=target.ids["functionName"], Name=target.ids["aliasName"])[
                    "AliasArn"
                ]
            except self._client.exceptions.ResourceNotFoundException as error:
                raise TargetMissing(f"{target.key} does not exist: {message_of(error)}") from error
        try:
            with translated(f"ListTags {target.key}"):
                return Inspection(tags=self._client.list_tags(Resource=arn.rpartition(":")[0])["Tags"])
        except NotAllowed as error:
            return Inspection(unreadable=(str(error),))
