"""Who may know what: the core knows nothing of AWS, clocks or chance; only the wiring reads the environment."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
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
LAYERS = (
    {"errors"},
    {"core"},
    {"ports"},
    {"adapters", "cockpit", "logs", "request", "telemetry"},
    {"tasks"},
    {"wiring"},
    {"task_handler"},
)
"""Lowest first. A module imports what is in its own package or in a lower layer."""
MOST_AT_THE_TOP = 14
"""Modules and packages at the top level of the package. Eleven today."""
LONGEST_HANDLER = 30


def modules(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def named(path: Path) -> str:
    return str(path.relative_to(FUNCTIONS))


def imports(path: Path) -> Iterator[str]:
    """What the module imports, by full name; a relative import is one of its own package."""
    for names in imported(ast.walk(ast.parse(path.read_text(encoding="utf-8"))), path, FUNCTIONS):
        yield from names


def imported(nodes: Iterator[ast.AST], path: Path, root: Path) -> Iterator[list[str]]:
    """The full names of each import among these nodes; of a `from` first the module, then what is taken from it."""
    package = [*path.relative_to(root).with_suffix("").parts[:-1]]
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ([alias.name] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield [module, *(f"{module}.{alias.name}" for alias in node.names)]


def run(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes that are run: not what stands under `if TYPE_CHECKING`."""
    for_types = isinstance(tree, ast.If) and isinstance(tree.test, ast.Name) and tree.test.id == "TYPE_CHECKING"
    for child in tree.orelse if isinstance(tree, ast.If) and for_types else ast.iter_child_nodes(tree):
        yield child
        yield from run(child)


def imported_when_run(folder: Path, root: Path) -> Mapping[str, set[str]]:
    """Of every module below the folder the modules below it that it imports, wherever in it: what only a type checker
    imports makes no circle. `from package import module` imports the module.
    """
    named = {module_name(path, root): path for path in modules(folder)}
    found: dict[str, set[str]] = {name: set() for name in named}
    for name, path in named.items():
        for names in imported(run(ast.parse(path.read_text(encoding="utf-8"))), path, root):
            known = [each for each in names if each in named and each != name]
            found[name] |= set(known[1:] or known)
    return found


def module_name(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def circle_in(graph: Mapping[str, set[str]]) -> list[str]:
    """One circle of imports, [] if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


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
    assert under(path, "adapters", "tasks", "wiring", "task_handler", "telemetry", "logs", "ports", "request") == []
    assert not asks_for_the_present(path)


@pytest.mark.parametrize("path", modules(PACKAGE / "tasks"), ids=named)
def test_a_task_knows_the_core_and_the_ports_and_no_adapter(path: Path) -> None:
    assert [name for name in imports(path) if name.partition(".")[0] in OUTSIDE] == []
    assert under(path, "adapters", "wiring", "task_handler") == []
    assert not asks_for_the_present(path)


@pytest.mark.parametrize("path", modules(PACKAGE / "cockpit"), ids=named)
def test_what_people_see_knows_the_core_alone(path: Path) -> None:
    assert [name for name in imports(path) if name.partition(".")[0] in OUTSIDE] == []
    assert under(path, "adapters", "tasks", "wiring", "task_handler", "telemetry", "logs", "ports", "request") == []
    assert not asks_for_the_present(path)


@pytest.mark.parametrize("path", modules(PACKAGE / "adapters"), ids=named)
def test_an_adapter_knows_no_task_and_reads_no_environment(path: Path) -> None:
    assert under(path, "tasks", "wiring", "task_handler") == []
    assert "os" not in set(imports(path))


def test_the_ports_know_the_core_alone() -> None:
    assert under(PACKAGE / "ports.py", "adapters", "tasks", "wiring", "task_handler") == []
    assert [name for name in imports(PACKAGE / "ports.py") if name.partition(".")[0] in OUTSIDE] == []


def test_no_module_imports_itself_by_way_of_others() -> None:
    assert circle_in(imported_when_run(PACKAGE, FUNCTIONS)) == []


def test_everything_at_the_top_is_in_a_layer_and_there_is_less_of_it_than_there_was() -> None:
    top = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert top - {"__init__"} == set().union(*LAYERS)
    assert sum(map(len, LAYERS)) <= MOST_AT_THE_TOP


@pytest.mark.parametrize(
    "path", [path for path in modules(PACKAGE) if path.parent != PACKAGE or path.stem != "__init__"], ids=named
)
def test_a_module_imports_its_own_package_and_lower_layers_alone(path: Path) -> None:
    own = path.relative_to(PACKAGE).with_suffix("").parts[0]
    (height,) = [height for height, layer in enumerate(LAYERS) if own in layer]
    allowed = {own}.union(*LAYERS[:height])
    taken = {name.split(".")[1] for name in imports(path) if name.startswith("rollout.")}
    assert taken - allowed == set()


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


@pytest.mark.parametrize(
    ("lines", "circle"),
    [
        ({"a": "from package import b", "b": "from package.a import X"}, True),
        ({"a": "from . import b", "b": "def f():\n    from .a import X"}, True),
        ({"a": "from package.b import X", "b": "import package.c", "c": "from package.a import Y"}, True),
        ({"a": "from package.b import X", "b": "if TYPE_CHECKING:\n    from package.a import Y"}, False),
        ({"a": "from package import b, c", "b": "from package import c", "c": "import os"}, False),
    ],
)
def test_the_check_itself_sees_a_circle_however_it_is_made(
    tmp_path: Path, lines: Mapping[str, str], circle: bool
) -> None:
    folder = tmp_path / "package"
    folder.mkdir()
    for name, text in {"__init__": "", **lines}.items():
        (folder / f"{name}.py").write_text(text)
    assert bool(circle_in(imported_when_run(folder, tmp_path))) is circle
