"""Requests to a stage whose functions are reached by alias: each is answered by the version that is invoked for it.

The stage variable names the alias, the canary may override it, and the alias points to a version. So it is the versions
that behave well or badly, wherever they are reached from. The requests are spread evenly over the functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rollout_simulator.arms import Arm
from rollout_simulator.example_api import ALIAS, NEW, OLD, ExampleApi
from rollout_simulator.moto_patches.lambda_alias import AliasChange
from rollout_simulator.moto_patches.metric_store import MetricStore
from rollout_simulator.scenario import Scenario
from rollout_simulator.traffic import PROPAGATION_SECONDS, Split, StageTraffic, Track


@dataclass(frozen=True, slots=True)
class Invoked(Split):
    """The versions that base and canary invoke, one for each function."""

    by_base: tuple[str, ...] = ()
    by_canary: tuple[str, ...] = ()

    @property
    def candidate_share(self) -> float:
        """The new versions' share of all requests."""
        shares = [versions.count(NEW) / max(1, len(versions)) for versions in (self.by_base, self.by_canary)]
        return shares[0] * (1 - self.canary_share) + shares[1] * self.canary_share


class FunctionsTraffic(StageTraffic):
    """Follows the stage and the aliases."""

    def __init__(self, scenario: Scenario, metrics: MetricStore, api: ExampleApi, seed: int) -> None:
        super().__init__(scenario, metrics, api, seed)
        self._functions = api.functions
        self._aliases: dict[tuple[str, str], str] = {}
        self._stage: Mapping[str, Any] | None = {"variables": scenario.api.variables}
        self._latest = self._invoked(0.0)
        self._splits = [self._latest]

    def alias_changed(self, change: AliasChange) -> None:
        """Follow the functions' aliases."""
        if change.function_name in self._functions and change.after is not None:
            self._aliases[change.function_name, change.alias_name] = change.after["FunctionVersion"]
            self._follow(self._invoked(change.when.timestamp() + PROPAGATION_SECONDS))

    def _split(self, since: float, stage: Mapping[str, Any] | None) -> Split:
        self._stage = stage
        return self._invoked(since)

    def _invoked(self, since: float) -> Invoked:
        stage = self._stage or {}
        canary = stage.get("canarySettings") or {}
        variables = stage.get("variables", {})
        overridden = {**variables, **canary.get("stageVariableOverrides", {})}
        return Invoked(
            since=since,
            base_is_candidate=False,
            canary_share=float(canary.get("percentTraffic", 0.0)) / 100,
            canary_is_candidate=True,
            has_canary=bool(canary),
            by_base=self._versions(variables),
            by_canary=self._versions(overridden),
        )

    def _is_served_by_candidate(self, track: Track, split: Split) -> bool:
        assert isinstance(split, Invoked)
        versions = split.by_base if track == "base" else split.by_canary
        return versions.count(NEW) * 2 > len(versions)

    def _versions(self, variables: Mapping[str, str]) -> tuple[str, ...]:
        alias = variables.get(ALIAS, "")
        return tuple(self._aliases.get((name, alias), OLD) for name in self._functions)

    def _serve_base(self, requests: int, split: Split, start: float) -> Arm:
        assert isinstance(split, Invoked)
        return self._serve_by(split.by_base, requests, start, 100.0)

    def _serve_canary(self, requests: int, split: Split, start: float) -> Arm:
        assert isinstance(split, Invoked)
        return self._serve_by(split.by_canary, requests, start, split.canary_share * 100)

    def _serve_by(self, versions: tuple[str, ...], requests: int, start: float, weight_percent: float) -> Arm:
        arm = Arm()
        shares = self._random.multinomial(requests, [1 / len(versions)] * len(versions))
        for version, share in zip(versions, shares.tolist(), strict=True):
            arm.add(self._serve(share, version == NEW, start, weight_percent))
        return arm
