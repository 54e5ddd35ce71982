"""FilterLogEvents as AWS answers it: by time, in pages that may be empty, with patterns that are refused when wrong."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from rollout_simulator.clients import client
from rollout_simulator.moto_patches import log_events
from rollout_simulator.moto_patches.log_events import SEARCHED, LogEvent, LogShelf

GROUP = "/aws/lambda/orders"
MINUTE = int(time.time()) // 60
NOW = MINUTE * 60_000
"""moto takes no events that are older than two weeks by the machine's own clock."""

Json = dict[str, Any]


@pytest.fixture
def shelf() -> Iterator[LogShelf]:
    with mock_aws(), log_events.patched(lambda: NOW) as shelf:
        yield shelf


def logs() -> Any:
    return client("logs", "us-east-1")


def put(stream: str, *messages: tuple[int, str]) -> None:
    """These lines, at so many ms before now."""
    logs().create_log_stream(logGroupName=GROUP, logStreamName=stream)
    events = [{"timestamp": NOW - before, "message": message} for before, message in messages]
    logs().put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events)


def found(**search: Any) -> Json:
    return dict(logs().filter_log_events(logGroupName=GROUP, **search))


def messages(**search: Any) -> list[str]:
    return [event["message"] for event in found(**search)["events"]]


def test_events_of_all_streams_come_by_time_those_that_are_made_and_those_that_were_put(shelf: LogShelf) -> None:
    logs().create_log_group(logGroupName=GROUP)
    put("one", (9_000, "first"), (1_000, "fourth"))
    put("two", (5_000, "second"))
    shelf.follow(GROUP, lambda minute: [LogEvent(NOW - 3_000, "made", "third")] if minute == MINUTE - 1 else [])
    assert ["first", "second", "third", "fourth"] == messages()
    assert ["second", "third"] == messages(startTime=NOW - 5_000, endTime=NOW - 3_000)
    assert ["made"] == [event["logStreamName"] for event in found(filterPattern="third")["events"]]


def test_nothing_of_the_future_is_shown(shelf: LogShelf) -> None:
    shelf.follow(GROUP, lambda minute: [LogEvent(minute * 60_000, "s", str(minute - MINUTE))])
    assert ["-1", "0"] == messages(startTime=NOW - 60_000, endTime=NOW + 600_000)


def test_a_page_may_be_empty_though_more_follow(shelf: LogShelf) -> None:
    def many(minute: int) -> list[LogEvent]:
        good = [LogEvent(NOW - 60_000, "s", "good")] * SEARCHED
        return [*good, LogEvent(NOW - 1, "s", "bad")] if minute == MINUTE - 1 else []

    shelf.follow(GROUP, many)
    first = found(startTime=NOW - 60_000, endTime=NOW - 1, filterPattern="bad")
    assert [] == first["events"]
    second = found(startTime=NOW - 60_000, endTime=NOW - 1, filterPattern="bad", nextToken=first["nextToken"])
    assert (["bad"], False) == ([event["message"] for event in second["events"]], "nextToken" in second)


def test_a_limit_makes_pages_that_together_have_each_event_once(shelf: LogShelf) -> None:
    shelf.follow(GROUP, lambda minute: [LogEvent(minute * 60_000 + each, "s", str(each)) for each in range(7)])
    seen: list[str] = []
    token: Json = {}
    while True:
        page = found(startTime=NOW - 60_000, endTime=NOW - 1, limit=3, **token)
        seen += [event["message"] for event in page["events"]]
        if not page.get("nextToken"):
            break
        token = {"nextToken": page["nextToken"]}
    assert [str(each) for each in range(7)] == seen


@pytest.mark.parametrize("wrong", [{"filterPattern": "{ $.a = "}, {"nextToken": "nobody's"}, {"filterPattern": "a:b"}])
def test_what_is_wrong_is_refused(shelf: LogShelf, wrong: Json) -> None:
    shelf.follow(GROUP, lambda _: [])
    with pytest.raises(ClientError) as refused:
        found(**wrong)
    assert "InvalidParameterException" == refused.value.response["Error"]["Code"]


def test_a_group_that_is_not_there_is_an_error(shelf: LogShelf) -> None:
    assert shelf.sources == {}
    with pytest.raises(ClientError) as refused:
        found()
    assert "ResourceNotFoundException" == refused.value.response["Error"]["Code"]
