"""What `sam build` makes, under Lambda's own runtime: every function with its sample, by HTTP, against `rollout local`.

The functions are processes of their own; they see only what Lambda provides, their artifact and their environment.
The embedded AWS runs no workflow here: the test does in turn what the workflow would ask for.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from rollout_simulator.lambda_runtime.emulator import EmulatedFunction, emulated
from rollout_simulator.lambda_runtime.host_build import build, provided
from tests.cli.command import ROOT, started

pytestmark = [
    pytest.mark.runtime,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the Runtime Interface Emulator is for Linux"),
]

FUNCTIONS = sorted(path.stem for path in (ROOT / "functions").glob("*.py"))
ROLLOUT = "orders-2026-03-02"
"""The rollout that the samples are about."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Served:
    """A running `rollout local`, as its functions and its clients see it."""

    introduction: str

    @property
    def variables(self) -> dict[str, str]:
        """What it says to give `sam local invoke` as --env-vars."""
        found = re.search(r"^echo '(\{.*\})' > rollout-local.json$", self.introduction, re.MULTILINE)
        assert found
        given: Json = json.loads(found[1])["Parameters"]
        return {
            **{name: str(value) for name, value in given.items()},
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "any",
            "AWS_SECRET_ACCESS_KEY": "any",
        }

    def stage(self) -> Json:
        make: Any = boto3.Session("any", "any", region_name="us-east-1").client
        client = make("apigateway", endpoint_url=self.variables["AWS_ENDPOINT_URL"])
        shown: Json = client.get_stage(restApiId="a1b2c3d4e5", stageName="prod")
        return shown


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with started("local", "--port", "0", "--speed", "1") as process:
        assert process.stdout
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("Ctrl-C"):
                break
        yield Served("".join(lines))
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """What was built, and what Lambda provides."""
    folder = tmp_path_factory.mktemp("runtime")
    return build(folder), provided(folder)


@pytest.fixture(scope="module")
def invoke(served: Served, folders: tuple[Path, Path]) -> Iterator[Callable[..., Any]]:
    """Give a function its own sample; the answer is that of its process."""
    with ExitStack() as stack:

        def ready(name: str) -> EmulatedFunction:
            environment = {**served.variables, "AWS_LAMBDA_FUNCTION_NAME": name}
            return stack.enter_context(emulated(*folders, f"{name}.handler", environment))

        functions = {name: ready(name) for name in FUNCTIONS}

        def invoke(name: str, **changed: Any) -> Any:
            answer = functions[name].invoke(sample(name) | changed)
            assert "errorType" not in answer, f"{answer}\n{functions[name].log}"
            return answer

        yield invoke


def sample(name: str) -> Any:
    return json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8"))


def test_every_function_does_its_part_in_lambdas_own_runtime(invoke: Callable[..., Any], served: Served) -> None:
    """One rollout from its request to its end, in the order of docs/local.md: each function by its own sample."""
    before = served.stage()
    assert invoke("prepare")["decision"] == "CREATE"
    assert invoke("create_canary")["decision"] == "CONTINUE"
    canary = served.stage()["canarySettings"]
    assert (canary["deploymentId"], canary["percentTraffic"]) == ("abc123", 5.0)
    assert canary["stageVariableOverrides"] == {"lambdaAlias": "next"}
    assert invoke("analyze")["decision"] == "CONTINUE"
    page = invoke("dashboard")
    assert ROLLOUT in page
    assert "baking" in page
    # It is not the turn of these: they do nothing, and say what is.
    assert [invoke(name)["decision"] for name in ("shift_traffic", "promote")] == ["CONTINUE"] * 2
    # An alarm that fired before the rollout looked at it says nothing new; one that fires now does.
    assert invoke("on_alarm") == {"signalled": []}
    alarm = sample("on_alarm")["detail"]
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    fires = {**alarm, "state": {**alarm["state"], "timestamp": now}}
    assert invoke("on_alarm", detail=fires) == {"signalled": [ROLLOUT]}
    assert invoke("on_command")["accepted"] is True
    assert invoke("analyze")["decision"] == "ROLL_BACK"
    assert invoke("roll_back")["decision"] == "CLOSE"
    assert "canarySettings" not in served.stage()
    assert invoke("close")["outcome"] == "ROLLED_BACK"
    assert invoke("notify") == {"eventId": sample("notify")["detail"]["eventId"]}
    assert invoke("recover") == {"recovered": []}
    apart = dict.fromkeys(("ResponseMetadata", "lastUpdatedDate"))
    assert {**served.stage(), **apart} == {**before, **apart}


def test_what_is_installed_here_cannot_be_imported_there(folders: tuple[Path, Path]) -> None:
    """Else a library that the artifact lacks would be found in this environment, and missed only in AWS."""
    import moto  # noqa: F401, PLC0415 - it is installed

    with emulated(*folders, "moto.handler", {}) as function:
        assert function.invoke({})["errorType"] == "Runtime.ImportModuleError"
