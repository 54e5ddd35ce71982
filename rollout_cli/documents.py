"""JSON from a file or from standard input; whatever is wrong with it is said in one line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, NoReturn

from rollout_cli.exits import fail

STANDARD_INPUT = "-"


def read_json(source: str) -> Any:
    """What the file holds, or standard input for `-`. Exits with 2 if it cannot be read or is not JSON."""
    name = "standard input" if source == STANDARD_INPUT else source
    try:
        text = sys.stdin.buffer.read() if source == STANDARD_INPUT else Path(source).read_bytes()
        return json.loads(text.decode("utf-8-sig"), object_pairs_hook=_each_field_once)
    except OSError as error:
        refuse(f"{name}: {error.strerror or error}")
    except UnicodeDecodeError:
        refuse(f"{name}: not JSON: not UTF-8 text")
    except json.JSONDecodeError as error:
        refuse(f"{name}: not JSON: {error.msg} at line {error.lineno}, column {error.colno}")
    except RecursionError:
        refuse(f"{name}: not a document of ours: nested too deeply")
    except ValueError as error:
        refuse(f"{name}: {error}")


def refuse(problem: str) -> NoReturn:
    """Say what is wrong in one line, whatever it quotes, and exit with 2."""
    fail(problem)


def _each_field_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        twice = next(name for index, (name, _) in enumerate(pairs) if name in {each for each, _ in pairs[:index]})
        raise ValueError(f"the field {twice!r} is there twice")
    return fields
