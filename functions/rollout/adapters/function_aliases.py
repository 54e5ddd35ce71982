"""The function aliases behind a stage: which version each points to, and pointing one to another.

A name is `function:alias`. Like an alias that is itself the target, each is changed on condition of the RevisionId at
which it was seen to be as it should.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from shlex import quote
from typing import TYPE_CHECKING, Any

from rollout.adapters.faults import message_of, translated
from rollout.errors import ForeignChange, Refused, TargetMissing, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


class FunctionAliases:
    """Reads and moves them."""

    def __init__(self, client: LambdaClient) -> None:
        self._client = client

    def read(self, names: Sequence[str]) -> Mapping[str, str]:
        """The version of each; of one that shares its requests between versions, all of them with their shares.

        Raises: TargetMissing, NotAllowed, Unavailable.
        """
        return {name: _version(self._get(name)) for name in names}

    def verify(self, versions: Mapping[str, str]) -> None:
        """See that each alias could point to this version.

        Raises: Refused, NotAllowed, Unavailable.
        """
        for name, version in versions.items():
            function, _, alias = name.partition(":")
            if not (now := _version(self._get(name))).lstrip("$").isalnum():
                raise Refused(
                    f"candidate.functions: alias {alias} of function {function} shares its requests between versions "
                    f"({now}), so a canary on it would be no single version; clear its weights first",
                    clear_weights_command(function, alias),
                )
            with translated(f"GetFunctionConfiguration {function}:{version}"):
                try:
                    found = self._client.get_function_configuration(FunctionName=function, Qualifier=version)
                except self._client.exceptions.ResourceNotFoundException as error:
                    raise Refused(
                        f"candidate.functions: {version} is not a version of function {function}; publish it first, "
                        "and name the version that this prints",
                        publish_command(function),
                    ) from error
            if found.get("State") == "Failed":
                raise Refused(
                    f"candidate.functions: version {version} of {function} cannot be invoked: "
                    f"{found.get('StateReason', 'its state is Failed')}; name one of the others",
                    versions_command(function),
                )

    def point(self, name: str, seen: str, version: str) -> None:
        """Let the alias, which points to the version `seen`, point to this one.

        Raises: ForeignChange (it is not what was seen), TargetMissing, NotAllowed, Unavailable.
        """
        alias = self._get(name)
        if _version(alias) != seen:
            raise ForeignChange(f"somebody else changed alias {name}: it is on {_version(alias)}, was on {seen}")
        with translated(f"UpdateAlias {name}"):
            try:
                self._client.update_alias(
                    **_alias(name),
                    FunctionVersion=version,
                    RoutingConfig={"AdditionalVersionWeights": {}},
                    RevisionId=alias["RevisionId"],
                )
            except self._client.exceptions.PreconditionFailedException as error:
                if (now := _version(self._get(name))) == seen:
                    raise Unavailable(f"UpdateAlias {name}: {message_of(error)}") from error
                if now != version:
                    raise ForeignChange(f"somebody else changed alias {name}: it is on {now}, was on {seen}") from error
            except self._client.exceptions.ResourceConflictException as error:
                raise Unavailable(f"UpdateAlias {name}: {message_of(error)}") from error
            except (
                self._client.exceptions.ResourceNotFoundException,
                self._client.exceptions.InvalidParameterValueException,
            ) as error:
                raise ForeignChange(f"Lambda refused to point {name} to {version}: {message_of(error)}") from error

    def _get(self, name: str) -> Any:
        with translated(f"GetAlias {name}"):
            try:
                return self._client.get_alias(**_alias(name))
            except self._client.exceptions.ResourceNotFoundException as error:
                function, _, alias = name.partition(":")
                raise TargetMissing(
                    f"alias {alias} of function {function} does not exist: {message_of(error)}; create it, and allow "
                    "the API to invoke it",
                    f"aws lambda create-alias --function-name {function} --name {alias} --function-version "
                    f'"$({publish_command(function)})"',
                ) from error


def publish_command(function: str) -> str:
    """Publishes a version, and prints its number."""
    return f"aws lambda publish-version --function-name {function} --query Version --output text"


def versions_command(function: str) -> str:
    """Prints the versions that there are."""
    return f"aws lambda list-versions-by-function --function-name {function} --query 'Versions[].Version' --output text"


def clear_weights_command(function: str, alias: str) -> str:
    """Takes an alias's weights away."""
    routing = quote('{"AdditionalVersionWeights":{}}')
    return f"aws lambda update-alias --function-name {function} --name {alias} --routing-config {routing}"


def _alias(name: str) -> Any:
    function, _, alias = name.partition(":")
    return {"FunctionName": function, "Name": alias}


def _version(alias: Mapping[str, Any]) -> str:
    weights = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    shares = [f"{version} at {weight * 100:g} %" for version, weight in sorted(weights.items())]
    return ", ".join([str(alias["FunctionVersion"]), *shares])
