"""One scenario, run: the embedded AWS with the controller deployed, an API under traffic, and one rollout on it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from rollout.adapters.dynamodb_store import DynamoDbStore
from rollout.core.decision import Phase
from rollout.core.rollout import Rollout
from rollout.core.signals import SignalKind
from rollout.core.undo import Undo
from rollout.tasks.undo import undo_of
from rollout_simulator.alarms import alarm_client
from rollout_simulator.controller_telemetry import ControllerTelemetry
from rollout_simulator.embedded_aws import EmbeddedAws
from rollout_simulator.example_api import ExampleApi
from rollout_simulator.faults import Fault as InjectedFault
from rollout_simulator.faults import Mode
from rollout_simulator.moto_patches.sns_publications import Publication
from rollout_simulator.scenario import Alarm, Fault, Scenario, Signal
from rollout_simulator.subjects import KINDS, Stage

HELD = "HELD"
SLACK_MINUTES = 90
ALARM_MINUTES = 2
"""After so long the controller's own alarms have seen the rollout's last minute."""
PAGED = "PAGED"
"""Instead of a rollout's state: a message to the operations topic."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the rollout's history. `minute` counts from the rollout's beginning."""

    minute: float
    state: str
    weight_percent: float
    decision: str
    cause: Json | None
    reason: str
    entry: Json

    def to_document(self) -> Json:
        """As `rollout simulate --json` prints it."""
        return {
            "minute": self.minute,
            "state": self.state,
            "weightPercent": self.weight_percent,
            "decision": self.decision,
            "cause": self.cause,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Message:
    """What people were told, as it came to a topic. `state` is that of the rollout it tells of, or PAGED."""

    minute: float
    state: str
    subject: str
    text: str

    def to_document(self) -> Json:
        """As `rollout simulate --json` prints it."""
        return {"minute": self.minute, "state": self.state, "subject": self.subject, "text": self.text}


@dataclass(frozen=True, slots=True)
class Look:
    """The rollout in the middle of its run: its record (None before there is one), and its history so far."""

    at: datetime
    rollout: Rollout | None
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it. `final_stage` is as GetStage shows it, or GetAlias; None when it is gone; times in their units.

    simulated_minutes: to the rollout's end, or to its last decision if it is held.
    final_weight_percent: the candidate's share of the requests when the simulation ended.
    pages: how many of the messages went to the operations topic.
    rollout: as its record has it; None, and `rejection` instead, when the request was refused.
    undo: what has undone it, if anything has.
    """

    outcome: str
    reason: str
    simulated_minutes: float
    wall_seconds: float
    final_stage: Json | None
    initial_stage: Json
    lock_held: bool
    canary_requests: int
    bad_requests: int
    max_weight_percent: float
    final_weight_percent: float
    timeline: Sequence[Line]
    messages: Sequence[Message]
    ended_at: datetime
    rollout: Rollout | None
    rejection: Json | None
    undo: Undo | None

    @property
    def pages(self) -> int:
        """How often somebody was called."""
        return sum(message.state == PAGED for message in self.messages)

    def to_document(self) -> Json:
        """The one object that `rollout simulate --json` prints."""
        return {
            "outcome": self.outcome,
            "reason": self.reason,
            "simulatedMinutes": self.simulated_minutes,
            "wallSeconds": self.wall_seconds,
            "finalStage": self.final_stage,
            "lockHeld": self.lock_held,
            "canaryRequests": self.canary_requests,
            "badRequests": self.bad_requests,
            "maxWeightPercent": self.max_weight_percent,
            "finalWeightPercent": self.final_weight_percent,
            "pages": self.pages,
            "timeline": [line.to_document() for line in self.timeline],
            "messages": [message.to_document() for message in self.messages],
        }


class Simulation:
    """A scenario in the embedded AWS. Open it with `opened`, then `run` it once."""

    def __init__(self, aws: EmbeddedAws, scenario: Scenario, seed: int) -> None:
        self.aws = aws
        self.scenario = scenario
        self.clock = aws.clock
        self.subject = KINDS[scenario.target](aws, scenario, seed)
        self.traffic = self.subject.traffic
        self._initial_stage = self.subject.show()
        self.traffic.backfill(self.clock.now())
        self.clock.call_every(60, self._minute, name="traffic")
        self.store = DynamoDbStore(aws.client("dynamodb"), aws.deployment.outputs["TableName"], history_days=90)
        self._telemetry = ControllerTelemetry(aws)
        self._rollouts: list[tuple[str, str]] = []
        self._lines: list[Line] = []
        self.answers: list[Json] = []
        self._started_at = self.clock.now()
        self.execution = ""

    def run(self, watch: Callable[[Look], None] | None = None) -> Result:
        """Start the rollout and let the world run until it has ended or is held with nobody to come.

        The result is the first rollout's, or that of the further request which superseded it.

        `watch` is shown the rollout whenever its history has grown.
        """
        began = time.perf_counter()
        self.prepare_alarms()
        self.aws.limits.enforced = True
        self.start(f"{self.scenario.name}-rollout")
        for number, further in enumerate(self.scenario.requests):
            self._at(further.at_minute, partial(self._request_again, number))
        limit = self._started_at + timedelta(minutes=self._horizon_minutes())
        if watch is not None:
            self.clock.call_every(60, lambda: self._show_new_lines(watch), name="watch")
        self.clock.run_until(lambda: self._is_over() or self.clock.now() >= limit)
        if watch is not None:
            self._show_new_lines(watch)
        return self._result(began)

    def start(self, name: str) -> None:
        """Start an execution with the scenario's request; the rollout takes its name."""
        self.begin(self._execute(name, self.subject.request()), name)

    def _execute(self, name: str, request: Json) -> str:
        answer = self.aws.client("stepfunctions").start_execution(
            stateMachineArn=self.aws.deployment.outputs["StateMachineArn"], name=name, input=json.dumps(request)
        )
        return str(answer["executionArn"])

    def _request_again(self, number: int) -> None:
        """Somebody sends a further request."""
        name = f"{self.scenario.name}-rollout-{number + 2}"
        self._rollouts.append((self._execute(name, self.subject.request(number)), name))

    def begin(self, execution: str, rollout_id: str) -> None:
        """This rollout begins: the scenario's minutes count from now on, and what it says happens to it."""
        self.execution, self.rollout_id = execution, rollout_id
        self._rollouts = [(execution, rollout_id)]
        self._started_at = self.clock.now()
        self.traffic.begin(self._started_at)
        self._schedule_events()

    @property
    def api(self) -> ExampleApi:
        """The API, in a scenario of a stage."""
        assert isinstance(self.subject, Stage)
        return self.subject.api

    def status(self) -> Json:
        """The execution as DescribeExecution shows it."""
        return dict(self.aws.client("stepfunctions").describe_execution(executionArn=self.execution))

    def _is_over(self) -> bool:
        """Whether nothing more will happen: all has ended and been told, or is held with nobody to come."""
        if not self.clock.is_settled():
            return False
        decisions = [self._last_decision(*each) for each in self._rollouts]
        if not all(last in ("CLOSE", "REJECT", "HOLD", "REPEATED") for last in decisions) or self._more_to_come():
            return False
        return "HOLD" in decisions or not self._is_running()

    def _last_decision(self, execution: str, rollout_id: str) -> str | None:
        """What the rollout last announced; a repeated request announces nothing."""
        last = self.aws.last_decisions.get(rollout_id)
        if last is None and self.aws.executions.status(execution) == "SUCCEEDED":
            return "REPEATED"
        return last

    def _is_running(self) -> bool:
        return any(one.status == "RUNNING" for one in self.aws.executions.all())

    def _more_to_come(self) -> bool:
        if self.aws.faults.under_way:
            return True
        now = self._elapsed(self.clock.now())
        moments = [minute for signal in self.scenario.signals for minute in signal.minutes()]
        moments += [change.at_minute for change in self.scenario.foreign_changes]
        moments += [request.at_minute for request in self.scenario.requests]
        for alarm in self.scenario.alarms:
            moments += [change.at_minute for change in alarm.changes()]
            moments += [] if alarm.deleted_at_minute is None else [alarm.deleted_at_minute]
        return any(moment > now for moment in moments)

    def _horizon_minutes(self) -> float:
        if self.scenario.horizon_minutes is not None:
            return self.scenario.horizon_minutes
        plan = self.scenario.request.get("plan", {})
        watch = plan.get("watchMinutes", 10)
        bakes = [*(step.get("bakeMinutes", 10) for step in plan.get("steps", [{}, {}, {}, {}])), watch]
        factor = self.scenario.request.get("judge", {}).get("maxBakeFactor", 3)
        last_begins = max((further.at_minute for further in self.scenario.requests), default=0.0)
        return float(last_begins + sum(bakes) * factor + max(watch, plan.get("afterMinutes", 10)) + SLACK_MINUTES)

    def _minute(self) -> None:
        self.traffic.minute_passed(int(self.clock.timestamp()) // 60 - 1)
        self._telemetry.publish()

    def prepare_alarms(self) -> None:
        """Make the scenario's alarms and let them find their state."""
        for alarm in self.scenario.alarms:
            self.subject.alarm(alarm)
        if self.scenario.alarms:
            self.clock.run_until(self.clock.now() + timedelta(minutes=2))
        for alarm in self.scenario.alarms:
            if alarm.firing_at_start:
                self._set_alarm(alarm, "ALARM", "firing before the rollout")

    def _schedule_events(self) -> None:
        """What the scenario says will happen, at its minutes after the start."""
        for alarm in self.scenario.alarms:
            for change in alarm.changes():
                self._at(change.at_minute, partial(self._set_alarm, alarm, change.state, "Threshold Crossed"))
            if alarm.deleted_at_minute is not None:
                self._at(alarm.deleted_at_minute, partial(self._delete_alarm, alarm))
        for signal in self.scenario.signals:
            for minute in signal.minutes():
                self._at(minute, partial(self._give, signal))
        for foreign in self.scenario.foreign_changes:
            self._at(foreign.at_minute, partial(self.subject.meddle, foreign))
        for fault in self.scenario.faults:
            self.aws.faults.inject(self._injected(fault))

    def _at(self, minute: float, action: Callable[[], object]) -> None:
        self.clock.call_at(self._started_at + timedelta(minutes=minute), action, name="scenario")

    def _set_alarm(self, alarm: Alarm, state: str, reason: str) -> None:
        """Somebody sets its state by hand."""
        client = alarm_client(alarm)
        client.set_alarm_state(AlarmName=alarm.name, StateValue=state, StateReason=reason)

    def _delete_alarm(self, alarm: Alarm) -> None:
        alarm_client(alarm).delete_alarms(AlarmNames=[alarm.name])

    def _give(self, signal: Signal) -> None:
        """A person gives a command to the rollout that goes on, or stops its execution."""
        execution, rollout_id = self._followed()
        if signal.command == "stop-execution":
            self.aws.client("stepfunctions").stop_execution(executionArn=execution, cause=signal.reason)
            return
        command = {
            "rolloutId": rollout_id,
            "command": signal.command,
            "expectedStep": signal.expected_step,
            "actor": signal.actor,
            "reason": signal.reason,
        }
        name = self.aws.deployment.outputs["OnCommandFunctionName"]
        answer = self.aws.client("lambda").invoke(FunctionName=name, Payload=json.dumps(command))
        self.answers.append(json.loads(answer["Payload"].read()))

    def _injected(self, fault: Fault) -> InjectedFault:
        """The scenario's fault with its minutes as moments."""
        since = self._started_at + timedelta(minutes=fault.from_minute)
        return InjectedFault(
            service=fault.service,
            operation=fault.operation,
            mode=Mode(fault.mode),
            error=fault.error,
            caller=fault.function,
            since=since,
            until=since + timedelta(minutes=fault.minutes) if fault.minutes else None,
            times=fault.times,
            seconds=fault.seconds,
        )

    def _show_new_lines(self, watch: Callable[[Look], None]) -> None:
        _, rollout_id = self._followed()
        known, self._lines = self._lines, self._history(rollout_id)
        if self._lines[: len(known)] != known or len(self._lines) > len(known):
            watch(Look(self.clock.now(), self.store.load(rollout_id), self._lines))

    def _history(self, rollout_id: str) -> list[Line]:
        return [
            Line(
                minute=self._elapsed(datetime.fromisoformat(entry["at"])),
                state=entry["state"],
                weight_percent=entry["weightPercent"],
                decision=entry["decision"],
                cause=entry["cause"],
                reason=entry["reason"],
                entry=entry,
            )
            for entry in self.store.history(rollout_id)
        ]

    def _followed(self) -> tuple[str, str]:
        """Execution and id of the first rollout; of a further one that made it end, and so on."""
        execution, rollout_id = self.execution, self.rollout_id
        for later_execution, later_id in self._rollouts[1:]:
            rollout = self.store.load(rollout_id)
            ended_by = [] if rollout is None else [each for each in rollout.signals if each.kind is SignalKind.ABORT]
            if any(each.source == f"rollout {later_id}" for each in ended_by):
                execution, rollout_id = later_execution, later_id
        return execution, rollout_id

    def messages(self) -> list[Message]:
        """What people have been told since the rollout began, by either of the product's topics."""
        outputs = self.aws.deployment.outputs
        topics = (outputs["NotificationTopicArn"], outputs["OperationsTopicArn"])
        return [
            Message(self._elapsed(each.at), self._state_told(each), each.subject, each.text)
            for each in self.aws.published
            if each.topic_arn in topics and each.at >= self._started_at
        ]

    def _state_told(self, publication: Publication) -> str:
        if publication.topic_arn == self.aws.deployment.outputs["OperationsTopicArn"]:
            return PAGED
        return str((publication.event or {}).get("detail", {}).get("state", ""))

    def _elapsed(self, moment: datetime) -> float:
        return round((moment - self._started_at).total_seconds() / 60, 2)

    def _result(self, began: float) -> Result:
        faults, self.aws.faults.injected = self.aws.faults.injected, []  # nothing is hidden from whoever looks
        arn, rollout_id = self._followed()
        execution = self.aws.client("stepfunctions").describe_execution(executionArn=arn)
        rollout, lines, ended_at = self.store.load(rollout_id), self._history(rollout_id), self.clock.now()
        over_at = execution.get("stopDate", ended_at)
        if rollout is not None and rollout.outcome is not None and rollout.phase is Phase.ENDED:
            outcome, reason = rollout.outcome.value, rollout.told_reason
            over_at = rollout.ended_at or over_at
        elif rollout is not None and self._is_running():
            outcome, reason = HELD, rollout.told_reason
            over_at = datetime.fromisoformat(lines[-1].entry["at"])
        else:
            rejected = execution.get("error") == "Rejected"
            outcome, reason = "REJECTED" if rejected else "FAILED", execution.get("cause", "")
        served = replace(self.traffic.served)
        if not self._is_running():
            self.aws.faults.injected = faults
            self.clock.run_until(self.clock.now() + timedelta(minutes=ALARM_MINUTES))
            self.aws.faults.injected = []
        return Result(
            outcome=outcome,
            reason=reason,
            simulated_minutes=self._elapsed(over_at),
            wall_seconds=round(time.perf_counter() - began, 3),
            final_stage=self.subject.show(),
            initial_stage=self._initial_stage or {},
            lock_held=rollout is not None and self.store.holder(rollout.settings.target) is not None,
            canary_requests=served.requests,
            bad_requests=served.bad,
            max_weight_percent=self.traffic.most_weight_percent,
            final_weight_percent=self.traffic.weight_percent,
            timeline=lines,
            messages=self.messages(),
            ended_at=ended_at,
            rollout=rollout,
            rejection=None if rollout else self.store.rejection(rollout_id),
            undo=undo_of(self.store, rollout) if rollout else None,
        )


@contextmanager
def opened(scenario: Scenario, seed: int | None = None) -> Iterator[Simulation]:
    """The scenario, ready to run, in an embedded AWS of its own."""
    chosen = scenario.seed if seed is None else seed
    with EmbeddedAws(seed=chosen) as aws:
        yield Simulation(aws, scenario, chosen)


def simulate(scenario: Scenario, seed: int | None = None, watch: Callable[[Look], None] | None = None) -> Result:
    """Run the scenario in an embedded AWS of its own."""
    with opened(scenario, seed) as simulation:
        return simulation.run(watch)
