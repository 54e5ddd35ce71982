"""What `rollout handback` prints works when it is pasted: the shell and the SAM CLI read what the target serves."""

from __future__ import annotations

import re
import shlex

import pytest
from samcli.cli.types import CfnParameterOverridesType  # type: ignore[import-untyped]

from rollout.core.target import Target, TargetState
from rollout_cli.handback import in_words, parameters, served

STAGE = Target("apigateway-stage", {"restApiId": "a1b2c3d4e5", "stageName": "prod"})


def pasted(**variables: str) -> dict[str, str]:
    """What the SAM CLI makes of the printed line for a stage with these variables."""
    state = TargetState("abc123", None, variables)
    document = {"serves": served(STAGE, state), "parameters": parameters(STAGE, state)}
    *_, line = in_words("a1b2c3d4e5/prod", document).splitlines()
    sam, deploy, option, *overrides = shlex.split(line)
    assert (sam, deploy, option) == ("sam", "deploy", "--parameter-overrides")
    read = CfnParameterOverridesType().convert(tuple(overrides), None, None)
    assert parameters(STAGE, state) == read
    return dict(read)


@pytest.mark.parametrize(
    "value",
    ["7", "live", "https://x.example/a?b=c&d=e#f", "with two spaces", "a,b", 'say "so"', "$HOME", "a;b", "it's", "*"],
)
def test_a_value_arrives_as_it_is(value: str) -> None:
    assert {"LiveDeploymentId": "abc123", "LiveUrl": value} == pasted(url=value)


def test_names_are_those_that_cloudformation_takes() -> None:
    names = pasted(lambda_alias="live", orders_v2_="3", x="1")
    assert {"LiveDeploymentId", "LiveLambdaAlias", "LiveOrdersV2", "LiveX"} == names.keys()
    assert all(re.fullmatch("[A-Za-z0-9]{1,255}", name) for name in names)


def test_names_do_not_collide() -> None:
    names = pasted(Alias="1", alias="2", alias2="3", a_lias="4", aLias="5", deploymentId="6")
    assert sorted(["abc123", *"123456"]) == sorted(names.values())
    assert {"LiveAlias": "1", "LiveAlias2": "2", "LiveDeploymentId2": "6"}.items() <= names.items()
