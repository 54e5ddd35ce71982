"""JSONata for moto's state machines.

moto has no JSONata engine, and writes the variables' values into the text of the expression, strings unescaped. Here
`jsonata-python` evaluates, values are bound, and parsed expressions are kept.

AWS (documented): an expression that fails or yields nothing ends its state with `States.QueryEvaluationError`, which
Retry and Catch can match; `$states` holds `input`, `context`, and where they exist `result` and `errorOutput`;
`$uuid`, `$random`, `$hash`, `$partition`, `$range` and `$parse` are provided by Step Functions.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from jsonata import Jsonata
from jsonata.utils import Utils
from moto.stepfunctions.parser.api import EvaluationFailedEventDetails, HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.common.string.string_expression import (
    StringJSONata,
    StringVariableSample,
)
from moto.stepfunctions.parser.asl.component.intrinsic.jsonata import get_intrinsic_functions_declarations
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

from rollout_simulator.moto_patches.patching import replacements

_EXPRESSION = replacements(StringJSONata, _eval_body="has no engine; writes variables into the expression's text")
_VARIABLE = replacements(StringVariableSample, _eval_body="has no engine; writes variables into the expression's text")

_OWN_FUNCTIONS = {"$partition", "$range"}
"""The Step Functions functions that moto writes in JSONata itself; the others are bound as Python."""

_HASHES = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}


@contextmanager
def patched(seed: int = 0) -> Iterator[None]:
    """Evaluate JSONata in moto's state machines for as long as this is open; `seed` is `$random`'s."""
    functions = _functions(random.Random(seed))

    def evaluate(component: Any, env: Any) -> None:
        env.stack.append(_evaluated(component.expression, env, functions))

    with _EXPRESSION(_eval_body=evaluate), _VARIABLE(_eval_body=evaluate):
        yield


def _evaluated(expression: str, env: Any, functions: dict[str, Any]) -> Any:
    try:
        parsed = _parsed(expression)
        bindings = {**functions, **_variables(env), "states": _states(env, expression)}
        # $now and the like ask the engine's instance of this thread, not the expression.
        Jsonata.CURRENT.jsonata = parsed
        result = parsed.evaluate(None, bindings)
    except Exception as error:
        raise _failed(env, f"The JSONata expression '{expression}' failed: {error}") from error
    if result is None:
        raise _failed(env, f"The JSONata expression '{expression}' returned nothing (undefined).")
    if Utils.is_function(result) or type(result).__name__ == "Symbol":
        raise _failed(env, f"The JSONata expression '{expression}' returned an unsupported result type.")
    return _plain(result)


@lru_cache(maxsize=1024)
def _parsed(expression: str) -> Any:
    named = {name for name in _OWN_FUNCTIONS if name in expression}
    parsed = Jsonata(f"({get_intrinsic_functions_declarations(named)}{expression})")
    parsed.set_output_convert_nulls(False)
    return parsed


def _variables(env: Any) -> dict[str, Any]:
    store = env.variable_store
    return {name: _bound(value) for name, value in (store._outer_scope | store._inner_scope).items()}


def _states(env: Any, expression: str) -> dict[str, Any]:
    states = env.states._states_data
    shown = {name: states[name] for name in ("input", "result", "errorOutput") if name in states}
    if "$states.context" in expression or re.search(r"\$states(?!\.)", expression):
        # The context holds dates; a state machine sees them as ISO 8601 text.
        shown["context"] = json.loads(to_json_str(states["context"]))
    return shown


def _bound(value: Any) -> Any:
    """The engine takes a bare None for undefined; inside of a value it is null."""
    return Utils.NULL_VALUE if value is None else value


def _plain(value: Any) -> Any:
    """JSON without the engine's own kinds of lists and nulls, and shared with nobody."""
    if value is Utils.NULL_VALUE or value is None:
        return None
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return value


def _functions(chance: random.Random) -> dict[str, Any]:
    def hashed(text: str, algorithm: str) -> str:
        return hashlib.new(_HASHES[algorithm], text.encode(), usedforsecurity=False).hexdigest()

    def seeded(seed: Any = None) -> float:
        return chance.random() if seed is None else random.Random(seed).random()

    return {
        "hash": Jsonata.JLambda(hashed),
        "parse": Jsonata.JLambda(json.loads),
        "random": Jsonata.JLambda(seeded),
        "uuid": Jsonata.JLambda(lambda: str(uuid.UUID(int=chance.getrandbits(128), version=4))),
    }


def _failed(env: Any, cause: str) -> FailureEventException:
    name = StatesErrorName(typ=StatesErrorNameType.StatesQueryEvaluationError)
    details: Any = {"evaluationFailedEventDetails": EvaluationFailedEventDetails(cause=cause, error=name.error_name)}
    event = FailureEvent(env=env, error_name=name, event_type=HistoryEventType.EvaluationFailed, event_details=details)
    return FailureEventException(failure_event=event)
