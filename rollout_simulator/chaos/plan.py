"""The plan of one run: what is rolled out, what traffic it meets, and everything that is done to it.

A value, and in words: a failure prints it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Json = dict[str, Any]


class What(StrEnum):
    """What is done to a rollout from outside, or to a function from below."""

    COMMAND = "command"
    ALARM = "alarm"  # a real CloudWatch alarm goes to ALARM
    ALARM_EVENT = "alarm event"  # an event alone: repeated, late, or for another target
    STOP_EXECUTION = "stop execution"
    FOREIGN_CHANGE = "foreign change"
    REQUEST = "request"
    SWEEP = "sweep"
    STORM = "command storm"  # many commands at once
    FORGERY = "forged request"  # it says what only the workflow itself may say
    ALARM_ELSEWHERE = "alarm from elsewhere"  # an event of another account or region, forwarded
    REUSED_NAME = "reused name"  # an execution by the name of one that Step Functions has forgotten
    STRAY_LOCK = "lock without a record"
    DEPLOYED_ANEW = "controller deployed anew"
    COLD_START = "cold start that failed"
    CRASH = "crash"  # the function dies
    HANG = "hang"  # the function runs out of time


@dataclass(frozen=True, slots=True)
class At:
    """So many seconds after the start."""

    seconds: float

    def __str__(self) -> str:
        return f"at {int(self.seconds) // 60}:{self.seconds % 60:04.1f}"


@dataclass(frozen=True, slots=True)
class AtCall:
    """Around the n-th call of this operation ("*": any) that this caller makes in the run."""

    caller: str
    operation: str
    nth: int
    after: bool

    def __str__(self) -> str:
        call = "AWS call" if self.operation == "*" else self.operation
        return f"just {'after' if self.after else 'before'} call {self.nth} to {call} by {self.caller}"


@dataclass(frozen=True, slots=True)
class Act:
    """Something that is done, and when. `details` by kind, see the runner."""

    what: What
    when: At | AtCall
    details: Json = field(default_factory=dict)

    def __str__(self) -> str:
        details = ", ".join(f"{name} {json.dumps(value)}" for name, value in self.details.items())
        return f"{self.when}: {self.what}" + (f" ({details})" if details else "")


@dataclass(frozen=True, slots=True)
class AwsFault:
    """Calls to AWS that fail, from so many seconds after the start, for so long."""

    service: str
    operation: str
    mode: str
    error: str
    since_seconds: float
    for_seconds: float
    caller: str | None = None
    skip: int = 0
    times: int | None = None
    probability: float = 1.0
    seconds: float = 30.0

    def __str__(self) -> str:
        how = {
            "before": f"refused with {self.error}",
            "after": "done, answer lost",
            "slow": f"done after {self.seconds:g} s",
            "late": f"given up, and done after {self.seconds:g} s",
            "stale": f"answered as {self.seconds:g} s ago",
            "duplicate": "done twice",
            "twice": "done twice at once",
        }
        which = f"{self.service}:{self.operation}" + (f" by {self.caller}" if self.caller else "")
        some = "" if self.times is None else f", {self.times} of them after {self.skip}"
        chance = "" if self.probability == 1.0 else f", with probability {self.probability:g}"
        what = f"{which} {how[self.mode]}{some}{chance}"
        return f"{At(self.since_seconds)} for {self.for_seconds:g} s: {what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """One run, whole. `scenario` is a simulator scenario's document; it holds the request and the traffic.

    most_latency_ms: each call of the controller takes up to so long, so that what runs at once interleaves.
    analyses_per_execution: hand over to a new execution so soon; None: as in life.
    prefix: all rollouts of the run are named so, and numbered.
    skews: by how many seconds the clock of a function is ahead.
    composites: composite alarms and their rules, by name.
    read_lag_seconds: a read of the table that does not ask for consistency shows what was so long ago.
    """

    seed: int
    scenario: Json
    acts: tuple[Act, ...] = ()
    faults: tuple[AwsFault, ...] = ()
    most_latency_ms: int = 0
    event_delay_seconds: float = 0.0
    analyses_per_execution: int | None = None
    by_event: bool = False
    prefix: str = ""
    skews: Mapping[str, float] = field(default_factory=dict)
    composites: Mapping[str, str] = field(default_factory=dict)
    read_lag_seconds: float = 0.5

    @property
    def kind(self) -> str:
        """The kind of target that is rolled out, as in a request."""
        return str(self.scenario.get("target", "apigateway-stage"))

    def conditions(self) -> Iterator[str]:
        """By name, what makes the whole run harder than a plain one."""
        if self.most_latency_ms:
            yield "calls take time"
        if self.event_delay_seconds:
            yield "events take time"
        if self.analyses_per_execution:
            yield "handed over soon"
        if any(self.skews.values()):
            yield "clocks differ"
        if self.prefix:
            yield "names collide"
        if self.composites:
            yield "composite alarm"
        if len(self.scenario.get("api", {}).get("candidate_variables", ())) > 1:
            yield "large record"

    def lines(self) -> Iterator[str]:
        """The plan in words."""
        request, scenario = self.scenario["request"], self.scenario
        steps = request["plan"].get("steps", [])
        ramp = " → ".join(f"{step['weightPercent']} % for {step['bakeMinutes']} min" for step in steps)
        yield f"seed {self.seed}: {self.kind}, {ramp or 'a ramp'}, watched for {request['plan']['watchMinutes']} min"
        for name in (
            "onRegression",
            "onInconclusive",
            "holdMinutes",
            "pauseMinutes",
            "measurement",
            "judge",
            "candidate",
            "requestId",
        ):
            if name in request:
                yield f"  {name}: {json.dumps(request[name])}"
        for name in ("api", "traffic", "candidate", "disturbances", "metrics", "alarms"):
            if scenario.get(name):
                yield f"  {name}: {json.dumps(scenario[name])}"
        how = [
            f"calls take up to {self.most_latency_ms} ms" if self.most_latency_ms else "",
            f"events take {self.event_delay_seconds:g} s" if self.event_delay_seconds else "",
            f"handed over after {self.analyses_per_execution} analyses" if self.analyses_per_execution else "",
            "requested by event" if self.by_event else "",
            f"named {self.prefix}1 and so on" if self.prefix else "",
            f"clocks ahead by {dict(self.skews)} s" if self.skews else "",
            f"composite alarms {dict(self.composites)}" if self.composites else "",
        ]
        if any(how):
            yield "  " + ", ".join(part for part in how if part)
        for act in self.acts:
            yield f"  {act}"
        for fault in self.faults:
            yield f"  {fault}"
