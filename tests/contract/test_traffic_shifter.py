"""What every `TrafficShifter` promises, kept by the API Gateway adapter and by its twin."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any, Protocol

import pytest

from rollout.adapters.apigateway_stage import ApiGatewayStage
from rollout.core.rollout import Candidate
from rollout.core.target import Canary, Target, TargetState
from rollout.errors import ForeignChange, NotAllowed, Refused, RolloutError, TargetMissing, Unavailable
from rollout.ports import TrafficShifter
from rollout_simulator.repairs import apigateway_canary
from rollout_simulator.twins import ShifterTwin
from tests.contract.aws import client, refusing

VARIABLES = {"lambdaAlias": "live", "table": "orders"}


class World(Protocol):
    """A stage `prod` on deployment `base`, with `VARIABLES`, beside a deployment `next`."""

    @property
    def shifter(self) -> TrafficShifter: ...

    @property
    def target(self) -> Target: ...

    @property
    def base(self) -> str: ...

    @property
    def next(self) -> str: ...

    def becomes(self, state: TargetState) -> None:
        """Somebody else changes the stage."""

    def delete_stage(self) -> None: ...

    def failing(self, error: type[RolloutError]) -> AbstractContextManager[None]: ...


class OverApiGateway:
    def __init__(self) -> None:
        self.client = client("apigateway")
        self.shifter = ApiGatewayStage(self.client)
        self.api = self.client.create_rest_api(name="orders")["id"]
        self.target = Target("apigateway-stage", {"restApiId": self.api, "stageName": "prod"})
        root = self.client.get_resources(restApiId=self.api)["items"][0]["id"]
        method = {"restApiId": self.api, "resourceId": root, "httpMethod": "GET"}
        self.client.put_method(**method, authorizationType="NONE")
        self.client.put_integration(**method, type="MOCK")
        self.base = self.client.create_deployment(restApiId=self.api)["id"]
        self.next = self.client.create_deployment(restApiId=self.api)["id"]
        self.client.create_stage(
            restApiId=self.api, stageName="prod", deploymentId=self.base, variables=dict(VARIABLES)
        )

    def becomes(self, state: TargetState) -> None:
        stage = self.client.get_stage(restApiId=self.api, stageName="prod")
        operations = [("replace", "/deploymentId", state.base)]
        operations += [("replace", f"/variables/{name}", value) for name, value in state.variables.items()]
        if "canarySettings" in stage:
            operations.append(("remove", "/canarySettings", ""))
        if state.canary is not None:
            operations += [
                ("replace", "/canarySettings/deploymentId", state.canary.revision),
                ("replace", "/canarySettings/percentTraffic", str(state.canary.weight_percent)),
            ]
            operations += [
                ("replace", f"/canarySettings/stageVariableOverrides/{name}", value)
                for name, value in state.canary.overrides.items()
            ]
        self.client.update_stage(
            restApiId=self.api,
            stageName="prod",
            patchOperations=[{"op": op, "path": path, "value": value} for op, path, value in operations],
        )

    def delete_stage(self) -> None:
        self.client.delete_stage(restApiId=self.api, stageName="prod")

    def failing(self, error: type[RolloutError]) -> AbstractContextManager[None]:
        code, status = {
            NotAllowed: ("AccessDeniedException", 403),
            Unavailable: ("TooManyRequestsException", 429),
        }[error]
        return refusing("apigateway", code, status)


class InMemory:
    def __init__(self) -> None:
        self.twin = ShifterTwin()
        self.shifter = self.twin
        self.target = Target("apigateway-stage", {"restApiId": "a1b2c3d4e5", "stageName": "prod"})
        self.base, self.next = "dep-1", "dep-2"
        self.twin.deploy(self.target, self.next)
        self.twin.put(self.target, TargetState(self.base, None, VARIABLES))

    def becomes(self, state: TargetState) -> None:
        self.twin.put(self.target, state)

    def delete_stage(self) -> None:
        self.twin.delete(self.target)

    @contextmanager
    def failing(self, error: type[RolloutError]) -> Iterator[None]:
        self.twin.trouble = error("as the test wants")
        yield
        self.twin.trouble = None


@pytest.fixture(params=["adapter", "twin"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "twin":
        yield InMemory()
    else:
        request.getfixturevalue("aws")
        with apigateway_canary.repaired():
            yield OverApiGateway()


def found(world: World) -> TargetState:
    return TargetState(world.base, None, VARIABLES)


def with_canary(world: World, weight: str = "5", **overrides: str) -> TargetState:
    return replace(found(world), canary=Canary(world.next, Decimal(weight), overrides or {"lambdaAlias": "next"}))


def moved(world: World, wanted: TargetState) -> TargetState:
    """The state after a change from the one that is there."""
    world.shifter.change(world.target, world.shifter.read(world.target), wanted)
    return world.shifter.read(world.target)


def names_a_deployment(world: World) -> Candidate:
    return Candidate(world.next, {})


NAMES_NONE = Candidate(None, {})


# --- read --------------------------------------------------------------------------------------------------------


def test_a_stage_without_a_canary_is_its_deployment_and_its_variables(world: World) -> None:
    assert found(world) == world.shifter.read(world.target)


def test_a_canary_that_somebody_else_made_is_read_as_it_is(world: World) -> None:
    world.becomes(with_canary(world, "12.5", lambdaAlias="theirs"))
    assert with_canary(world, "12.5", lambdaAlias="theirs") == world.shifter.read(world.target)


def test_a_stage_that_does_not_exist_is_missing(world: World) -> None:
    world.delete_stage()
    with pytest.raises(TargetMissing, match="prod"):
        world.shifter.read(world.target)


# --- verify and materialize --------------------------------------------------------------------------------------


def test_a_deployment_that_exists_is_verified(world: World) -> None:
    world.shifter.verify(world.target, names_a_deployment(world))
    assert found(world) == world.shifter.read(world.target)


def test_a_candidate_that_names_no_deployment_is_verified(world: World) -> None:
    world.shifter.verify(world.target, NAMES_NONE)


def test_a_deployment_that_does_not_exist_is_refused_and_named(world: World) -> None:
    with pytest.raises(Refused, match=r"candidate\.deploymentId: nowhere .* leave it out"):
        world.shifter.verify(world.target, Candidate("nowhere", {}))


def test_the_revision_of_a_candidate_that_names_one_is_that_one(world: World) -> None:
    assert world.next == world.shifter.materialize(world.target, names_a_deployment(world), "r-1")


def test_a_made_revision_is_new_and_leaves_the_stage_alone(world: World) -> None:
    made = world.shifter.materialize(world.target, NAMES_NONE, "r-1")
    assert made not in {world.base, world.next}
    assert found(world) == world.shifter.read(world.target)


def test_a_made_revision_is_found_again_by_its_stamp(world: World) -> None:
    made = world.shifter.materialize(world.target, NAMES_NONE, "r-1")
    assert made == world.shifter.materialize(world.target, NAMES_NONE, "r-1")
    assert made != world.shifter.materialize(world.target, NAMES_NONE, "r-2")


def test_a_made_revision_can_go_live(world: World) -> None:
    made = world.shifter.materialize(world.target, NAMES_NONE, "r-1")
    wanted = replace(found(world), canary=Canary(made, Decimal(5)))
    assert wanted == moved(world, wanted)


# --- change ------------------------------------------------------------------------------------------------------


def test_a_canary_is_created_as_wanted(world: World) -> None:
    assert with_canary(world) == moved(world, with_canary(world))


def test_a_canary_may_use_the_stage_cache(world: World) -> None:
    wanted = replace(found(world), canary=Canary(world.next, Decimal(5), {}, use_stage_cache=True))
    assert wanted == moved(world, wanted)


@pytest.mark.parametrize("weight", ["0.01", "0.1", "12.5", "50", "99.99"])
def test_weights_are_exact(world: World, weight: str) -> None:
    moved(world, with_canary(world))
    assert with_canary(world, weight) == moved(world, with_canary(world, weight))


def test_a_promotion_merges_the_overrides_and_keeps_the_other_variables(world: World) -> None:
    moved(world, with_canary(world))
    promoted = TargetState(world.next, None, {"lambdaAlias": "next", "table": "orders"})
    assert promoted == moved(world, with_canary(world).promoted())


def test_a_canary_without_overrides_is_promoted_with_the_variables_as_they_are(world: World) -> None:
    wanted = replace(found(world), canary=Canary(world.next, Decimal(5)))
    moved(world, wanted)
    assert TargetState(world.next, None, VARIABLES) == moved(world, wanted.promoted())


def test_a_canary_of_variables_alone_is_promoted(world: World) -> None:
    wanted = replace(found(world), canary=Canary(world.base, Decimal(5), {"lambdaAlias": "next"}))
    moved(world, wanted)
    promoted = TargetState(world.base, None, {"lambdaAlias": "next", "table": "orders"})
    assert promoted == moved(world, wanted.promoted())


def test_a_canary_is_removed(world: World) -> None:
    moved(world, with_canary(world))
    assert found(world) == moved(world, found(world))


def test_a_canary_of_variables_alone_is_removed(world: World) -> None:
    moved(world, replace(found(world), canary=Canary(world.base, Decimal(5), {"lambdaAlias": "next"})))
    assert found(world) == moved(world, found(world))


def test_a_promotion_is_undone_with_its_variables(world: World) -> None:
    moved(world, with_canary(world, lambdaAlias="next", added="by the canary"))
    moved(world, world.shifter.read(world.target).promoted())
    assert found(world) == moved(world, found(world))


def test_a_promotion_that_broke_off_half_way_is_finished(world: World) -> None:
    canary = with_canary(world)
    world.becomes(replace(canary.promoted(), canary=canary.canary))
    assert canary.promoted() == moved(world, canary.promoted())


def test_a_promotion_that_broke_off_half_way_is_undone(world: World) -> None:
    canary = with_canary(world)
    world.becomes(replace(canary.promoted(), canary=canary.canary))
    assert found(world) == moved(world, found(world))


def test_a_deployment_that_was_deleted_cannot_become_a_canary(world: World) -> None:
    wanted = replace(found(world), canary=Canary("nowhere", Decimal(5)))
    with pytest.raises(ForeignChange):
        moved(world, wanted)
    assert found(world) == world.shifter.read(world.target)


@pytest.mark.parametrize("overrides", [{}, {"lambdaAlias": "next"}])
def test_a_canary_that_was_removed_while_being_shifted_is_not_resurrected(
    world: World, overrides: dict[str, str]
) -> None:
    seen = replace(found(world), canary=Canary(world.next, Decimal(5), overrides))
    with pytest.raises(ForeignChange):
        world.shifter.change(world.target, seen, seen.with_weight(Decimal(25)))
    assert found(world) == world.shifter.read(world.target)


def test_a_canary_of_variables_alone_that_was_removed_while_being_shifted_is_not_resurrected(world: World) -> None:
    seen = replace(found(world), canary=Canary(world.base, Decimal(5), {"lambdaAlias": "next"}))
    with pytest.raises(ForeignChange):
        world.shifter.change(world.target, seen, seen.with_weight(Decimal(25)))
    assert found(world) == world.shifter.read(world.target)


def test_a_canary_that_was_removed_while_being_promoted_is_not_promoted(world: World) -> None:
    seen = with_canary(world)
    with pytest.raises(ForeignChange):
        world.shifter.change(world.target, seen, seen.promoted())
    assert found(world) == world.shifter.read(world.target)


def test_a_canary_that_was_replaced_while_being_shifted_is_reported(world: World) -> None:
    seen = with_canary(world)
    world.becomes(replace(found(world), canary=Canary(world.next, Decimal(5), {"lambdaAlias": "theirs"})))
    with pytest.raises(ForeignChange):
        world.shifter.change(world.target, seen, seen.with_weight(Decimal(25)))


# --- series ------------------------------------------------------------------------------------------------------


def test_the_canary_has_a_series_of_its_own(world: World) -> None:
    series = world.shifter.series(world.target, None)
    assert ("prod", "prod/Canary") == (series.base["Stage"], series.canary["Stage"])


def test_the_series_of_the_canary_is_what_the_request_says(world: World) -> None:
    series = world.shifter.series(world.target, "{stage}-canary")
    assert ("prod", "prod-canary") == (series.base["Stage"], series.canary["Stage"])


# --- what goes wrong ---------------------------------------------------------------------------------------------


def calls(world: World) -> dict[str, Any]:
    state = found(world)
    return {
        "read": lambda: world.shifter.read(world.target),
        "verify": lambda: world.shifter.verify(world.target, names_a_deployment(world)),
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


def test_a_stage_deleted_while_being_changed_is_missing(world: World) -> None:
    world.delete_stage()
    with pytest.raises(TargetMissing):
        calls(world)["change"]()


# --- API Gateway alone -------------------------------------------------------------------------------------------


@pytest.fixture
def gateway(aws: None) -> Iterator[OverApiGateway]:
    with apigateway_canary.repaired():
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
