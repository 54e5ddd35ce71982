"""Policy documents, and whether they allow something: the part of IAM's language that the template uses."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

RESOURCE_TAG = "aws:ResourceTag/"
LEADING_KEYS = "dynamodb:LeadingKeys"
_KNOWN = frozenset({"Sid", "Effect", "Action", "Resource", "Condition"})


class UnsupportedPolicy(ValueError):
    """The policy uses something that the embedded AWS does not know."""


class Permission(NamedTuple):
    """What a call needs: an IAM action on a resource; for DynamoDB also of which partitions."""

    action: str
    resource: str
    leading_keys: tuple[str, ...] = ()


Tags = Callable[[Permission], Mapping[str, str]]
"""The tags of a permission's resource."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement that allows something.

    `tags` are values that tags of the resource must have; `leading_keys`, unless None, the partitions allowed.
    """

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    tags: Mapping[str, str] = field(default_factory=dict)
    leading_keys: frozenset[str] | None = None

    def grants(self, needed: Permission, tags: Tags) -> list[Permission]:
        """The statement's own (action, resource) pairs that allow what is needed; empty when it does not."""
        granted = [
            Permission(action, resource)
            for action in self.actions
            if _matches(action.lower(), needed.action.lower())
            for resource in self.resources
            if _matches(resource, needed.resource)
        ]
        return granted if granted and self._holds(needed, tags) else []

    def _holds(self, needed: Permission, tags: Tags) -> bool:
        if self.leading_keys is not None and not self.leading_keys.issuperset(needed.leading_keys):
            return False
        if not self.tags:
            return True
        found = tags(needed)
        return all(found.get(tag) == value for tag, value in self.tags.items())


def statements_of(policies: Sequence[Any]) -> list[Statement]:
    """The statements of a function's or state machine's `Policies`, already resolved.

    Raises: UnsupportedPolicy.
    """
    found: list[Statement] = []
    for policy in policies:
        if not isinstance(policy, Mapping) or "Statement" not in policy:
            raise UnsupportedPolicy(f"only policy documents are understood, got {policy!r}")
        found.extend(_statement(document) for document in _listed(policy["Statement"]))
    return found


def _statement(document: Mapping[str, Any]) -> Statement:
    if document.get("Effect") != "Allow" or set(document) - _KNOWN:
        raise UnsupportedPolicy(f"only Allow with {', '.join(sorted(_KNOWN))} is understood, got {dict(document)}")
    tags: dict[str, str] = {}
    leading_keys: frozenset[str] | None = None
    for operator, tests in document.get("Condition", {}).items():
        for key, value in tests.items():
            if operator == "StringEquals" and key.startswith(RESOURCE_TAG) and isinstance(value, str):
                tags[key.removeprefix(RESOURCE_TAG)] = value
            elif operator == "ForAllValues:StringEquals" and key == LEADING_KEYS:
                leading_keys = frozenset(_listed(value))
            else:
                raise UnsupportedPolicy(f"condition {operator} on {key}")
    actions, resources = tuple(_listed(document["Action"])), tuple(_listed(document["Resource"]))
    return Statement(document.get("Sid", ""), actions, resources, tags, leading_keys)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _matches(pattern: str, text: str) -> bool:
    return _compiled(pattern).fullmatch(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """IAM's wildcards: `*` is anything, slashes and colons too; `?` is one character."""
    return re.compile("".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern))
