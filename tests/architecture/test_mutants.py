"""The mutants that `make mutants` tries: what is changed of a file, what is not, and the interval it prints."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from benchmarks.mutants.__main__ import wilson
from benchmarks.mutants.coverage_map import CoverageMap
from benchmarks.mutants.mutants import mutants_of, mutated


def changes(path: Path, source: str) -> list[str]:
    path.write_text(source, encoding="utf-8")
    return [mutant.change for mutant in mutants_of(path, path.name)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a < b", ["a < b → a <= b"]),
        ("a is None", ["a is None → a is not None"]),
        ("a and b", ["a and b → a or b", "a and b → a", "a and b → b"]),
        ("not a", ["not a → a"]),
        ("a + b", ["a + b → a - b"]),
        ("WAIT = 75", ["75 → 76", "75 → 7"]),
        (
            "read(consistent=True)",
            ["read(consistent=True) → pass", "read(consistent=True): without consistent=True", "True → False"],
        ),
        ("if a:\n    b", ["a → not a"]),
        ("[a for a in b if a]", ["[a for a in b if a] → [a for a in b]"]),
        ("{a, b}", ["{a, b}: without a", "{a, b}: without b"]),
        ("str(a).lower()", ["str(a).lower() → pass", "str(a).lower() → str(a)"]),
        ("def f():\n    return a", ["return a → return None"]),
        ("raise a", ["raise a → pass"]),
        ("max(a)", ["max(a) → pass", "max(a) → min(a)"]),
    ],
)
def test_what_is_changed(tmp_path: Path, source: str, expected: list[str]) -> None:
    assert expected == changes(tmp_path / "a.py", source)


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring with 1 number."""',
        "import a",
        "def f(a: int | None) -> dict[str, int]: ...",
        "text = 'a message to people'",
        "text = f'{a:2}'",
        "Alias = int | str",
        "if TYPE_CHECKING:\n    a = 1",
    ],
)
def test_what_is_no_code_or_a_message_is_left_alone(tmp_path: Path, source: str) -> None:
    assert [] == changes(tmp_path / "a.py", source)


def test_each_mutant_differs_from_the_file_and_from_every_other(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    found = changes(path, "def f(a, b=3):\n    if a and not b:\n        g(a, b=a + 1)\n    return max(a, b)\n")
    texts = {ast.unparse(mutated(path, number)) for number in range(len(found))}
    assert len(found) == len(texts) > 8
    assert ast.unparse(ast.parse(path.read_text(encoding="utf-8"))) not in texts


def test_the_default_of_an_argument_is_outside_its_function(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("def f(a=1):\n    return 2\n", encoding="utf-8")
    assert [("1 → 2", False), ("2 → 3", True)] == [
        (mutant.change, mutant.in_function) for mutant in mutants_of(path, "a.py")
    ]


def test_the_tests_of_a_file_come_first_and_the_fastest_of_each_before_the_others() -> None:
    seconds = {"t/test_pace.py::slow": 2.0, "t/test_pace.py::fast": 1.0, "t/test_a.py::b": 0.1, "t/test_a.py::c": 9.0}
    covered = CoverageMap(seconds, {"core/pace.py": {3: list(seconds), 4: ["t/test_a.py::c"]}})
    ordered = ["t/test_pace.py::fast", "t/test_pace.py::slow", "t/test_a.py::b", "t/test_a.py::c"]
    assert ordered == covered.of_lines("core/pace.py", 3, 4)
    assert ["t/test_a.py::c"] == covered.of_lines("core/pace.py", 4)
    assert [] == covered.of_lines("core/other.py", 4)


@pytest.mark.parametrize(
    ("hits", "tries", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (270, 300, 0.8609, 0.9291)],
)
def test_the_interval_of_a_share_is_wilsons(hits: int, tries: int, low: float, high: float) -> None:
    assert (low, high) == pytest.approx(wilson(hits, tries), abs=1e-4)
