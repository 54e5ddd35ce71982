"""Explain: what the logs say of a candidate that was rolled back; whatever cannot be read, the rollout is closed."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from rollout.core.signals import SignalKind
from rollout.core.why.logs import Called, StageLog
from rollout.errors import NotAllowed, Refused, RolloutError, TargetMissing, Unavailable
from rollout.tasks import explain as explaining
from rollout_simulator.fakes import Disturbance
from tests.functions.world import WATCHED, World

GROUP, FUNCTION_GROUP = "/apigateway/orders/prod", "/aws/lambda/orders"
FORMAT = (
    '{"requestId":"$context.requestId","isCanaryRequest":"$context.isCanaryRequest","status":$context.status,'
    '"httpMethod":"$context.httpMethod","resourcePath":"$context.resourcePath",'
    '"call":"$context.integration.requestId","trace":"$context.xrayTraceId"}'
)
ORDERS = Called("POST /orders", "arn:aws:lambda:eu-central-1:123456789012:function:orders", "lambdaAlias")
SECRET = "hunter2"


def invocation(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def answered(world: World, number: int, *, canary: bool, status: int = 502, seconds: float = 0.0) -> None:
    """API Gateway writes a line."""
    line = {
        "requestId": f"r-{number}",
        "isCanaryRequest": str(canary).lower(),
        "status": status,
        "httpMethod": "POST",
        "resourcePath": "/orders",
        "call": invocation(number),
        "trace": f"1-5e-{number}",
    }
    world.fakes.logs.write(GROUP, "access", world.now + timedelta(seconds=seconds), json.dumps(line))


def invoked(world: World, number: int, said: str, *, version: str = "2", seconds: float = 0.0) -> None:
    """The function writes what it does when a handler raises."""
    stream = f"2026/03/02/[{version}]{number:032x}"
    begin = world.now + timedelta(seconds=seconds - 0.2)
    for later, message in (
        (0.0, f"START RequestId: {invocation(number)} Version: {version}\n"),
        (0.1, f'[ERROR] {said}\rTraceback (most recent call last):\r\xa0\xa0File "/var/task/app.py"'),
        (0.2, f"END RequestId: {invocation(number)}\n"),
    ):
        world.fakes.logs.write(FUNCTION_GROUP, stream, begin + timedelta(seconds=later), message)


def failing(world: World | None = None) -> World:
    """A rollout whose candidate fails in its first step: 9 of 11 failures are a missing key."""
    world = world or World()
    logs = world.fakes.logs
    logs.stage = StageLog(GROUP, FORMAT, {"lambdaAlias": "live", "table": "orders"})
    logs.functions = [ORDERS]
    logs.versions = {("orders", "live"): "1", ("orders", "next"): "2"}
    logs.lines = {GROUP: [], FUNCTION_GROUP: []}
    world.baking()
    world.traffic(bad=500)
    world.fakes.clock.pass_time(minutes=3)
    for number in range(11):
        answered(world, number, canary=True, seconds=number)
        invoked(world, number, "KeyError: 'sku'" if number < 9 else f"OSError: password={SECRET}", seconds=number)
    for number in range(100, 104):
        answered(world, number, canary=False, status=404)
        answered(world, number + 50, canary=False, status=500)
        invoked(world, number + 50, "TimeoutError", version="1")
    answered(world, 300, canary=True, status=200)
    assert world.analyzed()["decision"] == "ROLL_BACK"
    return world


def told(world: World) -> list[str]:
    why = world.rollout.why
    assert why is not None
    return list(why.lines())


def test_the_last_message_can_say_what_failed() -> None:
    world = failing()
    assert "EXPLAIN" == world.roll_back()["decision"]
    assert "CLOSE" == world.call("explain")["decision"]
    assert "9 of 11 failures: POST /orders 502, KeyError: 'sku' (base: 0 of 4)" == told(world)[0]
    world.call("close")
    event = world.fakes.notifier.published[-1]
    assert ("ROLLED_BACK", 9) == (event["state"], event["why"]["groups"][0]["canary"])
    assert ["r-0", "r-4", "r-8"] == [sample["requestId"] for sample in event["why"]["groups"][0]["samples"]]
    assert "1-5e-0" == event["why"]["groups"][0]["samples"][0]["traceId"]


def test_what_looks_like_a_secret_is_neither_stored_nor_told() -> None:
    world = failing()
    world.roll_back()
    world.call("explain")
    world.call("close")
    assert "OSError: password=‹…›" in " ".join(told(world))
    assert SECRET not in json.dumps([world.rollout.to_document(), world.fakes.notifier.published], ensure_ascii=False)


def test_a_person_who_aborts_is_not_told_why() -> None:
    world = World().baking()
    world.signal(SignalKind.ABORT)
    world.call("analyze")
    assert "CLOSE" == world.roll_back()["decision"]


def test_an_alarm_is_explained_too() -> None:
    world = World().baking(alarms=[WATCHED])
    world.fakes.clock.pass_time(minutes=1)
    world.fakes.alarms.put(WATCHED, "ALARM", world.now)
    world.alarm_event()
    assert "ROLL_BACK" == world.call("analyze")["decision"]
    assert "EXPLAIN" == world.roll_back()["decision"]


def test_called_again_it_reads_nothing_more() -> None:
    world = failing()
    world.roll_back()
    world.call("explain")
    searched = len(world.fakes.logs.searches)
    assert "CLOSE" == world.call("explain")["decision"]
    assert "CLOSE" == world.roll_back()["decision"]
    assert searched == len(world.fakes.logs.searches)


@pytest.mark.parametrize(
    "error",
    [NotAllowed("FilterLogEvents: AccessDenied"), Unavailable("it is slow"), TargetMissing("gone"), Refused("bad")],
)
@pytest.mark.parametrize("call", ["logs.of_stage", "logs.called", "logs.of_function", "logs.page"])
def test_what_cannot_be_read_is_said_and_the_rollout_ends_the_same(call: str, error: RolloutError) -> None:
    world = failing()
    world.roll_back()

    def breaks() -> None:
        raise error

    assert "CLOSE" == world.call("explain", Disturbance(only=call, before=breaks))["decision"]
    world.call("close")
    assert "ROLLED_BACK" == world.fakes.notifier.published[-1]["state"]
    if call != "logs.page" or not isinstance(error, Refused):  # a pattern that is refused is done without
        assert any(str(error) in line for line in told(world))


def test_with_every_call_failing_why_nothing_could_be_read_is_told() -> None:
    world = failing()
    world.roll_back()
    world.fakes.logs.trouble = NotAllowed("GetStage: AccessDenied")
    world.call("explain")
    world.fakes.logs.trouble = None
    assert ["GetStage: AccessDenied"] == told(world)


def test_a_task_that_failed_itself_is_told_by_close() -> None:
    world = failing()
    world.roll_back()
    world.call("close", failure="Explain failed: States.Timeout: ")
    assert "Explain failed: States.Timeout" in told(world)[0]
    assert "ROLLED_BACK" == world.fakes.notifier.published[-1]["state"]


def test_what_is_known_of_the_candidate_is_told_though_the_base_cannot_be_read() -> None:
    world = failing()
    world.roll_back()

    def breaks() -> None:
        raise Unavailable("it is slow")

    world.call("explain", Disturbance(2, only="logs.page", before=breaks))
    assert "9 of 11 failures: POST /orders 502, KeyError: 'sku' (base: 0 of 0)" == told(world)[0]
    assert "it is slow" in told(world)


def test_it_stops_reading_when_its_time_is_over() -> None:
    world = failing()
    world.roll_back()

    def slow() -> None:
        world.fakes.clock.pass_time(seconds=explaining.MOST_SECONDS)

    world.call("explain", Disturbance(only="logs.page", after=slow))
    assert 1 == len(world.fakes.logs.searches)
    assert explaining.OUT_OF_TIME in told(world)


def test_it_reads_a_bounded_number_of_lines_however_many_there_are() -> None:
    world = failing()
    for number in range(1_000, 1_000 + 3 * explaining.MOST_LINES):
        answered(world, number, canary=True, status=503, seconds=-600)
    world.roll_back()
    world.call("explain")
    assert explaining.IN_PART in told(world)
    why = world.rollout.why
    assert why is not None
    assert sum(group.canary for group in why.groups if group.status) <= explaining.MOST_LINES


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        (StageLog(), explaining.NO_ACCESS_LOG),
        (StageLog(GROUP, "$context.status"), "not in JSON"),
        (StageLog(GROUP, '{"s":$context.status}'), "lacks $context.isCanaryRequest"),
    ],
)
def test_without_a_usable_access_log_the_functions_log_tells_by_version(stage: StageLog, said: str) -> None:
    world = failing()
    world.roll_back()
    world.fakes.logs.stage = StageLog(stage.group, stage.log_format, {"lambdaAlias": "live"})
    world.call("explain")
    assert "9 of 11 errors in the function's log: KeyError: 'sku' (base: 0 of 4)" == told(world)[0]
    assert any(said in line for line in told(world))


def test_one_version_for_both_is_told_apart_by_request() -> None:
    world = failing()
    world.fakes.logs.versions = {("orders", "live"): "2", ("orders", "next"): "2"}
    world.roll_back()
    world.call("explain")
    assert "9 of 11 failures: POST /orders 502, KeyError: 'sku' (base: 0 of 4)" == told(world)[0]


def test_without_the_invocations_ids_the_functions_messages_stand_apart_and_this_is_said() -> None:
    world = failing()
    world.fakes.logs.stage = StageLog(
        GROUP, FORMAT.replace("$context.integration.requestId", "$context.apiId"), {"lambdaAlias": "live"}
    )
    world.roll_back()
    world.call("explain")
    lines = told(world)
    assert "11 of 11 failures: POST /orders 502 (base: 0 of 4)" in lines
    assert "9 of 11 errors in the function's log: KeyError: 'sku' (base: 0 of 4)" in lines
    assert explaining.NO_IDS in lines
