"""A stage's access log: what its format tells of a request, the filter for the failures, and reading a line.

The fields' names are the owner's choice, so they are taken from the format: which `$context` variable stands where, and
whether in quotes. API Gateway writes "-" for a variable that has no value, so that a variable without quotes can make a
line that is no JSON; such a line is read all the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from rollout.core.why.messages import normalised

CANARY = "isCanaryRequest"
STATUS = "status"
REQUEST_IDS = ("requestId", "extendedRequestId")
FUNCTION_REQUEST_IDS = ("integration.requestId", "awsEndpointRequestId")
"""By which the function's log names the request (documented: "the AWS endpoint's request ID")."""
TRACE_IDS = ("xrayTraceId",)
METHODS, PATHS = ("httpMethod",), ("resourcePath",)
ERROR_TYPES = ("error.responseType",)
ERRORS = (
    "error.validationErrorString",
    "integrationErrorMessage",
    "integration.error",
    "authorizer.error",
    "authorize.error",
    "error.messageString",
    "error.message",
)
"""API Gateway's own words, the most telling first."""
SAYS_NOTHING = frozenset({"internal server error", "null", "none"})
_ANY_KIND = frozenset({"DEFAULT_4XX", "DEFAULT_5XX"})
LONGEST_LINE = 16_000
LOWEST_FAILURE, HIGHEST_STATUS = 400, 599

_VARIABLE = re.compile(r"\$context((?:\.[A-Za-z0-9_-]+)+)")
_BARE = re.compile(r"([:\[,]\s*)(\$context(?:\.[A-Za-z0-9_-]+)+)(?=\s*[,}\]])")
_BARE_NOTHING = re.compile(r"([:\[,]\s*)-(?=\s*[,}\]])")
_SELECTABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_ID = re.compile(r"[A-Za-z0-9=;:_-]{1,100}")
_MOST_LEAVES = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer that API Gateway gave. Texts are "" where the log does not say; canary is None then.

    route: method and resource path. request_id: API Gateway's; function_request_id: the invocation's. said: why it
    failed, in API Gateway's words. at: milliseconds since the epoch.
    """

    at: int
    status: int
    canary: bool | None = None
    route: str = ""
    request_id: str = ""
    function_request_id: str = ""
    trace_id: str = ""
    said: str = ""

    @property
    def failed(self) -> bool:
        """Whether it is a client's or a server's error."""
        return self.status >= LOWEST_FAILURE


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a variable stands in a line. `text` finds it in the field's text; None: it is all of it."""

    path: tuple[str, ...]
    bare: bool
    text: re.Pattern[str] | None = None
    group: int = 0

    @property
    def selector(self) -> str | None:
        """By which a filter names the field; None where it has no plain name, or more in it than the variable."""
        plain = self.text is None and all(_SELECTABLE.fullmatch(part) for part in self.path)
        return f"$.{'.'.join(self.path)}" if plain else None


@dataclass(frozen=True, slots=True)
class AccessLogFormat:
    """What a format in JSON says. `places` is by the variable's name without `$context.`."""

    places: Mapping[str, _Place] = field(default_factory=dict)

    @classmethod
    def of(cls, log_format: str) -> AccessLogFormat | None:
        """The format of a stage's `accessLogSettings`; None when it is no JSON object."""
        bare = frozenset(found[2] for found in _BARE.finditer(log_format))
        try:
            document = json.loads(_BARE.sub(r'\1"\2"', log_format))
        except (ValueError, RecursionError):
            return None
        if not isinstance(document, dict):
            return None
        places: dict[str, _Place] = {}
        for path, text in _leaves(document):
            for name, place in _places(path, text, bare):
                places.setdefault(name, place)
        return cls(places)

    @property
    def missing(self) -> tuple[str, ...]:
        """The variables without which nothing can be told: whose request it was, and how it ended."""
        return tuple(name for name in (CANARY, STATUS) if name not in self.places)

    @property
    def names_routes(self) -> bool:
        """Whether a line has its route."""
        return any(name in self.places for name in PATHS)

    @property
    def names_invocations(self) -> bool:
        """Whether a line has the id by which the function's log names the request."""
        return any(name in self.places for name in FUNCTION_REQUEST_IDS)

    def failures(self, *, canary: bool | None) -> str:
        """The filter pattern for the failures of the canary, of the base, or of both. "" where a filter cannot say
        that: then the lines are told apart when they are read.
        """
        status = self._selector(STATUS)
        if status is None:
            return ""
        bare = self.places[STATUS].bare
        failed = f"({status} >= {LOWEST_FAILURE})" if bare else f'(({status} = "4*") || ({status} = "5*"))'
        selector = self._selector(CANARY)
        if canary is None or selector is None:
            return f"{{ {failed} }}"
        if self.places[CANARY].bare:
            own = f"({selector} IS {'TRUE' if canary else 'FALSE'})"
        else:
            own = f'({selector} {"=" if canary else "!="} "true")'
        return f"{{ {own} && {failed} }}"

    def _selector(self, name: str) -> str | None:
        place = self.places.get(name)
        return place.selector if place else None

    def read(self, line: str, at: int) -> Answer | None:
        """The answer that this line tells of; None when it cannot be read or has no status."""
        document = _document(line)
        if document is None:
            return None

        def first(names: tuple[str, ...]) -> str:
            found = (_value(document, self.places[name]) for name in names if name in self.places)
            return next((value for value in found if value), "")

        status = first((STATUS,))
        if not (status.isascii() and status.isdecimal() and int(status[:9]) <= HIGHEST_STATUS):
            return None
        canary = first((CANARY,)).lower()
        route = normalised_route(first(METHODS), first(PATHS))
        return Answer(
            at=at,
            status=int(status),
            canary=canary == "true" if CANARY in self.places else None,
            route=route,
            request_id=identifier(first(REQUEST_IDS)),
            function_request_id=identifier(first(FUNCTION_REQUEST_IDS)),
            trace_id=identifier(first(TRACE_IDS)),
            said=_said(first(ERROR_TYPES), first(ERRORS)),
        )


def normalised_route(method: str, path: str) -> str:
    """Method and resource path on one line; "" without a path."""
    text = " ".join(f"{method} {path}".split()) if path else ""
    return "".join(letter for letter in text if letter.isprintable())[:120]


def identifier(text: str) -> str:
    """The text if it can be an id of a request or of a trace, else ""."""
    return text if _ID.fullmatch(text) else ""


def _said(kind: str, words: str) -> str:
    """What API Gateway said; its general words only where it names a kind of error."""
    if not words.strip() or words.strip().strip('"').lower() in SAYS_NOTHING:
        words = ""
    return normalised(": ".join(part for part in ("" if kind in _ANY_KIND else kind, words) if part))


def _leaves(document: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text of the document, with its path; lists are passed over."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), document)]
    for _ in range(_MOST_LEAVES):
        if not waiting:
            return
        path, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [((*path, str(name)), each) for name, each in value.items()]
        elif isinstance(value, str):
            yield path, value


def _places(path: tuple[str, ...], text: str, bare: frozenset[str]) -> Iterator[tuple[str, _Place]]:
    found = list(_VARIABLE.finditer(text))
    if len(found) == 1 and found[0][0] == text:
        yield found[0][1][1:], _Place(path, text in bare)
        return
    between = [text[one.end() : other.start()] for one, other in pairwise(found)]
    if not all(gap[:1].isspace() for gap in between):
        return  # without a space between them it cannot be told where one ends
    written, pattern = 0, []
    for each in found:
        pattern += [re.escape(text[written : each.start()]), r"(\S*)"]
        written = each.end()
    compiled = re.compile("".join([*pattern, re.escape(text[written:])]))
    for number, each in enumerate(found, start=1):
        yield each[1][1:], _Place(path, False, compiled, number)


def _document(line: str) -> Mapping[str, Any] | None:
    if len(line) > LONGEST_LINE:
        return None
    for text in (line, _BARE_NOTHING.sub(r'\1"-"', line)):
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            continue
        return document if isinstance(document, dict) else None
    return None


def _value(document: Mapping[str, Any], place: _Place) -> str:
    """The variable's value; "" where it has none."""
    value: Any = document
    for part in place.path:
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, bool):
        value = str(value).lower()
    elif isinstance(value, int):
        value = f"{value:d}" if abs(value) < 10**15 else ""
    if not isinstance(value, str):
        return ""
    if place.text is not None:
        match = place.text.fullmatch(value[:1_000])
        value = match[place.group] if match else ""
    return "" if value == "-" else value
