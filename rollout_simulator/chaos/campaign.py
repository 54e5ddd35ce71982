"""From a seed to the plan of one run. The law: the plan is a pure function of its seed.

Plans are short (minutes, few steps), for trouble is found where things meet, and much of it is aimed at the calls of
the controller rather than strewn over time.
"""

from __future__ import annotations

from random import Random
from typing import Any

from rollout_simulator.chaos.fault_targets import ALIAS, CALLERS, MOVERS, STAGE, FaultTargets
from rollout_simulator.chaos.hardships import hardships
from rollout_simulator.chaos.plan import Act, At, AtCall, AwsFault, Json, RunPlan, What

WATCHED = "orders-5xx"
TAGGED = "orders-tagged"
OTHERS = "payments-5xx"
"""The alarm of a target that nobody rolls out."""

_WEIGHTS = (0.5, 5, 10, 25, 50, 99)
_COMMANDS = ("abort", "promote", "pause", "advance", "approve", "resume", "rollback")


def plan_of(seed: int) -> RunPlan:
    """The run that this seed stands for."""
    random = Random(seed)
    targets = ALIAS if is_of_an_alias(seed) else STAGE
    request = _request(random, targets)
    if seed % 3 == 1:
        request["plan"]["control"] = 0  # the base keeps nothing, and is frozen at once
    if seed % 16 == 2:
        del request["plan"]["steps"]
        request["plan"] |= {"ramp": "auto", "soakMinutes": 4}
    elif seed % 5:
        request["plan"]["probe"] = False  # as with little traffic
    scenario = _scenario(random, request, targets) | _kind(seed)
    minutes = _expected_minutes(request)
    acts = tuple(_act(random, minutes, request, targets) for _ in range(random.choice((0, 1, 1, 2, 2, 3, 4, 6))))
    faults = tuple(_fault(random, minutes, targets) for _ in range(random.choice((0, 0, 1, 1, 2, 3))))
    uncertain, in_its_midst = _uncertain(seed, minutes, targets)
    fields: dict[str, Any] = {
        "most_latency_ms": random.choice((0, 30, 30, 400)),
        "event_delay_seconds": random.choice((0.0, 0.0, 0.2, 3.0)),
        "analyses_per_execution": random.choice((None, None, None, 1, 2, 4)),
        "by_event": random.random() < 0.1,
    }
    hard = hardships(seed, minutes, request, targets, WATCHED)
    scenario["api"] = scenario.get("api", {}) | hard.api
    return RunPlan(
        seed=seed,
        scenario=scenario,
        acts=(*acts, *in_its_midst, *hard.acts),
        faults=(*faults, *uncertain, *hard.faults),
        **(fields | hard.plan),
    )


def is_of_an_alias(seed: int) -> bool:
    """Every eleventh run rolls out a Lambda alias."""
    return seed % 11 == 9


def _uncertain(seed: int, minutes: float, targets: FaultTargets) -> tuple[tuple[AwsFault, ...], tuple[Act, ...]]:
    """Of half of the runs: writes that land late, reads that show the past, tasks that run twice at once; and what is
    done in the midst of it.
    """
    random = Random(f"uncertain {seed}")
    if random.random() < 0.3:
        return _stopped_in_doubt(random, targets)
    return tuple(_uncertain_fault(random, minutes, targets) for _ in range(random.choice((0, 0, 0, 1, 2)))), ()


def _stopped_in_doubt(random: Random, targets: FaultTargets) -> tuple[tuple[AwsFault, ...], tuple[Act, ...]]:
    """Somebody stops the rollout, or changes its target, just when a raise is under way or has just been made."""
    caller = random.choice(("CreateCanary", "ShiftTraffic"))
    by: str | None = caller
    nth = 1 if caller == "CreateCanary" else random.choice((1, 1, 2))
    if random.random() < 0.5:
        mode, operation = "late", targets.writes
        when = AtCall(caller, targets.reads, 2 * nth - 1, after=True)
    else:
        mode, by, operation = "stale", random.choice(("RollBack", "RollBack", None)), targets.reads
        when = AtCall(caller, "TransactWriteItems", nth, after=True)
    fault = AwsFault(
        service=targets.service,
        operation=operation,
        mode=mode,
        error="",
        since_seconds=0.0,
        for_seconds=3_600.0,
        caller=by,
        skip=nth - 1 if mode == "late" else 0,
        times=random.choice((1, 1, 2)),
        seconds=random.choice((12.0, 40.0, 70.0)),
    )
    what = random.choice((What.COMMAND, What.COMMAND, What.ALARM_EVENT, What.FOREIGN_CHANGE))
    details: Json = {"command": "abort"}
    if what is What.ALARM_EVENT:
        details = {"name": WATCHED, "state": "ALARM", "before": "OK"}
    elif what is What.FOREIGN_CHANGE:
        details = {"kind": random.choice(("base", *targets.foreign))}
    return (fault,), (Act(what, when, details),)


def _uncertain_fault(random: Random, minutes: float, targets: FaultTargets) -> AwsFault:
    mode = random.choice(("late", "late", "stale", "stale", "twice"))
    since, every, times = 0.0, 1.0, None
    if random.random() < 0.5:
        times = random.choice((1, 1, 2, 4))
    else:
        since, every = round(random.uniform(0, minutes * 60), 1), random.choice((0.3, 1.0))
    which: Json = {"skip": random.randrange(0, 8) if times else 0, "times": times, "probability": every}
    service, operation, caller, seconds = targets.service, targets.writes, None, 0.0
    match mode:
        case "late":
            caller = random.choice((None, None, *MOVERS))
            operation = (
                random.choice((targets.writes, targets.writes, targets.writes, "*")) if caller else targets.writes
            )
            seconds = random.choice((9.0, 15.0, 40.0, 70.0))
        case "stale":
            operation, seconds = targets.reads, random.choice((1.0, 5.0, 20.0, 60.0))
        case "twice":
            service, operation, caller = "lambda", "Invoke", random.choice((*MOVERS, "Analyze", "Close"))
    return AwsFault(
        service=service,
        operation=operation,
        mode=mode,
        error="",
        since_seconds=since,
        for_seconds=random.choice((30.0, 240.0, 3_600.0)) if times is None else 3_600.0,
        caller=caller,
        seconds=seconds,
        **which,
    )


def _kind(seed: int) -> Json:
    """What is rolled out. Of those with a stage, every seventh moves the aliases of the functions behind it, too."""
    if is_of_an_alias(seed):
        return {"target": "lambda-alias"}
    if seed % 7 != 5:
        return {}
    random = Random(f"aliases {seed}")
    mode = random.choice(("mergeVariables", "moveAliases", "moveAliases"))
    return {"api": {"functions": random.choice((1, 2, 3)), "on_promotion": mode}}


def _request(random: Random, targets: FaultTargets) -> Json:
    steps = sorted(random.sample(_WEIGHTS, random.choice((1, 2, 2, 3))))
    request: Json = {
        "plan": {
            "steps": [{"weightPercent": weight, "bakeMinutes": random.choice((1, 1, 2, 3))} for weight in steps],
            "watchMinutes": random.choice((0, 0, 2, 4)),
        },
        "judge": {
            "preset": random.choice(("balanced", "balanced", "sensitive", "tolerant")),
            "maxBakeFactor": random.choice((2, 3)),
            "metrics": _metrics(random, targets),
        },
        "measurement": {
            "lagMinutes": random.choice((1, 2, 3)),
            "settleSeconds": random.choice((0, 30, 60)),
            "mostMinutesBetweenAnalyses": random.choice((1, 3, 5)),
        },
        "holdMinutes": random.choice((3, 8)),
        "onInconclusive": random.choice(("hold", "hold", "rollback")),
        "onRegression": random.choice(("rollback", "rollback", "rollback", "hold", "holdAtZero")),
    }
    request["pauseMinutes"] = request["holdMinutes"]
    if random.random() < 0.3:
        request["requestId"] = "request-1"
    if random.random() < 0.7:
        request["alarms"] = [WATCHED]
        request["ignoreAlarmsAlreadyFiring"] = random.random() < 0.8
    if targets is ALIAS and random.random() < 0.3:
        request["candidate"] = {}  # whatever is $LATEST is published
    return request


def _metrics(random: Random, targets: FaultTargets) -> list[Json]:
    """Judged by the preset, or with so much tolerance that a healthy canary is proven within a minute."""
    errors = {"name": targets.errors, **_sometimes(random, 0.7, {"tolerance": {"relative": 3.0, "absolute": 0.02}})}
    return [errors, *([{"name": targets.latency, "quantiles": [90]}] if random.random() < 0.2 else [])]


def _scenario(random: Random, request: Json, targets: FaultTargets) -> Json:
    lag = request["measurement"]["lagMinutes"]
    traffic: Json = {"requests_per_second": random.choice((0, 1, 20, *(3_000,) * 9))}
    if random.random() < 0.1:
        traffic["stops_at_minute"] = random.randrange(1, 15)
    base, candidate, disturbances = {"error_percent": 0.5}, {}, []
    match random.choice(("healthy",) * 9 + ("regressed", "regressed", "later", "slow", "outage", "bad base")):
        case "regressed":
            candidate = {"error_percent": random.choice((3.0, 20.0, 100.0))}
        case "later":
            candidate = {"error_percent": 20.0, "from_minute": random.randrange(2, 20)}
        case "slow":
            candidate = {"latency_ms": 400.0}
        case "outage":
            disturbances = [{"from_minute": random.randrange(1, 10), "minutes": 4, "error_percent": 40.0}]
        case "bad base":
            base, candidate = {"error_percent": 15.0}, {"error_percent": 15.0}
    alarms: list[Json] = []
    if "alarms" in request:
        alarms.append(_alarm(random, WATCHED))
    if random.random() < 0.2:
        alarms.append({**_alarm(random, TAGGED), "tagged": True, "named_in_request": False})
    return {
        "name": "chaos",
        "request": request,
        "traffic": traffic,
        "base": base,
        "candidate": candidate,
        "disturbances": disturbances,
        "alarms": alarms,
        "metrics": {
            "earliest_seconds": 5.0,
            "latest_seconds": 60.0 * lag - 5.0,
            "late_percent": random.choice((0.0, 0.5, 20.0)),
            "revised_percent": random.choice((0.0, 0.5, 20.0)),
            **({} if targets is ALIAS else _stage_series(random)),
        },
    }


def _stage_series(random: Random) -> Json:
    """What an account's CloudWatch makes of a stage with a canary."""
    return {"base_semantics": random.choice(("inclusive", "exclusive")), "canary_series": random.random() >= 0.05}


def _alarm(random: Random, name: str) -> Json:
    return {"name": name, "threshold": random.choice((0.05, 0.3, 0.9)), "firing_at_start": random.random() < 0.03}


def _expected_minutes(request: Json) -> float:
    """About how long the rollout takes if all goes well."""
    plan, watch = request["plan"], request["plan"]["watchMinutes"]
    bakes = [step["bakeMinutes"] for step in plan.get("steps", [{"bakeMinutes": 3}] * 5)]
    if watch and "control" not in plan:
        bakes, watch = [*bakes, watch], 10
    return float(sum(bake + request["measurement"]["lagMinutes"] + 2 for bake in bakes) + watch + 2)


# --- what is done ----------------------------------------------------------------------------------------------


def _aimed(random: Random, targets: FaultTargets) -> Act:
    """A stop signal or a foreign hand in the very middle of a change of the target, where it hurts most."""
    caller = random.choice(("CreateCanary", "ShiftTraffic", "ShiftTraffic", "Promote", "Promote", "Analyze"))
    operations = (
        ("GetItem", "TransactWriteItems", "*") if caller == "Analyze" else ("UpdateItem", targets.reads, targets.writes)
    )
    when = AtCall(caller, random.choice(operations), random.choice((1, 1, 1, 2, 3)), after=random.random() < 0.5)
    what: What = random.choice((What.COMMAND, What.ALARM_EVENT, What.ALARM_EVENT, What.FOREIGN_CHANGE))
    if what is What.COMMAND:
        return Act(what, when, {"command": random.choice(("abort", "abort", "abort", "pause", "promote"))})
    if what is What.ALARM_EVENT:
        return Act(what, when, {"name": WATCHED, "state": "ALARM", "before": "OK"})
    return Act(what, when, {"kind": random.choice(("canary removed", "canary removed", *targets.foreign))})


def _act(random: Random, minutes: float, request: Json, targets: FaultTargets) -> Act:
    if random.random() < 0.35:
        return _aimed(random, targets)
    what = random.choice(
        (
            What.COMMAND,
            What.COMMAND,
            What.COMMAND,
            What.ALARM,
            What.ALARM_EVENT,
            What.STOP_EXECUTION,
            What.FOREIGN_CHANGE,
            What.FOREIGN_CHANGE,
            What.REQUEST,
            What.SWEEP,
            What.CRASH,
            What.CRASH,
            What.HANG,
        )
    )
    if what is What.ALARM and "alarms" not in request:
        what = What.ALARM_EVENT
    details: Json = {}
    match what:
        case What.COMMAND:
            details = {"command": random.choice(_COMMANDS)}
            details |= _sometimes(random, 0.5, {"namesStep": True}) | _sometimes(random, 0.1, {"off": -1})
            details |= _sometimes(random, 0.2, {"byTarget": True}) | _sometimes(random, 0.2, {"byEvent": True})
        case What.ALARM:
            details = {"name": WATCHED}
        case What.ALARM_EVENT:
            details = {
                "name": random.choice((WATCHED, WATCHED, WATCHED, TAGGED, OTHERS)),
                "state": random.choice(("ALARM", "ALARM", "ALARM", "OK", "INSUFFICIENT_DATA")),
                "before": random.choice(("OK", "OK", "INSUFFICIENT_DATA", "ALARM")),
                "lateSeconds": random.choice((0, 0, 20, 300)),
                "copies": random.choice((1, 1, 2, 3)),
                "apartSeconds": random.choice((0, 0.05, 40)),
            }
        case What.FOREIGN_CHANGE:
            details = {"kind": random.choice(targets.foreign)}
        case What.REQUEST:
            details = {"onConflict": random.choice(("reject", "supersede"))}
            details |= _sometimes(random, 0.3, {"sameRequestId": True}) | _sometimes(random, 0.3, {"other": True})
            details |= _sometimes(random, 0.1, {"sameName": True}) | _sometimes(random, 0.2, {"byEvent": True})
    return Act(what, _moment(random, minutes, what, targets), details)


def _moment(random: Random, minutes: float, what: What, targets: FaultTargets) -> At | AtCall:
    if what not in (What.CRASH, What.HANG) and random.random() < 0.5:
        seconds = random.uniform(0, minutes * 60)
        # The controller wakes on whole minutes; so do many of those who do something to it.
        return At(round(seconds / 60) * 60.0 if random.random() < 0.4 else round(seconds, 1))
    caller = random.choice(CALLERS)
    while what in (What.CRASH, What.HANG) and caller == "state machine":
        caller = random.choice(CALLERS)
    operation = random.choice(targets.operations.get(caller, ("*",)))
    most = 3 if operation != "*" else 40 if caller in ("Analyze", "state machine") else 12
    return AtCall(caller, operation, random.randrange(1, most + 1), after=random.random() < 0.5)


def _sometimes(random: Random, probability: float, details: Json) -> Json:
    return details if random.random() < probability else {}


def _fault(random: Random, minutes: float, targets: FaultTargets) -> AwsFault:
    service, operations, errors = random.choice(targets.services)
    operation = random.choice(operations)
    mode = random.choice(("before", "before", "after", "slow", "duplicate"))
    error = "AccessDeniedException" if random.random() < 0.15 else random.choice(errors)
    which: dict[str, Any]
    if random.random() < 0.6:
        which = {"skip": random.randrange(0, 25), "times": random.choice((1, 1, 2, 4)), "for_seconds": 3_600.0}
    else:
        which = {"probability": random.choice((0.2, 0.5, 1.0)), "for_seconds": random.choice((5.0, 60.0, 240.0))}
    return AwsFault(
        service=service,
        operation=operation,
        mode=mode,
        error=error,
        since_seconds=round(random.uniform(0, minutes * 60), 1) if "times" not in which else 0.0,
        seconds=random.choice((2.0, 20.0, 50.0)),
        **which,
    )
