"""An alias of a Lambda function as a target: base and canary are published versions.

UpdateAlias takes the RevisionId of the alias that it changes. So a change here reads the alias once more, sees that
it routes as it did when the rollout looked, and writes on condition that nobody wrote in between: what somebody else
changed cannot be overwritten. Every change is one call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rollout.adapters.faults import message_of, translated
from rollout.adapters.function_aliases import clear_weights_command, publish_command, versions_command
from rollout.core.measures import CANDIDATE, Series
from rollout.core.rollout import Candidate
from rollout.core.target import Canary, Target, TargetState
from rollout.errors import ForeignChange, NotReady, Refused, TargetMissing, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.type_defs import AliasConfigurationResponseTypeDef, FunctionConfigurationResponseTypeDef

LATEST = "$LATEST"
EXACT = Decimal("0.0001")
"""To so many percent a weight is read: finer than a plan can say, coarser than a binary fraction errs."""
SAME_FOR_BOTH = {"Role": "execution role", "DeadLetterConfig": "dead-letter queue"}
"""What the two versions of a weighted alias must share (documented)."""
OF_THE_VERSION = frozenset(
    {
        "ConfigSha256",
        "Description",
        "FunctionArn",
        "LastModified",
        "LastUpdateStatus",
        "LastUpdateStatusReason",
        "LastUpdateStatusReasonCode",
        "MasterArn",
        "ResponseMetadata",
        "RevisionId",
        "RuntimeVersionConfig",
        "SigningJobArn",
        "SigningProfileVersionArn",
        "SnapStart",
        "State",
        "StateReason",
        "StateReasonCode",
        "Version",
    }
)
"""What differs between two versions even when nobody changed code or configuration."""


@dataclass(frozen=True, slots=True)
class _Alias:
    """An alias as read, and the revision of it that a change must name."""

    state: TargetState
    revision_id: str


class LambdaAlias:
    """Implements `TrafficShifter` for aliases."""

    def __init__(self, client: LambdaClient) -> None:
        self._client = client

    def read(self, target: Target) -> TargetState:
        """The alias's version, and the other one with its weight. Raises: NotAllowed, Unavailable."""
        return self._read(target).state

    def verify(self, target: Target, candidate: Candidate) -> None:
        """See that Lambda would share the alias's requests between its version and the candidate's.

        Raises: Refused, NotAllowed, Unavailable.
        """
        base, function, alias = self.read(target).base, target.ids["functionName"], target.ids["aliasName"]
        name = candidate.revision or LATEST
        if base == LATEST:
            raise Refused(
                f"{target.key} points to {LATEST}, which Lambda does not share requests with: publish a version and "
                "point the alias to it",
                f"aws lambda update-alias --function-name {function} --name {alias} --function-version "
                f'"$({publish_command(function)})"',
            )
        base_configuration = self._configuration(target, base)
        configuration = self._candidate_configuration(target, candidate)
        _require_usable(configuration, function, name)
        for field, words in SAME_FOR_BOTH.items():
            if (configuration.get(field) or None) != (base_configuration.get(field) or None):
                raise Refused(
                    f"candidate.version: {name} has another {words} than version {base}, which is live, and Lambda "
                    f"shares an alias's requests only between versions with the same one; publish a version with it, "
                    f"or change the {words} in a deployment of its own before",
                    versions_command(function),
                )
        if candidate.revision is None and _unchanged(configuration, base_configuration):
            raise Refused(
                f"candidate.version: {LATEST} is as version {base}, which is live already: nothing to publish; deploy "
                "the new code first, or name another version",
                f"aws lambda update-function-code --function-name {function} --zip-file fileb://function.zip",
            )
        self._check_provisioned_concurrency(target, base, candidate.revision)

    def materialize(self, target: Target, candidate: Candidate, stamp: str) -> str:
        """The candidate's version. One published earlier for the same rollout is found by the stamp in its
        description. Raises: Refused, TargetMissing, NotAllowed, Unavailable.
        """
        if candidate.revision is not None:
            return candidate.revision
        description = f"rollout {stamp}"
        published = self._published(target, description) or self._publish(target, description)
        version = str(published["Version"])
        configuration = self._configuration(target, version)  # a list of versions does not say their states
        if configuration.get("State") == "Pending":
            raise NotReady(f"version {version} of {target.ids['functionName']} is being made ready")
        _require_usable(configuration, target.ids["functionName"], version)
        if version == self.read(target).base:
            raise Refused(f"{LATEST} has not changed since version {version}, which is live already: nothing to do")
        return version

    def transition_path(self, target: Target, seen: TargetState, wanted: TargetState) -> Sequence[TargetState]:  # noqa: ARG002
        """Every change is one call."""
        return [] if seen == wanted else [wanted]

    def change(self, target: Target, seen: TargetState, wanted: TargetState) -> TargetState:
        """Set version and weight as wanted, in one call.

        Raises: ForeignChange, TargetMissing, NotAllowed, Unavailable.
        """
        alias = self._read(target)
        if alias.state != seen:
            raise ForeignChange(f"somebody else changed {target.key}: {alias.state}, was {seen}")
        return self._update(target, alias, seen, wanted)

    def remove_canary(self, target: Target, seen: TargetState) -> TargetState:
        """Write the version alone, at the revision that is read: where the read is stale, Lambda refuses it.

        Raises: Unavailable, TargetMissing, NotAllowed.
        """
        alias = self._read(target)
        try:
            return self._update(target, alias, alias.state, replace(seen, canary=None))
        except ForeignChange as error:
            raise Unavailable(str(error)) from error

    def _update(self, target: Target, alias: _Alias, seen: TargetState, wanted: TargetState) -> TargetState:
        canary = wanted.canary
        weights = {canary.revision: float(canary.weight_percent / 100)} if canary else {}
        with translated(f"UpdateAlias {target.key}"):
            try:
                answer = self._client.update_alias(
                    **_alias(target),
                    FunctionVersion=wanted.base,
                    RoutingConfig={"AdditionalVersionWeights": weights},
                    RevisionId=alias.revision_id,
                )
            except self._client.exceptions.PreconditionFailedException as error:
                now = self.read(target)
                if now == seen:  # something else about it was changed, such as its description
                    raise Unavailable(f"UpdateAlias {target.key}: {message_of(error)}") from error
                if now != wanted:
                    raise ForeignChange(f"somebody else changed {target.key}: {now}, was {seen}") from error
                return now
            except self._client.exceptions.ResourceConflictException as error:
                raise Unavailable(f"UpdateAlias {target.key}: {message_of(error)}") from error
            except self._client.exceptions.ResourceNotFoundException as error:
                # The alias was there a moment ago; a version that was deleted is somebody's change, too.
                self.read(target)
                raise ForeignChange(f"Lambda refused the change of {target.key}: {message_of(error)}") from error
            except self._client.exceptions.InvalidParameterValueException as error:
                raise ForeignChange(f"Lambda refused the change of {target.key}: {message_of(error)}") from error
        return _state(answer)

    def removal_command(self, target: Target) -> str:
        """UpdateAlias, as the AWS CLI has it."""
        return clear_weights_command(target.ids["functionName"], target.ids["aliasName"])

    def series(self, target: Target, canary_series: str | None) -> Series:  # noqa: ARG002 - stages have such a series
        """Each version's own series within the alias's. Raises: TargetMissing, NotAllowed, Unavailable."""
        function, alias = target.ids["functionName"], target.ids["aliasName"]
        whole = {"FunctionName": function, "Resource": f"{function}:{alias}"}
        base = self.read(target).base
        return Series(base={**whole, "ExecutedVersion": base}, canary={**whole, "ExecutedVersion": CANDIDATE})

    def _read(self, target: Target) -> _Alias:
        with translated(f"GetAlias {target.key}"):
            try:
                alias = self._client.get_alias(**_alias(target))
            except self._client.exceptions.ResourceNotFoundException as error:
                raise TargetMissing(f"{target.key} does not exist: {message_of(error)}") from error
        return _Alias(_state(alias), alias["RevisionId"])

    def _configuration(self, target: Target, version: str) -> FunctionConfigurationResponseTypeDef:
        function = target.ids["functionName"]
        with translated(f"GetFunctionConfiguration {function}:{version}"):
            return self._client.get_function_configuration(FunctionName=function, Qualifier=version)

    def _candidate_configuration(self, target: Target, candidate: Candidate) -> FunctionConfigurationResponseTypeDef:
        try:
            return self._configuration(target, candidate.revision or LATEST)
        except self._client.exceptions.ResourceNotFoundException as error:
            function = target.ids["functionName"]
            raise Refused(
                f"candidate.version: {candidate.revision} is not a version of function {function}; leave it out to "
                f"publish {LATEST}, or name one of those that there are",
                versions_command(function),
            ) from error

    def _published(self, target: Target, description: str) -> Any | None:
        """The version of this description, if there is one."""
        function = target.ids["functionName"]
        with translated(f"ListVersionsByFunction {function}"):
            for page in self._client.get_paginator("list_versions_by_function").paginate(FunctionName=function):
                for version in page["Versions"]:
                    if version.get("Description") == description and version["Version"] != LATEST:
                        return version
        return None

    def _publish(self, target: Target, description: str) -> Any:
        function = target.ids["functionName"]
        with translated(f"PublishVersion {function}"):
            try:
                return self._client.publish_version(FunctionName=function, Description=description)
            except self._client.exceptions.ResourceNotFoundException as error:
                raise TargetMissing(f"{target.key} does not exist: {message_of(error)}") from error
            except self._client.exceptions.ResourceConflictException as error:  # an update of it is on its way
                raise Unavailable(f"PublishVersion {function}: {message_of(error)}") from error
            except self._client.exceptions.InvalidParameterValueException as error:
                raise Refused(f"function {function} cannot be published: {message_of(error)}") from error

    def _check_provisioned_concurrency(self, target: Target, base: str, version: str | None) -> None:
        """Lambda takes no weights on an alias that has it; and a canary without what its base has is slower than
        the candidate would be.
        """
        function, alias = target.ids["functionName"], target.ids["aliasName"]
        if on_alias := self._provisioned(target, alias):
            raise Refused(
                f"alias {alias} has provisioned concurrency, and Lambda takes no weights on such an alias; give the "
                "provisioned concurrency to the versions themselves, and remove it from the alias",
                f"{_provision_command(function, base, on_alias['wanted'])} && aws lambda "
                f"delete-provisioned-concurrency-config --function-name {function} --qualifier {alias}",
            )
        given = self._provisioned(target, base)
        if not given:
            return
        how = f"version {base}, which is live, has provisioned concurrency for {given['wanted']}"
        why = "the canary's cold starts would be taken for slowness, and after the promotion everybody would have them"
        if version is None:
            raise Refused(
                f"candidate.version: {how}, and a version that is yet to be published has none: {why}; publish it, "
                "give it provisioned concurrency, and name it",
                f"version=$({publish_command(function)}) && "
                f"{_provision_command(function, '$version', given['wanted'])} && echo $version",
            )
        own = self._provisioned(target, version)
        if not own:
            raise Refused(
                f"candidate.version: {how}, and version {version} has none: {why}; give it to both, or none",
                _provision_command(function, version, given["wanted"]),
            )
        if own["status"] != "READY":
            raise Refused(
                f"candidate.version: the provisioned concurrency of version {version} is {own['status']}: {why}; wait "
                "until it is READY",
                f"aws lambda get-provisioned-concurrency-config --function-name {function} --qualifier {version} "
                "--query Status",
            )

    def _provisioned(self, target: Target, qualifier: str) -> Mapping[str, Any] | None:
        """How much of it alias or version has, and in which status; None when it has none."""
        function = target.ids["functionName"]
        with translated(f"GetProvisionedConcurrencyConfig {function}:{qualifier}"):
            try:
                found = self._client.get_provisioned_concurrency_config(FunctionName=function, Qualifier=qualifier)
            except self._client.exceptions.ProvisionedConcurrencyConfigNotFoundException:
                return None
        return {"wanted": found["RequestedProvisionedConcurrentExecutions"], "status": found["Status"]}


def _provision_command(function: str, version: str, wanted: int) -> str:
    return (
        f"aws lambda put-provisioned-concurrency-config --function-name {function} --qualifier {version} "
        f"--provisioned-concurrent-executions {wanted}"
    )


def _require_usable(configuration: Mapping[str, Any], function: str, name: str) -> None:
    if configuration.get("State") == "Failed":
        raise Refused(
            f"candidate.version: {name} cannot be invoked, its state is Failed: "
            f"{configuration.get('StateReason', 'Lambda does not say why')}; name another",
            versions_command(function),
        )


def _unchanged(configuration: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether Lambda would publish no version of this, because the other is the same in code and configuration."""
    names = (configuration.keys() | other.keys()) - OF_THE_VERSION
    return all(configuration.get(name) == other.get(name) for name in names)


def _alias(target: Target) -> Any:
    return {"FunctionName": target.ids["functionName"], "Name": target.ids["aliasName"]}


def _state(alias: AliasConfigurationResponseTypeDef) -> TargetState:
    """One canary; should Lambda ever show two more versions, they are a canary that no rollout of ours made."""
    weights = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    canary = None
    if weights:
        percent = sum((Decimal(str(weight)) * 100 for weight in weights.values()), Decimal(0))
        canary = Canary("+".join(sorted(weights)), percent.quantize(EXACT))
    return TargetState(alias["FunctionVersion"], canary)
