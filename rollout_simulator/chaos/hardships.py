"""What makes a run hard beyond single faults: storms, forgeries, clocks that differ, names that are used again.

The law of `campaign` holds here, too: all of it is a pure function of the seed. It is drawn apart from the rest, so
that a new kind changes no other draw.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from rollout_simulator.chaos.fault_targets import CALLERS, MOVERS, THROTTLED, FaultTargets
from rollout_simulator.chaos.plan import Act, At, AtCall, AwsFault, Json, What

COMPOSITE = "orders-any"
ELSEWHERE: tuple[Json, ...] = ({"account": "210987654321"}, {"region": "eu-west-1"})
"""Where an event can be forwarded from."""
START = "start"
"""As an operation: that the function is invoked."""

COLD_START_ERRORS = (
    "Runtime.ImportModuleError",
    "Runtime.ExitError",
    "Runtime.Unknown",
    "Sandbox.Timedout",
    "Extension.Crash",
    "Runtime.OutOfMemory",
)
"""As Lambda names, in answers and logs, what goes wrong before a handler is called. There may be others."""
INVOKE_ERRORS = (
    "EC2ThrottledException",
    "EC2UnexpectedException",
    "KMSThrottlingException",
    "ResourceConflictException",
    "ResourceNotReadyException",
    "SnapStartNotReadyException",
    "ServiceException",
)
"""With which Invoke is refused while there is no environment for the function (documented in the API)."""
FORGERIES = ("continue", "undo", "continue and undo", "a record", "another's id", "240 KB")
SKEWS_SECONDS = (-2.0, -0.5, 0.5, 2.0)
"""By how much a function's clock is ahead. Nobody documents a bound for Lambda; a minute has never been reported."""
LONG_NAME = "orders-prod-" + "deployed-from-the-main-branch-" * 2 + "now-"
"""Of 76 characters; an execution's name has 80 at most."""


@dataclass(slots=True)
class Hardships:
    """What is drawn: acts and faults besides those of the campaign, and fields of the plan and of the API."""

    acts: list[Act] = field(default_factory=list)
    faults: list[AwsFault] = field(default_factory=list)
    plan: dict[str, Any] = field(default_factory=dict)
    api: Json = field(default_factory=dict)


def hardships(seed: int, minutes: float, request: Json, targets: FaultTargets, watched: str) -> Hardships:
    """Of this run. What it asks for beyond that is added to the `request` itself. watched: the alarm of the target."""
    random = Random(f"hardships {seed}")
    drawn = Hardships()
    for probability, draw in KINDS:
        if random.random() < probability:
            draw(drawn, Draw(random, minutes, request, targets, watched))
    return drawn


@dataclass(frozen=True, slots=True)
class Draw:
    """Of what a hardship is drawn."""

    random: Random
    minutes: float
    request: Json
    targets: FaultTargets
    watched: str

    def moment(self) -> At:
        """Any, in the rollout's life."""
        return At(round(self.random.uniform(0, self.minutes * 60), 1))

    def call(self) -> AtCall:
        """In the midst of a change of the target."""
        random = self.random
        operation = random.choice((self.targets.reads, self.targets.writes, "TransactWriteItems", "UpdateItem"))
        return AtCall(random.choice(MOVERS), operation, random.choice((1, 1, 2)), after=random.random() < 0.5)

    def when(self) -> At | AtCall:
        """Any moment, or in the midst of a change."""
        return self.call() if self.random.random() < 0.3 else self.moment()


def _skewed_clocks(drawn: Hardships, draw: Draw) -> None:
    functions = sorted(set(CALLERS) - {"state machine"})
    drawn.plan["skews"] = {name: draw.random.choice((0.0, 0.0, *SKEWS_SECONDS)) for name in functions}


def _colliding_names(drawn: Hardships, draw: Draw) -> None:
    """Of all rollouts of the run, in their first 76 characters; handed over soon, for then names are made of names."""
    drawn.plan |= {"prefix": LONG_NAME, "analyses_per_execution": draw.random.choice((1, 2))}
    supersede = {"onConflict": "supersede", "other": True}
    drawn.acts.append(Act(What.REQUEST, draw.moment(), supersede))


def _reused_name(drawn: Hardships, draw: Draw) -> None:
    moment = At(draw.minutes * 60 + draw.random.choice((600.0, 3_000.0)))
    drawn.acts.append(Act(What.REUSED_NAME, moment, {}))


def _stray_lock(drawn: Hardships, draw: Draw) -> None:
    """Of a rollout whose record somebody has deleted: before the first request, or between two."""
    random = draw.random
    seconds = random.choice((0.0, draw.minutes * 60 + 900.0))
    drawn.acts.append(Act(What.STRAY_LOCK, At(seconds), {}))
    if random.random() < 0.7:
        again = At(seconds + random.choice((60.0, 1_200.0)))
        drawn.acts.append(Act(What.REQUEST, again, {"onConflict": "reject"}))


def _stopped_while_it_changes(drawn: Hardships, draw: Draw) -> None:
    """Somebody stops the execution while a slow task is about to change the target: the task goes on without it."""
    random = draw.random
    caller = random.choice(("CreateCanary", "ShiftTraffic", "ShiftTraffic", "Promote"))
    operation = random.choice((draw.targets.reads, draw.targets.writes))
    nth = random.choice((1, 1, 2))
    drawn.acts.append(Act(What.STOP_EXECUTION, AtCall(caller, operation, nth, after=False), {}))
    mode, seconds = random.choice((("slow", 7.0), ("slow", 7.0), ("late", 20.0), ("late", 70.0)))
    slow = _fault(draw.targets.service, draw.targets.writes, "", caller, random.choice((1, 2)), skip=nth - 1)
    drawn.faults.append(replace(slow, mode=mode, seconds=seconds))


def _forged_document(drawn: Hardships, draw: Draw) -> None:
    random = draw.random
    late = At(draw.minutes * 60 + random.choice((60.0, 900.0)))
    for _ in range(random.choice((1, 1, 2))):
        details = {"kind": random.choice(FORGERIES), "byEvent": random.random() < 0.6}
        drawn.acts.append(Act(What.FORGERY, random.choice((draw.when(), draw.when(), late)), details))
    if random.random() < 0.3:
        drawn.faults.append(_fault("dynamodb", "*", random.choice(("InternalServerError", THROTTLED)), "Prepare", 40))


def _alarm_from_elsewhere(drawn: Hardships, draw: Draw) -> None:
    random = draw.random
    where = random.choice(ELSEWHERE)
    if "alarms" in draw.request and random.random() < 0.3:
        arn = f"arn:aws:cloudwatch:{where.get('region', 'us-east-1')}:{where.get('account', '123456789012')}:alarm:"
        draw.request["alarms"].append(arn + draw.watched)
    details = {"name": draw.watched, "state": "ALARM", "before": "OK", **where}
    drawn.acts.append(Act(What.ALARM_ELSEWHERE, draw.when(), details))


def _composite_alarm(drawn: Hardships, draw: Draw) -> None:
    if "alarms" not in draw.request:
        return
    drawn.plan["composites"] = {COMPOSITE: f'ALARM("{draw.watched}")'}
    draw.request["alarms"] = [COMPOSITE, *draw.random.choice(([], draw.request["alarms"]))]
    if draw.random.random() < 0.5:
        drawn.acts.append(Act(What.ALARM, draw.moment(), {"name": draw.watched}))


def _command_storm(drawn: Hardships, draw: Draw) -> None:
    random = draw.random
    details: Json = {
        "command": random.choice(("pause", "pause", "resume", "advance", "approve")),
        "count": random.choice((5, 20, 80)),
        "everySeconds": random.choice((0.0, 0.0, 0.2, 5.0)),
        "reason": random.choice(("because", "ö" * 1_000, "待" * 680)),
        "then": random.choice(("abort", "abort", None)),
    }
    drawn.acts.append(Act(What.STORM, draw.when(), details))


def _large_record(drawn: Hardships, draw: Draw) -> None:
    """Variables that fill a record, or are too many for one; a storm; and a bus that is down, so that events stay."""
    count = draw.random.choice((6, 6, 30))
    variables = {f"variable{number:02d}": "v" * 500 for number in range(count)}
    if draw.targets.service == "apigateway":
        drawn.api["candidate_variables"] = {"lambdaAlias": "next", **variables}
    drawn.acts.append(
        Act(What.STORM, draw.moment(), {"command": "pause", "count": 80, "reason": "ö" * 1_000, "then": "abort"})
    )
    if draw.random.random() < 0.3:
        drawn.faults.append(_fault("events", "PutEvents", THROTTLED, None, None, for_seconds=900.0))


def _deployed_anew(drawn: Hardships, draw: Draw) -> None:
    for _ in range(draw.random.choice((1, 1, 2))):
        drawn.acts.append(Act(What.DEPLOYED_ANEW, draw.when(), {}))
    if draw.random.random() < 0.5:  # while a function is updated, Invoke may be refused
        error = draw.random.choice(("ResourceConflictException", "ResourceNotReadyException"))
        times = draw.random.choice((1, 3))
        drawn.faults.append(_fault("lambda", "Invoke", error, None, times, skip=draw.random.randrange(10)))


def _untold_end(drawn: Hardships, draw: Draw) -> None:
    """The bus, or the topic, is down when the rollout ends; for longer than its end is tried, or a little while."""
    random = draw.random
    times = random.choice((1, 5, 31, 80))
    caller = random.choice(("Close", "Close", "RollBack"))
    drawn.faults.append(_fault("events", "PutEvents", random.choice((THROTTLED, "InternalServerError")), caller, times))
    if random.random() < 0.5:
        drawn.faults.append(_fault("sns", "Publish", THROTTLED, None, random.choice((1, 3, 40))))


def _cold_start(drawn: Hardships, draw: Draw) -> None:
    random = draw.random
    for _ in range(random.choice((1, 2, 3))):
        caller = random.choice([name for name in CALLERS if name != "state machine"])
        when = AtCall(caller, START, random.choice((1, 1, 2, 3)), after=False)
        drawn.acts.append(Act(What.COLD_START, when, {"error": random.choice(COLD_START_ERRORS)}))
    if random.random() < 0.5:
        error, times = random.choice(INVOKE_ERRORS), random.choice((1, 2, 4))
        drawn.faults.append(_fault("lambda", "Invoke", error, "state machine", times, skip=random.randrange(12)))


def _raised_while_held(drawn: Hardships, draw: Draw) -> None:
    """A raise is sent twice, for the first answer is late; then an alarm has the canary held at zero."""
    if len(draw.request["plan"].get("steps", ())) == 1 or "alarms" not in draw.request:
        return
    draw.request["onRegression"] = "holdAtZero"
    nth = draw.random.choice((1, 1, 2))
    late = _fault(draw.targets.service, draw.targets.writes, "", "ShiftTraffic", 1, skip=nth - 1)
    drawn.faults.append(replace(late, mode="late", seconds=draw.random.choice((40.0, 70.0))))
    when = AtCall("ShiftTraffic", "TransactWriteItems", nth, after=True)
    drawn.acts.append(Act(What.ALARM_EVENT, when, {"name": draw.watched, "state": "ALARM", "before": "OK"}))


def _fault(
    service: str,
    operation: str,
    error: str,
    caller: str | None,
    times: int | None,
    *,
    skip: int = 0,
    for_seconds: float = 28_800.0,
) -> AwsFault:
    return AwsFault(
        service=service,
        operation=operation,
        mode="before",
        error=error,
        since_seconds=0.0,
        for_seconds=for_seconds,
        caller=caller,
        skip=skip,
        times=times,
    )


KINDS: tuple[tuple[float, Callable[[Hardships, Draw], None]], ...] = (
    (0.08, _skewed_clocks),
    (0.05, _colliding_names),
    (0.06, _reused_name),
    (0.04, _stray_lock),
    (0.05, _stopped_while_it_changes),
    (0.10, _forged_document),
    (0.08, _alarm_from_elsewhere),
    (0.06, _composite_alarm),
    (0.06, _command_storm),
    (0.05, _large_record),
    (0.06, _deployed_anew),
    (0.06, _untold_end),
    (0.08, _cold_start),
    (0.06, _raised_while_held),
)
"""Each hardship, and how many of the runs have it."""
