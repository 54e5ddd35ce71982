"""What was read about a target before a rollout: each thing once, by the adapters, and judged by nobody yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rollout.core.account import AccountFacts
from rollout.core.controllers import Controller
from rollout.core.inspection import AlarmMetric, AlarmState, Inspection, OtherApi
from rollout.core.judge import Route
from rollout.core.learning import Lesson
from rollout.core.measures import BaseHistory, Series
from rollout.core.rollout import Rollout
from rollout.core.target import Target, TargetState

NOT_LOOKED_AT = Inspection()


@dataclass(frozen=True, slots=True)
class Measured:
    """A series, and what the base did in it before the rollout; the routes that it tells apart, and their history."""

    series: Series
    history: Sequence[BaseHistory]
    routes: Sequence[Route] = ()
    route_history: Sequence[BaseHistory] = ()

    @property
    def has_data(self) -> bool:
        """Whether any metric had a value."""
        return any(base.samples for base in self.history)


@dataclass(frozen=True, slots=True)
class Observations:
    """Everything that was read for a request. What was not read, or is not there, has its default.

    target: with the aliases behind it that the rollout moves. state: None where the target does not exist (`missing` is
    what AWS said). canary_of: the rollout that was begun last, where the canary is of its candidate. removal_command:
    what a person types to remove the canary. objection: what speaks against the candidate, "" for nothing;
    objection_command: what a person types to mend that.
    tagged_alarms: the names of the alarms tagged for the target. alarms: the states of those that exist, tagged or
    named in the request. lessons: what earlier rollouts of the target taught. controller: the one that is asked.
    other_api: what has this id where the target does not exist. silent: the series of the alarms that had no point in
    two weeks. own: the series that AWS publishes for the target. account: what `rollout probe` has found.
    by_cloudwatch, by_access_log: the series that the rollout may be measured by.
    """

    target: Target
    state: TargetState | None = None
    missing: str = ""
    canary_of: Rollout | None = None
    removal_command: str = ""
    objection: str = ""
    objection_command: str = ""
    tagged_alarms: Sequence[str] = ()
    alarms: Sequence[AlarmState] = ()
    lessons: Mapping[str, Lesson] = field(default_factory=dict)
    inspection: Inspection = NOT_LOOKED_AT
    controller: Controller | None = None
    other_api: OtherApi | None = None
    silent: frozenset[AlarmMetric] = frozenset()
    own: Series | None = None
    account: AccountFacts | None = None
    by_cloudwatch: Measured | None = None
    by_access_log: Measured | None = None
