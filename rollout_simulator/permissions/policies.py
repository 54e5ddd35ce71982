"""Policy documents, and whether they allow something: the part of IAM's language that the template uses."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

RESOURCE_TAG = "aws:ResourceTag/"
LEADING_KEYS = "dynamodb:LeadingKeys"
EVENT_SOURCE = "events:source"
EVENT_DETAIL_TYPE = "events:detail-type"
_OF_A_REQUEST = frozenset({LEADING_KEYS, EVENT_SOURCE, EVENT_DETAIL_TYPE})
_KNOWN = frozenset({"Sid", "Effect", "Action", "Resource", "Condition"})

ContextKeys = tuple[tuple[str, tuple[str, ...]], ...]
"""Condition keys with their values."""


class UnsupportedPolicy(ValueError):
    """The policy uses something that the embedded AWS does not know."""


class Permission(NamedTuple):
    """What a call needs: an IAM action on a resource, with the condition keys of the request."""

    action: str
    resource: str
    keys: ContextKeys = ()


Tags = Callable[[Permission], Mapping[str, str]]
"""The tags of a permission's resource."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition key and its patterns, of which each value has to match one.

    Without `of_all` the key must be there; with it (`ForAllValues`) a request without the key passes too, as in IAM.
    """

    key: str
    patterns: tuple[str, ...]
    of_all: bool

    def matched(self, values: Sequence[str]) -> tuple[str, ...] | None:
        """The patterns that the values match; None when the condition does not hold."""
        found = [next((each for each in self.patterns if _matches(each, value)), None) for value in values]
        if None in found or not (found or self.of_all):
            return None
        return tuple(dict.fromkeys(each for each in found if each is not None))


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement that allows something, if all its conditions hold."""

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()

    @property
    def asks_for_tags(self) -> bool:
        """Whether what it allows depends on tags, which may change."""
        return any(condition.key.startswith(RESOURCE_TAG) for condition in self.conditions)

    def grants(self, needed: Permission, tags: Tags) -> list[Permission]:
        """The statement's own action, resource and patterns that allow what is needed; empty when it does not."""
        pairs = [
            (action, resource)
            for action in self.actions
            if _matches(action.lower(), needed.action.lower())
            for resource in self.resources
            if _matches(resource, needed.resource)
        ]
        if not pairs or (matched := self._matched(needed, tags)) is None:
            return []
        return [Permission(action, resource, matched) for action, resource in pairs]

    def _matched(self, needed: Permission, tags: Tags) -> ContextKeys | None:
        """The patterns of each condition that the request matches; None when one does not hold."""
        known = dict(needed.keys)
        if self.asks_for_tags:
            known |= {f"{RESOURCE_TAG}{name}": (value,) for name, value in tags(needed).items()}
        found: list[tuple[str, tuple[str, ...]]] = []
        for condition in self.conditions:
            if (patterns := condition.matched(known.get(condition.key, ()))) is None:
                return None
            found.append((condition.key, patterns))
        return tuple(found)


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
    conditions = tuple(
        _condition(operator, key, _listed(value))
        for operator, tests in document.get("Condition", {}).items()
        for key, value in tests.items()
    )
    actions, resources = tuple(_listed(document["Action"])), tuple(_listed(document["Resource"]))
    return Statement(document.get("Sid", ""), actions, resources, conditions)


def _condition(operator: str, key: str, values: list[Any]) -> Condition:
    """Raises: UnsupportedPolicy (also for wildcards in `StringEquals`, where IAM takes them as they stand)."""
    of_all, _, compared = operator.rpartition(":")
    known = key.startswith(RESOURCE_TAG) or key in _OF_A_REQUEST
    literal = compared == "StringEquals" and not any(set(str(value)) & {"*", "?"} for value in values)
    if not known or of_all not in ("", "ForAllValues") or not (literal or compared == "StringLike"):
        raise UnsupportedPolicy(f"condition {operator} on {key}")
    return Condition(key, tuple(str(value) for value in values), of_all == "ForAllValues")


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _matches(pattern: str, text: str) -> bool:
    return _compiled(pattern).fullmatch(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """IAM's wildcards: `*` is anything, slashes, colons and line breaks too; `?` is one character."""
    wild = {"*": ".*", "?": "."}
    return re.compile("".join(wild.get(character, re.escape(character)) for character in pattern), re.DOTALL)
