"""CloudWatch Logs' filter patterns, as far as they are used here: terms, and conditions on the fields of JSON.

As documented in "Filter pattern syntax for metric filters, subscription filters, filter log events, and Live Tail":
patterns are case sensitive; `?A ?B` is either, `A B` is both, `-A` is none; a term with other characters than letters
and digits stands in quotes. `{ … }` fits JSON objects only: `$.a.b` compared by =, !=, <, >, <=, >= with a number or a
text (`*` stands for anything), IS TRUE, IS FALSE, IS NULL, EXISTS, NOT EXISTS, joined by && and || with parentheses.
Unknown: whether a text in the log is compared with a number by an order; here it is not. What else there is (regular
expressions, space-delimited) is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

Test = Callable[[str], bool]
Condition = Callable[[Any], bool]
LONGEST = 1_024
_MISSING: Any = object()


class InvalidPattern(ValueError):
    """The pattern is wrong, or of a kind that is not supported here."""


def matches(pattern: str, message: str) -> bool:
    """Whether the message fits the pattern.

    Raises: InvalidPattern.
    """
    return compiled(pattern)(message)


@lru_cache(maxsize=256)
def compiled(pattern: str) -> Test:
    """The pattern's test.

    Raises: InvalidPattern.
    """
    if len(pattern) > LONGEST:
        raise InvalidPattern(f"a filter pattern has at most {LONGEST} characters")
    text = pattern.strip()
    if not text:
        return lambda _: True
    if text.startswith("{"):
        if not text.endswith("}"):
            raise InvalidPattern(f"Invalid character(s) in term {pattern!r}")
        return _json_test(text[1:-1])
    if text[0] in "[%":
        raise InvalidPattern(f"not supported here: {pattern!r}")
    return _terms_test(text)


# --- terms ---------------------------------------------------------------------------------------------------

_TERM = re.compile(r'([?-]?)(?:"((?:[^"\\]|\\.)*)"|(\S+))\s*')
_WORD = re.compile(r"\w+")


def _terms_test(text: str) -> Test:
    optional, needed, excluded, place = list[str](), list[str](), list[str](), 0
    while place < len(text):
        found = _TERM.match(text, place)
        if found is None or (found[2] is None and not _WORD.fullmatch(found[3])):
            raise InvalidPattern(f"Invalid character(s) in term {text[place:]!r}")
        term = found[3] if found[2] is None else re.sub(r"\\(.)", r"\1", found[2])
        {"?": optional, "-": excluded, "": needed}[found[1]].append(term)
        place = found.end()

    def test(message: str) -> bool:
        if any(term in message for term in excluded) or not all(term in message for term in needed):
            return False
        return not optional or bool(needed) or any(term in message for term in optional)

    return test


# --- JSON ----------------------------------------------------------------------------------------------------

_TOKENS = re.compile(
    r"\s*(?:(?P<mark>&&|\|\||\(|\)|<=|>=|!=|=|<|>)|(?P<path>\$(?:\.[A-Za-z_][A-Za-z0-9_-]*)+)"
    r'|"(?P<text>(?:[^"\\]|\\.)*)"|(?P<word>[^\s()&|=<>!"]+))'
)


def _json_test(text: str) -> Test:
    tokens = _Tokens(text)
    condition = _either(tokens)
    tokens.end()

    def test(message: str) -> bool:
        try:
            document = json.loads(message)
        except ValueError:
            return False
        return isinstance(document, dict) and condition(document)

    return test


class _Tokens:
    def __init__(self, text: str) -> None:
        self._text = text.strip()
        self._tokens = list(self._cut())
        self._place = 0

    def _cut(self) -> Iterator[tuple[str, str]]:
        place = 0
        while place < len(self._text):
            found = _TOKENS.match(self._text, place)
            if found is None or found.lastgroup is None:
                raise InvalidPattern(f"Invalid character(s) in term {self._text[place:]!r}")
            yield found.lastgroup, found[found.lastgroup]
            place = found.end()

    def peek(self) -> tuple[str, str]:
        return self._tokens[self._place] if self._place < len(self._tokens) else ("end", "")

    def take(self, *kinds: str) -> str:
        kind, text = self.peek()
        if kind not in kinds:
            raise InvalidPattern(f"Invalid character(s) in term {self._text!r}")
        self._place += 1
        return text

    def took(self, text: str) -> bool:
        if self.peek()[1] != text or self.peek()[0] == "text":
            return False
        self._place += 1
        return True

    def end(self) -> None:
        if self.peek()[0] != "end":
            raise InvalidPattern(f"Invalid character(s) in term {self._text!r}")


def _either(tokens: _Tokens) -> Condition:
    parts = [_both(tokens)]
    while tokens.took("||"):
        parts.append(_both(tokens))
    return lambda document: any(part(document) for part in parts)


def _both(tokens: _Tokens) -> Condition:
    parts = [_one(tokens)]
    while tokens.took("&&"):
        parts.append(_one(tokens))
    return lambda document: all(part(document) for part in parts)


def _one(tokens: _Tokens) -> Condition:
    if tokens.took("("):
        inner = _either(tokens)
        if not tokens.took(")"):
            raise InvalidPattern("a parenthesis is not closed")
        return inner
    path = tokens.take("path").split(".")[1:]
    if tokens.took("EXISTS"):
        return lambda document: _at(document, path) is not _MISSING
    if tokens.took("NOT"):
        tokens.take("word")
        return lambda document: _at(document, path) is _MISSING
    if tokens.took("IS"):
        wanted = {"TRUE": True, "FALSE": False, "NULL": None}.get(word := tokens.take("word"), _MISSING)
        if wanted is _MISSING:
            raise InvalidPattern(f"IS {word}")
        return lambda document: _at(document, path) is wanted
    mark = tokens.take("mark")
    quoted = tokens.peek()[0] == "text"
    value = tokens.take("text", "word")
    return _compared(path, mark, value, quoted=quoted)


def _compared(path: list[str], mark: str, value: str, *, quoted: bool) -> Condition:
    number = None if quoted else _number(value)
    if mark in ("=", "!="):
        like = re.compile(".*".join(map(re.escape, value.split("*"))), re.DOTALL)

        def same(found: Any) -> bool:
            if number is not None and isinstance(found, int | float) and not isinstance(found, bool):
                return bool(found == number)
            if isinstance(found, str):
                return like.fullmatch(found) is not None
            return value == "*" and found is not None

        if mark == "=":
            return lambda document: (found := _at(document, path)) is not _MISSING and same(found)
        return lambda document: (found := _at(document, path)) is not _MISSING and not same(found)
    if mark not in _ORDERS or number is None:
        raise InvalidPattern(f"{mark} {value}")
    order = _ORDERS[mark]
    return lambda document: (
        isinstance(found := _at(document, path), int | float) and not isinstance(found, bool) and order(found, number)
    )


_ORDERS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda one, other: one < other,
    ">": lambda one, other: one > other,
    "<=": lambda one, other: one <= other,
    ">=": lambda one, other: one >= other,
}


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _at(document: Any, path: list[str]) -> Any:
    for part in path:
        if not isinstance(document, dict) or part not in document:
            return _MISSING
        document = document[part]
    return document
