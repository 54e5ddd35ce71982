"""What `Notifier` promises, kept by the EventBridge adapter and by its fake."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from typing import Protocol

import pytest
from botocore.stub import Stubber

from rollout.adapters.eventbridge import EventBridgeNotifier
from rollout.core.target import Json
from rollout.errors import NotAllowed, RolloutError, Unavailable
from rollout.ports import Notifier
from rollout_simulator.fakes import FakeNotifier
from tests.contract.aws import client, in_trouble, refusing

EXECUTION = "arn:aws:states:eu-central-1:123456789012:execution:rollout:r-1"


class World(Protocol):
    """A world that listens."""

    @property
    def notifier(self) -> Notifier: ...

    def heard(self) -> list[Json]: ...

    def failing(self, error: type[RolloutError]) -> AbstractContextManager[None]: ...


class OverEventBridge:
    """A bus, and a queue that hears all that is sent to it."""

    def __init__(self) -> None:
        self.notifier = EventBridgeNotifier(client("events"), "rollouts")
        self.queue = client("sqs").create_queue(QueueName="heard")["QueueUrl"]
        client("events").create_event_bus(Name="rollouts")
        client("events").put_rule(
            Name="all",
            EventBusName="rollouts",
            EventPattern=json.dumps({"source": ["rollout.pilot"], "detail-type": ["Rollout State Changed"]}),
        )
        arn = "arn:aws:sqs:eu-central-1:123456789012:heard"
        client("events").put_targets(Rule="all", EventBusName="rollouts", Targets=[{"Id": "queue", "Arn": arn}])

    def heard(self) -> list[Json]:
        details = []
        while messages := client("sqs").receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            details += [json.loads(message["Body"])["detail"] for message in messages]
        return details

    def failing(self, error: type[RolloutError]) -> AbstractContextManager[None]:
        code, status = {NotAllowed: ("AccessDeniedException", 400), Unavailable: ("InternalException", 500)}[error]
        return refusing("events", code, status)


class InMemory:
    def __init__(self) -> None:
        self.fake = FakeNotifier()
        self.notifier = self.fake

    def heard(self) -> list[Json]:
        return self.fake.published

    def failing(self, error: type[RolloutError]) -> AbstractContextManager[None]:
        return in_trouble(self.fake, error)


@pytest.fixture(params=["adapter", "fake"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "fake":
        return InMemory()
    request.getfixturevalue("aws")
    return OverEventBridge()


def event(number: int = 1) -> Json:
    return {"eventId": f"r-1/{number}/BAKING", "execution": EXECUTION, "weightPercent": 12.5, "reason": "canary at 5 %"}


def test_an_event_is_heard_as_it_was_told(world: World) -> None:
    world.notifier.publish([event()])
    assert [event()] == world.heard()


def test_more_events_than_one_call_takes_are_all_heard_in_order(world: World) -> None:
    told = [event(number) for number in range(23)]
    world.notifier.publish(told)
    assert told == world.heard()


def test_nothing_to_tell_is_no_error(world: World) -> None:
    world.notifier.publish([])
    assert [] == world.heard()


@pytest.mark.parametrize("error", [NotAllowed, Unavailable])
def test_what_aws_denies_or_fails_is_called_so(world: World, error: type[RolloutError]) -> None:
    with world.failing(error), pytest.raises(error, match="as the test wants"):
        world.notifier.publish([event()])
    assert [] == world.heard()


def test_an_event_that_the_bus_did_not_take_is_no_success() -> None:
    with Stubber(client("events")) as stub:
        taken = {"Entries": [{"EventId": "1"}, {"ErrorCode": "ThrottlingException"}], "FailedEntryCount": 1}
        stub.add_response("put_events", taken)
        with pytest.raises(Unavailable, match="1 events failed: ThrottlingException"):
            EventBridgeNotifier(client("events"), "rollouts").publish([event(1), event(2)])
