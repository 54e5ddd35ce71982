"""A short rollout in trouble, through the real workflow: what is done and when, and what came of it.

Whatever a test is about, every law is checked on it too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rollout_simulator.chaos import Recorded, RunPlan, broken_laws, run, told
from rollout_simulator.chaos.plan import Act, At, AtCall, AwsFault, What
from rollout_simulator.chaos.runner import FIRST
from rollout_simulator.chaos.states import State

ALARM = "orders-5xx"
BASE_VARIABLES = (("lambdaAlias", "live"), ("tableName", "orders"))
PROMOTED_VARIABLES = (("lambdaAlias", "next"), ("tableName", "orders"))

Json = dict[str, Any]


def ran(
    *acts: Act, faults: Sequence[AwsFault] = (), scenario: Json | None = None, latency_ms: int = 0, **request: Any
) -> Recorded:
    """The rollout 5 % → 25 % → 50 % → 100 %, a judged minute each and no probe, with these acts and faults; no law is
    broken.
    """
    has_steps = "steps" in request.get("plan", {})
    plan = RunPlan(
        seed=1,
        scenario={
            "name": "trouble",
            "traffic": {"requests_per_second": 3_000},
            "metrics": {"earliest_seconds": 5.0, "latest_seconds": 55.0, "late_percent": 0.0, "revised_percent": 0.0},
            "alarms": [{"name": ALARM, "threshold": 0.9}],
            "request": {
                "plan": {
                    "steps": [{"weightPercent": weight, "bakeMinutes": 1} for weight in (5, 25, 50)],
                    "watchMinutes": 2,
                    "control": 0,
                    "probe": False,
                },
                "judge": {"metrics": [{"name": "5XXError", "tolerance": {"relative": 3.0, "absolute": 0.02}}]},
                "measurement": {"lagMinutes": 1, "settleSeconds": 0, "mostMinutesBetweenAnalyses": 1},
                "holdMinutes": 5,
                "pauseMinutes": 5,
                **request,
                **({"plan": {"probe": False, **request["plan"]}} if has_steps else {}),
            },
            **(scenario or {}),
        },
        acts=acts,
        faults=tuple(faults),
        most_latency_ms=latency_ms,
    )
    recorded = run(plan)
    broken = [str(violation) for violation in broken_laws(recorded)]
    assert [] == broken, "\n".join([*told(recorded), *broken])
    return recorded


# --- what is done ------------------------------------------------------------------------------------------------


def before(caller: str, operation: str, what: What, nth: int = 1, **details: Any) -> Act:
    """Just before the caller's n-th call of this operation."""
    return Act(what, AtCall(caller, operation, nth, after=False), details)


def after(caller: str, operation: str, what: What, nth: int = 1, **details: Any) -> Act:
    """Just after the caller's n-th call of this operation."""
    return Act(what, AtCall(caller, operation, nth, after=True), details)


def at(seconds: float, what: What, **details: Any) -> Act:
    """So many seconds after the start."""
    return Act(what, At(seconds), details)


def command(name: str, **details: Any) -> Json:
    """The details of a command."""
    return {"command": name, **details}


def fault(service: str, operation: str, **fields: Any) -> AwsFault:
    """Calls that are throttled, for an hour from the start, unless told otherwise."""
    chosen = {"mode": "before", "error": "ThrottlingException", "since_seconds": 0.0, "for_seconds": 3_600.0, **fields}
    return AwsFault(service=service, operation=operation, **chosen)


# --- what came of it ---------------------------------------------------------------------------------------------


def outcome(recorded: Recorded, rollout_id: str = FIRST) -> str:
    """How the rollout ended, by its record."""
    return str(recorded.records[rollout_id]["state"]["S"])


def reason(recorded: Recorded, rollout_id: str = FIRST) -> str:
    """Why, by its record."""
    return str(json.loads(recorded.records[rollout_id]["document"]["S"])["reason"])


def final(recorded: Recorded) -> State | None:
    """The stage in the end."""
    return recorded.target_writes[-1].after


def weights(recorded: Recorded) -> list[float]:
    """The canary's weights that the stage has had, in order, repetitions left out; 0 without a canary."""
    seen = [0.0]
    for write in recorded.target_writes:
        canary = write.after.canary if write.after else None
        weight = float(canary.weight) if canary else 0.0
        if weight != seen[-1]:
            seen.append(weight)
    return seen


def is_base(state: State | None, recorded: Recorded) -> bool:
    """Whether the stage is as it was found."""
    return state == recorded.target_writes[0].before


def is_promoted(state: State | None, recorded: Recorded) -> bool:
    """Whether the candidate serves everybody, the canary is gone, and the variables are merged."""
    found = recorded.target_writes[0].before
    assert state is not None
    assert found is not None
    return state.base != found.base and state.canary is None and state.variables == PROMOTED_VARIABLES


def answers(recorded: Recorded) -> list[tuple[bool, str]]:
    """What people were told who gave commands."""
    return [(answer.accepted, answer.message) for answer in recorded.answers]


def statuses(recorded: Recorded) -> dict[str, tuple[str, str]]:
    """The executions' statuses and errors, by name."""
    return {execution.name: (execution.status, execution.error) for execution in recorded.executions}


def calls(recorded: Recorded, caller: str, operation: str) -> int:
    """How often this call reached AWS."""
    return sum(1 for one in recorded.arrivals if (function(one.caller), one.operation) == (caller, operation))


def function(caller: str) -> str:
    """A caller as plans name it."""
    return caller.rpartition("-")[2].removesuffix("Function") if caller.endswith("Function") else caller
