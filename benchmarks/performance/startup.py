"""Start-up: from the first request to a function's first answer, its process started for it.

Every function does its part in a rollout against `rollout local`, in a process that is new each time, under Lambda's
own runtime client. Beside it, in the same run and in turn, a bare handler with Logger and boto3 that makes as many
calls to the same services, and one that does nothing. Compared is what each process has computed by its first answer,
the least of all repetitions: a start is work, and whatever more it took was the machine's other work.
"""

from __future__ import annotations

import json
import statistics
import threading
import time
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rollout_simulator.endpoint import Endpoint
from rollout_simulator.lambda_runtime.emulator import EmulatedFunction, emulated
from rollout_simulator.lambda_runtime.host_build import build, provided
from rollout_simulator.local import opened
from rollout_simulator.moto_patches.patching import replaced
from rollout_simulator.scenario import SCENARIOS, load_scenario
from rollout_simulator.template import ROOT, load_template

HERE = Path(__file__).resolve().parent
REPETITIONS = 8
CREDENTIALS = {
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "any",
    "AWS_SECRET_ACCESS_KEY": "any",
}
SERVICES = {"states": "stepfunctions", "monitoring": "cloudwatch", "tagging": "resourcegroupstaggingapi"}
"""What a signature calls a service, where boto3 calls it otherwise."""

Json = dict[str, Any]


@dataclass(slots=True)
class Bench:
    """One run: the folders, the environment, the services called so far, and milliseconds by handler."""

    task_root: Path
    runtime: Path
    variables: dict[str, str]
    called: list[str]
    cold_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    cpu_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    warm_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    calls: dict[str, Sequence[str]] = field(default_factory=dict)

    def ours(self, name: str, event: Json, *, counted: bool = True) -> Json:
        """A function's first answer; its second is timed as a warm one."""
        before = len(self.called)
        with self._started(name, {}) as function:
            answer, milliseconds = _timed(function, event)
            if isinstance(answer, dict) and "errorType" in answer:
                raise RuntimeError(f"{name}: {answer}")
            services, computed = self.called[before:], function.cpu_ms
            _, warm = _timed(function, event)
        if counted:
            self.calls[name] = services
            self.cold_ms[name].append(milliseconds)
            self.cpu_ms[name].append(computed)
            self.warm_ms[name].append(warm)
            self._compare(name, event)
        return answer

    def figures(self, name: str, kind: str) -> Json:
        """Milliseconds until the first answer (the median), and what the process computed for it (the least)."""
        prefix = kind.strip() or "own"
        return {
            f"{prefix}Ms": round(statistics.median(self.cold_ms[f"{name}{kind}"]), 1),
            f"{prefix}CpuMs": round(min(self.cpu_ms[f"{name}{kind}"]), 1),
        }

    def _compare(self, name: str, event: Json) -> None:
        for kind, variables in (("baseline", {"CALLED": ",".join(self.calls[name])}), ("empty", {})):
            with self._started(kind, variables) as function:
                self.cold_ms[f"{name} {kind}"].append(_timed(function, event)[1])
                self.cpu_ms[f"{name} {kind}"].append(function.cpu_ms)

    @contextmanager
    def _started(self, name: str, variables: dict[str, str]) -> Iterator[EmulatedFunction]:
        environment = {**self.variables, **variables, "AWS_LAMBDA_FUNCTION_NAME": name}
        with emulated(self.task_root, self.runtime, f"{name}.handler", environment) as function:
            yield function


def _timed(function: EmulatedFunction, event: Json) -> tuple[Json, float]:
    body = json.dumps(event).encode()
    began = time.perf_counter()
    answer = function.post(body)
    return json.loads(answer), 1000 * (time.perf_counter() - began)


def measured(repetitions: int = REPETITIONS) -> Json:
    """The figures: by function the cold start of itself, of its baseline, of an empty handler, and a warm answer."""
    with TemporaryDirectory() as place, _served() as (variables, called):
        folder = Path(place)
        task_root, runtime = build(folder), provided(folder)
        sizes = _sizes(task_root)
        for name in ("baseline", "empty"):
            (task_root / f"{name}.py").write_text((HERE / f"{name}.py").read_text())
        bench = Bench(task_root, runtime, {**variables, **CREDENTIALS}, called)
        for number in range(repetitions):
            _rollout(bench, f"bench-{number}")
    names = sorted(bench.calls)
    return {
        "repetitions": repetitions,
        "artifact": sizes,
        "functions": {
            name: {
                **bench.figures(name, ""),
                **bench.figures(name, " baseline"),
                **bench.figures(name, " empty"),
                "warmMs": round(statistics.median(bench.warm_ms[name]), 1),
                "calls": list(bench.calls[name]),
            }
            for name in names
        },
    }


def _rollout(bench: Bench, rollout: str) -> None:
    """One rollout from its request to its end, each function in its turn."""
    now = datetime.now(UTC)
    execution = f"{bench.variables['STATE_MACHINE_ARN'].replace(':stateMachine:', ':execution:')}:{rollout}"
    prepare = _sample("prepare") | {"rolloutId": rollout, "execution": execution, "startedAt": now.isoformat()}
    bench.ours("prepare", prepare)
    for name in ("create_canary", "analyze", "shift_traffic", "promote"):
        bench.ours(name, {"rolloutId": rollout})
    alarm = _sample("on_alarm")
    alarm["detail"]["state"]["timestamp"] = datetime.now(UTC).isoformat()
    bench.ours("on_alarm", alarm)
    bench.ours("on_command", {"rolloutId": rollout, "command": "abort", "actor": "ada", "reason": "benchmark"})
    bench.ours("analyze", {"rolloutId": rollout}, counted=False)
    bench.ours("roll_back", {"rolloutId": rollout, "failure": ""})
    closing = {"rolloutId": rollout, "execution": execution, "request": {}, "failure": "", "lastTry": False}
    bench.ours("close", closing)
    told = _sample("notify")
    told["detail"]["eventId"] = f"{rollout}/1/HELD"
    bench.ours("notify", told)
    died = _sample("recover")
    died["detail"] |= {"executionArn": execution, "name": rollout}
    bench.ours("recover", died)
    bench.ours("dashboard", _sample("dashboard"))


def _sample(name: str) -> Json:
    return dict(json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8")))


def _sizes(task_root: Path) -> Json:
    """The artifact's bytes, packed and not. All functions share it."""
    packed = task_root.parent / "artifact.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(task_root.rglob("*")):
            archive.write(path, path.relative_to(task_root))
    unpacked = sum(path.stat().st_size for path in task_root.rglob("*") if path.is_file())
    return {"zippedBytes": packed.stat().st_size, "bytes": unpacked}


@contextmanager
def _served() -> Iterator[tuple[dict[str, str], list[str]]]:
    """The embedded AWS on a port of its own: the functions' environment, and the services that are called, in order."""
    called: list[str] = []
    original: Any = Endpoint._served

    def served(endpoint: Any, request: Any, service: str) -> Any:
        called.append(SERVICES.get(service, service))
        return original(endpoint, request, service)

    stop = threading.Event()
    errors: list[BaseException] = []
    healthy = load_scenario(SCENARIOS / "healthy.toml")
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    with replaced(Endpoint, "_served", served), opened(healthy, port=0, start=now) as aws:
        serving = threading.Thread(target=aws.serve, args=(1.0, stop, errors.append), daemon=True)
        serving.start()
        declared = load_template()["Globals"]["Function"]["Environment"]["Variables"]
        variables = {name: str(value) for name, value in aws.function_variables.items()}
        try:
            yield {**dict.fromkeys(declared, ""), **variables, "AWS_ENDPOINT_URL": aws.endpoint_url}, called
        finally:
            stop.set()
            serving.join()
