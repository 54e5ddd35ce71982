"""Task tokens: answered once, in time, or refused."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from tests.simulator.moto_patches.world import World, bake, opened


def refused(world: World, token: str) -> str:
    with pytest.raises(ClientError) as caught:
        world.client("stepfunctions").send_task_success(taskToken=token, output="{}")
    return str(caught.value.response["Error"]["Code"])


def test_success_gives_the_state_its_result_at_once() -> None:
    with opened() as world:
        world.table()
        execution = world.start({"Bake": bake(600)})
        world.clock.sleep(30)
        world.client("stepfunctions").send_task_success(taskToken=world.token(), output='{"why": "alarm \\"x\\""}')
        world.clock.run_until(lambda: world.described(execution)["status"] != "RUNNING")
        described = world.described(execution)
        assert json.loads(described["output"]) == {"why": 'alarm "x"'}
        assert (described["stopDate"] - described["startDate"]).total_seconds() == 30


def test_failure_carries_error_and_cause() -> None:
    with opened() as world:
        world.table()
        execution = world.start({"Bake": bake(600)})
        world.clock.sleep(1)
        world.client("stepfunctions").send_task_failure(taskToken=world.token(), error="Mine", cause="because")
        world.clock.run_until_idle()
        described = world.described(execution)
        assert (described["status"], described["error"], described["cause"]) == ("FAILED", "Mine", "because")


def test_a_token_is_answered_once() -> None:
    with opened() as world:
        world.table()
        world.start({"Bake": bake(600)})
        world.clock.sleep(1)
        token = world.token()
        world.client("stepfunctions").send_task_success(taskToken=token, output="{}")
        assert refused(world, token) == "TaskTimedOut"
        world.clock.run_until_idle()
        assert refused(world, token) == "TaskTimedOut"


def test_a_late_token_is_refused() -> None:
    with opened() as world:
        world.table()
        world.start({"Bake": bake(10)})
        world.clock.sleep(11)
        assert refused(world, world.token()) == "TaskTimedOut"


def test_the_token_of_a_stopped_execution_is_refused() -> None:
    with opened() as world:
        world.table()
        execution = world.start({"Bake": bake(600)})
        world.clock.sleep(1)
        world.client("stepfunctions").stop_execution(executionArn=execution)
        world.clock.sleep(0)
        assert refused(world, world.token()) == "TaskTimedOut"


def test_an_unknown_token_is_refused() -> None:
    with opened() as world:
        assert refused(world, "nobody's") == "InvalidToken"


@pytest.mark.parametrize("signal_first", [True, False])
def test_an_answer_in_the_second_of_the_time_out_is_used_or_refused(signal_first: bool) -> None:
    accepted: list[bool] = []
    with opened() as world:
        world.table()

        def answers() -> None:
            try:
                world.client("stepfunctions").send_task_success(taskToken=world.token(), output='"heard"')
            except ClientError:
                accepted.append(False)
            else:
                accepted.append(True)

        if signal_first:
            world.clock.call_later(60, answers)
        execution = world.start({"Bake": bake(60)})
        world.clock.sleep(1)
        if not signal_first:
            world.clock.call_later(59, answers)
        world.clock.run_until_idle()
        assert accepted == [world.described(execution)["status"] == "SUCCEEDED"]


def test_a_missing_heartbeat_has_a_name_of_its_own() -> None:
    with opened() as world:
        world.table()
        execution = world.start({"Bake": bake(600, HeartbeatSeconds=60)})
        world.clock.sleep(50)
        world.client("stepfunctions").send_task_heartbeat(taskToken=world.token())
        world.clock.run_until_idle()
        described = world.described(execution)
        assert (described["status"], described["error"]) == ("FAILED", "States.HeartbeatTimeout")
        assert (described["stopDate"] - described["startDate"]).total_seconds() == 110
