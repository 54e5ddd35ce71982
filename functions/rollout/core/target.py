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
class Target:
    """Which stage or alias: `kind` is the request's `target.type`, `ids` its other fields by their request names."""

    kind: str
    ids: Mapping[str, str]

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
    """What the target is set to. `variables` are the base's (stages only)."""

    base: str
    canary: Canary | None = None
    variables: Mapping[str, str] = field(default_factory=dict)

    def with_weight(self, weight_percent: Decimal) -> TargetState:
        """The same canary with another share of the requests. There must be a canary."""
        if self.canary is None:
            raise ValueError("a weight without a canary")
        return replace(self, canary=replace(self.canary, weight_percent=weight_percent))

    def without_canary(self) -> TargetState:
        """The base alone."""
        return replace(self, canary=None)

    def promoted(self) -> TargetState:
        """The canary has become the base; its overrides are merged into the variables. There must be a canary."""
        if self.canary is None:
            raise ValueError("a promotion without a canary")
        return TargetState(self.canary.revision, None, {**self.variables, **self.canary.overrides})

    def half_promoted(self) -> TargetState:
        """On the way to `promoted`: the canary has become the base and is still there."""
        return replace(self.promoted(), canary=self.canary)

    def beside(self, other: TargetState, names: frozenset[str]) -> TargetState:
        """This state with all variables but those in `names` as the other state has them."""
        own = {name: value for name, value in self.variables.items() if name in names}
        others = {name: value for name, value in other.variables.items() if name not in names}
        return replace(self, variables={**others, **own})

    def agrees_with(self, other: TargetState, names: frozenset[str]) -> bool:
        """Whether both are the same as far as a rollout cares: base, canary, and the variables in `names`.

        Other variables are the owner's to change at any time: base and canary both see them.
        """
        return (
            self.base == other.base
            and self.canary == other.canary
            and all(self.variables.get(name) == other.variables.get(name) for name in names)
        )

    def to_document(self) -> Json:
        """A JSON object."""
        canary = self.canary.to_document() if self.canary else None
        return {"base": self.base, "canary": canary, "variables": dict(self.variables)}

    @classmethod
    def from_document(cls, document: Json) -> TargetState:
        """The inverse of `to_document`."""
        canary = Canary.from_document(document["canary"]) if document["canary"] else None
        return cls(document["base"], canary, document["variables"])

    def __str__(self) -> str:
        return f"base {self.base}, {self.canary or 'no canary'}"
