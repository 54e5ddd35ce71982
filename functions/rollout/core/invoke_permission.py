"""Whether a Lambda resource policy lets API Gateway call a function for one method of an API.

Without such a statement on *that alias* every request to the canary ends as a 500: the most common cause of a canary
that fails altogether. Only what is certain is decided: a condition that is not understood counts as kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from rollout.core.target import Json

SERVICE = "apigateway.amazonaws.com"
ACTION = "lambda:InvokeFunction"


def may_invoke(policy: Json, resource: str, called_as: str) -> bool:
    """Whether some statement allows API Gateway to call `resource` for `called_as`.

    policy: as in GetPolicy's `Policy`. resource: the function's ARN with its qualifier. called_as: what the caller's
    ARN ends with, `restApiId/stage/METHOD/path`.
    """
    statements = policy.get("Statement", [])
    return any(_allows(each, resource, called_as) for each in _listed(statements) if each.get("Effect") == "Allow")


def _allows(statement: Json, resource: str, called_as: str) -> bool:
    return (
        _has_principal(statement.get("Principal"))
        and any(fnmatchcase(ACTION.lower(), str(each).lower()) for each in _listed(statement.get("Action", [])))
        and any(fnmatchcase(resource, str(each)) for each in _listed(statement.get("Resource", [])))
        and all(_matches(pattern, called_as) for pattern in _source_arns(statement.get("Condition", {})))
    )


def _has_principal(principal: Any) -> bool:
    if isinstance(principal, dict):
        return any(each in (SERVICE, "*") for each in _listed(principal.get("Service", principal.get("AWS", []))))
    return principal in (SERVICE, "*")


def _source_arns(condition: Json) -> Iterator[Sequence[str]]:
    """The patterns of each condition on the caller's ARN."""
    for operator, keys in condition.items():
        if operator.lower() in ("arnlike", "arnequals", "stringlike", "stringequals"):
            yield from (_listed(value) for key, value in keys.items() if key.lower() == "aws:sourcearn")


def _matches(patterns: Sequence[str], called_as: str) -> bool:
    """`arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH`; partition, region and account are left open."""
    for pattern in patterns:
        parts = pattern.split(":", 5)
        tail = parts[5] if len(parts) == 6 else pattern
        if fnmatchcase(called_as, tail):
            return True
    return False


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]
