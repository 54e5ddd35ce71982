"""What `Waker` promises, kept by the Step Functions adapter and by its fake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

import pytest
from botocore.stub import Stubber

from rollout.adapters.stepfunctions import StepFunctionsWaker
from rollout.errors import NotAllowed, RolloutError, Unavailable
from rollout.ports import Waker
from rollout_simulator.fakes import FakeWaker
from tests.contract.aws import client, in_trouble


class World(Protocol):
    """A workflow that waits behind the token `t-1`."""

    @property
    def waker(self) -> Waker: ...

    def is_awake(self) -> bool: ...

    def failing(self, error: type[RolloutError]) -> AbstractContextManager[None]: ...


class OverStepFunctions:
    def __init__(self, stub: Stubber) -> None:
        self.stub = stub
        self.waker = StepFunctionsWaker(client("stepfunctions"))
        stub.add_response("send_task_success", {}, {"taskToken": "t-1", "output": '{"woken": true}'})

    def is_awake(self) -> bool:
        self.stub.assert_no_pending_responses()
        return True

    @contextmanager
    def failing(self, error: type[RolloutError]) -> Iterator[None]:
        code, status = {NotAllowed: ("AccessDeniedException", 400), Unavailable: ("ThrottlingException", 400)}[error]
        self.stub._queue.clear()  # type: ignore[attr-defined]
        self.stub.add_client_error("send_task_success", code, "as the test wants", status)
        yield


class InMemory:
    def __init__(self) -> None:
        self.fake = FakeWaker()
        self.waker = self.fake

    def is_awake(self) -> bool:
        return self.fake.woken == ["t-1"]

    def failing(self, error: type[RolloutError]) -> AbstractContextManager[None]:
        return in_trouble(self.fake, error)


@pytest.fixture(params=["adapter", "fake"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "fake":
        yield InMemory()
        return
    with Stubber(client("stepfunctions")) as stub:
        yield OverStepFunctions(stub)


def test_the_workflow_behind_the_token_is_woken(world: World) -> None:
    world.waker.wake("t-1")
    assert world.is_awake()


@pytest.mark.parametrize("error", [NotAllowed, Unavailable])
def test_what_aws_denies_or_fails_is_called_so(world: World, error: type[RolloutError]) -> None:
    with world.failing(error), pytest.raises(error, match="as the test wants"):
        world.waker.wake("t-1")


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
def test_a_token_whose_wait_has_ended_is_no_error(code: str) -> None:
    with Stubber(client("stepfunctions")) as stub:
        stub.add_client_error("send_task_success", code)
        StepFunctionsWaker(client("stepfunctions")).wake("t-1")
        stub.assert_no_pending_responses()
