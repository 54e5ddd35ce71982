"""The order in which CloudFormation deletes the stack: first what depends on others, then what others depend on."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform

from rollout_simulator.template import load_template

Json = dict[str, Any]


class NoPolicies(ManagedPolicyLoader):  # type: ignore[misc]
    """SAM asks IAM for the ARNs of managed policies; here nobody needs them."""

    def __init__(self) -> None:
        self._policy_map: dict[str, str] = {}

    def load(self) -> Json:
        return {}


@pytest.fixture(scope="module")
def resources() -> Json:
    """The template's resources as SAM makes them, each with the names of those that it depends on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        template = copy.deepcopy(load_template())
        template["Globals"]["Function"]["CodeUri"] = "s3://bucket/code"
        machine = template["Resources"]["RolloutStateMachine"]["Properties"]
        machine["Definition"] = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
        del machine["DefinitionUri"]
        made: Json = transform(template, {"AWS::Region": "us-east-1"}, NoPolicies())["Resources"]
    return {name: set(names_in(each)) & made.keys() for name, each in made.items()}


def names_in(value: Any) -> Iterator[str]:
    """Every word that may be a resource's name: in Ref, GetAtt, Sub and DependsOn."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key in ("Ref", "Fn::GetAtt", "Fn::Sub", "DependsOn"):
                yield from re.findall(r"\w+", json.dumps(item))
            else:
                yield from names_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from names_in(item)


def needed_by(name: str, resources: Json) -> set[str]:
    """All that it depends on, which CloudFormation deletes after it."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        for each in resources[waiting.pop()] - seen:
            seen.add(each)
            waiting.append(each)
    return seen


def test_recovery_and_what_tells_of_it_are_deleted_after_the_workflow(resources: Json) -> None:
    survivors = {
        "RecoverFunction",
        "RecoverFunctionRole",
        "RecoverFunctionExecutionDied",
        "RecoverFunctionExecutionDiedPermission",
        "RecoverFunctionSweep",
        "RecoverFunctionSweepPermission",
        "NotifyFunction",
        "NotifyFunctionRole",
        "NotifyFunctionRolloutStateChanged",
        "NotifyFunctionRolloutStateChangedPermission",
        "NotificationTopic",
        "RolloutTable",
    }
    assert survivors - needed_by("RolloutStateMachine", resources) == set()


def test_requests_are_taken_no_more_before_the_workflow_is_deleted(resources: Json) -> None:
    assert "RolloutStateMachine" in needed_by("RolloutStateMachineRolloutRequested", resources)


def test_nothing_depends_on_itself(resources: Json) -> None:
    assert [name for name in resources if name in needed_by(name, resources)] == []
