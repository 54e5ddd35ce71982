"""The stage of an API Gateway REST API as a target: base and canary are deployments, function aliases stand behind it.

API Gateway has no optimistic lock, and any `replace /canarySettings/*` on a stage without a canary silently makes
one. So every change here is computed from a state just read, says no more than it must, and is checked against
the stage that the call answers with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rollout.adapters.faults import message_of, translated
from rollout.adapters.function_aliases import FunctionAliases
from rollout.adapters.stage_transition_path import transition_path
from rollout.core.measures import Series
from rollout.core.rollout import Candidate
from rollout.core.target import Canary, Target, TargetState
from rollout.errors import CanaryGone, ForeignChange, Refused, TargetMissing, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_apigateway.type_defs import PatchOperationTypeDef

CANARY_SERIES = "{stage}/Canary"
"""The canary's value of the Stage dimension; believed, and documented nowhere, hence a setting."""

Patch = Sequence["PatchOperationTypeDef"]


class ApiGatewayStage:
    """Implements `TrafficShifter` for stages."""

    def __init__(self, client: APIGatewayClient, aliases: FunctionAliases) -> None:
        self._client = client
        self._aliases = aliases

    def read(self, target: Target) -> TargetState:
        """The stage's deployment, variables and canary, and the aliases behind it. Raises: NotAllowed, Unavailable."""
        with translated(f"GetStage {target.key}"):
            try:
                stage = self._client.get_stage(**_stage(target))
            except self._client.exceptions.NotFoundException as error:
                raise TargetMissing(f"{target.key} does not exist: {message_of(error)}") from error
        return replace(_state(stage), aliases=self._aliases.read(target.behind.names))

    def verify(self, target: Target, candidate: Candidate) -> None:
        """See that the candidate's deployment belongs to the API, and its versions to their functions.

        Raises: Refused, NotAllowed, Unavailable.
        """
        self._aliases.verify({**target.behind.spare, **target.behind.live})
        if candidate.revision is None:
            return
        with translated(f"GetDeployment {candidate.revision}"):
            try:
                self._client.get_deployment(restApiId=target.ids["restApiId"], deploymentId=candidate.revision)
            except self._client.exceptions.NotFoundException as error:
                raise Refused(
                    f"candidate.deploymentId: {candidate.revision} is not a deployment of API "
                    f"{target.ids['restApiId']}; leave it out to deploy the API as now defined, or name one of those "
                    "that there are",
                    f"aws apigateway get-deployments --rest-api-id {target.ids['restApiId']} --limit 500 "
                    "--query 'items[].[id,description]' --output text",
                ) from error

    def materialize(self, target: Target, candidate: Candidate, stamp: str) -> str:
        """The candidate's deployment id. CreateDeployment is not idempotent, so a deployment made earlier for the
        same rollout is found by the stamp in its description. Raises: Refused, TargetMissing, NotAllowed, Unavailable.
        """
        if candidate.revision is not None:
            return candidate.revision
        description = f"rollout {stamp}"
        rest_api_id = target.ids["restApiId"]
        with translated(f"CreateDeployment {rest_api_id}"):
            try:
                pages = self._client.get_paginator("get_deployments").paginate(
                    restApiId=rest_api_id, PaginationConfig={"PageSize": 500}
                )
                for page in pages:
                    for deployment in page["items"]:
                        if deployment.get("description") == description:
                            return deployment["id"]
                return self._client.create_deployment(restApiId=rest_api_id, description=description)["id"]
            except self._client.exceptions.NotFoundException as error:
                raise TargetMissing(f"{target.key} does not exist: {message_of(error)}") from error
            except self._client.exceptions.BadRequestException as error:
                raise Refused(f"API {rest_api_id} cannot be deployed: {message_of(error)}") from error

    def transition_path(self, target: Target, seen: TargetState, wanted: TargetState) -> Sequence[TargetState]:
        """As stage_transition_path says."""
        return transition_path(target.behind, seen, wanted)

    def change(self, target: Target, seen: TargetState, wanted: TargetState) -> TargetState:
        """Create, shift, promote, remove or restore, as the two states differ.

        Raises: ForeignChange, TargetMissing, NotAllowed, Unavailable.
        """
        answered = seen
        for state in transition_path(target.behind, seen, wanted):
            answered = self._step(target, seen, state, answered)
            seen = state
        return answered

    def remove_canary(self, target: Target, seen: TargetState) -> TargetState:
        """`remove /canarySettings`, whatever was read, and the spare aliases once more.

        Raises: Unavailable, TargetMissing, NotAllowed.
        """
        with translated(f"UpdateStage {target.key}"):
            try:
                after = _state(self._client.update_stage(**_stage(target), patchOperations=_REMOVAL))
            except self._client.exceptions.NotFoundException as error:
                raise TargetMissing(f"{target.key} does not exist: {message_of(error)}") from error
            except self._client.exceptions.BadRequestException:
                # What AWS says to this where there is no canary is documented nowhere.
                return self.read(target)
            except self._client.exceptions.ConflictException as error:
                raise Unavailable(f"UpdateStage {target.key}: {message_of(error)}") from error
        for name in target.behind.spare:
            try:
                self._aliases.point(name, seen.aliases[name], seen.aliases[name])
            except ForeignChange as error:
                raise Unavailable(str(error)) from error
        return replace(after, aliases=seen.aliases)

    def _step(self, target: Target, seen: TargetState, wanted: TargetState, answered: TargetState) -> TargetState:
        """The one call that leads from a state to the next one on the way; what the calls have shown so far."""
        for name, version in wanted.aliases.items():
            if seen.aliases[name] != version:
                self._aliases.point(name, seen.aliases[name], version)
                return replace(answered, aliases=wanted.aliases)
        if wanted.canary is None:
            removal = seen.canary is not None and replace(seen, canary=None) == wanted
            after = _state(self._patch(target, _REMOVAL if removal else _restoration(seen, wanted)))
        elif seen.canary is None:
            after = _state(self._patch(target, _creation(wanted.canary)))
        elif seen.canary != wanted.canary:
            after = self._shift(target, seen.canary, wanted.canary)
        elif _is_promotion(seen, wanted):
            after = _state(self._patch(target, _promotion(seen.canary)))
        else:
            after = _state(self._patch(target, _restoration(seen, wanted)))
        return replace(after, aliases=answered.aliases)

    def removal_command(self, target: Target) -> str:
        """UpdateStage, as the AWS CLI has it."""
        return (
            f"aws apigateway update-stage --rest-api-id {target.ids['restApiId']} --stage-name "
            f"{target.ids['stageName']} --patch-operations op=remove,path=/canarySettings"
        )

    def series(self, target: Target, canary_series: str | None) -> Series:
        """The API's name and the stage's, as AWS/ApiGateway metrics carry them.

        Raises: TargetMissing, NotAllowed, Unavailable.
        """
        with translated(f"GetRestApi {target.ids['restApiId']}"):
            try:
                name = self._client.get_rest_api(restApiId=target.ids["restApiId"])["name"]
            except self._client.exceptions.NotFoundException as error:
                raise TargetMissing(f"{target.key} does not exist: {message_of(error)}") from error
        stage = target.ids["stageName"]
        canary = (canary_series or CANARY_SERIES).replace("{stage}", stage)
        return Series(base={"ApiName": name, "Stage": stage}, canary={"ApiName": name, "Stage": canary})

    def _shift(self, target: Target, seen: Canary, wanted: Canary) -> TargetState:
        """Change the weight, and nothing else, of the canary that is there.

        If somebody removed the canary since it was read, this very call made a new one of the base; it is
        removed again at once.
        """
        weight = _replace("/canarySettings/percentTraffic", str(wanted.weight_percent))
        after = _state(self._patch(target, [weight]))
        if after.canary != wanted:
            if after.canary == Canary(after.base, wanted.weight_percent):
                self._patch(target, _REMOVAL)
            raise CanaryGone(f"somebody else removed or replaced {seen} while it was being shifted")
        return after

    def _patch(self, target: Target, operations: Patch) -> Mapping[str, Any]:
        with translated(f"UpdateStage {target.key}"):
            try:
                return self._client.update_stage(**_stage(target), patchOperations=operations)
            except self._client.exceptions.NotFoundException as error:
                raise TargetMissing(f"{target.key} does not exist: {message_of(error)}") from error
            except self._client.exceptions.BadRequestException as error:
                raise ForeignChange(f"API Gateway refused the change of {target.key}: {message_of(error)}") from error
            except self._client.exceptions.ConflictException as error:
                # Another change of the same API is on its way, perhaps of another stage; the fence tells.
                raise Unavailable(f"UpdateStage {target.key}: {message_of(error)}") from error


_REMOVAL: Patch = [{"op": "remove", "path": "/canarySettings"}]


def _creation(canary: Canary) -> Patch:
    """`replace` throughout: API Gateway rejects `add` on these paths."""
    return [
        _replace("/canarySettings/deploymentId", canary.revision),
        _replace("/canarySettings/percentTraffic", str(canary.weight_percent)),
        _replace("/canarySettings/useStageCache", str(canary.use_stage_cache).lower()),
        *(
            _replace(f"/canarySettings/stageVariableOverrides/{name}", value)
            for name, value in sorted(canary.overrides.items())
        ),
    ]


def _is_promotion(seen: TargetState, wanted: TargetState) -> bool:
    """Whether the wanted state makes the canary the base."""
    canary = seen.canary
    return (
        canary is not None
        and wanted.base == canary.revision
        and wanted.variables == {**seen.variables, **canary.overrides}
    )


def _promotion(canary: Canary) -> Patch:
    """Copies alone. The documented sequence sets percentTraffic first, which on a stage whose canary has just been
    removed would make a new one and promote the base to itself; a copy without a canary is refused.
    """
    variables: Patch = [{"op": "copy", "from": "/canarySettings/stageVariableOverrides", "path": "/variables"}]
    deployment: Patch = [{"op": "copy", "from": "/canarySettings/deploymentId", "path": "/deploymentId"}]
    return [*(variables if canary.overrides else []), *deployment]


def _restoration(seen: TargetState, wanted: TargetState) -> Patch:
    """The previous deployment, and every variable that a promotion had merged."""
    names = sorted(seen.variables.keys() | wanted.variables.keys())
    operations: list[PatchOperationTypeDef] = []
    if seen.base != wanted.base:
        operations.append(_replace("/deploymentId", wanted.base))
    for name in names:
        if name not in wanted.variables:
            operations.append({"op": "remove", "path": f"/variables/{name}"})
        elif seen.variables.get(name) != wanted.variables[name]:
            operations.append(_replace(f"/variables/{name}", wanted.variables[name]))
    return operations


def _replace(path: str, value: str) -> PatchOperationTypeDef:
    return {"op": "replace", "path": path, "value": value}


def _stage(target: Target) -> Any:
    return {"restApiId": target.ids["restApiId"], "stageName": target.ids["stageName"]}


def _state(stage: Mapping[str, Any]) -> TargetState:
    settings = stage.get("canarySettings")
    canary = None
    if settings is not None:
        canary = Canary(
            revision=settings.get("deploymentId", stage["deploymentId"]),
            weight_percent=Decimal(str(settings.get("percentTraffic", 0.0))),
            overrides=dict(settings.get("stageVariableOverrides", {})),
            use_stage_cache=bool(settings.get("useStageCache", False)),
        )
    return TargetState(stage["deploymentId"], canary, dict(stage.get("variables", {})))
