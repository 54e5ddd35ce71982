"""What `Executions` promises, kept by the Step Functions adapter and by its fake."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Protocol

import pytest
from botocore.stub import Stubber

from rollout.adapters.stepfunctions import StepFunctionsExecutions
from rollout.core.target import Json
from rollout.errors import NotAllowed, Refused, RolloutError, Unavailable
from rollout.ports import Executions, ExecutionState
from rollout_simulator.fakes import FakeExecutions
from tests.contract.aws import NOW, client, in_trouble

MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:rollout"
ARN = "arn:aws:states:eu-central-1:123456789012:execution:rollout:r-1"
STOPPED = NOW + timedelta(minutes=5)
REQUEST: Json = {"continue": "r-1"}


class World(Protocol):
    """What the executions of a state machine are asked, once each."""

    @property
    def executions(self) -> Executions: ...

    def running(self) -> None: ...

    def failed(self, error: str, cause: str) -> None: ...

    def missing(self) -> None: ...

    def startable(self) -> None: ...

    def taken(self) -> None: ...

    def is_started(self) -> bool: ...

    def failing(self, error: type[RolloutError]) -> AbstractContextManager[None]: ...


class OverStepFunctions:
    def __init__(self, stub: Stubber) -> None:
        self.stub = stub
        self.executions = StepFunctionsExecutions(client("stepfunctions"), MACHINE)

    def _described(self, status: str, **more: object) -> None:
        shown = {"executionArn": ARN, "stateMachineArn": MACHINE, "status": status, "startDate": NOW, **more}
        self.stub.add_response("describe_execution", shown, {"executionArn": ARN})

    def running(self) -> None:
        self._described("RUNNING")

    def failed(self, error: str, cause: str) -> None:
        self._described("FAILED", stopDate=STOPPED, error=error, cause=cause)

    def missing(self) -> None:
        self.stub.add_client_error("describe_execution", "ExecutionDoesNotExist")

    def startable(self) -> None:
        asked = {"stateMachineArn": MACHINE, "name": "r-1-p2", "input": json.dumps(REQUEST)}
        self.stub.add_response("start_execution", {"executionArn": ARN, "startDate": NOW}, asked)

    def taken(self) -> None:
        self.stub.add_client_error("start_execution", "ExecutionAlreadyExists")

    def is_started(self) -> bool:
        self.stub.assert_no_pending_responses()
        return True

    @contextmanager
    def failing(self, error: type[RolloutError]) -> Iterator[None]:
        code = {NotAllowed: "AccessDeniedException", Unavailable: "ThrottlingException"}[error]
        for operation in ("describe_execution", "start_execution"):
            self.stub.add_client_error(operation, code, "as the test wants")
        yield


class InMemory:
    def __init__(self) -> None:
        self.fake = FakeExecutions()
        self.executions = self.fake

    def running(self) -> None:
        self.fake.run(ARN)

    def failed(self, error: str, cause: str) -> None:
        self.fake.end(ARN, "FAILED", STOPPED, error, cause)

    def missing(self) -> None:
        pass

    def startable(self) -> None:
        pass

    def taken(self) -> None:
        self.fake.start("r-1-p2", {"another": "input"})

    def is_started(self) -> bool:
        return self.fake.started == [("r-1-p2", REQUEST)]

    def failing(self, error: type[RolloutError]) -> AbstractContextManager[None]:
        return in_trouble(self.fake, error)


@pytest.fixture(params=["adapter", "fake"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "fake":
        yield InMemory()
        return
    with Stubber(client("stepfunctions")) as stub:
        yield OverStepFunctions(stub)


def test_an_execution_that_runs_is_running(world: World) -> None:
    world.running()
    assert ExecutionState("RUNNING") == world.executions.state(ARN)


def test_an_execution_that_ended_tells_when_and_why(world: World) -> None:
    world.failed("States.Timeout", "too long")
    assert ExecutionState("FAILED", STOPPED, "States.Timeout", "too long") == world.executions.state(ARN)


def test_an_execution_that_does_not_exist_is_missing(world: World) -> None:
    world.missing()
    assert ExecutionState("MISSING") == world.executions.state(ARN)


def test_an_execution_is_started_with_its_name_and_input(world: World) -> None:
    world.startable()
    world.executions.start("r-1-p2", REQUEST)
    assert world.is_started()


def test_the_same_execution_again_is_no_error(world: World) -> None:
    world.startable()
    world.startable()
    world.executions.start("r-1-p2", REQUEST)
    world.executions.start("r-1-p2", REQUEST)
    assert world.is_started()


def test_a_name_that_is_taken_is_refused(world: World) -> None:
    world.taken()
    with pytest.raises(Refused, match="r-1-p2"):
        world.executions.start("r-1-p2", REQUEST)


@pytest.mark.parametrize("error", [NotAllowed, Unavailable])
def test_what_aws_denies_or_fails_is_called_so(world: World, error: type[RolloutError]) -> None:
    with world.failing(error):
        with pytest.raises(error, match="as the test wants"):
            world.executions.state(ARN)
        with pytest.raises(error, match="as the test wants"):
            world.executions.start("r-1-p2", REQUEST)
