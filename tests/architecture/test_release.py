"""A release: the version in every place, the changelog's section, and a wheel from which the product runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from scripts.release import STAMPED, CannotRelease, build_wheel, notes, released

ROOT = Path(__file__).resolve().parents[2]
DAY = "2026-03-02"
TEXTS = {
    "pyproject.toml": '[project]\nname = "rollout-pilot"\nversion = "0.1.0"\nother-version = "0.1.0"\n',
    "template.yaml": "Metadata:\n  AWS::ServerlessRepo::Application:\n    SemanticVersion: 0.1.0\n",
    "CHANGELOG.md": "# Changelog\n\n## Unreleased\n\n- It is faster.\n\n## 0.1.0 - 2026-01-01\n\n- It is there.\n",
}


def test_the_version_is_the_same_everywhere() -> None:
    versions = {
        name: found[2].strip('"')
        for name, pattern in STAMPED.items()
        if (found := pattern.search((ROOT / name).read_text(encoding="utf-8")))
    }
    assert set(STAMPED) == set(versions)
    assert 1 == len(set(versions.values()))


def test_a_release_changes_the_version_and_nothing_else() -> None:
    changed = released(TEXTS, "0.2.0", DAY)
    assert TEXTS["pyproject.toml"].replace('\nversion = "0.1.0"', '\nversion = "0.2.0"') == changed["pyproject.toml"]
    assert TEXTS["template.yaml"].replace("0.1.0", "0.2.0") == changed["template.yaml"]


def test_what_was_unreleased_is_the_new_versions_and_unreleased_is_empty() -> None:
    changelog = released(TEXTS, "0.2.0", DAY)["CHANGELOG.md"]
    assert "- It is faster." == notes(TEXTS["CHANGELOG.md"])
    assert "" == notes(changelog)
    assert ["Unreleased", "0.2.0 - 2026-03-02", "0.1.0 - 2026-01-01"] == re.findall(r"^## (.*)$", changelog, re.M)
    assert "## 0.2.0 - 2026-03-02\n\n- It is faster.\n" in changelog


@pytest.mark.parametrize(
    ("version", "changed", "said"),
    [
        ("next", {}, "'next' is no version"),
        ("0.2", {}, "'0.2' is no version"),
        ("0.0.9", {}, "pyproject.toml is at 0.1.0 already"),
        ("0.2.0", {"pyproject.toml": "[project]"}, "pyproject.toml has no version"),
        (
            "0.2.0",
            {"CHANGELOG.md": "# Changelog\n\n## Unreleased\n\n## 0.1.0 - 2026-01-01\n"},
            "CHANGELOG.md has nothing",
        ),
    ],
)
def test_what_cannot_be_released_is_refused(version: str, changed: dict[str, str], said: str) -> None:
    with pytest.raises(CannotRelease, match=re.escape(said)):
        released({**TEXTS, **changed}, version, DAY)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not on the PATH; `make test-slow` puts it there")
def test_the_wheel_holds_the_application_and_simulates_with_it(tmp_path: Path) -> None:
    """Elsewhere, with nothing of this checkout in sight."""
    wheel = build_wheel(ROOT, tmp_path)
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    application = installed / "rollout_simulator" / "application"
    shipped = {str(path.relative_to(ROOT)) for path in (ROOT / "functions").rglob("*.py")}
    shipped |= {"template.yaml", "statemachine/rollout.asl.json"}
    assert [] == sorted(name for name in shipped if not (application / name).exists())
    code = (
        "import rollout, rollout_simulator as simulator; from rollout_cli.main import main\n"
        f"assert all(m.__path__[0].startswith({str(installed)!r}) for m in (rollout, simulator)), rollout.__path__\n"
        "main()"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, "simulate", "promoted-at-once", "--json"],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (0, "") == (answer.returncode, answer.stderr)
    assert "PROMOTED" == json.loads(answer.stdout)["outcome"]
