"""What can be rolled out: the `target` and the `candidate` of a request, by the kind of target."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from rollout.core.target import Behind
from rollout.errors import Refused
from rollout.validation import WITH_PATH, Part

MOST_FUNCTIONS = 10
"""Behind one stage in one rollout: each costs two calls of an account's 15 per second at every look at the target."""

AN_ALIAS = r"^[0-9]*[A-Za-z_-][A-Za-z0-9_-]*$"
"""No bare number, which would be a version."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_-]+$")]
VariableName = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_]+$")]
VariableValue = Annotated[
    str, StringConstraints(max_length=512, pattern=r"^[A-Za-z0-9\-._~:/?#&=,]*$")  # what API Gateway accepts
]
FunctionName = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
AliasName = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=AN_ALIAS)]
Version = Annotated[str, StringConstraints(max_length=20, pattern=r"^[1-9][0-9]*$")]


class StageTarget(Part):
    """A stage of an API Gateway REST API."""

    type: Literal["apigateway-stage"]
    rest_api_id: Name
    stage_name: Name


class SpareAlias(Part):
    """A function behind the stage: the alias that only the canary reaches, and the version it gets."""

    function_name: FunctionName
    alias_name: AliasName
    version: Version


class StageCandidate(Part):
    """The deployment to roll out, and the stage variables it is to see instead of the base's."""

    deployment_id: Name | None = Field(None, description="Without it, the API as now defined is deployed.")
    stage_variables: dict[VariableName, VariableValue] = Field(
        default_factory=dict,
        max_length=100,
        description="What the canary sees instead of the base's; merged on promotion, unless live aliases are moved.",
    )
    use_stage_cache: bool = Field(False, description="Whether the canary answers from the stage's cache, and fills it.")
    functions: list[SpareAlias] = Field(
        default_factory=list,
        max_length=MOST_FUNCTIONS,
        description="Aliases that the stage variables lead the canary to, to be pointed at these versions before.",
    )
    on_promotion: Literal["mergeVariables", "moveAliases"] = Field(
        "mergeVariables",
        description="Whether these aliases become the live ones, or the live ones get their versions.",
    )

    @model_validator(mode="after")
    def _aliases_are_reached(self) -> StageCandidate:
        names = [f"{each.function_name}:{each.alias_name}" for each in self.functions]
        for index, each in enumerate(self.functions):
            if each.alias_name not in self.stage_variables.values():
                reached = ", ".join(sorted(self.stage_variables)) or "there are none"
                raise PydanticCustomError(
                    WITH_PATH,
                    "functions[{index}].aliasName: no stage variable leads to {alias} (stageVariables: {reached}), "
                    "so the canary would never invoke it",
                    {"index": index, "alias": each.alias_name, "reached": reached},
                )
            if names[index] in names[:index]:
                raise PydanticCustomError(
                    WITH_PATH, "functions[{index}]: {name} is named twice", {"index": index, "name": names[index]}
                )
        if self.on_promotion == "moveAliases" and not self.functions:
            raise PydanticCustomError(WITH_PATH, "onPromotion: moveAliases needs candidate.functions", {})
        return self

    def behind(self, variables: Mapping[str, str]) -> Behind:
        """The aliases that move with a stage whose variables are these: the spare ones, and with `moveAliases` the live
        ones, those that the same variables name now.

        Raises: Refused.
        """
        spare = {f"{each.function_name}:{each.alias_name}": each.version for each in self.functions}
        names = {each.alias_name for each in self.functions}
        leading = {name: value for name, value in self.stage_variables.items() if value in names}
        live = {}
        if self.on_promotion == "moveAliases":
            for each in self.functions:
                found = {variables.get(name) for name, value in leading.items() if value == each.alias_name}
                alias = next(iter(found))
                if len(found) > 1 or alias is None or re.fullmatch(AN_ALIAS, alias) is None:
                    values = ", ".join(sorted(repr(value) for value in found))
                    raise Refused(
                        f"candidate.onPromotion: moveAliases moves the alias of {each.function_name} that the stage's "
                        f"own {' and '.join(sorted(leading))} names; it is {values}, which is not one alias"
                    )
                live[f"{each.function_name}:{alias}"] = each.version
        return Behind(leading, spare, live)


class AliasTarget(Part):
    """An alias of a Lambda function, whoever invokes it: HTTP APIs, function URLs, event sources, other functions."""

    type: Literal["lambda-alias"]
    function_name: FunctionName
    alias_name: AliasName


class AliasCandidate(Part):
    """The published version to roll out."""

    version: Version | None = Field(None, description="Without it, $LATEST is published.")
