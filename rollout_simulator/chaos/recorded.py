"""What a run leaves behind: facts alone, in the order in which they happened. The laws are read off this.

`number` is the arrival at AWS at which a thing happened. Stored items are DynamoDB's own JSON.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from rollout_simulator.chaos.plan import Act, RunPlan
from rollout_simulator.chaos.states import State

Json = dict[str, Any]
Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A call that reached AWS. `done`: it was not refused; whether the caller heard of it is another matter."""

    number: int
    at: datetime
    caller: str
    invocation: int | None
    service: str
    operation: str
    done: bool


@dataclass(slots=True)
class Invocation:
    """One run of a function: what it was given, what it answered or raised."""

    number: int
    function: str
    began: datetime
    event: Any
    answer: Any = None
    error: str = ""
    ended: datetime | None = None


@dataclass(frozen=True, slots=True)
class ItemWrite:
    """An item after a write that reached it; None: it was deleted."""

    number: int
    at: datetime
    caller: str
    pk: str
    sk: str
    item: Item | None


@dataclass(frozen=True, slots=True)
class TargetWrite:
    """A write to the target that succeeded, and the states before and after it; None: there is no target."""

    number: int
    at: datetime
    caller: str
    invocation: int | None
    before: State | None
    after: State | None


@dataclass(frozen=True, slots=True)
class AliasWrite:
    """A write to an alias behind the stage that succeeded; the versions of all aliases before and after it, by name."""

    number: int
    caller: str
    before: Mapping[str, str]
    after: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Execution:
    """What became of an execution."""

    name: str
    arn: str
    status: str
    error: str
    cause: str
    input: Any
    started: datetime
    stopped: datetime | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person was told who gave a command to this rollout, between these two arrivals.

    for_any_step: the command named no step.
    """

    actor: str
    command: str
    accepted: bool
    message: str
    rollout_id: str = ""
    begun: int = 0
    ended: int = 0
    for_any_step: bool = True


@dataclass(frozen=True, slots=True)
class Point:
    """A minute of a canary's series: how many requests, and from when on CloudWatch shows it.

    revision: the version whose series it is; None: of whatever was the canary then.
    """

    minute: int
    visible_from: float
    requests: int
    revision: str | None = None


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """All that a run left behind."""

    plan: RunPlan
    started: datetime
    finished: datetime
    ended: bool
    wall_seconds: float
    arrivals: Sequence[Arrival]
    invocations: Sequence[Invocation]
    item_writes: Sequence[ItemWrite]
    target_writes: Sequence[TargetWrite]
    alias_writes: Sequence[AliasWrite]
    done: Sequence[tuple[datetime, Act]]
    events: Sequence[Json]
    executions: Sequence[Execution]
    items: Sequence[Item]
    answers: Sequence[Answer]
    canary_points: Sequence[Point]
    faults_injected: int
    calls: Sequence[tuple[str, str, str]] = field(repr=False)
    """(caller, operation, what went wrong) of every call that left its client."""

    @cached_property
    def records(self) -> Mapping[str, Item]:
        """The stored record of each rollout, as it was in the end."""
        return {item["rolloutId"]["S"]: item for item in self.items if item["sk"]["S"] == "RECORD"}

    @cached_property
    def locks(self) -> Sequence[Item]:
        """The locks that are still held in the end."""
        return [item for item in self.items if item["sk"]["S"] == "LOCK"]

    def kinds(self) -> Mapping[str, int]:
        """How often each kind of fault was met and each kind of act was done; what holds all the time counts once."""
        faults = Counter(f"fault: {outcome}" for _, _, outcome in self.calls if outcome)
        acts = Counter(f"act: {act.what}" for _, act in self.done)
        return dict(faults + acts + Counter(f"all the time: {name}" for name in self.plan.conditions()))

    def history(self, rollout_id: str) -> Sequence[Json]:
        """The history lines of a rollout, oldest first."""
        lines = [
            (item["sk"]["S"], item["line"]["S"])
            for item in self.items
            if item["pk"]["S"] == f"ROLLOUT#{rollout_id}" and item["sk"]["S"].startswith("HISTORY#")
        ]
        return [json.loads(line) for _, line in sorted(lines)]
