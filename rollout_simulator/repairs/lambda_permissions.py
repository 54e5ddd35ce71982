"""Lambda resource policies of one function, alias or version each.

moto keeps the policy of an alias with the version that it points to, so that an alias loses its permissions when it is
moved, and shares them with every alias of the same version. On AWS each qualifier has a policy of its own; a function
or alias without one is answered with ResourceNotFoundException.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from moto.awslambda.models import LambdaBackend
from moto.awslambda.policy import Policy

from rollout_simulator.repairs.patching import replaced


@contextmanager
def repaired() -> Iterator[None]:
    """Keep a policy for each qualifier, for as long as this is open."""
    with ExitStack() as stack:
        for new in (add_permission, get_policy):
            stack.enter_context(replaced(LambdaBackend, new.__name__, new))
        yield


def add_permission(backend: Any, function_name: str, qualifier: str | None, raw: str) -> dict[str, Any]:
    """Answer AddPermission."""
    statement, _ = _policy(backend, function_name, qualifier).add_statement(raw, qualifier)
    return dict(statement)


def get_policy(backend: Any, function_name: str, qualifier: str | None = None) -> str:
    """Answer GetPolicy."""
    return str(_policy(backend, function_name, qualifier).wire_format())


def _policy(backend: Any, function_name: str, qualifier: str | None) -> Any:
    backend.get_function(function_name, qualifier)  # there must be such a version or alias
    owner = backend.get_function(function_name)
    policies = owner.__dict__.setdefault("policies_by_qualifier", {})
    made: Any = Policy
    return policies.setdefault(qualifier or "", made(owner)) if qualifier else owner.policy
