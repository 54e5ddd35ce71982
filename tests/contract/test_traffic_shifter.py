"""What every `TrafficShifter` promises, kept by the adapters of stages and aliases and by their fakes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from decimal import Decimal
from typing import Any, Protocol

import pytest

from rollout.core.rollout import Candidate
from rollout.core.target import Behind, Canary, Target, TargetState
from rollout.errors import ForeignChange, NotAllowed, Refused, RolloutError, TargetMissing, Unavailable
from rollout_simulator.moto_patches import apigateway_canary, lambda_alias
from tests.contract.aws import refusing
from tests.contract.shifters import InMemory, OverApiGateway, OverLambda, World


@pytest.fixture(params=["a stage", "a stage's fake", "an alias", "an alias's fake"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    yield from opened(request)


@pytest.fixture(params=["a stage", "a stage's fake"])
def stage(request: pytest.FixtureRequest) -> Iterator[World]:
    """For what only a stage can do: it has variables, which a canary overrides, and a cache."""
    yield from opened(request)


def opened(request: pytest.FixtureRequest) -> Iterator[World]:
    match request.param:
        case "a stage's fake":
            yield InMemory.stage()
        case "an alias's fake":
            yield InMemory.alias()
        case "an alias":
            request.getfixturevalue("aws")
            with lambda_alias.patched():
                yield OverLambda()
        case _:
            request.getfixturevalue("aws")
            with apigateway_canary.patched():
                yield OverApiGateway()


def found(world: World) -> TargetState:
    return TargetState(world.base, None, world.variables)


def with_canary(world: World, weight: str = "5", **overrides: str) -> TargetState:
    return replace(found(world), canary=Canary(world.next, Decimal(weight), overrides or world.overrides))


def moved(world: World, wanted: TargetState) -> TargetState:
    """The state after a change from the one that is there."""
    world.shifter.change(world.target, world.shifter.read(world.target), wanted)
    return world.shifter.read(world.target)


def names_a_revision(world: World) -> Candidate:
    return Candidate(world.next, {})


NAMES_NONE = Candidate(None, {})


# --- read --------------------------------------------------------------------------------------------------------


def test_a_target_without_a_canary_is_its_revision_and_its_variables(world: World) -> None:
    assert found(world) == world.shifter.read(world.target)


def test_a_canary_that_somebody_else_made_is_read_as_it_is(stage: World) -> None:
    stage.becomes(with_canary(stage, "12.5", lambdaAlias="theirs"))
    assert with_canary(stage, "12.5", lambdaAlias="theirs") == stage.shifter.read(stage.target)


def test_a_target_that_does_not_exist_is_missing(world: World) -> None:
    world.delete()
    with pytest.raises(TargetMissing, match=world.target.key):
        world.shifter.read(world.target)


# --- verify and materialize --------------------------------------------------------------------------------------


def test_a_revision_that_exists_is_verified(world: World) -> None:
    world.shifter.verify(world.target, names_a_revision(world))
    assert found(world) == world.shifter.read(world.target)


def test_a_candidate_that_names_no_revision_is_verified(world: World) -> None:
    world.shifter.verify(world.target, NAMES_NONE)


def test_a_revision_that_does_not_exist_is_refused_and_named(world: World) -> None:
    with pytest.raises(Refused, match=r"candidate\.(deploymentId|version): 99 .* leave it out"):
        world.shifter.verify(world.target, Candidate("99", {}))


def test_the_revision_of_a_candidate_that_names_one_is_that_one(world: World) -> None:
    assert world.next == world.shifter.materialize(world.target, names_a_revision(world), "r-1")


def test_a_made_revision_is_new_and_leaves_the_target_alone(world: World) -> None:
    made = world.shifter.materialize(world.target, NAMES_NONE, "r-1")
    assert made not in {world.base, world.next}
    assert found(world) == world.shifter.read(world.target)


def test_a_made_revision_is_found_again_by_its_stamp(world: World) -> None:
    made = world.shifter.materialize(world.target, NAMES_NONE, "r-1")
    assert made == world.shifter.materialize(world.target, NAMES_NONE, "r-1")


def test_each_rollout_of_a_stage_makes_a_deployment_of_its_own(stage: World) -> None:
    made = stage.shifter.materialize(stage.target, NAMES_NONE, "r-1")
    assert made != stage.shifter.materialize(stage.target, NAMES_NONE, "r-2")


def test_a_made_revision_can_go_live(world: World) -> None:
    made = world.shifter.materialize(world.target, NAMES_NONE, "r-1")
    wanted = replace(found(world), canary=Canary(made, Decimal(5)))
    assert wanted == moved(world, wanted)


# --- change ------------------------------------------------------------------------------------------------------


def test_a_canary_is_created_as_wanted(world: World) -> None:
    assert with_canary(world) == moved(world, with_canary(world))


def test_a_canary_may_use_the_stage_cache(stage: World) -> None:
    wanted = replace(found(stage), canary=Canary(stage.next, Decimal(5), {}, use_stage_cache=True))
    assert wanted == moved(stage, wanted)


@pytest.mark.parametrize("weight", ["0.01", "0.1", "12.5", "50", "99.99"])
def test_weights_are_exact(world: World, weight: str) -> None:
    moved(world, with_canary(world))
    assert with_canary(world, weight) == moved(world, with_canary(world, weight))


def test_a_promotion_merges_the_overrides_and_keeps_the_other_variables(stage: World) -> None:
    moved(stage, with_canary(stage))
    promoted = TargetState(stage.next, None, {"lambdaAlias": "next", "table": "orders"})
    assert promoted == moved(stage, with_canary(stage).promoted())


def test_a_canary_without_overrides_is_promoted_with_the_variables_as_they_are(world: World) -> None:
    wanted = replace(found(world), canary=Canary(world.next, Decimal(5)))
    moved(world, wanted)
    assert TargetState(world.next, None, world.variables) == moved(world, wanted.promoted())


def test_a_canary_of_variables_alone_is_promoted(stage: World) -> None:
    wanted = replace(found(stage), canary=Canary(stage.base, Decimal(5), {"lambdaAlias": "next"}))
    moved(stage, wanted)
    promoted = TargetState(stage.base, None, {"lambdaAlias": "next", "table": "orders"})
    assert promoted == moved(stage, wanted.promoted())


def test_a_canary_is_removed(world: World) -> None:
    moved(world, with_canary(world))
    assert found(world) == moved(world, found(world))


def test_a_canary_of_variables_alone_is_removed(stage: World) -> None:
    moved(stage, replace(found(stage), canary=Canary(stage.base, Decimal(5), {"lambdaAlias": "next"})))
    assert found(stage) == moved(stage, found(stage))


def test_a_promotion_is_undone_with_its_variables(stage: World) -> None:
    moved(stage, with_canary(stage, lambdaAlias="next", added="by the canary"))
    moved(stage, stage.shifter.read(stage.target).promoted())
    assert found(stage) == moved(stage, found(stage))


def test_a_promotion_that_broke_off_half_way_is_finished(stage: World) -> None:
    canary = with_canary(stage)
    stage.becomes(replace(canary.promoted(), canary=canary.canary))
    assert canary.promoted() == moved(stage, canary.promoted())


def test_a_promotion_that_broke_off_half_way_is_undone(stage: World) -> None:
    canary = with_canary(stage)
    stage.becomes(replace(canary.promoted(), canary=canary.canary))
    assert found(stage) == moved(stage, found(stage))


def test_a_revision_that_was_deleted_cannot_become_a_canary(world: World) -> None:
    wanted = replace(found(world), canary=Canary("99", Decimal(5)))
    with pytest.raises(ForeignChange):
        moved(world, wanted)
    assert found(world) == world.shifter.read(world.target)


@pytest.mark.parametrize("overrides", [{}, {"lambdaAlias": "next"}])
def test_a_canary_that_was_removed_while_being_shifted_is_not_resurrected(
    stage: World, overrides: dict[str, str]
) -> None:
    seen = replace(found(stage), canary=Canary(stage.next, Decimal(5), overrides))
    with pytest.raises(ForeignChange):
        stage.shifter.change(stage.target, seen, seen.with_weight(Decimal(25)))
    assert found(stage) == stage.shifter.read(stage.target)


def test_a_canary_of_variables_alone_that_was_removed_while_being_shifted_is_not_resurrected(stage: World) -> None:
    seen = replace(found(stage), canary=Canary(stage.base, Decimal(5), {"lambdaAlias": "next"}))
    with pytest.raises(ForeignChange):
        stage.shifter.change(stage.target, seen, seen.with_weight(Decimal(25)))
    assert found(stage) == stage.shifter.read(stage.target)


def test_a_canary_that_was_removed_while_being_promoted_is_not_promoted(world: World) -> None:
    seen = with_canary(world)
    with pytest.raises(ForeignChange):
        world.shifter.change(world.target, seen, seen.promoted())
    assert found(world) == world.shifter.read(world.target)


def test_a_canary_that_was_replaced_while_being_shifted_is_reported(stage: World) -> None:
    seen = with_canary(stage)
    stage.becomes(replace(found(stage), canary=Canary(stage.next, Decimal(5), {"lambdaAlias": "theirs"})))
    with pytest.raises(ForeignChange):
        stage.shifter.change(stage.target, seen, seen.with_weight(Decimal(25)))


def test_a_change_of_what_was_read_and_is_so_no_more_is_reported_and_not_made(world: World) -> None:
    seen = with_canary(world)
    world.becomes(replace(found(world), base=world.next))
    with pytest.raises(ForeignChange):
        world.shifter.change(world.target, seen, seen.promoted())
    assert replace(found(world), base=world.next) == world.shifter.read(world.target)


def test_the_path_of_a_change_is_told_beforehand_and_ends_where_it_is_to_end(world: World) -> None:
    path = list(world.shifter.transition_path(world.target, found(world), with_canary(world)))
    assert [with_canary(world)] == path
    assert [] == list(world.shifter.transition_path(world.target, found(world), found(world)))
    assert found(world) == world.shifter.read(world.target)


# --- series ------------------------------------------------------------------------------------------------------


def test_the_canary_has_a_series_of_its_own(stage: World) -> None:
    series = stage.shifter.series(stage.target, None)
    assert ("prod", "prod/Canary") == (series.base["Stage"], series.canary["Stage"])


def test_the_series_of_the_canary_is_what_the_request_says(stage: World) -> None:
    series = stage.shifter.series(stage.target, "{stage}-canary")
    assert ("prod", "prod-canary") == (series.base["Stage"], series.canary["Stage"])


# --- what goes wrong ---------------------------------------------------------------------------------------------


def calls(world: World) -> dict[str, Any]:
    state = found(world)
    return {
        "read": lambda: world.shifter.read(world.target),
        "verify": lambda: world.shifter.verify(world.target, names_a_revision(world)),
        "materialize": lambda: world.shifter.materialize(world.target, NAMES_NONE, "r-1"),
        "change": lambda: world.shifter.change(world.target, state, with_canary(world)),
        "series": lambda: world.shifter.series(world.target, None),
    }


@pytest.mark.parametrize("call", ["read", "verify", "materialize", "change", "series"])
@pytest.mark.parametrize("error", [NotAllowed, Unavailable])
def test_what_aws_denies_or_fails_is_called_so(world: World, call: str, error: type[RolloutError]) -> None:
    with world.failing(error), pytest.raises(error, match="as the test wants"):
        calls(world)[call]()
    assert found(world) == world.shifter.read(world.target)


def test_a_target_deleted_while_being_changed_is_missing(world: World) -> None:
    world.delete()
    with pytest.raises(TargetMissing):
        calls(world)["change"]()


# --- API Gateway alone -------------------------------------------------------------------------------------------


@pytest.fixture
def gateway(aws: None) -> Iterator[OverApiGateway]:
    with apigateway_canary.patched():
        yield OverApiGateway()


@pytest.mark.parametrize("call", ["materialize", "series"])
def test_an_api_that_does_not_exist_is_missing(gateway: OverApiGateway, call: str) -> None:
    gateway.client.delete_rest_api(restApiId=gateway.api)
    with pytest.raises(TargetMissing):
        calls(gateway)[call]()


def test_an_api_that_cannot_be_deployed_is_refused(gateway: OverApiGateway) -> None:
    gateway.api = gateway.client.create_rest_api(name="empty")["id"]
    target = Target("apigateway-stage", {"restApiId": gateway.api, "stageName": "prod"})
    with pytest.raises(Refused, match="method"):
        gateway.shifter.materialize(target, NAMES_NONE, "r-1")


def test_two_changes_of_the_api_at_once_are_no_foreign_change_of_the_stage(gateway: OverApiGateway) -> None:
    with refusing("apigateway", "ConflictException", 409), pytest.raises(Unavailable):
        calls(gateway)["change"]()


# --- a stage with function aliases behind it ---------------------------------------------------------------------

MOVES = Behind({"lambdaAlias": "next"}, {"orders:next": "2"}, {"orders:live": "2"})
MERGES = replace(MOVES, live={})


class WithAliases(Protocol):
    """A stage with a function `orders` behind it: versions 1 and 2, and the aliases `live` and `next` on version 1."""

    @property
    def stage(self) -> World: ...

    def point(self, alias: str, version: str) -> None:
        """Somebody else points the alias there."""


class OverAws:
    def __init__(self) -> None:
        self.function = OverLambda()
        self.function.client.create_alias(FunctionName="orders", Name="next", FunctionVersion="1")
        self.stage = OverApiGateway()

    def point(self, alias: str, version: str) -> None:
        self.function.client.update_alias(FunctionName="orders", Name=alias, FunctionVersion=version)


class AliasesInMemory:
    def __init__(self) -> None:
        self.stage = InMemory.stage()
        self._aliases = {"orders:live": "1", "orders:next": "1"}
        self._put()

    def point(self, alias: str, version: str) -> None:
        self._aliases = {**self.stage.fake.state(self.stage.target).aliases, f"orders:{alias}": version}
        self._put()

    def _put(self) -> None:
        fake, target = self.stage.fake, self.stage.target
        fake.put(target, replace(fake.state(target), aliases=self._aliases))


@pytest.fixture(params=["the adapter", "the fake"])
def behind(request: pytest.FixtureRequest) -> Iterator[WithAliases]:
    if request.param == "the fake":
        yield AliasesInMemory()
        return
    request.getfixturevalue("aws")
    with apigateway_canary.patched(), lambda_alias.patched():
        yield OverAws()


def changed(world: WithAliases, target: Target, *wanted: TargetState) -> TargetState:
    """The state after these changes, one after the other."""
    for state in wanted:
        world.stage.shifter.change(target, world.stage.shifter.read(target), state)
    return world.stage.shifter.read(target)


def states(world: WithAliases, behind: Behind) -> tuple[Target, TargetState, TargetState, TargetState]:
    """The target, as found, with its canary, promoted."""
    target = replace(world.stage.target, behind=behind)
    here = replace(found(world.stage), aliases=dict.fromkeys(behind.names, "1"))
    there = replace(with_canary(world.stage), aliases={**here.aliases, **behind.spare})
    return target, here, there, there.promoted(behind)


@pytest.mark.parametrize("mode", [MERGES, MOVES], ids=["merges", "moves"])
def test_aliases_behind_a_stage_are_read_moved_and_put_back_with_it(behind: WithAliases, mode: Behind) -> None:
    target, here, there, beyond = states(behind, mode)
    assert here == changed(behind, target)
    assert there == changed(behind, target, there)
    assert beyond == changed(behind, target, beyond)
    assert here == changed(behind, target, here)
    assert here == changed(behind, target, there, here)


def test_an_alias_that_somebody_moved_is_left_where_it_is(behind: WithAliases) -> None:
    target, here, there, _ = states(behind, MOVES)
    behind.point("next", "2")
    with pytest.raises(ForeignChange):
        behind.stage.shifter.change(target, here, there)
    assert {"orders:live": "1", "orders:next": "2"} == behind.stage.shifter.read(target).aliases


def test_the_aliases_behind_a_stage_are_read_only_where_the_rollout_moves_them(behind: WithAliases) -> None:
    assert {} == behind.stage.shifter.read(behind.stage.target).aliases


def test_an_alias_that_does_not_exist_is_missing_and_the_way_out_is_named(aws: None) -> None:
    with apigateway_canary.patched(), lambda_alias.patched():
        world = OverAws()
        target = replace(world.stage.target, behind=Behind({"lambdaAlias": "green"}, {"orders:green": "2"}))
        with pytest.raises(TargetMissing, match=r"alias green of function orders does not exist.*create it"):
            world.stage.shifter.read(target)


@pytest.mark.parametrize(
    ("prepare", "problem"),
    [
        (lambda world: world.function.publish("3"), ""),
        (lambda world: None, "3 is not a version of function orders; publish it first"),
        (
            lambda world: world.function.client.update_alias(
                FunctionName="orders", Name="next", RoutingConfig={"AdditionalVersionWeights": {"2": 0.25}}
            ),
            r"alias next of function orders shares its requests between versions \(1, 2 at 25 %\)",
        ),
    ],
    ids=["sound", "no such version", "weights"],
)
def test_versions_and_aliases_behind_a_stage_are_verified(aws: None, prepare: Any, problem: str) -> None:
    with apigateway_canary.patched(), lambda_alias.patched():
        world = OverAws()
        prepare(world)
        target = replace(world.stage.target, behind=Behind({"lambdaAlias": "next"}, {"orders:next": "3"}))
        with pytest.raises(Refused, match=problem) if problem else nullcontext():
            world.stage.shifter.verify(target, NAMES_NONE)
