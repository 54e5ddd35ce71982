"""Histories in pages, and their limit."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.simulator.moto_patches.world import World, opened

LOOP = {
    "Begin": {"Type": "Pass", "Assign": {"n": 0}, "Next": "Count"},
    "Count": {"Type": "Pass", "Assign": {"n": "{% $n + 1 %}"}, "Next": "Enough?"},
    "Enough?": {
        "Type": "Choice",
        "Choices": [{"Condition": "{% $n >= 100 %}", "Next": "Done"}],
        "Default": "Count",
    },
    "Done": {"Type": "Succeed"},
}


def pages(world: World, execution: str, **wanted: Any) -> list[list[int]]:
    found: list[list[int]] = []
    token: dict[str, str] = {}
    while True:
        page = world.client("stepfunctions").get_execution_history(executionArn=execution, **wanted, **token)
        found.append([event["id"] for event in page["events"]])
        if "nextToken" not in page:
            return found
        token = {"nextToken": page["nextToken"]}


def test_a_history_comes_in_pages_in_either_order() -> None:
    with opened() as world:
        execution = world.run(LOOP)["executionArn"]
        default = pages(world, execution)
        assert len(default[0]) == 100
        events = [number for page in default for number in page]
        assert events == list(range(1, len(events) + 1))
        assert pages(world, execution, maxResults=1000, reverseOrder=True) == [events[::-1]]
        assert pages(world, execution, maxResults=3)[1] == [4, 5, 6]
        with pytest.raises(ClientError, match="InvalidToken"):
            world.client("stepfunctions").get_execution_history(executionArn=execution, nextToken="what?")


def test_a_history_that_is_full_fails_the_execution() -> None:
    with opened(most_events=50) as world:
        described = world.run(LOOP)
        assert (described["status"], described["error"]) == ("FAILED", "States.Runtime")
        assert "maximum number of history events (50)" in described["cause"]
        history = pages(world, described["executionArn"], maxResults=1000)[0]
        assert len(history) == 50


def test_unless_told_otherwise_there_is_room_for_25000() -> None:
    with opened() as world:
        assert world.run(LOOP)["status"] == "SUCCEEDED"
