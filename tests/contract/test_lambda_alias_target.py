"""What is peculiar to Lambda aliases: locking, publishing, and what Lambda does not share requests between."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from rollout.core.measures import CANDIDATE
from rollout.core.rollout import Candidate
from rollout.core.target import Canary, TargetState
from rollout.errors import ForeignChange, NotReady, Refused, TargetMissing, Unavailable
from rollout_simulator.moto_patches import lambda_alias
from tests.contract.aws import client, refusing
from tests.contract.shifters import OverLambda

PUBLISHES = Candidate(None, {})


@pytest.fixture
def world(aws: None) -> Iterator[OverLambda]:
    with lambda_alias.patched():
        yield OverLambda()


def with_canary(world: OverLambda, weight: str = "5") -> TargetState:
    return TargetState(world.base, Canary(world.next, Decimal(weight)))


def refusal(world: OverLambda, candidate: Candidate | None = None) -> str:
    with pytest.raises(Refused) as refused:
        world.shifter.verify(world.target, candidate or Candidate(world.next, {}))
    return str(refused.value)


@contextmanager
def calls(operation: str, before: Callable[[], object] = lambda: None) -> Iterator[list[Any]]:
    """What is sent in calls of this operation; `before` is done once, just before the first."""
    sent: list[Any] = []

    def record(params: Any, **_: Any) -> None:
        sent.append(json.loads(params["body"] or "{}"))
        if len(sent) == 1:
            before()

    events = client("lambda").meta.events
    events.register(f"before-call.lambda.{operation}", record)
    try:
        yield sent
    finally:
        events.unregister(f"before-call.lambda.{operation}", record)


# --- change ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weight", ["0.01", "0.07", "0.1", "5", "12.5", "33.33", "99.99"])
def test_a_weight_in_percent_is_the_nearest_fraction_and_read_back_exactly(world: OverLambda, weight: str) -> None:
    world.shifter.change(world.target, world.shifter.read(world.target), with_canary(world, weight))
    assert {world.next: float(weight) / 100} == pytest.approx(
        world.alias()["RoutingConfig"]["AdditionalVersionWeights"], abs=1e-12
    )
    assert with_canary(world, weight) == world.shifter.read(world.target)


@pytest.mark.parametrize("share", [0.05000000074505806, 0.049999999999999996])
def test_a_weight_that_is_kept_as_a_binary_fraction_is_read_as_the_percent_it_was(
    world: OverLambda, share: float
) -> None:
    world.client.update_alias(
        FunctionName="orders", Name="live", RoutingConfig={"AdditionalVersionWeights": {world.next: share}}
    )
    assert with_canary(world, "5") == world.shifter.read(world.target)


def test_a_promotion_is_one_call_that_sets_the_version_and_clears_the_weights(world: OverLambda) -> None:
    world.becomes(with_canary(world, "50"))
    revision = world.alias()["RevisionId"]
    with calls("UpdateAlias") as sent:
        world.shifter.change(world.target, with_canary(world, "50"), with_canary(world, "50").promoted())
    assert [
        {"FunctionVersion": world.next, "RoutingConfig": {"AdditionalVersionWeights": {}}, "RevisionId": revision}
    ] == sent
    assert "RoutingConfig" not in world.alias()


def test_a_rollback_leaves_the_base_version_without_weights(world: OverLambda) -> None:
    world.becomes(with_canary(world))
    world.shifter.change(world.target, with_canary(world), TargetState(world.base))
    assert (world.base, None) == (world.alias()["FunctionVersion"], world.alias().get("RoutingConfig"))


def test_what_somebody_changes_between_our_read_and_our_write_is_not_overwritten(world: OverLambda) -> None:
    theirs = replace(with_canary(world), canary=Canary(world.next, Decimal(90)))
    with calls("UpdateAlias", lambda: world.becomes(theirs)), pytest.raises(ForeignChange, match="90 %"):
        world.shifter.change(world.target, TargetState(world.base), with_canary(world))
    assert theirs == world.shifter.read(world.target)


def test_a_write_of_ours_whose_answer_was_lost_is_no_foreign_change(world: OverLambda) -> None:
    with calls("UpdateAlias", lambda: world.becomes(with_canary(world))):
        world.shifter.change(world.target, TargetState(world.base), with_canary(world))
    assert with_canary(world) == world.shifter.read(world.target)


def test_a_new_description_of_the_alias_is_no_foreign_change_and_the_write_is_tried_again(world: OverLambda) -> None:
    def describe() -> None:
        world.client.update_alias(FunctionName="orders", Name="live", Description="the one that is live")

    with calls("UpdateAlias", describe), pytest.raises(Unavailable):
        world.shifter.change(world.target, TargetState(world.base), with_canary(world))
    world.shifter.change(world.target, TargetState(world.base), with_canary(world))
    assert with_canary(world) == world.shifter.read(world.target)


def test_an_update_of_the_function_that_is_on_its_way_is_waited_for(world: OverLambda) -> None:
    with refusing("lambda", "ResourceConflictException", 409, operation="UpdateAlias"), pytest.raises(Unavailable):
        world.shifter.change(world.target, TargetState(world.base), with_canary(world))


# --- publishing --------------------------------------------------------------------------------------------------


def test_the_published_version_says_which_rollout_it_is_for(world: OverLambda) -> None:
    version = world.shifter.materialize(world.target, PUBLISHES, "r-1")
    assert (
        "rollout r-1"
        == world.client.get_function_configuration(FunctionName="orders", Qualifier=version)["Description"]
    )


def test_a_retry_finds_its_version_even_when_the_code_has_been_changed_since(world: OverLambda) -> None:
    version = world.shifter.materialize(world.target, PUBLISHES, "r-1")
    world.deploy("newer still")
    assert version == world.shifter.materialize(world.target, PUBLISHES, "r-1")


def test_a_version_that_somebody_published_of_the_same_code_is_the_candidate(world: OverLambda) -> None:
    version = world.client.publish_version(FunctionName="orders", Description="by the pipeline")["Version"]
    assert version == world.shifter.materialize(world.target, PUBLISHES, "r-1")


@pytest.mark.parametrize("state", ["Pending", "Failed"])
def test_a_version_is_no_candidate_before_it_can_be_invoked(
    world: OverLambda, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when a retry finds it in the list of versions, which does not tell their states."""
    version = world.shifter.materialize(world.target, PUBLISHES, "r-1")
    ready = world.client.get_function_configuration(FunctionName="orders", Qualifier=version)
    monkeypatch.setattr(world.shifter, "_configuration", lambda *_: {**ready, "State": state})
    with pytest.raises(NotReady if state == "Pending" else Refused):
        world.shifter.materialize(world.target, PUBLISHES, "r-1")


def test_code_that_is_live_already_is_not_published(world: OverLambda) -> None:
    world.becomes(TargetState(world.shifter.materialize(world.target, PUBLISHES, "r-0")))
    assert "is live already" in refusal(world, PUBLISHES)
    with pytest.raises(Refused, match="is live already"):
        world.shifter.materialize(world.target, PUBLISHES, "r-1")


def test_a_new_configuration_of_the_live_code_can_be_published(world: OverLambda) -> None:
    world.becomes(TargetState(world.shifter.materialize(world.target, PUBLISHES, "r-0")))
    world.client.update_function_configuration(FunctionName="orders", MemorySize=1024)
    world.shifter.verify(world.target, PUBLISHES)


# --- what Lambda does not share requests between -----------------------------------------------------------------


def test_an_alias_on_latest_is_refused(world: OverLambda) -> None:
    world.becomes(TargetState("$LATEST"))
    assert "points to $LATEST" in refusal(world)


def test_versions_with_different_roles_are_refused(world: OverLambda) -> None:
    other = client("iam").create_role(RoleName="other", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    world.client.update_function_configuration(FunctionName="orders", Role=other)
    version = world.publish("with another role")
    assert f"candidate.version: {version} has another execution role than version 1" in refusal(
        world, Candidate(version, {})
    )


def test_provisioned_concurrency_on_the_alias_is_refused(world: OverLambda) -> None:
    provision(world, "live")
    assert "alias live has provisioned concurrency" in refusal(world)


def test_a_candidate_without_the_provisioned_concurrency_of_its_base_is_refused(world: OverLambda) -> None:
    provision(world, world.base)
    assert f"and version {world.next} has none" in refusal(world)
    assert "has none" in refusal(world, PUBLISHES)


def test_provisioned_concurrency_on_both_versions_is_fine(world: OverLambda) -> None:
    provision(world, world.base)
    provision(world, world.next)
    world.shifter.verify(world.target, Candidate(world.next, {}))


def test_an_alias_with_weights_takes_no_provisioned_concurrency_and_the_other_way_round(world: OverLambda) -> None:
    """The embedded AWS refuses both, so that the check above can be seen to be needed."""
    provision(world, "live")
    with pytest.raises(ForeignChange, match="Invalid alias configuration for Provisioned Concurrency"):
        world.shifter.change(world.target, TargetState(world.base), with_canary(world))
    world.client.delete_provisioned_concurrency_config(FunctionName="orders", Qualifier="live")
    world.becomes(with_canary(world))
    with pytest.raises(
        world.client.exceptions.InvalidParameterValueException,
        match="Alias with weights can not be used with Provisioned Concurrency",
    ):
        provision(world, "live")


def test_a_function_that_does_not_exist_is_missing(world: OverLambda) -> None:
    world.client.delete_function(FunctionName="orders")
    with pytest.raises(TargetMissing):
        world.shifter.read(world.target)
    with pytest.raises(TargetMissing):
        world.shifter.materialize(world.target, PUBLISHES, "r-1")


def test_each_version_has_a_series_within_the_alias_s(world: OverLambda) -> None:
    series = world.shifter.series(world.target, None)
    alias = {"FunctionName": "orders", "Resource": "orders:live"}
    assert ({**alias, "ExecutedVersion": world.base}, {**alias, "ExecutedVersion": CANDIDATE}) == (
        series.base,
        series.canary,
    )


def provision(world: OverLambda, qualifier: str) -> None:
    world.client.put_provisioned_concurrency_config(
        FunctionName="orders", Qualifier=qualifier, ProvisionedConcurrentExecutions=5
    )
