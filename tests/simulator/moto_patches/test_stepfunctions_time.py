"""Executions on the simulated clock: waits, time-outs, retries, heartbeats."""

from __future__ import annotations

import time
from datetime import timedelta
from itertools import pairwise
from typing import Any

from rollout_simulator.clock import DEFAULT_START
from tests.simulator.moto_patches.world import REGION, bake, call, opened

Json = dict[str, Any]


def test_a_year_of_waiting_takes_a_moment() -> None:
    with opened() as world:
        described = world.run({"Wait": {"Type": "Wait", "Seconds": 31_536_000, "End": True}})
        assert described["status"] == "SUCCEEDED"
        assert described["stopDate"] - described["startDate"] == timedelta(days=365)


def test_wait_until_a_moment() -> None:
    moment = DEFAULT_START + timedelta(hours=5)
    with opened() as world:
        world.run({"Wait": {"Type": "Wait", "Timestamp": f"{moment:%Y-%m-%dT%H:%M:%SZ}", "End": True}})
        assert world.clock.now() == moment


def test_a_token_that_nobody_answers_times_out_on_the_second() -> None:
    with opened() as world:
        world.table()
        states = {
            "Bake": bake(90, Catch=[{"ErrorEquals": ["States.Timeout"], "Next": "Late"}]),
            "Late": {"Type": "Pass", "Output": "late", "End": True},
        }
        assert world.result(states) == "late"
        assert world.clock.now() == DEFAULT_START + timedelta(seconds=90)


def test_each_attempt_of_a_task_has_a_token_of_its_own() -> None:
    tokens: list[str] = []
    with opened() as world:
        world.table()
        retry = [{"ErrorEquals": ["States.Timeout"], "IntervalSeconds": 1, "MaxAttempts": 1}]
        execution = world.start({"Bake": bake(10, Retry=retry)})
        for _ in range(2):
            world.clock.sleep(5)
            tokens.append(world.token())
            world.clock.sleep(7)
        assert world.described(execution)["status"] == "FAILED"
    assert len(set(tokens)) == 2


def test_a_late_function_runs_on_unheard() -> None:
    finished: list[float] = []
    with opened() as world:

        def dawdles(event: Json, context: Any) -> None:
            world.clock.sleep(20)
            finished.append(world.clock.timestamp())

        states = {"Call": call(world.function("slow", dawdles, timeout=60), TimeoutSeconds=5)}
        execution = world.start(states)
        world.clock.sleep(6)
        assert (world.described(execution)["status"], finished) == ("FAILED", [])
        assert world.described(execution)["error"] == "States.Timeout"
        history = world.client("stepfunctions").get_execution_history(executionArn=execution)["events"]
        world.clock.run_until_idle()
        assert len(finished) == 1
        assert history == world.client("stepfunctions").get_execution_history(executionArn=execution)["events"]


def test_a_state_machine_has_a_time_out_of_its_own() -> None:
    with opened() as world:
        described = world.run({"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}, TimeoutSeconds=60)
        assert described["status"] == "TIMED_OUT"
        assert described["stopDate"] - described["startDate"] == timedelta(minutes=1)


def test_retries_back_off_up_to_the_longest_delay() -> None:
    moments: list[float] = []
    with opened() as world:

        def fails(event: Json, context: Any) -> None:
            moments.append(world.clock.timestamp())
            raise ValueError("no")

        retry = [
            {
                "ErrorEquals": ["ValueError"],
                "IntervalSeconds": 2,
                "BackoffRate": 3,
                "MaxDelaySeconds": 10,
                "MaxAttempts": 4,
            }
        ]
        described = world.run({"Call": call(world.function("fails", fails), Retry=retry)})
        assert (described["status"], described["error"]) == ("FAILED", "ValueError")
    assert [b - a for a, b in pairwise(moments)] == [2, 6, 10, 10]


def test_full_jitter_is_anywhere_below_and_repeats_with_its_seed() -> None:
    def pauses(seed: int) -> list[float]:
        moments: list[float] = []
        with opened(seed=seed) as world:

            def fails(event: Json, context: Any) -> None:
                moments.append(world.clock.timestamp())
                raise ValueError("no")

            retry = [
                {
                    "ErrorEquals": ["States.ALL"],
                    "IntervalSeconds": 100,
                    "BackoffRate": 1,
                    "MaxAttempts": 5,
                    "JitterStrategy": "FULL",
                }
            ]
            world.run({"Call": call(world.function("fails", fails), Retry=retry)})
        return [b - a for a, b in pairwise(moments)]

    assert pauses(1) == pauses(1) != pauses(2)
    assert all(0 <= pause <= 100 for pause in pauses(1))
    assert len({round(pause) for pause in pauses(1)}) > 2


def test_parallel_branches_run_at_the_same_time() -> None:
    wait = {"Type": "Wait", "Seconds": 60, "End": True}
    branch = {"StartAt": "Wait", "States": {"Wait": wait}}
    with opened() as world:
        states = {"Both": {"Type": "Parallel", "Branches": [branch, branch], "End": True}}
        assert world.run(states)["status"] == "SUCCEEDED"
        assert world.clock.now() == DEFAULT_START + timedelta(minutes=1)


def test_the_items_of_a_map_are_worked_on_at_the_same_time() -> None:
    wait = {"Type": "Wait", "Seconds": 60, "Output": "{% $states.input * 2 %}", "End": True}
    processor = {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "Wait", "States": {"Wait": wait}}
    with opened() as world:
        states = {"Each": {"Type": "Map", "Items": [1, 2, 3], "ItemProcessor": processor, "End": True}}
        assert world.result(states) == [2, 4, 6]
        assert world.clock.now() == DEFAULT_START + timedelta(minutes=1)


def test_a_bake_takes_little_real_time() -> None:
    with opened() as world:
        world.table()
        states = {
            "Begin": {"Type": "Pass", "Assign": {"n": 0}, "Next": "Bake"},
            "Bake": {**bake(60), "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "Count"}]},
            "Count": {"Type": "Pass", "Assign": {"n": "{% $n + 1 %}"}, "Next": "Enough?"},
            "Enough?": {
                "Type": "Choice",
                "Choices": [{"Condition": "{% $n >= 60 %}", "Next": "Done"}],
                "Default": "Bake",
            },
            "Done": {"Type": "Succeed"},
        }
        world.result(states)
        began = time.perf_counter()
        world.client("stepfunctions").start_execution(
            stateMachineArn=f"arn:aws:states:{REGION}:123456789012:stateMachine:machine", name="again"
        )
        world.clock.run_until_idle()
        assert (time.perf_counter() - began) / 60 < 0.03
