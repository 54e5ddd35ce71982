"""What is deployed: the artifact holds the functions and what they import, and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAM = shutil.which("sam")
SMALL_BYTES = 8 * 1024 * 1024

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(SAM is None, reason="sam is not on the PATH; `make test-slow` puts it there"),
]


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one folder that `sam build` makes for all functions."""
    built = tmp_path_factory.mktemp("build")
    subprocess.run(
        [str(SAM), "build", "--build-dir", str(built), "--no-cached"],
        cwd=ROOT,
        env={**os.environ, "AWS_DEFAULT_REGION": "us-east-1", "SAM_CLI_TELEMETRY": "0"},
        check=True,
        capture_output=True,
    )
    (folder,) = [path for path in built.iterdir() if path.is_dir()]
    return folder


def test_the_artifact_holds_every_handler_and_the_core(artifact: Path) -> None:
    ours = {path.relative_to(ROOT / "functions") for path in (ROOT / "functions").rglob("*.py")}
    missing = {path for path in ours if not (artifact / path).exists()}
    assert missing == set()


def test_the_artifact_holds_nothing_of_the_rest_of_the_repository(artifact: Path) -> None:
    strangers = ("rollout_cli", "rollout_simulator", "tests", "benchmarks", "moto", "numpy", "boto3", "botocore")
    assert [name for name in strangers if (artifact / name).exists()] == []


def test_the_artifact_is_small(artifact: Path, tmp_path: Path) -> None:
    packed = tmp_path / "artifact.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(artifact.rglob("*")):
            archive.write(path, path.relative_to(artifact))
    assert packed.stat().st_size < SMALL_BYTES
