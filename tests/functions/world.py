"""A stage, a rollout and its tasks over the fakes: what the tests of the functions are written with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import analyze
import close
import create_canary
import explain
import on_alarm
import prepare
import promote
import roll_back
import shift_traffic
from rollout.core.judge import Count
from rollout.core.minutes import minute_of
from rollout.core.rollout import Rollout
from rollout.core.signals import Signal, SignalKind
from rollout.core.target import Canary, Json, Target, TargetState
from rollout.ports import Ports
from rollout_simulator.fakes import Around, Fakes, fakes, interposed

ROLLOUT = "r-1"
EXECUTION = "arn:aws:states:eu-central-1:123456789012:execution:rollout:r-1"
CONTROLLER = "arn:aws:states:eu-central-1:123456789012:stateMachine:rollout"
TARGET = Target("apigateway-stage", {"restApiId": "a1b2c3d4e5", "stageName": "prod"})
FOUND = TargetState("dep-old", None, {"lambdaAlias": "live", "table": "orders"})
"""The stage before the rollout; it overrides `lambdaAlias`, `table` is somebody else's business."""
CANARY = Canary("dep-new", Decimal(5), {"lambdaAlias": "next"})
THEIRS = Canary("dep-new", Decimal(7), {"lambdaAlias": "next"})
PROMOTED = TargetState("dep-new", None, {"lambdaAlias": "next", "table": "orders"})
WATCHED = "orders-5xx"

HANDLERS: Mapping[str, Callable[[Json, Any], Json]] = {
    "prepare": prepare.handler,
    "create_canary": create_canary.handler,
    "analyze": analyze.handler,
    "shift_traffic": shift_traffic.handler,
    "promote": promote.handler,
    "roll_back": roll_back.handler,
    "explain": explain.handler,
    "close": close.handler,
}


def request(**fields: Any) -> Json:
    """A request for `dep-new` in two steps of two minutes each, 5 % and 50 %, judged by server errors alone."""
    return {
        "target": TARGET.to_document(),
        "candidate": {"deploymentId": "dep-new", "stageVariables": {"lambdaAlias": "next"}},
        "plan": {
            "steps": [{"weightPercent": 5, "bakeMinutes": 2}, {"weightPercent": 50, "bakeMinutes": 2}],
            "watchMinutes": 5,
            "control": 0,
        },
        "judge": {"metrics": [{"name": "5XXError"}]},
        "measurement": {"baseSemantics": "exclusive"},
        **fields,
    }


def kept(*states: TargetState) -> tuple[TargetState, ...]:
    """As the record has them: without the variables that are not the rollout's to put back."""
    return tuple(state.only(frozenset({"lambdaAlias"})) for state in states)


def at_weight(weight_percent: int) -> TargetState:
    """The stage with the canary at this weight."""
    return TargetState(FOUND.base, Canary(CANARY.revision, Decimal(weight_percent), CANARY.overrides), FOUND.variables)


REQUESTS_PER_MINUTE = 40_000


@dataclass
class World:
    """The fakes with the stage as `FOUND`, and the functions over them.

    Another rollout in the same world is `World(world.fakes, rollout_id=…)`.
    """

    fakes: Fakes = field(default_factory=fakes)
    rollout_id: str = ROLLOUT
    drawn: dict[str, Any] | None = None
    """The traffic of now, to be drawn again at the next weight."""

    def __post_init__(self) -> None:
        if not self.fakes.stage.history:
            self.fakes.stage.put(TARGET, FOUND)
            self.fakes.stage.deploy(TARGET, "dep-new")
            self.fakes.alarms.put(WATCHED, "OK", self.now)

    # --- the functions -----------------------------------------------------------------------------------------

    def call(self, task: str, around: Around | None = None, **event: Any) -> Json:
        """Invoke the function; `around` sees every call it makes. Where it asks for a second look, the workflow waits
        and invokes it again.
        """
        answer = self.once(task, around, **event)
        while self._wants_another_look(answer):
            self.fakes.clock.pass_time(seconds=answer["seconds"])
            answer = self.once(task, around, **event)
        weight = self.rollout.weight_percent if self.drawn is not None else 0
        if self.drawn is not None and weight and weight != self.drawn["weight_percent"]:
            self.traffic(**{name: value for name, value in self.drawn.items() if name != "weight_percent"})
        return answer

    def once(self, task: str, around: Around | None = None, **event: Any) -> Json:
        """Invoke the function once."""
        return self._invoke(HANDLERS[task], {"rolloutId": self.rollout_id, **event}, around)

    def _wants_another_look(self, answer: Json) -> bool:
        rollout = self.fakes.store.load(self.rollout_id) if self.fakes.store.trouble is None else None
        if answer["decision"] == "LOOK_AGAIN":
            return True
        if rollout is None or answer["decision"] != "CONTINUE" or rollout.overtaken_by is not None:
            return False
        return rollout.suspect is not None or rollout.pending_decision is not None

    def prepare(self, around: Around | None = None, **fields: Any) -> Json:
        """Invoke Prepare with the request that has these fields."""
        document = request(**fields)
        return self.call("prepare", around, request=document, execution=EXECUTION, startedAt=self.now.isoformat())

    def roll_back(self, around: Around | None = None, *, failure: str = "") -> Json:
        """Invoke Roll back."""
        return self.call("roll_back", around, failure=failure)

    def alarm_event(self, around: Around | None = None, **fields: Any) -> Json:
        """Deliver the event of `WATCHED` going to ALARM now."""
        event = {
            "arn": f"arn:aws:cloudwatch:eu-central-1:123456789012:alarm:{fields.get('name', WATCHED)}",
            "name": WATCHED,
            "value": "ALARM",
            "previous": "OK",
            "at": self.now.isoformat(),
            "reason": "6 errors",
        } | fields
        detail = {
            "alarmName": event["name"],
            "state": {"value": event["value"], "timestamp": event["at"], "reason": event["reason"]},
            "previousState": {"value": event["previous"]},
        }
        return self._invoke(
            on_alarm.handler, {"source": "aws.cloudwatch", "resources": [event["arn"]], "detail": detail}, around
        )

    def _invoke(self, handler: Callable[[Json, Any], Json], event: Json, around: Around | None) -> Json:
        ports: Ports = self.fakes.ports if around is None else interposed(self.fakes.ports, around)
        name = handler.__module__
        # As `sam local invoke` makes it, whatever the controller's account is.
        arn = f"arn:aws:lambda:us-east-1:012345678912:function:{name}"
        context = SimpleNamespace(function_name=name, invoked_function_arn=arn)
        with (
            patch("rollout.task_handler.ports", lambda: ports),
            patch("on_alarm.ports", lambda: ports),
            patch("on_alarm.controller_arn", lambda: CONTROLLER),
        ):
            return handler(event, context)

    # --- a rollout that has come so far ------------------------------------------------------------------------

    def prepared(self, **fields: Any) -> World:
        """A rollout that is about to create its canary."""
        assert self.prepare(**fields)["decision"] == "CREATE"
        return self

    def baking(self, **fields: Any) -> World:
        """A rollout that bakes at 5 %, under healthy traffic."""
        self.prepared(**fields).call("create_canary")
        self.traffic()
        return self

    def advancing(self, **fields: Any) -> World:
        """A rollout whose first step is proven safe: Shift traffic comes next."""
        assert self.baking(**fields).analyzed()["decision"] == "ADVANCE"
        return self

    def promoting(self, **fields: Any) -> World:
        """A rollout whose last step is proven safe: Promote comes next."""
        self.advancing(**fields).call("shift_traffic")
        assert self.analyzed()["decision"] == "PROMOTE"
        return self

    def watching(self, **fields: Any) -> World:
        """A rollout that is promoted and watched."""
        self.promoting(**fields).call("promote")
        return self

    def rolling_back(self, **fields: Any) -> World:
        """A rollout that was told to roll back from 5 %."""
        self.baking(**fields).signal(SignalKind.ABORT)
        assert self.call("analyze")["decision"] == "ROLL_BACK"
        return self

    def closing(self, **fields: Any) -> World:
        """A rollout that has been rolled back: Close comes next."""
        self.rolling_back(**fields).roll_back()
        return self

    def closed(self, **fields: Any) -> World:
        """A rollout that has been rolled back and closed."""
        self.closing(**fields).call("close")
        return self

    # --- what happens outside ----------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        return self.fakes.clock.now()

    def analyzed(self, *, minutes: int = 10) -> Json:
        """The answer of Analyze after so many more minutes."""
        self.fakes.clock.pass_time(minutes=minutes)
        return self.call("analyze")

    def traffic(
        self,
        *,
        bad: int = 0,
        requests: int | None = None,
        base_bad: int = 4,
        base_requests: int | None = None,
        minutes: int = 120,
    ) -> None:
        """From now on, so many requests a minute and so many of them bad; none is no datapoint.

        Left out, they are what the live weight makes of `REQUESTS_PER_MINUTE`.
        """
        series, weight = self.rollout.series, self.rollout.weight_percent or Decimal(5)
        self.drawn = {
            "weight_percent": weight,
            "bad": bad,
            "requests": requests,
            "base_bad": base_bad,
            "base_requests": base_requests,
            "minutes": minutes,
        }
        share = int(REQUESTS_PER_MINUTE * weight / 100)
        requests = share if requests is None else requests
        base_requests = REQUESTS_PER_MINUTE - share if base_requests is None else base_requests
        for minute in range(minute_of(self.now), minute_of(self.now) + minutes):
            self.fakes.metrics.publish(
                series,
                "5XXError",
                minute,
                stage=Count(base_requests, base_bad) if base_requests else None,
                canary=Count(requests, bad) if requests else None,
            )

    def silence(self) -> None:
        """From now on, no datapoints."""
        self.traffic(requests=0, base_requests=0)

    def signal(self, kind: SignalKind, *, source: str = "ada", reason: str = "") -> str | None:
        """Record a signal."""
        at = self.now.isoformat()
        return self.fakes.store.signal(self.rollout_id, Signal(kind, at, source, reason))

    def foreign(self, state: TargetState) -> TargetState:
        """Somebody else changes the stage."""
        self.fakes.stage.put(TARGET, state)
        return state

    # --- what has come of it -----------------------------------------------------------------------------------

    @property
    def rollout(self) -> Rollout:
        """The record."""
        rollout = self.fakes.store.load(self.rollout_id)
        assert rollout is not None
        return rollout

    @property
    def stage(self) -> TargetState:
        """The stage as it is."""
        return self.fakes.stage.state(TARGET)

    @property
    def states_told(self) -> list[str]:
        """The states that the world was told of, repeated events dropped."""
        return [event["state"] for event in self.fakes.notifier.told.values()]

    @property
    def states_to_be_told(self) -> list[str]:
        """The same, with those that are recorded and could not be sent yet."""
        stored = self.fakes.store.load(self.rollout_id)
        unsent = {event["eventId"]: event for event in (stored.pending_events if stored else ())}
        return [event["state"] for event in (self.fakes.notifier.told | unsent).values()]

    @property
    def last_line(self) -> Json:
        """The newest line of the rollout's history."""
        return self.fakes.store.history(self.rollout_id)[-1]

    def outcome(self) -> Mapping[str, object]:
        """All that a retried task must leave as if it had not been retried."""
        rollout = self.rollout
        lines = [
            {name: line[name] for name in ("state", "phase", "step", "decision", "reason", "change")}
            for line in self.fakes.store.history(self.rollout_id)
        ]
        return {
            "stage": self.stage,
            "ours": rollout.expected_states,
            "phase": rollout.phase,
            "step": rollout.step,
            "decided": rollout.pending_decision,
            "outcome": rollout.outcome,
            "reason": rollout.reason,
            "evidence": rollout.evidence,
            "next_minute": rollout.next_minute,
            "signals_seen": rollout.signals_seen,
            "lines": lines,
            "lock": dict(self.fakes.store.locks),
            "told": self.states_to_be_told,
        }


def foreign_states(ours: TargetState) -> Mapping[str, TargetState]:
    """What somebody else may have made of the stage, by what they did."""
    canary = ours.canary or CANARY
    return {
        "the base was deployed over": replace(ours, base="dep-theirs"),
        "the canary was removed or made": replace(ours, canary=None if ours.canary else THEIRS),
        "the weight was changed": replace(ours, canary=replace(canary, weight_percent=Decimal(33))),
        "the canary was replaced": replace(ours, canary=replace(canary, revision="dep-theirs")),
        "an override was changed": replace(ours, canary=replace(canary, overrides={"lambdaAlias": "theirs"})),
        "a variable that we override was changed": replace(ours, variables={**ours.variables, "lambdaAlias": "theirs"}),
    }


FOREIGN = tuple(foreign_states(FOUND))
