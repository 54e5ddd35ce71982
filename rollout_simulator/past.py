"""What a read would have answered some time ago: the earlier states of stages and aliases."""

from __future__ import annotations

import copy
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from rollout_simulator.moto_patches.lambda_alias import AliasChange, AliasHistory
    from rollout_simulator.moto_patches.stage_control_plane import StageChange, StageControlPlane

Json = dict[str, Any]
_DATES = ("createdDate", "lastUpdatedDate")


class Past:
    """Listens to every change of a stage or an alias, and keeps what it was before."""

    def __init__(self) -> None:
        self._before: dict[tuple[str, ...], list[tuple[datetime, Json | None]]] = defaultdict(list)

    def follow(self, stages: StageControlPlane, aliases: AliasHistory) -> None:
        """From now on keep what these were."""
        stages.listeners.append(self._stage_changed)
        aliases.listeners.append(self._alias_changed)

    def answer(self, operation: str, path: str, moment: datetime) -> Json | None:
        """What this read showed at that moment; None: the same as now, or it is a call that is never stale."""
        parts = [unquote(part) for part in path.split("/")]
        match operation:
            case "GetStage":
                key = ("stage", parts[2], parts[4])
            case "GetAlias":
                key = ("alias", parts[3].rpartition(":function:")[2], parts[5])
            case _:
                return None
        return next((copy.deepcopy(before) for changed, before in self._before[key] if changed > moment), None)

    def _stage_changed(self, change: StageChange) -> None:
        before = None if change.before is None else {**change.before}
        for name in _DATES:
            if before and isinstance(before.get(name), int | float):
                before[name] = datetime.fromtimestamp(before[name], UTC)
        self._before["stage", change.rest_api_id, change.stage_name].append((change.when, before))

    def _alias_changed(self, change: AliasChange) -> None:
        before = None if change.before is None else {**change.before}
        self._before["alias", change.function_name, change.alias_name].append((change.when, before))
