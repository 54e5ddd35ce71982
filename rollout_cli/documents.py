"""JSON from a file or from standard input; whatever is wrong with it is said in one line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, NoReturn

from rollout_cli.exits import fail

STANDARD_INPUT = "-"
MOST_DIGITS = 1_000
"""Of a whole number."""


class NotReadable(ValueError):
    """There is no document: the file cannot be read, or is not JSON. The message says why, in one line."""


def read_json(source: str) -> Any:
    """What the file holds, or standard input for `-`. Exits with 2 if it cannot be read or is not JSON."""
    try:
        return load_json(source)
    except NotReadable as error:
        refuse(str(error))


def load_json(source: str) -> Any:
    """The same.

    Raises: NotReadable.
    """
    name = "standard input" if source == STANDARD_INPUT else source
    try:
        text = sys.stdin.buffer.read() if source == STANDARD_INPUT else Path(source).read_bytes()
        return json.loads(text.decode("utf-8-sig"), object_pairs_hook=_each_field_once, parse_int=_integer)
    except OSError as error:
        raise NotReadable(f"{name}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise NotReadable(f"{name}: not JSON: not UTF-8 text") from error
    except json.JSONDecodeError as error:
        problem = f"{name}: not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        raise NotReadable(problem) from error
    except RecursionError as error:
        raise NotReadable(f"{name}: not a document of ours: nested too deeply") from error
    except ValueError as error:
        raise NotReadable(f"{name}: {error}") from error


def refuse(problem: str) -> NoReturn:
    """Say what is wrong in one line, whatever it quotes, and exit with 2."""
    fail(problem)


def _each_field_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        twice = next(name for index, (name, _) in enumerate(pairs) if name in {each for each, _ in pairs[:index]})
        raise ValueError(f"the field {twice!r} is there twice")
    return fields


def _integer(digits: str) -> int:
    """Python would refuse more than 4,300 digits, in words of its own."""
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits, at most {MOST_DIGITS} are read")
    return int(digits)
