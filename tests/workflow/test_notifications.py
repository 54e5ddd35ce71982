"""People are told once of each transition that they chose, and what they are told to type works."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence

import pytest
from typer.testing import CliRunner

from rollout_cli.main import app
from rollout_simulator.faults import Fault, Mode
from rollout_simulator.template import ACCOUNT, REGION
from tests.workflow.world import World, world

CHOSEN = ("HELD", "PROMOTED", "ROLLED_BACK", "STOPPED", "REJECTED", "FAILED")
"""The template's default."""
SILENT = {"traffic": {"requests_per_second": 0.01}, "request": {"judge": {"maxBakeFactor": 1}}}


def subscribe(at: World) -> None:
    at.client("sqs").create_queue(QueueName="people")
    at.client("sns").subscribe(
        TopicArn=at.simulation.aws.deployment.outputs["NotificationTopicArn"],
        Protocol="sqs",
        Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:people",
    )


def heard(at: World) -> Sequence[str]:
    """The texts that people got, in order."""
    url = at.client("sqs").get_queue_url(QueueName="people")["QueueUrl"]
    messages = at.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    return [json.loads(message["Body"])["Message"] for message in messages.get("Messages", [])]


def test_each_chosen_transition_is_told_once_and_no_other() -> None:
    with world(candidate={"error_percent": 50.0}) as at:
        subscribe(at)
        at.simulation.start("r-1")
        at.ended(at.simulation.execution)
        at.ended(at.start({"target": at.target(), "plan": {"steps": []}}, name="r-2"))
        transitions = [
            f"{event['rolloutId']}: {event['state'].replace('_', ' ')}"
            for event in at.told()
            if event["state"] in CHOSEN
        ]
        assert transitions == ["r-1: ROLLED BACK", "r-2: REJECTED"]
        assert transitions == [text.splitlines()[0] for text in heard(at)]


@pytest.mark.slow
def test_what_is_shown_only_and_would_have_rolled_back_is_named_in_every_message_to_the_end() -> None:
    plan = {"steps": [{"weightPercent": 10, "bakeMinutes": 3}], "watchMinutes": 4}
    metrics = [{"name": "5XXError"}, {"name": "4XXError", "dryRun": True}]
    request = {"plan": plan, "judge": {"metrics": metrics}}
    with world(candidate={"client_error_percent": 40.0}, request=request) as at:
        subscribe(at)
        at.simulation.start("r-1")
        assert at.ended(at.simulation.execution)["status"] == "SUCCEEDED"
        sentence = re.compile(
            r"4XX is shown only, and would have rolled back \(canary \d+/\d+ \(\d\d\.\d\d%\) vs base "
        )
        reasons = {event["state"]: event["reason"] for event in at.told("r-1")}
        assert [state for state in reasons if sentence.search(reasons[state])] == ["BAKING", "WATCHING", "PROMOTED"]
        assert reasons["PROMOTED"].startswith("promoted, and watched for ")
        (message,) = heard(at)
        assert sentence.search(message)
        status = CliRunner().invoke(app, ["status", "r-1", "--region", REGION]).stdout
        report = CliRunner().invoke(app, ["report", "r-1", "--region", REGION]).stdout
    assert sentence.search(status)
    assert sentence.search(report)


@pytest.mark.slow
def test_what_would_have_rolled_back_is_named_by_a_rollback_for_another_cause() -> None:
    plan = {"steps": [{"weightPercent": 10, "bakeMinutes": 60}], "watchMinutes": 0}
    metrics = [{"name": "5XXError"}, {"name": "4XXError", "dryRun": True}]
    abort = {"at_minute": 12, "command": "abort", "reason": "wrong branch"}
    request = {"plan": plan, "judge": {"metrics": metrics}}
    with world(candidate={"client_error_percent": 40.0}, request=request, signals=[abort]) as at:
        at.simulation.start("r-1")
        at.ended(at.simulation.execution)
        last = at.told("r-1")[-1]
    assert last["state"] == "ROLLED_BACK"
    assert "wrong branch; 4XX is shown only, and would have rolled back (" in last["reason"]


def test_who_types_what_the_notification_says_moves_the_rollout() -> None:
    with world(**SILENT) as at:
        subscribe(at)
        execution = at.start(at.request())
        at.simulation.clock.run_until(lambda: bool(heard(at)))
        command = re.search(r"^  rollout (promote .*?)  #", heard(at)[0], re.MULTILINE)
        assert command
        typed = CliRunner().invoke(app, shlex.split(command[1]))
        assert (typed.exit_code, typed.output) == (0, "promote recorded for rollout r-1\n")
        assert at.ended(execution)["status"] == "SUCCEEDED"
        assert ["r-1: HELD", "r-1: PROMOTED"] == [text.splitlines()[0] for text in heard(at)]


@pytest.mark.slow
def test_an_end_that_the_bus_got_again_and_again_is_told_once() -> None:
    lost = Fault("events", "PutEvents", Mode.AFTER, caller="rollout-pilot-CloseFunction", times=5)
    with world() as at:
        subscribe(at)
        at.simulation.aws.faults.inject(lost)
        assert at.ended(at.start(at.request()))["status"] == "SUCCEEDED"
        ends = [event["eventId"] for event in at.told() if event["state"] == "PROMOTED"]
        assert (1, True) == (len(set(ends)), len(ends) > 1)
        assert ["r-1: PROMOTED"] == [text.splitlines()[0] for text in heard(at)]


@pytest.mark.slow
def test_a_topic_that_is_gone_keeps_no_rollout_from_its_end() -> None:
    with world() as at:
        at.client("sns").delete_topic(TopicArn=at.simulation.aws.deployment.outputs["NotificationTopicArn"])
        assert at.ended(at.start(at.request()))["status"] == "SUCCEEDED"
        assert at.holder() is None
