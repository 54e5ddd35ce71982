"""What a rollout moves: a target, and the state it is in.

A target has a base, which serves everybody, and while a rollout runs a canary, which serves `weight_percent` of
the requests. For an API Gateway stage both are deployments; for a Lambda alias both are versions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Behind:
    """The function aliases behind a stage that a rollout moves with it, each by a name such as `orders:next`.

    variables: the stage variables by which the canary, instead of a live alias, reaches a spare one. spare: the version
    of each spare alias from before the canary is made. live: the version that each live alias gets on promotion; when
    there are none, the spare aliases become the live ones, because the variables are merged into the stage's.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    spare: Mapping[str, str] = field(default_factory=dict)
    live: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """All of them."""
        return sorted({*self.spare, *self.live})

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.spare)

    def to_document(self) -> Json:
        """A JSON object."""
        return {"variables": dict(self.variables), "spare": dict(self.spare), "live": dict(self.live)}

    @classmethod
    def from_document(cls, document: Json) -> Behind:
        """The inverse of `to_document`."""
        return cls(document["variables"], document["spare"], document["live"])


@dataclass(frozen=True, slots=True)
class Target:
    """Which stage or alias: `kind` is the request's `target.type`, `ids` its other fields by their request names.

    behind: what is read and moved together with it, and no part of its key.
    """

    kind: str
    ids: Mapping[str, str]
    behind: Behind = field(default_factory=Behind)

    @property
    def key(self) -> str:
        """The target's name in locks, events and logs, such as `apigateway-stage/a1b2c3d4e5/prod`."""
        return "/".join([self.kind, *self.ids.values()])

    def to_document(self) -> Json:
        """As in a request: `{"type": …, …}`."""
        return {"type": self.kind, **self.ids}

    @classmethod
    def from_document(cls, document: Mapping[str, str]) -> Target:
        """The inverse of `to_document`."""
        return cls(document["type"], {name: value for name, value in document.items() if name != "type"})


NOTHING_BEHIND = Behind()

LONGEST_TARGET_KEY = 250
"""Of a target, in characters; a function's and an alias's names have at most 64 and 128."""


def target_named(document: object) -> str:
    """The key of the target that a refused request names; "" where what stands there names none."""
    if not isinstance(document, dict) or "type" not in document or len(document) == 1:
        return ""
    if not all(isinstance(value, str) and value and value.isprintable() for value in document.values()):
        return ""
    key = Target.from_document(document).key
    return key if len(key) <= LONGEST_TARGET_KEY else ""


_IDS = {"apigateway-stage": ("restApiId", "stageName"), "lambda-alias": ("functionName", "aliasName")}


def target_of(key: str) -> Target | None:
    """The target of this key; None when it is the key of none."""
    kind, *ids = key.split("/")
    names = _IDS.get(kind, ())
    return Target(kind, dict(zip(names, ids, strict=True))) if ids and len(names) == len(ids) else None


@dataclass(frozen=True, slots=True)
class Canary:
    """The canary as the target shows it: its deployment or version, its share of requests, its overrides."""

    revision: str
    weight_percent: Decimal
    overrides: Mapping[str, str] = field(default_factory=dict)
    use_stage_cache: bool = False

    def to_document(self) -> Json:
        """A JSON object; the weight as a string, so that it stays exact."""
        return {
            "revision": self.revision,
            "weightPercent": str(self.weight_percent),
            "overrides": dict(self.overrides),
            "useStageCache": self.use_stage_cache,
        }

    @classmethod
    def from_document(cls, document: Json) -> Canary:
        """The inverse of `to_document`."""
        return cls(
            document["revision"],
            Decimal(document["weightPercent"]),
            document["overrides"],
            document["useStageCache"],
        )

    def __str__(self) -> str:
        overrides = "".join(f", {name}={value}" for name, value in sorted(self.overrides.items()))
        return f"canary {self.revision} at {self.weight_percent.normalize():f} %{overrides}"


@dataclass(frozen=True, slots=True)
class TargetState:
    """What the target is set to. `variables` are the base's, `aliases` the versions of the function aliases behind it
    that the rollout moves (stages only).
    """

    base: str
    canary: Canary | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)

    def with_weight(self, weight_percent: Decimal) -> TargetState:
        """The same canary with another share of the requests. There must be a canary."""
        if self.canary is None:
            raise ValueError("a weight without a canary")
        return replace(self, canary=replace(self.canary, weight_percent=weight_percent))

    def without_canary(self) -> TargetState:
        """The base alone."""
        return replace(self, canary=None)

    def promoted(self, behind: Behind = NOTHING_BEHIND) -> TargetState:
        """The canary has become the base; its overrides are merged into the variables. There must be a canary.

        Where live aliases get the candidate's versions, the overrides that lead around them are dropped instead.
        """
        if self.canary is None:
            raise ValueError("a promotion without a canary")
        dropped = behind.variables if behind.live else {}
        merged = {name: value for name, value in self.canary.overrides.items() if name not in dropped}
        aliases = {**self.aliases, **behind.live}
        return TargetState(self.canary.revision, None, {**self.variables, **merged}, aliases)

    def beside(self, other: TargetState, names: frozenset[str]) -> TargetState:
        """This state with all variables but those in `names` as the other state has them."""
        own = {name: value for name, value in self.variables.items() if name in names}
        others = {name: value for name, value in other.variables.items() if name not in names}
        return replace(self, variables={**others, **own})

    def only(self, names: frozenset[str]) -> TargetState:
        """This state with the variables in `names` alone: what `agrees_with` compares."""
        return replace(self, variables={name: value for name, value in self.variables.items() if name in names})

    def agrees_with(self, other: TargetState, names: frozenset[str]) -> bool:
        """Whether both are the same as far as a rollout cares: base, canary, aliases, and the variables in `names`.

        Other variables are the owner's to change at any time: base and canary both see them.
        """
        return (
            self.base == other.base
            and self.canary == other.canary
            and self.aliases == other.aliases
            and all(self.variables.get(name) == other.variables.get(name) for name in names)
        )

    def to_document(self) -> Json:
        """A JSON object."""
        canary = self.canary.to_document() if self.canary else None
        return {
            "base": self.base,
            "canary": canary,
            "variables": dict(self.variables),
            "aliases": dict(self.aliases),
        }

    @classmethod
    def from_document(cls, document: Json) -> TargetState:
        """The inverse of `to_document`; a record of an earlier version knows no aliases."""
        canary = Canary.from_document(document["canary"]) if document["canary"] else None
        return cls(document["base"], canary, document["variables"], document.get("aliases", {}))

    def __str__(self) -> str:
        aliases = "".join(f", {name} on {version}" for name, version in sorted(self.aliases.items()))
        return f"base {self.base}, {self.canary or 'no canary'}{aliases}"
