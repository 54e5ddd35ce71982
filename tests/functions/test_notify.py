"""Notify: tell people what has become of a rollout, once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from moto.sns.models import sns_backends

from rollout_simulator.embedded_aws import EmbeddedAws
from rollout_simulator.faults import Fault
from rollout_simulator.template import ACCOUNT, REGION
from tests.workflow.world import sample

Json = dict[str, Any]
EVENT = sample("notify")


@dataclass(frozen=True, slots=True)
class Listening:
    """The controller deployed, and somebody who has subscribed to the notification topic."""

    aws: EmbeddedAws
    queue: str

    @property
    def topic(self) -> str:
        return self.aws.deployment.outputs["NotificationTopicArn"]

    def notify(self, event: Json = EVENT) -> Json:
        """Invoke the function; what it answers."""
        answer = self.aws.client("lambda").invoke(
            FunctionName=self.aws.deployment.physical["NotifyFunction"], Payload=json.dumps(event)
        )
        return dict(json.loads(answer["Payload"].read()))

    def put(self, event: Json = EVENT) -> None:
        """Put the event on the bus, and let the world settle."""
        entry = {"Source": "rollout.pilot", "DetailType": event["detail-type"], "Detail": json.dumps(event["detail"])}
        self.aws.client("events").put_events(Entries=[entry])
        self.settle()

    def settle(self, minutes: int = 0) -> None:
        self.aws.clock.sleep(1 + 60 * minutes)

    def heard(self) -> list[Json]:
        """What has come to the topic since it was last asked."""
        messages = self.aws.client("sqs").receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
        bodies = [json.loads(message["Body"]) for message in messages.get("Messages", [])]
        for message in messages.get("Messages", []):
            self.aws.client("sqs").delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def undelivered(self) -> list[Json]:
        url = self.aws.deployment.outputs["UndeliveredEventsUrl"]
        return list(self.aws.client("sqs").receive_message(QueueUrl=url).get("Messages", []))


@contextmanager
def listening(**parameters: str) -> Iterator[Listening]:
    with EmbeddedAws(parameters=parameters) as aws:
        queue = aws.client("sqs").create_queue(QueueName="people")["QueueUrl"]
        aws.client("sns").subscribe(
            TopicArn=aws.deployment.outputs["NotificationTopicArn"],
            Protocol="sqs",
            Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:people",
        )
        yield Listening(aws, queue)


@pytest.fixture
def controller() -> Iterator[Listening]:
    with listening() as at:
        yield at


def again(number: int) -> Json:
    """The event of another transition."""
    return {**EVENT, "detail": {**EVENT["detail"], "eventId": f"r-1/{number}/HELD"}}


def test_a_transition_reaches_people_in_words(controller: Listening) -> None:
    controller.put(again(1))
    (message,) = controller.heard()
    assert message["Subject"].startswith("Rollout held, needs you: ")
    assert "rollout approve low-traffic-rollout --step 1" in message["Message"]


def test_an_event_that_comes_again_is_told_once(controller: Listening) -> None:
    controller.put(again(2))
    controller.put(again(2))
    assert {"eventId": "r-1/2/HELD"} == controller.notify(again(2))
    assert 1 == len(controller.heard())


def test_a_transition_that_nobody_chose_is_not_told(controller: Listening) -> None:
    baking = {**EVENT["detail"], "state": "BAKING", "eventId": "r-1/3/BAKING"}
    controller.put({**EVENT, "detail": baking})
    assert [] == controller.heard()


def test_what_sns_does_not_take_is_told_later_and_once(controller: Listening) -> None:
    outage = Fault("sns", "Publish", error="InternalErrorException", times=1)
    controller.aws.faults.inject(outage)
    controller.put(again(4))
    assert [] == controller.heard()
    controller.settle(minutes=2)
    assert 1 == len(controller.heard())
    controller.put(again(4))
    assert [] == controller.heard()


def test_what_cannot_be_told_at_all_is_kept_for_a_person_to_see() -> None:
    with listening() as at:
        at.aws.faults.inject(Fault("sns", "Publish", error="AuthorizationErrorException"))
        at.put()
        at.settle(minutes=5)
        (kept,) = at.undelivered()
        assert EVENT["detail"]["eventId"] == json.loads(kept["Body"])["detail"]["eventId"]


def test_people_choose_of_which_transitions_they_are_told() -> None:
    with listening(NotifyOn="PREPARED,ROLLED_BACK") as at:
        at.put()
        assert [] == at.heard()
        at.put({**EVENT, "detail": {**EVENT["detail"], "state": "ROLLED_BACK"}})
        assert ["ROLLED_BACK" in message["Subject"].upper().replace(" ", "_") for message in at.heard()] == [True]


def test_a_chat_gets_a_custom_notification_and_e_mail_the_text() -> None:
    with listening(NotificationFormat="chat") as at:
        at.put()
        (message,) = at.heard()
        (published,) = sns_backends[ACCOUNT][REGION].topics[at.topic].sent_notifications
    chat = json.loads(message["Message"])
    assert ("1.0", "custom") == (chat["version"], chat["source"])
    assert EVENT["detail"]["rolloutId"] == chat["metadata"]["threadId"]
    assert any("rollout approve" in step for step in chat["content"]["nextSteps"])
    assert "What you can do now" in json.loads(published[1])["email"]
