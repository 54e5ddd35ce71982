"""Who may know what: the core knows nothing of AWS, clocks or chance; only the wiring reads the environment."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = ROOT / "functions"
PACKAGE = FUNCTIONS / "rollout"
OUTSIDE = frozenset(
    {
        "boto3",
        "botocore",
        "aws_lambda_powertools",
        "os",
        "time",
        "random",
        "logging",
        "secrets",
        "uuid",
        "socket",
        "sys",
    }
)
"""Modules that a decision must not depend on."""
PRESENT = frozenset({"now", "utcnow", "today"})
"""What asks `datetime` or `date` for the present."""
LONGEST_HANDLER = 30


def modules(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def named(path: Path) -> str:
    return str(path.relative_to(FUNCTIONS))


def imports(path: Path) -> Iterator[str]:
    """What the module imports, by full name; a relative import is one of its own package."""
    package = [*path.relative_to(FUNCTIONS).with_suffix("").parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def asks_for_the_present(path: Path) -> bool:
    return any(
        isinstance(node, ast.Attribute)
        and node.attr in PRESENT
        and isinstance(node.value, ast.Name)
        and node.value.id in ("datetime", "date")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )


def under(path: Path, *layers: str) -> list[str]:
    """The imports of the module that lie in one of these layers of the package."""
    wanted = tuple(f"rollout.{layer}" for layer in layers)
    return sorted({name for name in imports(path) if name in wanted or name.startswith(tuple(f"{w}." for w in wanted))})


@pytest.mark.parametrize("path", modules(PACKAGE / "core"), ids=named)
def test_the_core_knows_nothing_but_itself_the_errors_and_arithmetic(path: Path) -> None:
    assert [name for name in imports(path) if name.partition(".")[0] in OUTSIDE] == []
    assert under(path, "adapters", "tasks", "wiring", "entry", "telemetry", "logs", "ports", "request") == []
    assert not asks_for_the_present(path)


@pytest.mark.parametrize("path", modules(PACKAGE / "tasks"), ids=named)
def test_a_task_knows_the_core_and_the_ports_and_no_adapter(path: Path) -> None:
    assert [name for name in imports(path) if name.partition(".")[0] in OUTSIDE] == []
    assert under(path, "adapters", "wiring", "entry") == []
    assert not asks_for_the_present(path)


@pytest.mark.parametrize("path", modules(PACKAGE / "cockpit"), ids=named)
def test_what_people_see_knows_the_core_alone(path: Path) -> None:
    assert [name for name in imports(path) if name.partition(".")[0] in OUTSIDE] == []
    assert under(path, "adapters", "tasks", "wiring", "entry", "telemetry", "logs", "ports", "request") == []
    assert not asks_for_the_present(path)


@pytest.mark.parametrize("path", modules(PACKAGE / "adapters"), ids=named)
def test_an_adapter_knows_no_task_and_reads_no_environment(path: Path) -> None:
    assert under(path, "tasks", "wiring", "entry") == []
    assert "os" not in set(imports(path))


def test_the_ports_know_the_core_alone() -> None:
    assert under(PACKAGE / "ports.py", "adapters", "tasks", "wiring", "entry") == []
    assert [name for name in imports(PACKAGE / "ports.py") if name.partition(".")[0] in OUTSIDE] == []


def test_only_the_wiring_reads_the_environment_and_makes_clients() -> None:
    knowing = {
        named(path)
        for path in modules(FUNCTIONS)
        if {"os", "boto3"} & {name.partition(".")[0] for name in imports(path)}
    }
    assert knowing == {"rollout/wiring.py"}


def test_what_ships_knows_nothing_of_what_does_not() -> None:
    strangers = {"rollout_cli", "rollout_simulator", "moto", "tests", "benchmarks", "rich", "typer", "numpy"}
    known = {named(path): strangers & {name.partition(".")[0] for name in imports(path)} for path in modules(FUNCTIONS)}
    assert {path: found for path, found in known.items() if found} == {}


@pytest.mark.parametrize("path", sorted(FUNCTIONS.glob("*.py")), ids=named)
def test_a_handler_says_what_it_is_for_and_is_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < LONGEST_HANDLER
    said = ast.get_docstring(ast.parse(text))
    assert said
    assert said.endswith(".")
    assert "\n" not in said


def test_the_check_itself_sees_imports_however_they_are_written() -> None:
    path = FUNCTIONS / "rollout" / "core" / "judge" / "checks.py"
    assert "rollout.core.judge.errors" in set(imports(path))
    assert "rollout.core.judge.errors.InvalidSettings" in set(imports(path))
