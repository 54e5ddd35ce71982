"""A request for a rollout, as it was understood: what to roll out, how, and by what to measure it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from rollout.core.account import AccountFacts, CanaryMetrics
from rollout.core.base_semantics import BaseSetting
from rollout.core.custom_metrics import CustomMetric
from rollout.core.rollout import Settings
from rollout.core.sources import SourceSetting
from rollout.core.target import NOTHING_BEHIND, Behind
from rollout.errors import Refused

AN_ALIAS = r"^[0-9]*[A-Za-z_-][A-Za-z0-9_-]*$"
"""The name of a function's alias: no bare number, which would be a version."""


@dataclass(frozen=True, slots=True)
class SpareAlias:
    """A function behind a stage: the alias that only the canary reaches, and the version that it gets."""

    function: str
    alias: str
    version: str

    @property
    def name(self) -> str:
        """Such as `orders:next`."""
        return f"{self.function}:{self.alias}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutRequest:
    """What is asked for, with every default filled in.

    settings: the rollout's own. Alarms that are tagged for the target, aliases behind it and what earlier rollouts
    taught are added once the target has been looked at.
    spare_aliases: of the functions behind a stage. moves_live_aliases: on promotion the live ones get their versions.
    canary_series: overrides the canary's value of the Stage dimension.
    names_no_steps: the plan's steps are the default ones, and may be derived of the base's traffic.
    names_no_lag: lagMinutes is the default, and may be what the account's probe has found.
    account: what that has found; only for a stage.
    probes: a probe precedes the plan where its first step would bring too many requests at once.
    """

    settings: Settings
    spare_aliases: tuple[SpareAlias, ...] = ()
    moves_live_aliases: bool = False
    custom_metrics: tuple[CustomMetric, ...] = ()
    source: SourceSetting = SourceSetting.AUTO
    base_setting: BaseSetting = BaseSetting.AUTO
    canary_series: str | None = None
    learns_dispersion: bool = True
    judges_routes: bool = True
    ignores_firing_alarms: bool = False
    supersedes: bool = False
    request_id: str | None = None
    names_no_steps: bool = False
    names_no_lag: bool = False
    account: AccountFacts | None = None
    probes: bool = False

    def informed_by(self, account: AccountFacts | None) -> RolloutRequest:
        """With what a probe has found of the account: it is for stages, and for what the request leaves open."""
        return replace(self, account=account) if "stageName" in self.settings.target.ids else self

    @property
    def canary_series_by_now(self) -> str | None:
        """The canary's value of the Stage dimension, by the request or else by the account's probe."""
        return self.canary_series or (self.account.canary_series if self.account else None)

    @property
    def canary_metrics_found(self) -> CanaryMetrics | None:
        """When a canary has a series, by the account's probe; None where the request names one itself."""
        return self.account.canary_metrics if self.account and not self.canary_series else None

    @property
    def lag_found(self) -> int:
        """How many minutes late the account's points come, where the request leaves that open; else 0."""
        return (self.account.lag_minutes or 0) if self.account and self.names_no_lag else 0

    def behind(self, variables: Mapping[str, str]) -> Behind:
        """The aliases that are moved together with a stage whose variables are these: the spare ones, and where it
        moves live ones those that the same variables name now.

        Raises: Refused (the stage does not name one live alias).
        """
        if not self.spare_aliases:
            return NOTHING_BEHIND
        names = {each.alias for each in self.spare_aliases}
        leading = {name: value for name, value in self.settings.candidate.overrides.items() if value in names}
        live = {}
        for each in self.spare_aliases if self.moves_live_aliases else ():
            found = {variables.get(name) for name, value in leading.items() if value == each.alias}
            alias = next(iter(found))
            if len(found) > 1 or alias is None or re.fullmatch(AN_ALIAS, alias) is None:
                values = ", ".join(sorted(repr(value) for value in found))
                raise Refused(
                    f"candidate.onPromotion: moveAliases moves the alias of {each.function} that the stage's "
                    f"own {' and '.join(sorted(leading))} names; it is {values}, which is not one alias"
                )
            live[f"{each.function}:{alias}"] = each.version
        return Behind(leading, {each.name: each.version for each in self.spare_aliases}, live)
