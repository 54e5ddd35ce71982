"""Lambda aliases: optimistic locking and weights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from botocore.exceptions import ClientError

from rollout_simulator.moto_patches import lambda_alias
from rollout_simulator.moto_patches.lambda_alias import AliasChange, AliasHistory
from rollout_simulator.moto_patches.lambda_code import zipped
from tests.simulator.moto_patches.conftest import NOW, client

STALE = (
    "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to "
    "retrieve the latest Revision Id"
)


class Function:
    """`orders` with versions 1 to 3 and an alias `live` on version 1."""

    def __init__(self) -> None:
        self.client = client("lambda")
        trust = json.dumps({"Version": "2012-10-17", "Statement": []})
        role = client("iam").create_role(RoleName="orders", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        self.client.create_function(
            FunctionName="orders",
            Runtime="python3.13",
            Handler="index.handler",
            Role=role,
            Code={"ZipFile": zipped("1")},
            Publish=True,
        )
        for text in ("2", "3"):
            self.client.update_function_code(FunctionName="orders", ZipFile=zipped(text), Publish=True)
        self.client.create_alias(FunctionName="orders", Name="live", FunctionVersion="1")

    def alias(self) -> dict[str, Any]:
        """GetAlias of `live`."""
        shown: dict[str, Any] = self.client.get_alias(FunctionName="orders", Name="live")
        shown.pop("ResponseMetadata")
        return shown

    def update(self, weights: dict[str, float] | None = None, **given: Any) -> dict[str, Any]:
        """UpdateAlias of `live`."""
        if weights is not None:
            given["RoutingConfig"] = {"AdditionalVersionWeights": weights}
        answered: dict[str, Any] = self.client.update_alias(FunctionName="orders", Name="live", **given)
        return answered


@pytest.fixture
def history(aws: time_machine.Traveller) -> Iterator[AliasHistory]:
    with lambda_alias.patched() as opened:
        yield opened


@pytest.fixture
def function(history: AliasHistory) -> Function:
    return Function()


def refusal(function: Function, weights: dict[str, float] | None = None, **given: Any) -> tuple[str, int, str]:
    """The code, HTTP status and text with which UpdateAlias is refused."""
    with pytest.raises(ClientError) as caught:
        function.update(weights, **given)
    response = caught.value.response
    error = response["Error"]
    return error["Code"], response["ResponseMetadata"]["HTTPStatusCode"], error["Message"]


def test_versions_are_published_without_docker(function: Function) -> None:
    versions = function.client.list_versions_by_function(FunctionName="orders")["Versions"]

    assert [each["Version"] for each in versions] == ["$LATEST", "1", "2", "3"]


def test_an_update_with_the_latest_revision_succeeds_and_gives_a_new_one(function: Function) -> None:
    first = function.alias()["RevisionId"]

    answered = function.update({"2": 0.05}, FunctionVersion="1", RevisionId=first)

    assert answered["RevisionId"] != first
    assert answered["RevisionId"] == function.alias()["RevisionId"]


def test_an_update_without_a_revision_gives_a_new_one_too(function: Function) -> None:
    first = function.alias()["RevisionId"]

    function.update(Description="changed")

    assert function.alias()["RevisionId"] != first


def test_a_stale_revision_is_refused_and_changes_nothing(function: Function) -> None:
    stale = function.alias()["RevisionId"]
    function.update({"2": 0.05})
    before = function.alias()

    assert refusal(function, {"2": 0.5}, RevisionId=stale) == ("PreconditionFailedException", 412, STALE)
    assert function.alias() == before


def test_weights_are_kept_and_shown(function: Function) -> None:
    function.update({"2": 0.05}, FunctionVersion="1")

    alias = function.alias()
    assert alias["FunctionVersion"] == "1"
    assert alias["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.05}}


def test_an_update_without_routing_keeps_the_weights(function: Function) -> None:
    function.update({"2": 0.05})

    function.update(Description="changed")

    assert function.alias()["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.05}}


def test_weights_can_be_played_as_rounded(function: Function, history: AliasHistory) -> None:
    history.weight_decimals = 3
    assert function.update({"2": 0.12345})["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.123}}
    assert function.alias()["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.123}}


@pytest.mark.parametrize("cleared", [{"AdditionalVersionWeights": {}}, {}])
def test_an_empty_map_clears_the_weights(function: Function, cleared: dict[str, Any]) -> None:
    function.update({"2": 0.05})

    function.update(RoutingConfig=cleared, FunctionVersion="2")

    alias = function.alias()
    assert "RoutingConfig" not in alias
    assert alias["FunctionVersion"] == "2"


def test_latest_takes_no_weights(function: Function) -> None:
    assert refusal(function, {"2": 0.05}, FunctionVersion="$LATEST") == (
        "InvalidParameterValueException",
        400,
        "$LATEST is not supported for an alias pointing to more than 1 version",
    )


def test_latest_gets_no_weight(function: Function) -> None:
    assert refusal(function, {"$LATEST": 0.05})[:2] == ("ValidationException", 400)


@pytest.mark.parametrize("given", [{"FunctionVersion": "9"}, {"weights": {"9": 0.05}}])
def test_an_unknown_version_is_not_found(function: Function, given: dict[str, Any]) -> None:
    arn = "arn:aws:lambda:eu-central-1:123456789012:function:orders:9"

    assert refusal(function, **given) == ("ResourceNotFoundException", 404, f"Function not found: {arn}")


def test_two_additional_versions_are_refused(function: Function) -> None:
    assert refusal(function, {"2": 0.05, "3": 0.05}) == (
        "InvalidParameterValueException",
        400,
        "Number of items in AdditionalVersionWeights cannot be greater than 1",
    )


def test_the_base_version_gets_no_weight(function: Function) -> None:
    assert refusal(function, {"1": 0.05}) == (
        "InvalidParameterValueException",
        400,
        "Invalid function version 1. Function version 1 is already included in routing configuration.",
    )


def test_the_whole_weight_is_refused(function: Function) -> None:
    assert refusal(function, {"2": 1.0})[:2] == ("ValidationException", 400)


def test_a_new_alias_is_checked_too(function: Function) -> None:
    with pytest.raises(ClientError, match="InvalidParameterValueException"):
        function.client.create_alias(
            FunctionName="orders",
            Name="beta",
            FunctionVersion="$LATEST",
            RoutingConfig={"AdditionalVersionWeights": {"2": 0.1}},
        )


def test_every_write_is_told_with_what_was_and_what_is(function: Function, history: AliasHistory) -> None:
    told: list[AliasChange] = []
    history.listeners.append(told.append)
    before = function.alias()

    function.update({"2": 0.05})
    after = function.alias()
    refusal(function, {"9": 0.5})
    function.client.delete_alias(FunctionName="orders", Name="live")

    assert told == [
        AliasChange(NOW, "orders", "live", {**before}, {**after}),
        AliasChange(NOW, "orders", "live", {**after}, None),
    ]
