"""The target's states and the stored documents, read by the checker in its own words.

Nothing here comes from the controller: a state is read from GetStage's or GetAlias's JSON and from the JSON that is
stored. For a stage, base and canary are deployments; for an alias they are versions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

Json = dict[str, Any]
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Canary:
    """The canary as the target shows it; overrides and the cache are a stage's."""

    revision: str
    weight: Decimal
    overrides: Pairs
    cached: bool


@dataclass(frozen=True, slots=True)
class State:
    """What the target is set to; variables are a stage's."""

    base: str
    canary: Canary | None
    variables: Pairs

    def matters(self, names: frozenset[str]) -> tuple[object, ...]:
        """The part that a rollout which overrides these variables cares for."""
        return self.base, self.canary, tuple(pair for pair in self.variables if pair[0] in names)

    def __str__(self) -> str:
        base = f"base {self.base}{_told(self.variables)}"
        if self.canary is None:
            return f"{base}, no canary"
        return f"{base}, canary {self.canary.revision} at {self.canary.weight:f} %{_told(self.canary.overrides)}"


def of_stage(view: Mapping[str, Any] | None) -> State | None:
    """From GetStage's JSON; None: there is no stage."""
    if view is None:
        return None
    settings = view.get("canarySettings")
    canary = None
    if settings is not None:
        canary = Canary(
            settings.get("deploymentId", view["deploymentId"]),
            Decimal(str(settings.get("percentTraffic", 0))).normalize(),
            _pairs(settings.get("stageVariableOverrides")),
            bool(settings.get("useStageCache", False)),
        )
    return State(view["deploymentId"], canary, _pairs(view.get("variables")))


def of_alias(view: Mapping[str, Any] | None) -> State | None:
    """From GetAlias's JSON; None: there is no alias."""
    if view is None:
        return None
    shares = view.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    canary = None
    if shares:
        weight = sum((Decimal(str(share)) * 100 for share in shares.values()), Decimal(0))
        canary = Canary("+".join(sorted(shares)), weight.normalize(), (), cached=False)
    return State(view["FunctionVersion"], canary, ())


def of_document(document: Mapping[str, Any]) -> State:
    """From a state as the controller stores it."""
    kept = document["canary"]
    canary = None
    if kept is not None:
        canary = Canary(
            kept["revision"],
            Decimal(kept["weightPercent"]).normalize(),
            _pairs(kept["overrides"]),
            bool(kept["useStageCache"]),
        )
    return State(document["base"], canary, _pairs(document["variables"]))


def _told(pairs: Pairs) -> str:
    return " [" + ", ".join(f"{name}={value}" for name, value in pairs) + "]" if pairs else ""


def _pairs(values: Mapping[str, str] | None) -> Pairs:
    return tuple(sorted((values or {}).items()))


class Record:
    """A rollout's record as it was stored at some moment, after `earlier` ones."""

    def __init__(self, number: int, item: Mapping[str, Any], earlier: Record | None = None) -> None:
        self.number = number
        self._known: frozenset[str] = earlier.candidates if earlier else frozenset()
        self._made: frozenset[Canary] = earlier.canaries if earlier else frozenset()
        self.document: Json = json.loads(item["document"]["S"])
        self.ended: bool = item["phase"]["S"] == "ENDED"
        self.pending_decision: str | None = self.document["decided"]
        self.outcome: str | None = self.document["outcome"]
        self.step: int = self.document["step"]
        self.execution: str = self.document["execution"]
        self.settings: Json = self.document["settings"]
        self.names = frozenset(self.settings["candidate"]["overrides"])

    @cached_property
    def expected_states(self) -> list[State]:
        """Where the controller says that its own hand may have left the target."""
        return [of_document(state) for state in self.document["ours"]]

    @cached_property
    def canaries(self) -> frozenset[Canary]:
        """Every canary that the controller has ever announced."""
        return self._made | {state.canary for state in self.expected_states if state.canary}

    def made(self, canary: Canary, base: str) -> bool:
        """Whether this is exactly one of them, or what a shift makes where there was none: one of the base."""
        brought_back = [Canary(base, one.weight, (), cached=False) for one in self.canaries]
        return canary in self.canaries or canary in brought_back

    @cached_property
    def original(self) -> State:
        """The target before the rollout."""
        return of_document(self.document["found"])

    @cached_property
    def started_at(self) -> datetime:
        """When the rollout began."""
        return datetime.fromisoformat(self.document["startedAt"])

    def owns(self, state: State | None) -> bool:
        """Whether the record contains this state."""
        return state is not None and any(
            state.matters(self.names) == own.matters(self.names) for own in self.expected_states
        )

    @cached_property
    def candidates(self) -> frozenset[str]:
        """The deployment or version that is rolled out, as far as it is known."""
        named = self.settings["candidate"]["revision"]
        if named:
            return frozenset({named})
        return self._known | {state.canary.revision for state in self.expected_states if state.canary}

    def share(self, state: State | None) -> Decimal:
        """The candidate's share of the requests in this state, in percent."""
        if state is None:
            return Decimal(0)
        overrides = self.settings["candidate"]["overrides"]
        moved = dict.fromkeys(self.settings["behind"]["variables"] if self.settings["behind"]["live"] else ())
        merged = {name: value for name, value in overrides.items() if name not in moved}
        if state.base in self.candidates and merged.items() <= dict(state.variables).items():
            return Decimal(100)
        served = state.canary is not None and state.canary.revision in self.candidates
        return state.canary.weight if state.canary is not None and served else Decimal(0)
