"""The function of a scenario in the embedded AWS: an alias on its base version, and a candidate beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any

from rollout.core.controllers import ANY_CONTROLLER, TAG
from rollout_simulator.alarms import put_alarm
from rollout_simulator.moto_patches.lambda_code import zipped
from rollout_simulator.scenario import Alarm, Scenario


@dataclass(frozen=True, slots=True)
class ExampleFunction:
    """What a request needs. `candidate` is the version to roll out; there is another, and $LATEST is newer."""

    name: str
    alias: str
    base: str
    candidate: str
    further: tuple[str, ...] = ()
    """The versions of the further requests."""

    def request(self, scenario: Scenario, further: int | None = None) -> dict[str, Any]:
        """The scenario's request, or a further one, with the target and the candidate that the scenario leaves out."""
        request = scenario.asked(further)
        request.setdefault("target", {"type": "lambda-alias", "functionName": self.name, "aliasName": self.alias})
        request.setdefault("candidate", {"version": self.candidate if further is None else self.further[further]})
        if named := scenario.named_alarms():
            request.setdefault("alarms", named)
        return request


def _timeout(scenario: Scenario) -> int:
    """The default, or what lets the invocations hang for as long as the scenario says."""
    hangs = max(scenario.base.hang_seconds or 0.0, scenario.candidate.hang_seconds or 0.0)
    return max(3, min(900, ceil(hangs)))


def create_function(client: Callable[[str], Any], scenario: Scenario) -> ExampleFunction:
    """Make the function, its versions and its alias; `client` makes boto3's clients by service."""
    functions, name, alias = client("lambda"), scenario.function.name, scenario.function.alias
    role = client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role,
        Handler="index.handler",
        Code={"ZipFile": zipped("base")},
        Tags={TAG: ANY_CONTROLLER},
        Timeout=_timeout(scenario),
    )
    base = functions.publish_version(FunctionName=name)["Version"]
    functions.update_function_code(FunctionName=name, ZipFile=zipped("candidate"))
    candidate = functions.publish_version(FunctionName=name)["Version"]
    further = []
    for code in ("other", *(f"candidate {number}" for number, _ in enumerate(scenario.requests, start=2)), "latest"):
        functions.update_function_code(FunctionName=name, ZipFile=zipped(code))
        if code != "latest":
            version = functions.publish_version(FunctionName=name)["Version"]
            further += [] if code == "other" else [version]
    functions.create_alias(FunctionName=name, Name=alias, FunctionVersion=base)
    return ExampleFunction(name, alias, base, candidate, tuple(further))


def create_alarm(alarm: Alarm, function: ExampleFunction) -> None:
    """Make one of the scenario's alarms."""
    dimensions = {"FunctionName": function.name, "Resource": f"{function.name}:{function.alias}"}
    tag = f"{function.name}/{function.alias}"
    put_alarm(alarm, "AWS/Lambda", alarm.metric or "Errors", dimensions, tag)
