"""One run in an embedded AWS: the real workflow, a plan's worth of trouble, and a record of what happened."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from rollout.tasks import analyze
from rollout.wiring import SystemClock
from rollout_simulator.chaos import call_recorder
from rollout_simulator.chaos.call_recorder import CallRecorder, stored_item, stored_items
from rollout_simulator.chaos.plan import Act, At, AwsFault, RunPlan, What
from rollout_simulator.chaos.recorded import Answer, Execution, Recorded
from rollout_simulator.chaos.subjects import KINDS
from rollout_simulator.embedded_aws import EmbeddedAws
from rollout_simulator.faults import Fault, Mode
from rollout_simulator.moto_patches.alarm_evaluation import event_time
from rollout_simulator.moto_patches.invocations import invocation
from rollout_simulator.moto_patches.lambda_in_process import forget_environments
from rollout_simulator.moto_patches.patching import replaced
from rollout_simulator.scenario import Scenario, parse_scenario
from rollout_simulator.template import ACCOUNT, REGION, ROOT

Json = dict[str, Any]

FIRST = "first"
"""The name of the execution, and so of the rollout, that the plan's request starts."""

BELOW = frozenset({What.CRASH, What.HANG, What.COLD_START})
"""What happens to a function, at one of its calls."""

LONGEST = timedelta(hours=8)
"""A run that has not ended by then never will."""

AFTERMATH = timedelta(minutes=12)
"""For so long after the end the world is watched on: two sweeps, and every retry of an asynchronous invocation."""


def run(plan: RunPlan) -> Recorded:
    """Carry the plan out, in an AWS of its own, until all has ended."""
    recorder = CallRecorder(Random(plan.seed), plan.most_latency_ms, plan.read_lag_seconds)
    with ExitStack() as stack:
        stack.enter_context(call_recorder.opened(recorder))
        if plan.analyses_per_execution is not None:
            stack.enter_context(replaced(analyze, "MOST_ANALYSES", plan.analyses_per_execution))
        if plan.skews:
            stack.enter_context(replaced(SystemClock, "now", _skewed(plan.skews)))
        handlers = call_recorder.Handlers(recorder)
        aws = stack.enter_context(
            EmbeddedAws(seed=plan.seed, handlers=handlers, event_delay_seconds=plan.event_delay_seconds)
        )
        return _Run(plan, recorder, aws).to_its_end()


class _Run:
    def __init__(self, plan: RunPlan, recorder: CallRecorder, aws: EmbeddedAws) -> None:
        self._plan = plan
        self._border = recorder
        self._aws = aws
        self._clock = aws.clock
        self._scenario: Scenario = parse_scenario(plan.scenario, "the plan")
        self._subject = KINDS[self._scenario.target](aws, self._scenario, plan.seed, recorder)
        self._table = aws.deployment.outputs["TableName"]
        self._traffic = self._subject.traffic
        self._traffic.backfill(self._clock.now())
        self._clock.call_every(60, self._minute, name="traffic")
        self._answers: list[Answer] = []
        self._due = 0
        self._requests = 0
        self._first = f"{plan.prefix}1" if plan.prefix else FIRST
        self._forgotten: list[Any] = []

    def to_its_end(self) -> Recorded:
        """Start the rollout, let everything happen, and tell what came of it."""
        began = time.perf_counter()
        cloudwatch = self._aws.client("cloudwatch")
        for alarm in self._scenario.alarms:
            self._subject.alarm(alarm)
        for name, rule in self._plan.composites.items():
            cloudwatch.put_composite_alarm(AlarmName=name, AlarmRule=rule)
        if self._scenario.alarms:
            self._clock.run_until(self._clock.now() + timedelta(minutes=2))
        for alarm in self._scenario.alarms:
            if alarm.firing_at_start:
                cloudwatch.set_alarm_state(AlarmName=alarm.name, StateValue="ALARM", StateReason="before the rollout")
        started = self._clock.now()
        self._traffic.begin(started)
        at_calls = [act for act in self._plan.acts if not isinstance(act.when, At)]
        self._border.watch(self._clock, at_calls, self._perform)
        for act in self._plan.acts:
            if isinstance(act.when, At):
                self._due += 1
                moment = started + timedelta(seconds=act.when.seconds)
                self._clock.call_at(moment, partial(self._perform_due, act), name="act")
        self._aws.limits.enforced = True
        self._request(self._subject.request(), self._first, by_event=self._plan.by_event)
        for fault in self._plan.faults:
            self._aws.faults.inject(_injected(fault, started))
        ended = self._run_out(started)
        return self._recorded(started, ended, time.perf_counter() - began)

    def _run_out(self, started: datetime) -> bool:
        """Let the world run until nothing more will happen; whether that came to pass."""
        limit = started + LONGEST
        while self._clock.now() < limit:
            self._clock.run_until(lambda: self._is_over() or self._clock.now() >= limit)
            self._clock.run_until(self._clock.now() + AFTERMATH)
            if self._is_over():
                return True
        return False

    def _is_over(self) -> bool:
        executions = self._aws.executions.all()
        if self._due or not executions or any(one.status == "RUNNING" for one in executions):
            return False
        return not any(item["sk"]["S"] in ("LOCK", "UNTOLD") for item in stored_items(self._table))

    def _minute(self) -> None:
        self._traffic.minute_passed(int(self._clock.timestamp()) // 60 - 1)

    # --- what is done --------------------------------------------------------------------------------------

    def _perform_due(self, act: Act) -> None:
        self._due -= 1
        self._border.done.append((self._clock.now(), act))
        self._perform(act)

    def _perform(self, act: Act) -> None:
        does: Mapping[What, Callable[[Json], object]] = {
            What.COMMAND: self._command,
            What.ALARM: self._fire,
            What.ALARM_EVENT: self._alarm_event,
            What.ALARM_ELSEWHERE: self._alarm_event,
            What.STORM: self._storm,
            What.FORGERY: self._forge,
            What.REUSED_NAME: self._use_name_again,
            What.STRAY_LOCK: self._lock_for_nobody,
            What.DEPLOYED_ANEW: self._deploy_anew,
            What.STOP_EXECUTION: self._stop,
            What.FOREIGN_CHANGE: lambda details: self._subject.change(details["kind"]),
            What.REQUEST: self._request_again,
            What.SWEEP: self._sweep,
        }
        with suppress(ClientError, BotoCoreError):  # a person, too, is refused or not answered now and then
            does[act.what](act.details)

    def _fire(self, details: Json) -> None:
        self._aws.client("cloudwatch").set_alarm_state(
            AlarmName=details["name"], StateValue="ALARM", StateReason="Threshold Crossed"
        )

    def _sweep(self, _: Json) -> None:
        self._invoke("RecoverFunction", {"detail-type": "Scheduled Event", "detail": {}})

    def _command(self, details: Json) -> None:
        rollout_id = self._present()
        actor = f"person {len(self._answers) + 1}"
        command: Json = {"command": details["command"], "actor": actor, "reason": details.get("reason", "because")}
        if details.get("byTarget"):
            command["target"] = self._subject.request()["target"]
        else:
            command["rolloutId"] = rollout_id
        if details.get("namesStep"):
            command["expectedStep"] = self._step(rollout_id) + details.get("off", 0)
        if details.get("byEvent"):
            entry = {"Source": "rollout.pilot", "DetailType": "Rollout Command", "Detail": json.dumps(command)}
            self._aws.client("events").put_events(Entries=[entry])
            return
        place, begun = len(self._answers), self._border.number
        self._answers.append(Answer(actor, details["command"], accepted=False, message=""))
        answer = self._invoke("OnCommandFunction", command)
        if "accepted" in answer:
            self._answers[place] = Answer(
                actor,
                details["command"],
                answer["accepted"],
                answer["message"],
                answer["rolloutId"],
                begun,
                self._border.number,
                for_any_step="expectedStep" not in command,
            )

    def _storm(self, details: Json) -> None:
        """Many commands, at once or one after the other, and perhaps one that must come through in spite of them."""
        apart = details.get("everySeconds", 0)
        commands = [details["command"]] * details["count"]
        for number, command in enumerate(commands):
            one = {"command": command, "namesStep": command == "approve", "reason": details["reason"]}
            self._clock.call_later(number * apart, partial(self._give, one), "storm")
        if details["then"]:
            last = {"command": details["then"], "reason": details["reason"]}
            self._clock.call_later(len(commands) * apart + 0.5, partial(self._give, last), "after the storm")

    def _give(self, details: Json) -> None:
        with suppress(ClientError, BotoCoreError):
            self._command(details)

    def _lock_for_nobody(self, _: Json) -> None:
        """Unless the target is held."""
        target = self._subject.request()["target"]
        lock = {"pk": f"TARGET#{'/'.join(target.values())}", "sk": "LOCK", "kind": "lock", "rolloutId": "gone"}
        lock["startedAt"] = "2020-01-01T00:00:00+00:00"
        self._aws.client("dynamodb").put_item(
            TableName=self._table,
            Item={name: {"S": value} for name, value in lock.items()},
            ConditionExpression="attribute_not_exists(pk)",
        )

    def _forge(self, details: Json) -> None:
        """A request that says what only the workflow may say, to command the rollout that is present."""
        victim, request = self._present(), self._subject.request()
        orders = {"continue": victim, "undo": victim}
        forged = {
            "continue": {"continue": victim},
            "undo": {"undo": victim, "actor": "somebody else", "reason": "forged"},
            "continue and undo": orders,
            "a record": {**request, "rolloutId": victim, "execution": victim, "startedAt": "2020-01-01T00:00:00Z"},
            "another's id": {**request, **orders},
            "240 KB": {**request, "待" * 80_000: victim},
        }[details["kind"]]
        self._requests += 1
        self._request(forged, f"{victim[:70]}-undo{self._requests}", by_event=details["byEvent"])

    def _use_name_again(self, _: Json) -> None:
        """As months later, when Step Functions has forgotten the execution and the table still has its record."""
        for machine in stepfunctions_parser_backends[ACCOUNT][REGION].state_machines:
            for one in [one for one in machine.executions if one.name == self._first and one.status != "RUNNING"]:
                machine.executions.remove(one)
                self._forgotten.append(one)
        self._request(self._subject.request(), self._first, by_event=False)

    def _deploy_anew(self, _: Json) -> None:
        """The same code: no environment is left, and executions that run keep the definition that they began with."""
        forget_environments(ROOT / "functions")
        workflow, arn = self._aws.client("stepfunctions"), self._aws.deployment.outputs["StateMachineArn"]
        written = workflow.describe_state_machine(stateMachineArn=arn)
        workflow.update_state_machine(stateMachineArn=arn, definition=written["definition"], roleArn=written["roleArn"])

    def _alarm_event(self, details: Json) -> None:
        """The event alone, as often as wanted, and with its own idea of when it was."""
        at = self._clock.now() - timedelta(seconds=details.get("lateSeconds", 0))
        name, account, region = details["name"], details.get("account", ACCOUNT), details.get("region", REGION)
        event = {
            "account": account,
            "region": region,
            "source": "aws.cloudwatch",
            "detail-type": "CloudWatch Alarm State Change",
            "resources": [f"arn:aws:cloudwatch:{region}:{account}:alarm:{name}"],
            "detail": {
                "alarmName": name,
                "state": {"value": details["state"], "reason": "Threshold Crossed", "timestamp": event_time(at)},
                "previousState": {"value": details["before"], "reason": "", "timestamp": event_time(at)},
                "configuration": {},
            },
        }
        for copy in range(details.get("copies", 1)):
            self._clock.call_later(copy * details.get("apartSeconds", 0), lambda: self._aws.events.emit(event), "event")

    def _stop(self, _: Json) -> None:
        record = stored_item(self._table, f"ROLLOUT#{self._present()}", "RECORD")
        document = json.loads(record["document"]["S"]) if record else {}
        running = [one.exec_arn for one in self._aws.executions.all() if one.status == "RUNNING"]
        arn = document.get("execution")
        arn = arn if arn in running or not running else running[-1]
        self._aws.client("stepfunctions").stop_execution(executionArn=arn, error="Stopped", cause="by hand")

    def _request_again(self, details: Json) -> None:
        request = self._subject.request()
        if details.get("sameRequestId") is None:
            request.pop("requestId", None)
        if details.get("other"):
            request["candidate"] = self._subject.other_candidate()
        request["onConflict"] = details["onConflict"]
        self._requests += 1
        again = f"{self._plan.prefix}{self._requests + 1}" if self._plan.prefix else f"again-{self._requests}"
        name = self._first if details.get("sameName") else again
        self._request(request, name, by_event=details.get("byEvent", False))

    def _request(self, request: Json, name: str, *, by_event: bool) -> None:
        if by_event:
            entry = {"Source": "rollout.pilot", "DetailType": "Rollout Requested", "Detail": json.dumps(request)}
            self._aws.client("events").put_events(Entries=[entry])
            return
        self._aws.client("stepfunctions").start_execution(
            stateMachineArn=self._aws.deployment.outputs["StateMachineArn"], name=name, input=json.dumps(request)
        )

    def _invoke(self, function: str, event: Json) -> Json:
        name = self._aws.deployment.physical[function]
        answer = self._aws.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
        document: Json = json.loads(answer["Payload"].read() or b"{}")
        return document

    # --- what is there -------------------------------------------------------------------------------------

    def _present(self) -> str:
        """The rollout that a person would mean: the one that holds the target, else the newest."""
        items = list(stored_items(self._table))
        for item in items:
            if item["sk"]["S"] == "LOCK":
                return str(item["rolloutId"]["S"])
        records = [item for item in items if item["sk"]["S"] == "RECORD" and "signalCount" in item]
        newest = max(records, key=lambda item: str(item["startedAt"]["S"]), default=None)
        return str(newest["rolloutId"]["S"]) if newest else self._first

    def _step(self, rollout_id: str) -> int:
        record = stored_item(self._table, f"ROLLOUT#{rollout_id}", "RECORD")
        return max(0, int(json.loads(record["document"]["S"]).get("step", 0))) if record else 0

    def _recorded(self, started: datetime, ended: bool, wall_seconds: float) -> Recorded:
        calls = self._aws.faults.calls
        return Recorded(
            plan=self._plan,
            started=started,
            finished=self._clock.now(),
            ended=ended,
            wall_seconds=wall_seconds,
            arrivals=self._border.arrivals,
            invocations=self._border.invocations,
            item_writes=self._border.item_writes,
            target_writes=self._border.target_writes,
            alias_writes=self._border.alias_writes,
            done=self._border.done,
            events=list(self._aws.events.put),
            executions=[_execution(one) for one in (*self._forgotten, *self._aws.executions.all())],
            items=list(stored_items(self._table)),
            answers=self._answers,
            canary_points=list(self._subject.canary_points()),
            faults_injected=sum(1 for call in calls if call.outcome)
            + sum(1 for _, act in self._border.done if act.what in BELOW),
            calls=[(call_recorder.function_of(call.caller), call.operation, call.outcome) for call in calls],
        )


def _skewed(skews: Mapping[str, float]) -> Any:
    def now(_: SystemClock) -> datetime:
        ahead = skews.get(call_recorder.function_of(invocation.get()), 0.0)
        return datetime.now(UTC) + timedelta(seconds=ahead)

    return now


def _execution(one: Any) -> Execution:
    over = one.status != "RUNNING"
    document = one.execution_input
    return Execution(
        name=one.name,
        arn=one.exec_arn,
        status=str(one.status),
        error=one.error or "",
        cause=one.cause or "",
        input=json.loads(document) if isinstance(document, str) else document,
        started=one.start_date,
        stopped=one.stop_date if over else None,
    )


def _injected(fault: AwsFault, started: datetime) -> Fault:
    since = started + timedelta(seconds=fault.since_seconds)
    return Fault(
        service=fault.service,
        operation=fault.operation,
        mode=Mode(fault.mode),
        error=fault.error,
        caller=fault.caller,
        since=since,
        until=since + timedelta(seconds=fault.for_seconds),
        skip=fault.skip,
        times=fault.times,
        probability=fault.probability,
        seconds=fault.seconds,
    )
