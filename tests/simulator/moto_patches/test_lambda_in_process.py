"""Functions run for real, in this process."""

from __future__ import annotations

import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rollout_simulator.clock import DEFAULT_START
from rollout_simulator.moto_patches.invocations import OUTSIDE, invocation
from rollout_simulator.moto_patches.lambda_code import zipped
from tests.simulator.moto_patches.world import ACCOUNT, REGION, ROLE, World, opened

Json = dict[str, Any]


def invoke(world: World, name: str, event: Any = None, **how: Any) -> tuple[Any, str | None]:
    answer = world.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event), **how)
    body = answer["Payload"].read()
    return json.loads(body) if body else None, answer.get("FunctionError")


def test_a_handler_gets_its_event_and_gives_its_answer_as_json() -> None:
    with opened() as world:
        world.function("adds", lambda event, context: {"sum": sum(event["numbers"]), "pair": (1, 2)})
        assert invoke(world, "adds", {"numbers": [1, 2]}) == ({"sum": 3, "pair": [1, 2]}, None)


def test_a_handler_is_imported_from_the_folder(tmp_path: Path) -> None:
    (tmp_path / "a_handler_of_its_own.py").write_text("def handler(event, context):\n    return event + 1\n")
    with opened(tmp_path) as world:
        world.client("lambda").create_function(
            FunctionName="f",
            Runtime="python3.13",
            Role=ROLE,
            Handler="a_handler_of_its_own.handler",
            Code={"ZipFile": zipped()},
        )
        assert invoke(world, "f", 1) == (2, None)
    assert str(tmp_path) not in sys.path


def test_each_simulation_starts_cold(tmp_path: Path) -> None:
    (tmp_path / "counts_its_calls.py").write_text(
        "import functools\nmade = []\n\n@functools.cache\ndef client():\n    made.append(1)\n\n"
        "def handler(event, context):\n    client()\n    return len(made)\n"
    )
    for expected in (1, 2):
        with opened(tmp_path) as world:
            world.client("lambda").create_function(
                FunctionName="f",
                Runtime="python3.13",
                Role=ROLE,
                Handler="counts_its_calls.handler",
                Code={"ZipFile": zipped()},
            )
            assert [invoke(world, "f")[0] for _ in range(2)] == [expected, expected]


def test_a_handler_sees_its_own_environment_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("TABLE", "of the host")
    seen: list[tuple[str, str | None, str | None]] = []
    with opened() as world:

        def look(event: Any, context: Any) -> None:
            seen.append(
                (os.environ["AWS_LAMBDA_FUNCTION_NAME"], os.environ.get("TABLE"), os.environ.get("AWS_PROFILE"))
            )
            world.clock.sleep(1)
            seen.append(
                (os.environ["AWS_LAMBDA_FUNCTION_NAME"], os.environ.get("TABLE"), os.environ.get("AWS_PROFILE"))
            )

        for name in ("a", "b"):
            world.function(name, look, Environment={"Variables": {"TABLE": f"of {name}"}})
            invoke(world, name, InvocationType="Event")
        world.clock.call_later(
            0.5, lambda: seen.append(("host", os.environ.get("TABLE"), os.environ.get("AWS_PROFILE")))
        )
        world.clock.run_until_idle()
    a, b = ("a", "of a", None), ("b", "of b", None)
    assert seen == [a, b, ("host", "of the host", "mine"), a, b]
    assert "AWS_LAMBDA_FUNCTION_NAME" not in os.environ


def test_the_context_tells_of_the_invocation() -> None:
    told: Json = {}
    with opened() as world:

        def ask(event: Any, context: Any) -> None:
            world.clock.sleep(2)
            told.update(
                name=context.function_name,
                arn=context.invoked_function_arn,
                memory=int(context.memory_limit_in_mb),
                left=context.get_remaining_time_in_millis(),
                caller=invocation.get(),
            )

        world.function("asks", ask, timeout=10, MemorySize=512)
        invoke(world, "asks")
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:asks"
    assert told == {"name": "asks", "arn": arn, "memory": 512, "left": 8000, "caller": "asks"}
    assert invocation.get() == OUTSIDE


def test_what_a_handler_raises_is_the_answer() -> None:
    def fails(event: Any, context: Any) -> None:
        raise KeyError("missing")

    with opened() as world:
        world.function("fails", fails)
        answer, error = invoke(world, "fails")
        assert error == "Unhandled"
        assert (answer["errorType"], answer["errorMessage"]) == ("KeyError", "'missing'")
        assert "in fails" in answer["stackTrace"][-1]
        assert "rollout_simulator" not in "".join(answer["stackTrace"])


def test_the_runtimes_own_errors() -> None:
    with opened() as world:
        world.function("answers_a_set", lambda event, context: {1})
        assert invoke(world, "answers_a_set")[0]["errorType"] == "Runtime.MarshalError"
        world.client("lambda").create_function(
            FunctionName="f", Runtime="python3.13", Role=ROLE, Handler="nowhere.handler", Code={"ZipFile": zipped()}
        )
        assert invoke(world, "f")[0]["errorType"] == "Runtime.ImportModuleError"


def test_time_runs_out_on_the_simulated_clock_and_cannot_be_caught() -> None:
    went_on: list[str] = []
    with opened() as world:

        def dawdles(event: Any, context: Any) -> None:
            try:
                world.clock.sleep(100)
            except Exception:  # noqa: BLE001 - what a careless handler does
                went_on.append("caught")

        world.function("slow", dawdles, timeout=5)
        answer, error = invoke(world, "slow")
        assert (answer["errorType"], error) == ("Sandbox.Timedout", "Unhandled")
        assert world.clock.now() == DEFAULT_START + timedelta(seconds=5)
    assert went_on == []


def test_an_asynchronous_invocation_is_tried_three_times_then_buried() -> None:
    attempts: list[float] = []
    with opened() as world:

        def fails(event: Any, context: Any) -> None:
            attempts.append((world.clock.now() - DEFAULT_START).total_seconds())
            raise ValueError("no")

        world.function("fails", fails, DeadLetterConfig={"TargetArn": world.queue("dead")})
        world.client("lambda").put_function_event_invoke_config(
            FunctionName="fails", DestinationConfig={"OnFailure": {"Destination": world.queue("failed")}}
        )
        assert invoke(world, "fails", {"a": 1}, InvocationType="Event") == (None, None)
        world.clock.run_until_idle()
        assert attempts == [0, 60, 180]
        dead = world.messages("dead")[0]
        assert json.loads(dead["Body"]) == {"a": 1}
        assert dead["MessageAttributes"]["ErrorMessage"]["StringValue"] == "no"
        failed = world.bodies("failed")[0]
        assert failed["requestPayload"] == {"a": 1}
        assert failed["responsePayload"]["errorType"] == "ValueError"
        assert failed["requestContext"]["approximateInvokeCount"] == 3


def test_a_configured_number_of_retries_is_kept() -> None:
    attempts: list[int] = []
    with opened() as world:

        def fails(event: Any, context: Any) -> None:
            attempts.append(1)
            raise ValueError("no")

        world.function("fails", fails)
        world.client("lambda").put_function_event_invoke_config(FunctionName="fails", MaximumRetryAttempts=0)
        invoke(world, "fails", InvocationType="Event")
        world.clock.run_until_idle()
    assert len(attempts) == 1


def test_what_a_handler_prints_is_kept_per_function(capsys: pytest.CaptureFixture[str]) -> None:
    with opened() as world:
        for name in ("a", "b"):
            world.function(name, lambda event, context: print(context.function_name, "says", event))  # noqa: T201
            invoke(world, name, 1)
        invoke(world, "a", 2)
        print("shown")  # noqa: T201
        assert world.output.lines("a") == ["a says 1", "a says 2"]
        assert world.output.lines("b") == ["b says 1"]
    assert capsys.readouterr().out == "shown\n"


def test_invocations_have_the_same_ids_each_time() -> None:
    def ids() -> list[str]:
        with opened() as world:
            world.function("who", lambda event, context: context.aws_request_id)
            return [invoke(world, "who")[0] for _ in range(3)]

    assert ids() == ids()
    assert len(set(ids())) == 3
