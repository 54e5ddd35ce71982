"""Whose a target is, where several controllers hear the same event bus.

A target's owner says it by the tag `rollout-pilot`: `managed` is any controller, a stack's name is that one. A
controller's own parameters say it without a tag: `RestApiId` and `FunctionName` name what it may roll out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from rollout.core.target import Target

TAG = "rollout-pilot"
ANY_CONTROLLER = "managed"
EVERYTHING = "*"
"""As `RestApiId` or `FunctionName`: everything that has opted in by its tag."""

_REST_API = "restApiId"
_FUNCTION = "functionName"


@dataclass(frozen=True, slots=True)
class Controller:
    """A controller by its stack's name, and what its parameters let it roll out.

    rest_api: a REST API's id, or everything. functions: a function's name, the beginning of names followed by `*`, or
    everything. home: an ARN of its account and region, where that is known.
    """

    name: str
    rest_api: str = EVERYTHING
    functions: str = EVERYTHING
    home: str = ""

    def scope(self, target: Target) -> str:
        """The parameter that decides about targets of this kind."""
        return self.rest_api if _REST_API in target.ids else self.functions

    def names(self, target: Target) -> bool:
        """Whether its parameters name the target, and not everything."""
        scope = self.scope(target)
        if scope == EVERYTHING:
            return False
        given = target.ids.get(_REST_API) or target.ids.get(_FUNCTION, "")
        return given.startswith(scope[:-1]) if scope.endswith("*") else given == scope

    def accepts(self, tag: str) -> bool:
        """Whether a tag of this value opts in to this controller."""
        return tag in (ANY_CONTROLLER, self.name)


class Owner(StrEnum):
    """Whose a target is, as one controller sees it."""

    OURS = "OURS"
    ANOTHERS = "ANOTHERS"
    NOBODYS = "NOBODYS"


@dataclass(frozen=True, slots=True)
class Claim:
    """Whose a target is. reason: why this controller may not roll it out; "" where it may."""

    owner: Owner
    reason: str = ""


OURS = Claim(Owner.OURS)


def beyond_reach(target: Target, own: Controller) -> bool:
    """Whether our parameters name other targets only, so that AWS would not even let us read this one."""
    return own.scope(target) != EVERYTHING and not own.names(target)


def claim_on(target: Target, tag: str | None, own: Controller, others: Sequence[Controller]) -> Claim:
    """Whose the target is.

    tag: the value of its tag, "" where it has none, None where that is not known, which is held against nobody.
    others: the other controllers that hear the same bus.
    """
    if beyond_reach(target, own):
        allowed = f"this controller, {own.name}, may roll out {own.scope(target)} only"
        return _claimed_by([each for each in others if each.names(target) or _takes_all(each, target)], target, allowed)
    if tag == own.name:
        return OURS
    if tag and tag != ANY_CONTROLLER:
        names = f"its tag {TAG} is {tag!r}, which is neither {ANY_CONTROLLER} nor {own.name}, this controller"
        claim = _claimed_by([each for each in others if each.name == tag], target, names)
        return claim if claim.owner is Owner.ANOTHERS else replace(claim, reason=_with_command(claim.reason, target))
    if own.names(target):
        return OURS
    if named := [each for each in others if each.names(target)]:
        return _claimed_by(named, target, "")
    if tag == "":
        lacks = f"{target.key} does not carry the tag {TAG}={ANY_CONTROLLER} or {TAG}={own.name}"
        return Claim(Owner.NOBODYS, _with_command(lacks, target))
    return OURS


def _with_command(reason: str, target: Target) -> str:
    return f"{reason}; to let it be rolled out: {tag_command(target)}"


def tag_command(target: Target) -> str:
    """What a person types, with the AWS command line and its region, to let this target be rolled out."""
    if "functionName" in target.ids:
        return tag_function_command(target.ids["functionName"])
    partition = "$(aws sts get-caller-identity --query Arn --output text | cut -d: -f2)"
    stage = f"/restapis/{'/stages/'.join(target.ids.values())}"
    arn = f"arn:{partition}:apigateway:$(aws configure get region)::{stage}"
    return f'aws apigateway tag-resource --resource-arn "{arn}" --tags {TAG}={ANY_CONTROLLER}'


def tag_function_command(name: str) -> str:
    """What a person types to let a function's aliases be moved."""
    arn = f"$(aws lambda get-function --function-name {name} --query Configuration.FunctionArn --output text)"
    return f'aws lambda tag-resource --resource "{arn}" --tags {TAG}={ANY_CONTROLLER}'


def _takes_all(controller: Controller, target: Target) -> bool:
    return controller.scope(target) == EVERYTHING


def _claimed_by(others: Sequence[Controller], target: Target, why: str) -> Claim:
    """By these, or by nobody."""
    if not others:
        return Claim(Owner.NOBODYS, f"{target.key} is not for this controller: {why}")
    names = " or ".join(each.name for each in others)
    return Claim(Owner.ANOTHERS, f"{target.key} is for the controller {names}" + (f": {why}" if why else ""))
