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

from rollout_simulator.moto_patches.apigateway_errors import BadRequest, Conflict, LimitExceeded
from rollout_simulator.moto_patches.stage_operations import StagePointers, StageRules, require_supported

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

    _written_at: dict[str, float] = field(default_factory=dict, repr=False)
    _one_at_a_time: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @contextmanager
    def writing(self, api: Any, stage_name: str) -> Iterator[None]:
        """Do one write to a stage, alone, and tell the listeners once it has changed something or succeeded.

        Raises: Conflict, when another write is too recent by the rules.
        """
        with self._one_at_a_time:
            self._refuse_concurrent_write(api)
            before = view_of(api, stage_name)
            refused: BadRequest | None = None
            try:
                yield
            except BadRequest as error:
                if view_of(api, stage_name) == before:
                    raise
                refused = error
            self._written_at[api.id] = time.time()
            if (stage := api.stages.get(stage_name)) is not None:
                stage.last_updated_date = int(time.time())
                if before is None:
                    stage.created_date = stage.last_updated_date
            change = StageChange(datetime.now(UTC), api.id, stage_name, before, view_of(api, stage_name))
            for listener in self.listeners:
                listener(change)
            if refused is not None:
                raise refused

    def patch(self, api: Any, stage: Any, operations: Sequence[Mapping[str, str]]) -> None:
        """Apply UpdateStage's operations in order; if one is refused, none is applied unless the rules say otherwise.

        Raises: BadRequest.
        """
        draft = copy.deepcopy(stage)
        pointers = StagePointers(draft.deployment_id, draft.variables, canary_of(draft), api.deployments, self.rules)
        try:
            for operation in operations:
                if operation["op"] == "copy" or pointers.owns(operation["path"]):
                    pointers.apply(operation)
                else:
                    require_supported(operation, self.rules)
                    draft.apply_operations([operation])
        except BadRequest:
            if self.rules.bad_request == "keeps earlier operations":
                self._accept(stage, draft, pointers)
            raise
        self._accept(stage, draft, pointers)

    @staticmethod
    def _accept(stage: Any, draft: Any, pointers: StagePointers) -> None:
        draft.deployment_id = pointers.deployment_id
        draft.canary_settings = pointers.canary
        # The object stays the same: moto and others keep references to it.
        vars(stage).update(vars(draft))

    def admit_deployment(self, api: Any) -> None:
        """Refuse a deployment that is one too many, or made while something else is written.

        Raises: LimitExceeded, Conflict.
        """
        self._refuse_concurrent_write(api)
        if len(api.deployments) >= self.deployments_per_api:
            raise LimitExceeded("Maximum number of Deployments for this API has been reached")

    def _refuse_concurrent_write(self, api: Any) -> None:
        if time.time() - self._written_at.get(api.id, float("-inf")) < self.rules.exclusive_seconds:
            raise Conflict("Unable to complete operation due to concurrent modification. Please try again later.")


def canary_of(stage: Any) -> dict[str, Any] | None:
    """The stage's canary; moto's own stages know of none."""
    canary: dict[str, Any] | None = getattr(stage, "canary_settings", None)
    return canary


def view_of(api: Any, stage_name: str) -> StageView | None:
    """What GetStage would show now, safe from later changes; None if there is no such stage."""
    stage = api.stages.get(stage_name)
    return None if stage is None else copy.deepcopy(stage.to_json())
