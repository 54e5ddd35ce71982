"""Filter patterns of CloudWatch Logs for lines that are JSON objects.

    { ($.status >= 500) && ($.route = "GET *") }

By "Filter pattern syntax for metric filters" of the CloudWatch Logs guide: `&&` and `||` with parentheses, `=`, `!=`,
`<`, `<=`, `>`, `>=`, `IS NULL`, `IS TRUE`, `IS FALSE`, `NOT EXISTS`, texts with `*`. None is "not understood here":
regular expressions, terms without braces, and whether a number in quotes equals a number.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from rollout.core.target import Json

_TOKEN = re.compile(r'\s*(&&|\|\||[()]|!=|<=|>=|=|<|>|"[^"]*"|%[^%]*%|\$(?:\.[\w-]+|\[[^\]]+\])+|[^\s()=!<>&|"%]+)')
_STEP = re.compile(r"\.([\w-]+)|\[['\"]([^'\"]+)['\"]\]|\[(\d+)\]")
_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ABSENT = object()


class NotUnderstood(ValueError):
    """The pattern has something that is not known here."""


def matches(pattern: str, line: Json) -> bool | None:
    """Whether a filter with this pattern takes the line; None where that is not known."""
    text = pattern.strip()
    if not text:
        return True
    if not (text.startswith("{") and text.endswith("}")):
        return None
    try:
        return _Parser(text[1:-1], line).whole()
    except NotUnderstood:
        return None


def selected(selector: str, line: Json) -> Any:
    """What a selector such as `$.status` finds in the line; anything else is itself; None for nothing.

    Raises: NotUnderstood.
    """
    if not selector.startswith("$"):
        return selector
    found = _found(selector, line)
    return None if found is _ABSENT else found


def _found(selector: str, line: Any) -> Any:
    value, steps = line, list(_STEP.finditer(selector))
    if "".join(step[0] for step in steps) != selector.removeprefix("$"):
        raise NotUnderstood(selector)
    for step in steps:
        name = step[1] or step[2]
        if name is not None and isinstance(value, dict) and name in value:
            value = value[name]
        elif name is None and isinstance(value, list) and int(step[3]) < len(value):
            value = value[int(step[3])]
        else:
            return _ABSENT
    return value


class _Parser:
    """Reads and decides at once; `NotUnderstood` ends it, for one part that is not known may decide the whole."""

    def __init__(self, text: str, line: Json) -> None:
        self._tokens: list[str] = []
        self._line = line
        at = 0
        while text[at:].strip():
            if (token := _TOKEN.match(text, at)) is None:
                raise NotUnderstood(text[at:])
            self._tokens.append(token[1])
            at = token.end()

    def whole(self) -> bool:
        found = self._either()
        if self._tokens:
            raise NotUnderstood(self._tokens[0])
        return found

    def _either(self) -> bool:
        found = self._both()
        while self._next_is("||"):
            found = self._both() or found
        return found

    def _both(self) -> bool:
        found = self._one()
        while self._next_is("&&"):
            found = self._one() and found
        return found

    def _one(self) -> bool:
        if self._next_is("("):
            found = self._either()
            if not self._next_is(")"):
                raise NotUnderstood("(")
            return found
        value = _found(self._take(), self._line)
        match self._take().upper():
            case "IS":
                return value is {"NULL": None, "TRUE": True, "FALSE": False}.get(self._take().upper(), _ABSENT)
            case "NOT":
                self._take()
                return value is _ABSENT
            case compared:
                return _compared(value, compared, self._take())

    def _take(self) -> str:
        if not self._tokens:
            raise NotUnderstood("the end")
        return self._tokens.pop(0)

    def _next_is(self, token: str) -> bool:
        if self._tokens[:1] != [token]:
            return False
        self._tokens.pop(0)
        return True


def _compared(value: Any, compared: str, wanted: str) -> bool:
    if wanted.startswith("%"):
        raise NotUnderstood(wanted)
    if value is _ABSENT or value is None:
        return False
    if compared in _ORDER:
        if not _is_number(value) or not _is_numeric(wanted):
            raise NotUnderstood(wanted)
        return _ORDER[compared](float(value), float(wanted))
    if compared not in ("=", "!="):
        raise NotUnderstood(compared)
    return _equal(value, wanted) is (compared == "=")


def _equal(value: Any, wanted: str) -> bool:
    text = wanted[1:-1] if wanted.startswith('"') else wanted
    if text == "*":
        return True
    if isinstance(value, str):
        if _is_numeric(wanted):
            raise NotUnderstood(wanted)
        return re.fullmatch(".*".join(map(re.escape, text.split("*"))), value) is not None
    if _is_number(value) and _is_numeric(wanted):
        return float(value) == float(wanted)
    raise NotUnderstood(wanted)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_numeric(text: str) -> bool:
    return re.fullmatch(r"-?\d+(?:\.\d+)?", text) is not None
