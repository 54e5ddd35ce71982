"""`rollout handback`: what a target serves now, in the parameters that make its stack's template say the same."""

from __future__ import annotations

import json
import re
from collections.abc import Container
from itertools import count
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rollout_cli.controller import Controller, friendly_errors, with_controller
from rollout_cli.exits import fail

if TYPE_CHECKING:
    from rollout.core.target import Target, TargetState

Json = dict[str, Any]

FORMS = "REST_API_ID/STAGE or FUNCTION:ALIAS"


@with_controller
def handback(
    target: Annotated[str, typer.Argument(help=f"What was rolled out: {FORMS}.")],
    *,
    controller: Controller,
    as_json: bool,
) -> None:
    """Print what a target serves, and the parameters to deploy its own stack with so that template and target agree.

    Nothing is touched. Exit code: 0, or 2 when a rollout or a canary is under way.
    """
    from rollout.errors import TargetMissing  # noqa: PLC0415 - the command line starts without it
    from rollout.wiring import ports_over  # noqa: PLC0415

    asked = parse_target(target)
    with friendly_errors():
        ports = ports_over(controller.client, controller.environment)
        try:
            seen = ports.shifter(asked).read(asked)
        except TargetMissing as error:
            fail(str(error))
        holder = ports.store.holder(asked)
    if holder is not None:
        fail(f"{target} is held by rollout {holder}; hand it back when that has ended")
    if seen.canary is not None:
        fail(f"{target} has {seen.canary}; promote or remove it first")
    document = {"target": asked.to_document(), "serves": served(asked, seen), "parameters": parameters(asked, seen)}
    typer.echo(json.dumps(document, indent=2) if as_json else in_words(target, document))


def parse_target(text: str) -> Target:
    """The target of this name; exits with 2 if it is none."""
    from rollout.core.target import Target  # noqa: PLC0415

    stage, alias = text.split("/"), text.split(":")
    if len(stage) == 2 and all(stage):
        return Target("apigateway-stage", {"restApiId": stage[0], "stageName": stage[1]})
    if len(alias) == 2 and all(alias):
        return Target("lambda-alias", {"functionName": alias[0], "aliasName": alias[1]})
    return fail(f"{text}: not a target; name it as {FORMS}")


def served(target: Target, seen: TargetState) -> Json:
    """What answers the requests, by the names that CloudFormation has for it."""
    if target.kind == "lambda-alias":
        return {"FunctionVersion": seen.base}
    return {"DeploymentId": seen.base, "Variables": dict(seen.variables)}


def parameters(target: Target, seen: TargetState) -> dict[str, str]:
    """A template's parameters for it, by our convention: `Live`, and what it is the live one of."""
    if target.kind == "lambda-alias":
        return {"LiveVersion": seen.base}
    made = {"LiveDeploymentId": seen.base}
    for name, value in sorted(seen.variables.items()):
        made[_parameter(name, made)] = value
    return made


def _parameter(name: str, taken: Container[str]) -> str:
    """A name that CloudFormation takes, letters and digits alone, and that no other variable has."""
    words = "".join(f"{word[:1].upper()}{word[1:]}" for word in re.split(r"[^A-Za-z0-9]+", name))
    wanted = (f"Live{words}{number if number > 1 else ''}" for number in count(1))
    return next(each for each in wanted if each not in taken)


def in_words(target: str, document: Json) -> str:
    """For a person, with a line to copy."""
    serves = document["serves"]
    lines = [f"{target} serves {serves.get('DeploymentId') or serves['FunctionVersion']}"]
    own = [name for name in document["parameters"] if name not in ("LiveDeploymentId", "LiveVersion")]
    variables = sorted(serves.get("Variables", {}).items())
    lines += [
        f"  stage variable {name} = {value}, parameter {parameter}"
        for (name, value), parameter in zip(variables, own, strict=True)
    ]
    overrides = " ".join(quote(f"{name}={_for_sam(value)}") for name, value in document["parameters"].items())
    lines += [
        "Deploy its stack with this, and template and target agree:",
        f"  sam deploy --parameter-overrides {overrides}",
    ]
    return "\n".join(lines)


def _for_sam(value: str) -> str:
    """A value as the SAM CLI reads it behind the shell: in quotes of its own where it has more than plain letters."""
    if re.fullmatch(r"[\w.:/-]+", value):
        return value
    escaped = value.replace('"', '\\"')
    return f'"{escaped}"'
