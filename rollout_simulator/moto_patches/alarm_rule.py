"""The rule of a composite alarm: `ALARM("a") AND NOT (OK(b) OR INSUFFICIENT_DATA("c"))`.

    rule    = term  {"OR" term}
    term    = factor {"AND" factor}
    factor  = "NOT" factor | "(" rule ")" | "TRUE" | "FALSE" | state "(" alarm ")"
    state   = "ALARM" | "OK" | "INSUFFICIENT_DATA"
    alarm   = a name or an ARN, quoted or not

Documented: these functions and operators. From memory: AND binds tighter than OR.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

States = Mapping[str, str]
_TOKEN = re.compile(r'\s*(?:(?P<quoted>"[^"]*")|(?P<mark>[()])|(?P<word>[^\s()"]+))')
_STATES = {"ALARM", "OK", "INSUFFICIENT_DATA"}


class BadRule(ValueError):
    """CloudWatch would refuse this rule."""


@dataclass(frozen=True)
class AlarmRule:
    """A rule that has been read: which alarms it asks about, and what it makes of their states."""

    alarms: frozenset[str]
    holds: Callable[[States], bool]
    """Whether the rule is true; an alarm that does not exist is in no state."""

    @classmethod
    def parse(cls, text: str) -> AlarmRule:
        """Read a rule.

        Raises:
            BadRule: the text is no rule.
        """
        reader = _Reader(list(_tokens(text)))
        holds = reader.rule()
        if reader.tokens:
            raise BadRule(f"unexpected {reader.tokens[0]} in {text}")
        return cls(frozenset(reader.alarms), holds)


def _tokens(text: str) -> Iterator[str]:
    at = 0
    text = text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise BadRule(f"unreadable from {text[at:]}")
        yield found[0].strip()
        at = found.end()


class _Reader:
    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.alarms: set[str] = set()

    def rule(self) -> Callable[[States], bool]:
        parts = [self.term()]
        while self._took("OR"):
            parts.append(self.term())
        return parts[0] if len(parts) == 1 else lambda states: any(part(states) for part in parts)

    def term(self) -> Callable[[States], bool]:
        parts = [self.factor()]
        while self._took("AND"):
            parts.append(self.factor())
        return parts[0] if len(parts) == 1 else lambda states: all(part(states) for part in parts)

    def factor(self) -> Callable[[States], bool]:
        token = self._next()
        if token == "NOT":
            inner = self.factor()
            return lambda states: not inner(states)
        if token == "(":
            inner = self.rule()
            self._require(")")
            return inner
        if token in {"TRUE", "FALSE"}:
            return lambda _: token == "TRUE"
        if token not in _STATES:
            raise BadRule(f"{token} is no state and no operator")
        return self._state_of_an_alarm(token)

    def _state_of_an_alarm(self, state: str) -> Callable[[States], bool]:
        self._require("(")
        # An ARN ends in the alarm's name, and a name holds no colon that could be mistaken for the ARN's.
        name = self._next().strip('"').rpartition(":alarm:")[2]
        self._require(")")
        self.alarms.add(name)
        return lambda states: states.get(name) == state

    def _took(self, word: str) -> bool:
        if self.tokens and self.tokens[0] == word:
            self.tokens.pop(0)
            return True
        return False

    def _require(self, mark: str) -> None:
        if self._next() != mark:
            raise BadRule(f"{mark} expected")

    def _next(self) -> str:
        if not self.tokens:
            raise BadRule("the rule ends too early")
        return self.tokens.pop(0)
