"""One built function under the Lambda Runtime Interface Emulator, invoked over HTTP.

The emulator starts the function's process at the first invocation, and takes one invocation at a time.
"""

from __future__ import annotations

import json
import os
import platform
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rollout_simulator.endpoint import HOST
from rollout_simulator.lambda_runtime.host_build import ARCHITECTURES, CannotBuild

LONGEST_SECONDS = 60.0
_INITIALISED = re.compile(r"INIT REPORT\(durationMs: ([\d.]+)\)")


@dataclass(frozen=True, slots=True)
class EmulatedFunction:
    """A function that can be invoked."""

    url: str
    _log: Path
    _emulator: int

    def invoke(self, event: Any) -> Any:
        """The function's answer; what it raised is an answer too, with `errorType` and `errorMessage`."""
        return json.loads(self.post(json.dumps(event).encode()))

    def post(self, body: bytes) -> bytes:
        """The answer to this event, byte by byte."""
        try:
            with urllib.request.urlopen(self.url, body, timeout=LONGEST_SECONDS) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:  # a function that could not even start
            return error.read()

    @property
    def log(self) -> str:
        """All that the function and the emulator have printed so far."""
        return self._log.read_text()

    @property
    def cpu_ms(self) -> float:
        """How long the function's process has computed so far, in milliseconds: what other work of the machine does
        not change, unlike the time that passes. Of its main thread, where imports and handlers run.
        """
        tasks = Path(f"/proc/{self._emulator}/task").glob("*/children")
        children = [pid for task in tasks for pid in task.read_text().split()]
        return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in children) / 1e6

    @property
    def init_ms(self) -> float:
        """How long the function's process took to start and to import the handler, in milliseconds.

        Raises: ValueError (it was not invoked yet, or could not be imported).
        """
        found = _INITIALISED.search(self.log)
        if found is None:
            raise ValueError(f"the function did not start:\n{self.log}")
        return float(found[1])


@contextmanager
def emulated(task_root: Path, runtime: Path, handler: str, variables: Mapping[str, str]) -> Iterator[EmulatedFunction]:
    """The function of this folder, ready to be invoked. It sees these environment variables and no others.

    Raises: CannotBuild (there is no emulator here).
    """
    invoked_at, runtime_at = _free_ports()
    command = [
        str(emulator()),
        *("--runtime-interface-emulator-address", f"{HOST}:{invoked_at}"),
        *("--runtime-api-address", f"{HOST}:{runtime_at}"),
        # -S: nothing that this environment has installed can be imported.
        *(sys.executable, "-S", "-m", "awslambdaric", handler),
    ]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(task_root), str(runtime)]),
        "LAMBDA_TASK_ROOT": str(task_root),
        "AWS_LAMBDA_FUNCTION_TIMEOUT": "60",
        **variables,
    }
    with tempfile.NamedTemporaryFile("ab") as log:
        process = subprocess.Popen(
            command, cwd=task_root, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            _wait_for(invoked_at, process)
            url = f"http://{HOST}:{invoked_at}/2015-03-31/functions/function/invocations"
            yield EmulatedFunction(url, Path(log.name), process.pid)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def emulator() -> Path:
    """The emulator's binary, which comes with aws-sam-cli.

    Raises: CannotBuild.
    """
    samcli = find_spec("samcli")
    if samcli is None or samcli.origin is None or not sys.platform.startswith("linux"):
        raise CannotBuild("the Lambda Runtime Interface Emulator needs Linux and the package aws-sam-cli")
    name = f"aws-lambda-rie-{ARCHITECTURES.get(platform.machine(), platform.machine())}"
    found = Path(samcli.origin).parent / "local" / "rapid" / name
    if not found.exists():
        raise CannotBuild(f"this aws-sam-cli has no {name}")
    return found


def _free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        first.bind((HOST, 0))
        second.bind((HOST, 0))
        return first.getsockname()[1], second.getsockname()[1]


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < limit and process.poll() is None:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.005)
        else:
            return
    raise CannotBuild("the Lambda Runtime Interface Emulator does not answer")
