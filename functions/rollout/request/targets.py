"""What can be rolled out: the `target` and the `candidate` of a request, by the kind of target."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from rollout.core.rollout_request import AN_ALIAS, SpareAlias
from rollout.errors import Problem
from rollout.request.validation import Part, raise_problems

MOST_FUNCTIONS = 10
"""Behind one stage in one rollout: each costs two calls of an account's 15 per second at every look at the target."""

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


class FunctionRequest(Part):
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
    functions: list[FunctionRequest] = Field(
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
        raise_problems(self._problems())
        return self

    def _problems(self) -> Iterator[Problem]:
        names = [each.name for each in self.spare_aliases]
        for index, each in enumerate(self.functions):
            if each.alias_name not in self.stage_variables.values():
                reached = ", ".join(sorted(self.stage_variables)) or "there are none"
                yield Problem(
                    f"functions[{index}].aliasName",
                    f"no stage variable leads to {each.alias_name} (stageVariables: {reached}), so the canary would "
                    "never invoke it",
                )
            if names[index] in names[:index]:
                yield Problem(f"functions[{index}]", f"{names[index]} is named twice")
        if self.on_promotion == "moveAliases" and not self.functions:
            yield Problem("onPromotion", "moveAliases needs candidate.functions")

    @property
    def spare_aliases(self) -> tuple[SpareAlias, ...]:
        """Its `functions`."""
        return tuple(SpareAlias(each.function_name, each.alias_name, each.version) for each in self.functions)


class AliasTarget(Part):
    """An alias of a Lambda function, whoever invokes it: HTTP APIs, function URLs, event sources, other functions."""

    type: Literal["lambda-alias"]
    function_name: FunctionName
    alias_name: AliasName


class AliasCandidate(Part):
    """The published version to roll out."""

    version: Version | None = Field(None, description="Without it, $LATEST is published.")
