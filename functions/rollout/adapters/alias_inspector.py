"""How an alias's function is tagged. Who may call an alias is its callers' business: it keeps its name and policy."""

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


class AliasInspector:
    """Implements `TargetInspector` for Lambda aliases."""

    def __init__(self, client: LambdaClient) -> None:
        self._client = client

    def inspect(self, target: Target, candidate: Candidate) -> Inspection:  # noqa: ARG002 - there is nothing to see
        """Nothing of an alias's build matters before a rollout."""
        return Inspection()

    def opted_in_by(self, target: Target) -> str | None:
        """The function's tag; an alias has none of its own. Raises: TargetMissing, Unavailable."""
        with translated(f"GetAlias {target.key}"):
            try:
                arn = self._client.get_alias(FunctionName=target.ids["functionName"], Name=target.ids["aliasName"])[
                    "AliasArn"
                ]
            except self._client.exceptions.ResourceNotFoundException as error:
                raise TargetMissing(f"{target.key} does not exist: {message_of(error)}") from error
        try:
            with translated(f"ListTags {target.key}"):
                return self._client.list_tags(Resource=arn.rpartition(":")[0])["Tags"].get(TAG, "")
        except NotAllowed:
            return None
