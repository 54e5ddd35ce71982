"""One scenario, run: the embedded AWS with the controller deployed, an API under traffic, and one rollout on it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from rollout.adapters.dynamodb_store import DynamoDbStore
from rollout.core.decision import Phase
from rollout.core.rollout import Rollout
from rollout.core.undo import Undo
from rollout.tasks.undo import undo_of
from rollout_simulator.embedded_aws import EmbeddedAws
from rollout_simulator.example_api import ExampleApi
from rollout_simulator.faults import Fault as InjectedFault
from rollout_simulator.faults import Mode
from rollout_simulator.scenario import Fault, Scenario, Signal
from rollout_simulator.subjects import KINDS, Stage

HELD = "HELD"
SLACK_MINUTES = 90

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the rollout's history. `minute` counts from the rollout's beginning."""

    minute: float
    state: str
    weight_percent: float
    decision: str
    reason: str
    entry: Json

    def to_document(self) -> Json:
        """As `rollout simulate --json` prints it."""
        return {
            "minute": self.minute,
            "state": self.state,
            "weightPercent": self.weight_percent,
            "decision": self.decision,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Look:
    """The rollout in the middle of its run: its record (None before there is one), and its history so far."""

    at: datetime
    rollout: Rollout | None
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it. `final_stage` is as GetStage shows it, or GetAlias; None when it is gone; times in their units.

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
    timeline: Sequence[Line]
    ended_at: datetime
    rollout: Rollout | None
    rejection: Json | None
    undo: Undo | None

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
            "timeline": [line.to_document() for line in self.timeline],
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
        self._lines: list[Line] = []
        self.answers: list[Json] = []
        self._started_at = self.clock.now()
        self.execution = ""

    def run(self, watch: Callable[[Look], None] | None = None) -> Result:
        """Start the rollout and let the world run until it has ended or is held with nobody to come.

        `watch` is shown the rollout whenever its history has grown.
        """
        began = time.perf_counter()
        self.prepare_alarms()
        self.aws.limits.enforced = True
        self.start(f"{self.scenario.name}-rollout")
        limit = self._started_at + timedelta(minutes=self._horizon_minutes())
        if watch is not None:
            self.clock.call_every(60, lambda: self._show_new_lines(watch), name="watch")
        self.clock.run_until(lambda: self._is_over() or self.clock.now() >= limit)
        if watch is not None:
            self._show_new_lines(watch)
        return self._result(began)

    def start(self, name: str) -> None:
        """Start an execution with the scenario's request; the rollout takes its name."""
        answer = self.aws.client("stepfunctions").start_execution(
            stateMachineArn=self.aws.deployment.outputs["StateMachineArn"],
            name=name,
            input=json.dumps(self.subject.request()),
        )
        self.begin(answer["executionArn"], name)

    def begin(self, execution: str, rollout_id: str) -> None:
        """This rollout begins: the scenario's minutes count from now on, and what it says happens to it."""
        self.execution, self.rollout_id = execution, rollout_id
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
        last = self.aws.last_decisions.get(self.rollout_id)
        if last not in ("CLOSE", "REJECT", "HOLD") or self._more_to_come():
            return False
        return last == "HOLD" or not any(one.status == "RUNNING" for one in self.aws.executions.all())

    def _more_to_come(self) -> bool:
        if self.aws.faults.under_way:
            return True
        now = self._elapsed(self.clock.now())
        moments = [signal.at_minute for signal in self.scenario.signals]
        moments += [change.at_minute for change in self.scenario.foreign_changes]
        moments += [alarm.fires_at_minute for alarm in self.scenario.alarms if alarm.fires_at_minute is not None]
        return any(moment > now for moment in moments)

    def _horizon_minutes(self) -> float:
        if self.scenario.horizon_minutes is not None:
            return self.scenario.horizon_minutes
        plan = self.scenario.request.get("plan", {})
        bakes = [step.get("bakeMinutes", 10) for step in plan.get("steps", [{}, {}, {}, {}])]
        factor = self.scenario.request.get("judge", {}).get("maxBakeFactor", 3)
        return float(sum(bakes) * factor + plan.get("watchMinutes", 10) + SLACK_MINUTES)

    def _minute(self) -> None:
        self.traffic.minute_passed(int(self.clock.timestamp()) // 60 - 1)

    def prepare_alarms(self) -> None:
        """Make the scenario's alarms and let them find their state."""
        cloudwatch = self.aws.client("cloudwatch")
        for alarm in self.scenario.alarms:
            self.subject.alarm(alarm)
        if self.scenario.alarms:
            self.clock.run_until(self.clock.now() + timedelta(minutes=2))
        for alarm in self.scenario.alarms:
            if alarm.firing_at_start:
                cloudwatch.set_alarm_state(
                    AlarmName=alarm.name, StateValue="ALARM", StateReason="firing before the rollout"
                )

    def _schedule_events(self) -> None:
        """What the scenario says will happen, at its minutes after the start."""
        for alarm in self.scenario.alarms:
            if alarm.fires_at_minute is not None:
                self._at(alarm.fires_at_minute, partial(self._fire, alarm.name))
        for signal in self.scenario.signals:
            self._at(signal.at_minute, partial(self._give, signal))
        for change in self.scenario.foreign_changes:
            self._at(change.at_minute, partial(self.subject.meddle, change))
        for fault in self.scenario.faults:
            self.aws.faults.inject(self._injected(fault))

    def _at(self, minute: float, action: Callable[[], object]) -> None:
        self.clock.call_at(self._started_at + timedelta(minutes=minute), action, name="scenario")

    def _fire(self, alarm: str) -> None:
        self.aws.client("cloudwatch").set_alarm_state(
            AlarmName=alarm, StateValue="ALARM", StateReason="Threshold Crossed"
        )

    def _give(self, signal: Signal) -> None:
        """A person gives a command, or stops the execution."""
        if signal.command == "stop-execution":
            self.aws.client("stepfunctions").stop_execution(executionArn=self.execution, cause=signal.reason)
            return
        command = {
            "rolloutId": self.rollout_id,
            "command": signal.command,
            "expectedStep": signal.expected_step,
            "actor": "somebody",
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
        known = len(self._lines)
        self._lines = self._history()
        if len(self._lines) > known:
            watch(Look(self.clock.now(), self.store.load(self.rollout_id), self._lines))

    def _history(self) -> list[Line]:
        return [
            Line(
                minute=self._elapsed(datetime.fromisoformat(entry["at"])),
                state=entry["state"],
                weight_percent=entry["weightPercent"],
                decision=entry["decision"],
                reason=entry["reason"],
                entry=entry,
            )
            for entry in self.store.history(self.rollout_id)
        ]

    def _elapsed(self, moment: datetime) -> float:
        return round((moment - self._started_at).total_seconds() / 60, 2)

    def _result(self, began: float) -> Result:
        self.aws.faults.injected.clear()  # nothing is hidden from whoever looks at the end
        execution = self.status()
        rollout = self.store.load(self.rollout_id)
        if rollout is not None and rollout.outcome is not None and rollout.phase is Phase.ENDED:
            outcome, reason = rollout.outcome.value, rollout.reason
        elif rollout is not None and any(one.status == "RUNNING" for one in self.aws.executions.all()):
            outcome, reason = HELD, rollout.reason
        else:
            rejected = execution.get("error") == "Rejected"
            outcome, reason = "REJECTED" if rejected else "FAILED", execution.get("cause", "")
        return Result(
            outcome=outcome,
            reason=reason,
            simulated_minutes=self._elapsed(self.clock.now()),
            wall_seconds=round(time.perf_counter() - began, 3),
            final_stage=self.subject.show(),
            initial_stage=self._initial_stage or {},
            lock_held=rollout is not None and self.store.holder(rollout.settings.target) is not None,
            canary_requests=self.traffic.served.requests,
            bad_requests=self.traffic.served.bad,
            max_weight_percent=self.traffic.most_weight_percent,
            timeline=self._history(),
            ended_at=self.clock.now(),
            rollout=rollout,
            rejection=None if rollout else self.store.rejection(self.rollout_id),
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
