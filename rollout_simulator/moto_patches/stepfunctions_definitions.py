"""State machine definitions: texts read as JSON, and parsed once.

moto leaves the escapes of some texts (`\\"`, `\\n`) as they are written, reads those of others as Python's, and
parses a definition anew for each execution. AWS: a definition is JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from moto.stepfunctions.parser.asl.antlr.runtime.ASLLexer import ASLLexer
from moto.stepfunctions.parser.asl.antlt4utils.antlr4utils import is_terminal
from moto.stepfunctions.parser.asl.parse import preprocessor
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor

from rollout_simulator.moto_patches.patching import replacements

_PARSER = replacements(AmazonStateLanguageParser, parse="parses a definition anew for each execution")
_PREPROCESSOR = replacements(Preprocessor, _inner_string_of="leaves the escapes of a text as they are written")
_PREPROCESSING = replacements(
    preprocessor, from_string_literal="reads the escapes of a text as Python's, not as JSON's"
)
_parse: Callable[[str], Any] = AmazonStateLanguageParser.parse


@contextmanager
def patched() -> Iterator[None]:
    """Read definitions as AWS does for as long as this is open."""
    with (
        _PARSER(parse=staticmethod(_parsed)),
        _PREPROCESSOR(_inner_string_of=staticmethod(_text_or_null)),
        _PREPROCESSING(from_string_literal=lambda parser_rule_context: _text(parser_rule_context.getText())),
    ):
        yield


_parsed_before = lru_cache(maxsize=32)(_parse)


def _parsed(definition: str) -> Any:
    """Parsed programs hold no state of an execution, except in Map, whose iterations do."""
    return _parse(definition) if '"Map"' in definition else _parsed_before(definition)


def _text_or_null(parser_rule_context: Any) -> str | None:
    if is_terminal(parser_rule_context, ASLLexer.NULL):
        return None
    return _text(parser_rule_context.getText())


def _text(written: str) -> str:
    return str(json.loads(written, strict=False)) if written.startswith('"') else written
