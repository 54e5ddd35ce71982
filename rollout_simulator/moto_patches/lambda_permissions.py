"""Lambda resource policies: one for each function, version and alias.

moto keeps one policy for a function, all its versions and aliases, and accepts two statements of one id. AWS: each
qualifier has a policy of its own; one without a policy is answered with ResourceNotFoundException; a statement id that
is taken with ResourceConflictException (API reference of AddPermission, GetPolicy, RemovePermission).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaBackend
from moto.awslambda.policy import Policy
from moto.awslambda.responses import LambdaResponse

from rollout_simulator.moto_patches.patching import replacements

_BACKEND = replacements(
    LambdaBackend,
    add_permission="keeps one policy for a function, its versions and aliases; takes two statements of one id",
    get_policy="shows that one policy for each version and alias",
)
_RESPONSE = replacements(
    LambdaResponse, remove_permission="takes the statement from that one policy, whatever the qualifier"
)


class StatementExists(LambdaClientError):
    """The policy has a statement of this id."""

    code = 409

    def __init__(self, identity: str) -> None:
        super().__init__(
            "ResourceConflictException",
            f"The statement id ({identity}) provided already exists. Please provide a new statement id, or remove the "
            "existing statement.",
        )


@contextmanager
def patched() -> Iterator[None]:
    """Keep a policy for each qualifier, for as long as this is open."""
    backend = _BACKEND(add_permission=add_permission, get_policy=get_policy)
    with backend, _RESPONSE(remove_permission=remove_permission):
        yield


def add_permission(backend: Any, function_name: str, qualifier: str | None, raw: str) -> dict[str, Any]:
    """Do AddPermission."""
    policy, identity = _policy(backend, function_name, qualifier), json.loads(raw).get("StatementId")
    if any(statement.get("Sid") == identity for statement in policy.statements):
        raise StatementExists(identity)
    statement, _ = policy.add_statement(raw, qualifier)
    return dict(statement)


def get_policy(backend: Any, function_name: str, qualifier: str | None = None) -> str:
    """Do GetPolicy."""
    return str(_policy(backend, function_name, qualifier).wire_format())


def remove_permission(response: Any) -> Any:
    """Answer RemovePermission."""
    *_, function_name, _, statement_id = response.path.split("?")[0].split("/")
    policy = _policy(response.backend, unquote(function_name), response._get_param("Qualifier"))
    policy.del_statement(unquote(statement_id), response._get_param("RevisionId") or "")
    return 204, {"status": 204}, "{}"


def _policy(backend: Any, function_name: str, qualifier: str | None) -> Any:
    backend.get_function(function_name, qualifier)  # there must be such a version or alias
    owner = backend.get_function(function_name)
    policies = owner.__dict__.setdefault("policies_by_qualifier", {})
    made: Any = Policy
    return policies.setdefault(qualifier, made(owner)) if qualifier else owner.policy
