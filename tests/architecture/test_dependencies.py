"""What ships to Lambda: few packages, every one named with its version and the hashes of its files."""

from __future__ import annotations

import re
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = (ROOT / "functions" / "requirements.txt").read_text(encoding="utf-8")
DIRECT = {"aws-lambda-powertools", "pydantic"}
LAMBDA = {"python_version": "3.13", "python_full_version": "3.13.0", "sys_platform": "linux", "extra": ""}


def pins(text: str) -> dict[str, str]:
    """The version of each package, by its name; its hashes are left out."""
    return dict(re.findall(r"^([a-z0-9-]+)==([^\s;\\]+)", text, re.MULTILINE))


def needed_by(package: str) -> set[str]:
    """The package itself, and all that it needs where the functions run."""
    parts = [Requirement(each) for each in requires(package) or []]
    direct = {canonicalize_name(each.name) for each in parts if each.marker is None or each.marker.evaluate(LAMBDA)}
    return {package}.union(*(needed_by(each) for each in direct))


def test_what_ships_is_all_that_is_needed_and_nothing_else() -> None:
    assert set(pins(SHIPPED)) == set().union(*(needed_by(each) for each in DIRECT))


def test_every_file_that_ships_has_a_hash() -> None:
    statements = re.sub(r"\\\n\s*", " ", SHIPPED).splitlines()
    listed = [line for line in statements if line and not line.startswith("#")]
    assert len(listed) == len(pins(SHIPPED))
    assert [
        line for line in listed if not re.fullmatch(r"\S+==\S+(\s+--hash=sha256:[0-9a-f]{64})+", line.strip())
    ] == []


def test_the_versions_that_ship_are_the_ones_that_are_tested() -> None:
    tested = pins((ROOT / "requirements" / "run.txt").read_text(encoding="utf-8"))
    assert {name: tested[name] for name in pins(SHIPPED)} == pins(SHIPPED)


def test_no_requirements_name_a_registry() -> None:
    files = [*(ROOT / "requirements").iterdir(), ROOT / "functions" / "requirements.txt"]
    assert [path.name for path in files if re.search(r"://|--(extra-)?index-url", path.read_text("utf-8"))] == []
