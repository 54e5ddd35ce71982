"""Changes of API Gateway stages: atomic, one at a time, and reported to listeners."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from rollout_simulator.moto_patches.apigateway_errors import LimitExceeded
from rollout_simulator.moto_patches.stage_operations import StagePointers, StageRules

StageView = Mapping[str, Any]
"""A stage as GetStage's JSON shows it; dates are epoch seconds."""


class StageChange(NamedTuple):
    """One write to a stage that succeeded, even if it altered nothing but `lastUpdatedDate`."""

    when: datetime
    rest_api_id: str
    stage_name: str
    before: StageView | None
    """None if the write created the stage."""
    after: StageView | None
    """None if the write deleted the stage."""


@dataclass(kw_only=True)
class StageControlPlane:
    """What a test may turn and listen to while the patch is open."""

    rules: StageRules = field(default_factory=StageRules)
    listeners: list[Callable[[StageChange], None]] = field(default_factory=list)
    deployments_per_api: int = 300
    """How many deployments an API holds; AWS's number is from memory."""

    _one_at_a_time: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @contextmanager
    def writing(self, api: Any, stage_name: str) -> Iterator[None]:
        """Do one write to a stage, alone, and tell the listeners once it has succeeded."""
        with self._one_at_a_time:
            before = view_of(api, stage_name)
            yield
            if (stage := api.stages.get(stage_name)) is not None:
                stage.last_updated_date = int(time.time())
                if before is None:
                    stage.created_date = stage.last_updated_date
            change = StageChange(datetime.now(UTC), api.id, stage_name, before, view_of(api, stage_name))
            for listener in self.listeners:
                listener(change)

    def patch(self, api: Any, stage: Any, operations: Sequence[Mapping[str, str]]) -> None:
        """Apply UpdateStage's operations in order; if one is refused, none is applied."""
        draft = copy.deepcopy(stage)
        pointers = StagePointers(draft.deployment_id, draft.variables, canary_of(draft), api.deployments, self.rules)
        for operation in operations:
            if operation["op"] == "copy" or pointers.owns(operation["path"]):
                pointers.apply(operation)
            else:
                draft.apply_operations([operation])
        draft.deployment_id = pointers.deployment_id
        draft.canary_settings = pointers.canary
        # The object stays the same: moto and others keep references to it.
        vars(stage).update(vars(draft))

    def admit_deployment(self, api: Any) -> None:
        """Refuse a deployment that is one too many."""
        if len(api.deployments) >= self.deployments_per_api:
            raise LimitExceeded("Maximum number of Deployments for this API has been reached")


def canary_of(stage: Any) -> dict[str, Any] | None:
    """The stage's canary; moto's own stages know of none."""
    canary: dict[str, Any] | None = getattr(stage, "canary_settings", None)
    return canary


def view_of(api: Any, stage_name: str) -> StageView | None:
    """What GetStage would show now, safe from later changes; None if there is no such stage."""
    stage = api.stages.get(stage_name)
    return None if stage is None else copy.deepcopy(stage.to_json())
