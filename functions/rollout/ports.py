"""What the rollout needs from the outside, by role. Adapters implement these; tasks use nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

from rollout.core.measures import ACCESS_LOG, BaseHistory, Measure, RawMinute, Series
from rollout.errors import InvalidRequest

if TYPE_CHECKING:
    from rollout.core.account import AccountFacts
    from rollout.core.controllers import Controller
    from rollout.core.inspection import AlarmMetric, AlarmState, Inspection, OtherApi
    from rollout.core.judge import Route
    from rollout.core.learning import Lesson
    from rollout.core.rollout import Candidate, Rollout
    from rollout.core.signals import Signal
    from rollout.core.target import Json, Target, TargetState
    from rollout.core.why.logs import Called, FunctionLog, Page, Search, StageLog

_T = TypeVar("_T")


class Clock(Protocol):
    """What time it is."""

    def now(self) -> datetime:
        """The present, with a time zone."""


class TrafficShifter(Protocol):
    """Reads and changes one kind of target. It decides nothing and keeps nothing."""

    def read(self, target: Target) -> TargetState:
        """The target as it is now.

        Raises: TargetMissing, NotAllowed, Unavailable.
        """

    def verify(self, target: Target, candidate: Candidate) -> None:
        """See that the candidate can go live on this target, without touching anything.

        Raises: Refused (what is wrong, what would help), NotAllowed, Unavailable.
        """

    def materialize(self, target: Target, candidate: Candidate, stamp: str) -> str:
        """The candidate's revision; made, stamped, where the request names none, and found again by its stamp.

        Raises: Refused, TargetMissing, NotAllowed, Unavailable.
        """

    def transition_path(self, target: Target, seen: TargetState, wanted: TargetState) -> Sequence[TargetState]:
        """The states that `change` goes through, one call apart, the wanted one last; none when nothing is to be done.

        It touches nothing: whoever intends a change records them before it is made.
        """

    def change(self, target: Target, seen: TargetState, wanted: TargetState) -> TargetState:
        """Bring the target from the state just read into the wanted one: create, shift, promote or remove. The state
        that the answers show.

        Raises: ForeignChange (the target was changed since it was read), TargetMissing, NotAllowed, Unavailable.
        """

    def remove_canary(self, target: Target, seen: TargetState) -> TargetState:
        """Take away the canary, whether or not a read shows one: a read may be stale, the answer to a write is not.

        `seen` is what was read, and what everything else stays like. The state that the answer shows.
        Raises: Unavailable (the read was stale, or AWS failed), TargetMissing, NotAllowed.
        """

    def removal_command(self, target: Target) -> str:
        """What a person types to remove whatever canary is there."""

    def series(self, target: Target, canary_series: str | None) -> Series:
        """The metric dimensions of the base and the canary; `canary_series` overrides the canary's value.

        `CANDIDATE` in a value stands for the candidate's revision, which may not be made yet.

        Raises: TargetMissing, NotAllowed, Unavailable.
        """


class TargetInspector(Protocol):
    """Looks at how a target is built, before a rollout. It touches nothing."""

    def opted_in_by(self, target: Target) -> str | None:
        """The value of the target's tag `rollout-pilot`, "" where it has none; None where that may not be read.

        Raises: TargetMissing, Unavailable.
        """

    def other_api(self, target: Target) -> OtherApi | None:
        """What there is in place of a target that does not exist: an HTTP or WebSocket API; None for nothing known.

        Raises: Unavailable.
        """

    def inspect(self, target: Target, candidate: Candidate) -> Inspection:
        """What can be seen; what may not be read is left unknown, and said.

        Raises: TargetMissing, NotAllowed (not even the target itself may be read), Unavailable.
        """


class MetricSource(Protocol):
    """Reads counts per minute."""

    def history(self, series: Series, names: Sequence[str], last_minute: int) -> Sequence[BaseHistory]:
        """What the base did before the rollout, for each metric name the judge asks for.

        Raises: Refused (a metric that this source cannot read), NotAllowed, Unavailable.
        """

    def routes(self, series: Series, last_minute: int) -> Sequence[Route]:
        """The busiest routes of the target, with their requests before the rollout; none where no series tells them
        apart, or where there is only one.

        Raises: NotAllowed, Unavailable.
        """

    def read(self, series: Series, measures: Sequence[Measure], first: int, last: int) -> Sequence[RawMinute]:
        """The raw counts of the minutes first..last, in order, one entry per minute.

        Raises: NotAllowed, Unavailable.
        """


class Alarms(Protocol):
    """Reads alarms."""

    def named(self, names: Sequence[str]) -> Sequence[AlarmState]:
        """The states of these alarms; those that do not exist are missing from the answer.

        Raises: NotAllowed, Unavailable.
        """

    def seen(self, metrics: Sequence[AlarmMetric], now: datetime) -> frozenset[AlarmMetric]:
        """Those of these series that had a point in the last two weeks.

        Raises: NotAllowed, Unavailable.
        """

    def tagged_for(self, target: Target) -> Sequence[str]:
        """The names of the alarms that carry the tag for this target.

        Raises: NotAllowed, Unavailable.
        """


class Controllers(Protocol):
    """Knows this controller, and the others that hear the same bus."""

    @property
    def own(self) -> Controller:
        """This one."""

    def others(self) -> Sequence[Controller]:
        """The others, by name.

        Raises: NotAllowed, Unavailable.
        """


class RolloutStore(Protocol):
    """Keeps rollouts, target locks and histories. Every write is conditional; none is lost or done twice.

    Each of its methods also raises NotAllowed.
    """

    def open(self, rollout: Rollout) -> None:
        """Store a new rollout and take its target's lock, both or neither.

        Raises:
            Busy: another rollout holds the target.
            Repeated: a rollout with the same request id has been opened for this target before.
            RecordChanged: this rollout is already stored.
            Unavailable: try again.
        """

    def load(self, rollout_id: str) -> Rollout | None:
        """The rollout as last written.

        Raises: Unavailable.
        """

    def save(self, rollout: Rollout, *, entry: Json | None = None, unless_signalled: bool = False) -> Rollout:
        """Write the rollout over the revision it was read at, and add the entry to its history.

        unless_signalled: only if no signal has been recorded since the rollout was read.

        Raises: RecordChanged (the revision or, if asked, the signals moved on), Unavailable.
        """

    def close(self, rollout: Rollout, *, entry: Json) -> Rollout:
        """Write the ended rollout and what it learned, release its lock and its alarms, all or nothing.

        Raises: RecordChanged, Unavailable.
        """

    def reject(self, rollout_id: str, record: Json) -> Json:
        """Keep the record of a request that was refused; the record kept, which is the first. It has no lock.

        Raises: RecordChanged (this rollout is stored), Unavailable.
        """

    def signal(self, rollout_id: str, signal: Signal) -> str | None:
        """Append a signal, once, to a rollout that has not ended; the token of its bake, if it waits in one.

        Raises: Refused (unknown or ended rollout), RecordFull (no room for one of this kind), Unavailable.
        """

    def note(self, rollout: Rollout, signal: Signal, *, entry: Json) -> None:
        """Add a line about this signal to the history alone, once: nobody has to consider the signal.

        Raises: Unavailable.
        """

    def order(self, execution_name: str, order: Json) -> None:
        """Keep for what an execution of this name is about to be started; what was kept first stands.

        Raises: Unavailable.
        """

    def ordered(self, execution_name: str) -> Json | None:
        """For what the workflow itself has started the execution of this name; None: somebody else has.

        Raises: Unavailable.
        """

    def release(self, rollout_id: str) -> bool:
        """Remove the lock of a rollout that has no record; whether there was one.

        Raises: Unavailable.
        """

    def watchers(self, alarm: str) -> Sequence[str]:
        """The ids of the running rollouts that watch this alarm.

        Raises: Unavailable.
        """

    def learned(self, target: Target) -> Mapping[str, Lesson]:
        """What promoted rollouts of this target taught about the clumping of its errors, by metric.

        Raises: Unavailable.
        """

    def account(self) -> AccountFacts | None:
        """What `rollout probe` has found of the account, if it was run.

        Raises: NotAllowed, Unavailable.
        """

    def keep_account(self, document: Json) -> None:
        """Keep what a probe has found, in place of what the one before it has. For the command line: no task does.

        Raises: NotAllowed, Unavailable.
        """

    def holder(self, target: Target) -> str | None:
        """The id of the rollout that holds the target, if one does.

        Raises: Unavailable.
        """

    def last(self, target: Target) -> str | None:
        """The id of the rollout that was begun last on the target, if one was by this version or a later one.

        Raises: Unavailable.
        """

    def unfinished(self) -> Sequence[str]:
        """The ids of all rollouts that hold a target, or have ended and not told the world yet.

        Raises: Unavailable.
        """

    def recent(self, limit: int) -> Sequence[Json]:
        """The newest rollouts, refused requests included: `rolloutId`, `startedAt`, `target` (its key, or ""), `state`.

        Raises: Unavailable.
        """

    def history(self, rollout_id: str, newest: int | None = None) -> Sequence[Json]:
        """The rollout's history lines, oldest first; if asked, only so many of the newest.

        Raises: Unavailable.
        """

    def rejection(self, rollout_id: str) -> Json | None:
        """The record of a request that was refused; None when there is none of this id.

        Raises: Unavailable.
        """


class Waker(Protocol):
    """Wakes a workflow that waits."""

    def wake(self, token: str) -> None:
        """End the wait behind this token; a token whose wait has ended already is no error.

        Raises: NotAllowed, Unavailable.
        """


@dataclass(frozen=True, slots=True)
class ExecutionState:
    """An execution's status as Step Functions names it, or MISSING; when it stopped; its error and cause."""

    status: str
    stopped_at: datetime | None = None
    error: str = ""
    cause: str = ""


class Executions(Protocol):
    """The executions of the workflow."""

    def state(self, arn: str) -> ExecutionState:
        """What has become of this execution.

        Raises: NotAllowed, Unavailable.
        """

    def start(self, name: str, document: Json) -> None:
        """Start an execution; one of the same name and input that is running already is no error.

        Raises: Refused (the name is taken), NotAllowed, Unavailable.
        """


class Logs(Protocol):
    """Finds and reads the logs of a target."""

    def of_stage(self, target: Target) -> StageLog:
        """What the stage writes.

        Raises: TargetMissing, NotAllowed, Unavailable.
        """

    def called(self, target: Target, variables: Mapping[str, str]) -> Sequence[Called]:
        """The functions that the stage's API, as it is now defined, calls with these stage variables.

        Raises: NotAllowed, Unavailable.
        """

    def of_function(self, function: str, qualifier: str) -> FunctionLog:
        """Where the function writes its log; `function` is its name or ARN.

        Raises: TargetMissing, NotAllowed, Unavailable.
        """

    def page(self, search: Search, token: str = "") -> Page:
        """One page of what is found, oldest first.

        Raises: TargetMissing (there is no such log group), Refused (the pattern), NotAllowed, Unavailable.
        """


class Notifier(Protocol):
    """Tells the world."""

    def publish(self, events: Sequence[Json]) -> None:
        """Send `Rollout State Changed` events.

        Raises: NotAllowed, Unavailable.
        """


@dataclass(frozen=True, slots=True)
class Ports:
    """All that the tasks need. `shifters`, `sources` and `inspectors` are tables by target type; among the sources
    there is also that of the access log. logs: None where logs are not to be read.
    """

    clock: Clock
    store: RolloutStore
    shifters: Mapping[str, TrafficShifter]
    sources: Mapping[str, MetricSource]
    inspectors: Mapping[str, TargetInspector]
    alarms: Alarms
    controllers: Controllers
    notifier: Notifier
    waker: Waker
    executions: Executions
    logs: Logs | None = None

    def shifter(self, target: Target) -> TrafficShifter:
        """The shifter for this kind of target.

        Raises: InvalidRequest.
        """
        return _look_up(self.shifters, target)

    def source(self, target: Target, series: Series) -> MetricSource:
        """What reads these series: the access log's reader, or the one for this kind of target.

        Raises: InvalidRequest.
        """
        return self.sources[ACCESS_LOG] if series.source == ACCESS_LOG else _look_up(self.sources, target)

    def inspector(self, target: Target) -> TargetInspector:
        """The inspector for this kind of target.

        Raises: InvalidRequest.
        """
        return _look_up(self.inspectors, target)


def _look_up(table: Mapping[str, _T], target: Target) -> _T:
    if target.kind not in table:
        raise InvalidRequest(f"target.type: {target.kind!r} is not one of {', '.join(sorted(table))}")
    return table[target.kind]
