"""Whether a Lambda resource policy lets API Gateway call a function for one method, or authorizer, of an API.

Without such a statement on *that alias* every request to the canary ends as a 500: the most common cause of a canary
that fails altogether. Only what is certain is decided: a condition that is not understood counts as kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rollout.core.target import Json

SERVICE = "apigateway.amazonaws.com"
ACTION = "lambda:InvokeFunction"
_CONDITION = re.compile(r"(?:string|arn)(?:not)?(?:like|equals)(?:ignorecase)?")


def may_invoke(policy: Json, resource: str, caller: str) -> bool:
    """Whether some statement allows API Gateway to call `resource` for `caller`, and none denies it.

    policy: as in GetPolicy's `Policy`. resource: the function's ARN with its qualifier. caller: the ARN of the method,
    `arn:PARTITION:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/path`, or of the authorizer, `…:API/authorizers/ID`.
    """
    statements = _listed(policy.get("Statement", []))
    allowed = any(_fits(each, resource, caller, unknown=True) for each in statements if each.get("Effect") == "Allow")
    denied = any(_fits(each, resource, caller, unknown=False) for each in statements if each.get("Effect") == "Deny")
    return allowed and not denied


def _fits(statement: Json, resource: str, caller: str, *, unknown: bool) -> bool:
    """Whether the statement is about this call; `unknown` is the answer to a condition that is not understood."""
    return (
        _has_principal(statement.get("Principal"))
        and any(_like(str(each).lower(), ACTION.lower()) for each in _listed(statement.get("Action", [])))
        and any(_like(str(each), resource) for each in _listed(statement.get("Resource", [])))
        and all(
            _kept(operator, key, _listed(values), caller, unknown=unknown)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _has_principal(principal: Any) -> bool:
    if isinstance(principal, dict):
        return any(each in (SERVICE, "*") for each in _listed(principal.get("Service", principal.get("AWS", []))))
    return principal in (SERVICE, "*")


def _kept(operator: str, key: str, values: Sequence[Any], caller: str, *, unknown: bool) -> bool:
    """Whether the call keeps a condition: by the caller's ARN, or by its account."""
    known: Mapping[str, str] = {"aws:sourcearn": caller, "aws:sourceaccount": caller.split(":")[4]}
    value, name = known.get(key.lower()), operator.lower()
    if value is None or _CONDITION.fullmatch(name) is None:
        return unknown
    matches = _matching(name)
    return any(matches(str(each), value) for each in values) is not ("not" in name)


def _matching(operator: str) -> Callable[[str, str], bool]:
    """How this operator compares a pattern with a value: ArnEquals is the same as ArnLike (documented)."""
    if operator.startswith("arn"):
        return _arn_like
    if "like" in operator:
        return _like
    if operator.endswith("ignorecase"):
        return lambda pattern, value: pattern.lower() == value.lower()
    return lambda pattern, value: pattern == value


def _arn_like(pattern: str, value: str) -> bool:
    """Each of the six parts of an ARN by itself (documented)."""
    parts, given = pattern.split(":", 5), value.split(":", 5)
    return len(parts) == len(given) and all(map(_like, parts, given))


def _like(pattern: str, value: str) -> bool:
    """`*` stands for any characters, `?` for one; nothing else is special."""
    expression = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)
    return re.fullmatch(expression, value, re.DOTALL) is not None


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]
