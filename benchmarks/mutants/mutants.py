"""The mutants of a module: one small change of its syntax tree each."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Change = Callable[[], None]
"""Changes the tree in place."""

_Node = TypeVar("_Node", bound=ast.AST)

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}
_TEXT_METHODS = {"lower", "upper", "strip", "removeprefix", "removesuffix", "title", "replace", "normalize"}


@dataclass(frozen=True, slots=True, order=True)
class Mutant:
    """The `number`-th change of a file.

    statement: the line that the changed statement begins with; coverage may know that line alone. in_function: whether
    it is run by calls; what stands outside functions is run once, at the import.
    """

    file: str
    number: int
    line: int
    statement: int
    change: str
    in_function: bool


def mutants_of(path: Path, name: str) -> list[Mutant]:
    """All mutants of this file, in the order of its tree."""
    found = _sites(ast.parse(path.read_text(encoding="utf-8")))
    return [
        Mutant(name, number, site.line, site.statement, site.words, site.in_function)
        for number, site in enumerate(found)
    ]


def mutated(path: Path, number: int) -> ast.Module:
    """The tree of this file with its `number`-th change made."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for found, site in enumerate(_sites(tree)):
        if found == number:
            site.change()
            return ast.fix_missing_locations(tree)
    raise LookupError(f"{path} has no mutant {number}")


@dataclass(frozen=True, slots=True)
class _Site:
    line: int
    statement: int
    words: str
    change: Change
    in_function: bool


def _sites(node: ast.AST, statement: int = 1, *, in_function: bool = False) -> Iterator[_Site]:
    """The changes of all that is below this node. Annotations are no code, nor are docstrings and imports."""
    is_function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
    for child in _children(node):
        inside = in_function or (is_function and not isinstance(child, ast.arguments))  # defaults belong to the outside
        line = getattr(child, "lineno", getattr(node, "lineno", statement))
        begins = line if isinstance(child, (ast.stmt, ast.ExceptHandler)) else statement
        for words, change in _changes(child, node):
            yield _Site(line, begins, words, change, inside)
        yield from _sites(child, begins, in_function=inside)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "bases", "keywords") and not isinstance(node, ast.Call):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_no_code(child):
                yield child


def _is_no_code(node: ast.AST) -> bool:
    docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    typing = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    return docstring or typing or isinstance(node, (ast.Import, ast.ImportFrom))


def _changes(node: ast.AST, parent: ast.AST) -> Iterator[tuple[str, Change]]:
    """What can be changed of this node itself, in words."""
    if isinstance(node, ast.expr | ast.comprehension):
        return _of_expression(node, parent)
    return _of_statement(node, parent)


def _of_expression(node: ast.AST, parent: ast.AST) -> Iterator[tuple[str, Change]]:
    match node:
        case ast.Compare(ops=[operator]) if type(operator) in _COMPARISONS:
            yield _set(node, "ops", [_COMPARISONS[type(operator)]()])
        case ast.BoolOp():
            yield from _of_condition(node, parent)
        case ast.UnaryOp(op=ast.Not()):
            yield _become(node, parent, node.operand)
        case ast.BinOp() if type(node.op) in _OPERATORS and not _is_type(node, parent):
            yield _set(node, "op", _OPERATORS[type(node.op)]())
        case ast.IfExp(test=ast.expr() as test) if not _is_negated_by_itself(test):
            yield _set(node, "test", ast.UnaryOp(ast.Not(), test))
        case ast.comprehension() if node.ifs:
            yield _set(node, "ifs", [], of=parent)
        case ast.Constant() if not _is_in_text(parent):
            yield from (_set(node, "value", value) for value in _other_values(node.value))
        case ast.Call():
            yield from _of_call(node, parent)
        case ast.Set() | ast.List():
            yield from _without_each(node, "elts")


def _of_statement(node: ast.AST, parent: ast.AST) -> Iterator[tuple[str, Change]]:
    match node:
        case ast.If() | ast.While() if not _is_negated_by_itself(node.test):
            yield _set(node, "test", ast.UnaryOp(ast.Not(), node.test))
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield _set(node, "value", ast.Constant(None))
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Raise():
            yield _become(node, parent, ast.Pass())
        case ast.Assign(targets=[ast.Subscript() | ast.Attribute()]):
            yield _become(node, parent, ast.Pass())
        case ast.Break():
            yield _become(node, parent, ast.Continue())
        case ast.Continue():
            yield _become(node, parent, ast.Break())
        case ast.ExceptHandler():
            yield _set(node, "body", [ast.Raise()])


def _of_condition(node: ast.BoolOp, parent: ast.AST) -> Iterator[tuple[str, Change]]:
    other: ast.boolop = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    yield _set(node, "op", other)
    if len(node.values) > 2:
        yield from _without_each(node, "values")
    else:
        yield _become(node, parent, node.values[0])
        yield _become(node, parent, node.values[1])


def _is_negated_by_itself(test: ast.expr) -> bool:
    return isinstance(test, (ast.Compare, ast.UnaryOp))


def _of_call(node: ast.Call, parent: ast.AST) -> Iterator[tuple[str, Change]]:
    yield from _without_each(node, "keywords")
    match node.func:
        case ast.Name(id=name) if name in _NAMES:
            yield _set(node, "func", ast.Name(_NAMES[name], ast.Load()))
        case ast.Attribute(value=value, attr=name) if name in _TEXT_METHODS:
            yield _become(node, parent, value)


def _other_values(value: object) -> Iterator[object]:
    """Texts are left alone: most are messages to people, whose wording no test should fix."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield value + 1
        if abs(value) >= 10:
            yield type(value)(value // 10)


def _is_in_text(parent: ast.AST) -> bool:
    return isinstance(parent, (ast.JoinedStr, ast.FormattedValue))


def _is_type(node: ast.BinOp, parent: ast.AST) -> bool:
    """Whether this is a union of types outside an annotation: `Alias = int | str`, `isinstance(x, int | str)`."""
    called = isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.func.id == "isinstance"
    return isinstance(node.op, ast.BitOr) and (called or isinstance(parent, (ast.Assign, ast.Subscript)))


def _set(node: ast.AST, field: str, value: object, of: ast.AST | None = None) -> tuple[str, Change]:
    """Give this field of the node another value. `of`: the node to show, where that tells more."""
    shown = of or node
    before = getattr(node, field)
    words = ast.unparse(_first_line(shown))
    setattr(node, field, value)
    after = ast.unparse(ast.fix_missing_locations(_first_line(shown)))
    setattr(node, field, before)
    return f"{_short(words)} → {_short(after)}", lambda: setattr(node, field, value)


def _without_each(node: ast.AST, field: str) -> Iterator[tuple[str, Change]]:
    """Leave out one element after the other of this field."""
    elements: list[ast.AST] = getattr(node, field)
    for number, element in enumerate(elements):
        left = elements[:number] + elements[number + 1 :]
        _, change = _set(node, field, left)
        yield f"{_short(ast.unparse(node), 80)}: without {_short(ast.unparse(element), 60)}", change


def _become(node: ast.AST, parent: ast.AST, other: ast.AST) -> tuple[str, Change]:
    """Put another node in this one's place."""

    def change() -> None:
        ast.copy_location(other, node)
        for name, value in ast.iter_fields(parent):
            if value is node:
                setattr(parent, name, other)
            elif isinstance(value, list) and node in value:
                value[value.index(node)] = other

    return f"{_short(ast.unparse(node))} → {_short(ast.unparse(other))}", change


def _first_line(node: ast.AST) -> ast.AST:
    """Of a statement with a body its head."""
    if isinstance(node, (ast.If, ast.While)):
        return node.test
    return node


def _short(words: str, most: int = 120) -> str:
    line = " ".join(words.split())
    return line if len(line) <= most else f"{line[:most]} …"
