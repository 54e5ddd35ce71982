"""What `Controllers` promises, kept by the adapter over tags and by its fake."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

import pytest

from rollout.adapters.tagged_controllers import TaggedControllers
from rollout.core.controllers import Controller
from rollout.errors import NotAllowed, RolloutError, Unavailable
from rollout.ports import Controllers
from rollout_simulator.fakes import FakeControllers
from tests.contract.aws import client, in_trouble, refusing

OWN = Controller("shop", rest_api="a1b2c3d4e5")
DEFINITION = json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}})


class World(Protocol):
    """Controllers that hear the bus `orders`."""

    controllers: Controllers

    def deploy(self, controller: Controller) -> None: ...

    def failing(self, error: type[RolloutError]) -> AbstractContextManager[None]: ...


class OverAws:
    def __init__(self) -> None:
        self.workflow = client("stepfunctions")
        self.controllers = TaggedControllers(client("resourcegroupstaggingapi"), OWN, "orders")
        self.deploy(OWN)

    def deploy(self, controller: Controller, bus: str = "orders") -> None:
        tags = {
            "application": controller.name,
            "rollout-pilot:controller": controller.name,
            "rollout-pilot:bus": bus,
            "rollout-pilot:rest-api": controller.rest_api.replace("*", "+"),
            "rollout-pilot:functions": controller.functions.replace("*", "+"),
        }
        self.machine(controller.name, tags)

    def machine(self, name: str, tags: dict[str, str]) -> None:
        self.workflow.create_state_machine(
            name=name,
            definition=DEFINITION,
            roleArn="arn:aws:iam::123456789012:role/r",
            tags=[{"key": key, "value": value} for key, value in tags.items()],
        )

    def failing(self, error: type[RolloutError]) -> AbstractContextManager[None]:
        answers = {NotAllowed: ("AccessDeniedException", 403), Unavailable: ("InternalServiceException", 500)}
        return refusing("resourcegroupstaggingapi", *answers[error])


class InMemory:
    def __init__(self) -> None:
        self.controllers = FakeControllers()
        self.controllers.own = OWN

    def deploy(self, controller: Controller) -> None:
        self.controllers.known.append(controller)

    def failing(self, error: type[RolloutError]) -> AbstractContextManager[None]:
        return in_trouble(self.controllers, error)


MAKERS: dict[str, Callable[[], Any]] = {"adapter": OverAws, "fake": InMemory}


@pytest.fixture(params=MAKERS)
def world(request: pytest.FixtureRequest, aws: None) -> World:
    made: World = MAKERS[request.param]()
    return made


def test_a_controller_alone_knows_itself_and_no_others(world: World) -> None:
    assert (world.controllers.own, list(world.controllers.others())) == (OWN, [])


@pytest.mark.parametrize(
    "other", [Controller("stock"), Controller("stock", rest_api="f6g7h8i9j0"), Controller("stock", functions="stock-*")]
)
def test_another_controller_is_known_with_what_it_may_roll_out(world: World, other: Controller) -> None:
    world.deploy(other)
    assert list(world.controllers.others()) == [other]


@pytest.mark.parametrize("error", [NotAllowed, Unavailable])
def test_others_that_cannot_be_looked_up_are_not_left_out(world: World, error: type[RolloutError]) -> None:
    with world.failing(error), pytest.raises(error):
        world.controllers.others()


def test_controllers_of_other_buses_and_other_state_machines_are_no_others(aws: None) -> None:
    world = OverAws()
    world.deploy(Controller("elsewhere"), bus="default")
    world.machine("billing", {"application": "billing"})
    assert list(world.controllers.others()) == []
