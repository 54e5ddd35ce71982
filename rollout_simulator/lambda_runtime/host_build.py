"""The functions as `make build` makes them, compiled ahead, but for this machine's processor and Python.

What is deployed is built for Lambda's arm64 and python3.13; its one native library (pydantic's core) loads only there.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from compileall import compile_dir
from importlib.util import find_spec
from pathlib import Path
from py_compile import PycInvalidationMode

from rollout_simulator.template import ROOT

ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
"""Lambda's name of a processor, by the machine's own."""

PROVIDED = (
    "awslambdaric",
    "runtime_client",
    "simplejson",
    "snapshot_restore_py",
    "boto3",
    "botocore",
    "s3transfer",
    "jmespath",
    "dateutil",
    "six",
    "urllib3",
)
"""The modules that Lambda's Python runtime brings along, and that no artifact needs to hold."""


class CannotBuild(Exception):
    """The functions cannot be built or run here; the message says what is missing."""


def template_for_this_machine(template: str) -> str:
    """The template's text with this machine's Python and processor.

    Raises: CannotBuild.
    """
    machine = platform.machine()
    if machine not in ARCHITECTURES:
        raise CannotBuild(f"Lambda has no {machine} processors, only {', '.join(sorted(set(ARCHITECTURES.values())))}")
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    text, runtimes = re.subn(r"^( +Runtime:) python3\.\d+$", rf"\1 {python}", template, flags=re.MULTILINE)
    text, processors = re.subn(
        r"^( +Architectures:) \[.*\]$", rf"\1 [{ARCHITECTURES[machine]}]", text, flags=re.MULTILINE
    )
    if (runtimes, processors) != (1, 1):
        raise CannotBuild("template.yaml must name Runtime and Architectures once each, in its Globals")
    return text


def build(folder: Path) -> Path:
    """Build into this folder; gives the one that all functions share, as LAMBDA_TASK_ROOT.

    Raises: CannotBuild.
    """
    sam = shutil.which("sam")
    if sam is None:
        raise CannotBuild("sam is not on the PATH; `make runtime-test` puts it there")
    folder.mkdir(parents=True, exist_ok=True)
    template = folder / "host.yaml"
    template.write_text(template_for_this_machine((ROOT / "template.yaml").read_text()))
    built = folder / "build"
    command = [sam, "build", "--template-file", str(template), "--base-dir", str(ROOT), "--build-dir", str(built)]
    done = subprocess.run(
        [*command, "--beta-features", "--no-cached"],
        cwd=folder,
        env={**os.environ, "AWS_DEFAULT_REGION": "us-east-1", "SAM_CLI_TELEMETRY": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CannotBuild(f"sam build: {done.stderr.strip().splitlines()[-1:]}")
    (shared,) = [path for path in built.iterdir() if path.is_dir()]
    compile_dir(shared, quiet=2, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
    return shared


def provided(folder: Path) -> Path:
    """A folder that stands for /var/runtime: links to what Lambda provides, and nothing else of this environment.

    Raises: CannotBuild.
    """
    runtime = folder / "provided"
    runtime.mkdir(parents=True, exist_ok=True)
    for name in PROVIDED:
        found = find_spec(name)
        if found is None or found.origin is None:
            raise CannotBuild(f"the module {name} is not installed; `make runtime-test` installs it")
        origin = Path(found.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        link = runtime / source.name
        if not link.exists():
            link.symlink_to(source)
    return runtime
