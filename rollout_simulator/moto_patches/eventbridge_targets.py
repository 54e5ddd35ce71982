"""EventBridge deliveries: to functions, state machines, queues, topics and log groups, and by schedule.

moto delivers at once to queues, logs and buses, and raises NotImplementedError for the rest. AWS (documented, unless
told otherwise):

- An event goes to every target of every enabled rule of its bus that matches. Matching is moto's.
- `Input`, `InputPath` and `InputTransformer` shape what the target gets. EventBridge names the executions it starts.
- A failed delivery is tried again up to `MaximumRetryAttempts` (185) for `MaximumEventAgeInSeconds` (a day), with
  growing pauses (their lengths are a guess), then goes to the target's dead-letter queue, or is dropped.
- A function is invoked asynchronously: Lambda retries what its handler raises, EventBridge does not.
- `rate(…)` rules fire first one period after they were made. `cron(…)` is refused here.
"""

from __future__ import annotations

import json
import random
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from jsonpath_ng.parser import parse
from moto.core.exceptions import ServiceException
from moto.events.models import EventsBackend, Rule, events_backends
from moto.logs.models import logs_backends
from moto.stepfunctions.responses import get_backend as stepfunctions_backend

from rollout_simulator.clock import SimulatedClock, Timer
from rollout_simulator.moto_patches.deliveries import UndeliverableError, as_json, invoke_later, send
from rollout_simulator.moto_patches.patching import replacements

Event = dict[str, Any]

MOST_RETRIES = 185
LONGEST_AGE_SECONDS = 86_400
_UNITS = {"minute": 60, "hour": 3_600, "day": 86_400}
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")

_RULE = replacements(Rule, send_to_targets="raises NotImplementedError for functions, state machines and topics")
_BACKEND = replacements(
    EventsBackend,
    put_events="delivers at once, once, and to few kinds of targets",
    put_rule="never fires a rule that has a schedule",
)


class UnsupportedSchedule(NotImplementedError):
    """A schedule expression other than `rate(…)`."""


class EventBridge:
    """The bus behind moto's API; `emit` is how AWS services put their own events on it."""

    def __init__(self, clock: SimulatedClock, account: str, region: str, delay_seconds: float, seed: int) -> None:
        self._clock = clock
        self._account = account
        self._region = region
        self._delay_seconds = delay_seconds
        self._chance = random.Random(seed)
        self._schedules: dict[str, Timer] = {}
        self.put: list[Event] = []
        """Every event that came to a bus, oldest first."""
        self.delivered: list[tuple[str, Event]] = []
        """Each delivery that was begun, as (the target's ARN, the event)."""

    def emit(self, event: Event, bus: str = "default") -> None:
        """Put an AWS service's event on a bus; what every event has in common is filled in."""
        whole = {
            "version": "0",
            "id": self._id(),
            "account": self._account,
            "time": f"{self._clock.now():%Y-%m-%dT%H:%M:%SZ}",
            "region": self._region,
            "resources": [],
            **event,
        }
        # What the emitter goes on to change is not part of the event.
        frozen = json.loads(json.dumps(whole))
        self.put.append(frozen)
        for rule in list(self._backend().event_buses[bus].rules.values()):
            # A rule on a schedule has no pattern, and an empty pattern matches everything.
            if (
                rule.state == "ENABLED"
                and rule.event_pattern.get_pattern()
                and rule.event_pattern.matches_event(frozen)
            ):
                self._send_to_all(rule, frozen)

    def _backend(self) -> Any:
        return events_backends[self._account][self._region]

    def _id(self) -> str:
        return str(uuid.UUID(int=self._chance.getrandbits(128), version=4))

    # --- schedules -----------------------------------------------------------------------------------------

    def schedule(self, rule: Any) -> None:
        """Begin, or begin anew, to fire a rule by its rate."""
        if rule.arn in self._schedules:
            self._schedules.pop(rule.arn).cancel()
        if not rule.scheduled_expression:
            return
        rate = _RATE.fullmatch(rule.scheduled_expression)
        if rate is None:
            raise UnsupportedSchedule(f"{rule.name}: {rule.scheduled_expression}")
        seconds = int(rate[1]) * _UNITS[rate[2]]
        self._schedules[rule.arn] = self._clock.call_every(seconds, lambda: self._fire(rule.name), f"rule {rule.name}")

    def _fire(self, name: str) -> None:
        rule = self._backend().event_buses["default"].rules.get(name)
        if rule is None or rule.state != "ENABLED":
            return
        event: Event = {
            "version": "0",
            "id": self._id(),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": self._account,
            "time": f"{self._clock.now():%Y-%m-%dT%H:%M:%SZ}",
            "region": self._region,
            "resources": [rule.arn],
            "detail": {},
        }
        self._send_to_all(rule, event)

    # --- delivery ------------------------------------------------------------------------------------------

    def _send_to_all(self, rule: Any, event: Event) -> None:
        for target in list(rule.targets):
            name = f"deliver {event['detail-type']} to {target['Arn']}"
            self._clock.call_later(self._delay_seconds, partial(self._deliver, rule, target, event), name)

    def _deliver(self, rule: Any, target: dict[str, Any], event: Event) -> None:
        self.delivered.append((target["Arn"], event))
        policy = target.get("RetryPolicy", {})
        retries = int(policy.get("MaximumRetryAttempts", MOST_RETRIES))
        end = self._clock.timestamp() + int(policy.get("MaximumEventAgeInSeconds", LONGEST_AGE_SECONDS))
        body = shaped(target, rule.arn, event)
        for attempt in range(retries + 1):
            try:
                self._send(target, body)
            except UndeliverableError as error:
                pause = min(2.0**attempt, 900.0)
                if attempt == retries or self._clock.timestamp() + pause > end:
                    self._bury(rule, target, event, attempt, error)
                    return
                self._clock.sleep(pause)
            else:
                return

    def _send(self, target: dict[str, Any], body: str) -> None:
        arn: str = target["Arn"]
        try:
            match arn.split(":")[2]:
                case "lambda":
                    invoke_later(arn, body)
                case "states":
                    _, _, _, region, account, *_ = arn.split(":")
                    stepfunctions_backend(account, region).start_execution(arn, self._id(), body)
                case "logs":
                    self._log(arn, body)
                case "events":
                    event = json.loads(body)
                    self.emit({**event, "id": self._id()}, bus=arn.rpartition("/")[2])
                case _:
                    send(arn, body)
        except (UndeliverableError, ServiceException) as error:
            raise UndeliverableError(str(error)) from error
        except Exception as error:
            # moto's errors have no common root; to EventBridge each is a target that did not take the event.
            raise UndeliverableError(f"{type(error).__name__}: {error}") from error

    def _log(self, arn: str, body: str) -> None:
        _, _, _, region, account, _, name, *_ = arn.split(":")
        stream = self._id()
        logs = logs_backends[account][region]
        logs.create_log_stream(name, stream)
        line = {"timestamp": round(self._clock.timestamp() * 1000), "message": body}
        logs.put_log_events(name, stream, [line])

    def _bury(self, rule: Any, target: dict[str, Any], event: Event, retries: int, error: UndeliverableError) -> None:
        queue = target.get("DeadLetterConfig", {}).get("Arn")
        if not queue:
            return
        attributes = {
            "RULE_ARN": rule.arn,
            "TARGET_ARN": target["Arn"],
            "ERROR_CODE": "SDK_CLIENT_ERROR",
            "ERROR_MESSAGE": str(error),
            "RETRY_ATTEMPTS": str(retries),
        }
        send(queue, as_json(event), attributes)


def shaped(target: dict[str, Any], rule_arn: str, event: Event) -> str:
    """What the target gets: the event, a part of it, a constant, or a text made from it."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        return as_json(_at(target["InputPath"], event))
    if "InputTransformer" not in target:
        return as_json(event)
    transformer = target["InputTransformer"]
    values = {name: _at(path, event) for name, path in transformer.get("InputPathsMap", {}).items()}
    values |= {
        "aws.events.rule-arn": rule_arn,
        "aws.events.rule-name": rule_arn.rpartition("/")[2],
        "aws.events.event.ingestion-time": event["time"],
        "aws.events.event": {name: part for name, part in event.items() if name != "detail"},
        "aws.events.event.json": event,
    }
    return _filled(transformer["InputTemplate"], values)


def _filled(template: str, values: dict[str, Any]) -> str:
    """A placeholder inside a quoted text stands for its bare text, elsewhere for JSON."""

    def put(found: re.Match[str]) -> str:
        if found[1] not in values:
            return found[0]
        value = values[found[1]]
        quoted = len(re.findall(r'(?<!\\)"', template[: found.start()])) % 2 == 1
        if not quoted:
            return as_json(value)
        text = value if isinstance(value, str) else as_json(value)
        return json.dumps(text)[1:-1] if isinstance(value, str) else text.replace('"', '\\"')

    return re.sub(r"<([^<>]+)>", put, template)


def _at(path: str, event: Event) -> Any:
    found = parse(_quoted(path)).find(event)
    return found[0].value if found else None


def _quoted(path: str) -> str:
    """`$.detail-type` with its hyphen quoted, as the engine wants it."""
    return re.sub(r"\.([A-Za-z0-9_]+(?:-[A-Za-z0-9_]+)+)", r'."\1"', path)


@contextmanager
def patched(
    clock: SimulatedClock, account: str, region: str, delay_seconds: float = 0.0, seed: int = 0
) -> Iterator[EventBridge]:
    """Deliver events on `clock`, each `delay_seconds` after it was put, for as long as this is open."""
    bridge = EventBridge(clock, account, region, delay_seconds, seed)
    put_events = _emitting(EventsBackend.put_events, bridge)
    put_rule = _scheduling(EventsBackend.put_rule, bridge)
    with _RULE(send_to_targets=lambda *_args, **_kwargs: None), _BACKEND(put_events=put_events, put_rule=put_rule):
        yield bridge


def _emitting(put: Callable[..., Any], bridge: EventBridge) -> Any:
    def put_events(backend: Any, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = put(backend, events)
        for event, entry in zip(events, entries, strict=True):
            if "EventId" in entry:
                bus = backend._normalize_event_bus_arn(event.get("EventBusName"))
                bridge.emit(
                    {
                        "id": entry["EventId"],
                        "detail-type": event["DetailType"],
                        "source": event["Source"],
                        "resources": event.get("Resources", []),
                        "detail": json.loads(event["Detail"]),
                    },
                    bus=bus,
                )
        return entries

    return put_events


def _scheduling(put: Callable[..., Any], bridge: EventBridge) -> Any:
    def put_rule(backend: Any, *args: Any, **kwargs: Any) -> Any:
        rule = put(backend, *args, **kwargs)
        bridge.schedule(rule)
        return rule

    return put_rule
