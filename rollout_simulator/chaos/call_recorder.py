"""The boundary between the controller and AWS, recorded from below: each call that arrives, and what it changed.

It lies under the injected faults: a call that was refused by a fault never arrives here, one whose answer is lost
does, one sent twice arrives twice. Arrivals are numbered; that order is the order in which things happened. Here
functions crash and hang around their n-th call, and here time passes in the middle of a task, so that whatever else
is due can come between any two calls.
"""

from __future__ import annotations

import importlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from botocore.endpoint import Endpoint
from moto.dynamodb.models import dynamodb_backends

from rollout_simulator.chaos.hardships import START
from rollout_simulator.chaos.plan import Act, AtCall, What
from rollout_simulator.chaos.recorded import AliasWrite, Arrival, Invocation, ItemWrite, TargetWrite
from rollout_simulator.chaos.states import State
from rollout_simulator.clock import SimulatedClock
from rollout_simulator.moto_patches.invocations import OUTSIDE, invocation
from rollout_simulator.moto_patches.lambda_alias import AliasChange
from rollout_simulator.moto_patches.lambda_in_process import RuntimeFailure
from rollout_simulator.moto_patches.patching import replacements
from rollout_simulator.template import ACCOUNT, REGION

Json = dict[str, Any]

LONGER_THAN_ANY_FUNCTION_SECONDS = 120.0
HOPS = 12
"""What is done at a call has its immediate consequences before the call goes on: an event, its delivery, the function
that it invokes."""
_WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"})

_ENDPOINT = replacements(Endpoint, _do_get_response="is where a call leaves its client")

_invocation: ContextVar[Invocation | None] = ContextVar("chaos_invocation", default=None)
_arrival: ContextVar[int] = ContextVar("chaos_arrival", default=0)


@dataclass(slots=True)
class CallRecorder:
    """What arrives. `watch` begins the record: the calls that prepare the simulation are left out."""

    random: Random
    most_latency_ms: int = 0
    read_lag_seconds: float = 0.0
    arrivals: list[Arrival] = field(default_factory=list)
    invocations: list[Invocation] = field(default_factory=list)
    item_writes: list[ItemWrite] = field(default_factory=list)
    target_writes: list[TargetWrite] = field(default_factory=list)
    alias_writes: list[AliasWrite] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)
    done: list[tuple[datetime, Act]] = field(default_factory=list)
    _clock: SimulatedClock | None = None
    _perform: Callable[[Act], object] | None = None
    _at_calls: list[Act] = field(default_factory=list)
    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    _number: int = 0

    @property
    def number(self) -> int:
        """Of the last arrival."""
        return self._number

    def watch(self, clock: SimulatedClock, acts: list[Act], perform: Callable[[Act], object]) -> None:
        """From now on record what arrives, and perform these acts at their calls."""
        self._clock, self._at_calls, self._perform = clock, acts, perform

    def target_changed(self, when: datetime, before: State | None, after: State | None) -> None:
        """The target was written to."""
        if self._clock is None:
            return
        present = _invocation.get()
        self.target_writes.append(
            TargetWrite(
                number=_arrival.get(),
                at=when,
                caller=invocation.get(),
                invocation=present.number if present else None,
                before=before,
                after=after,
            )
        )

    def alias_changed(self, change: AliasChange) -> None:
        """A listener of the aliases behind a stage; it knows from the first one on what each points to."""
        before = dict(self.aliases)
        if change.after is not None:
            self.aliases[f"{change.function_name}:{change.alias_name}"] = change.after["FunctionVersion"]
        if self._clock is not None:
            self.alias_writes.append(AliasWrite(_arrival.get(), invocation.get(), before, dict(self.aliases)))

    # --- calls ---------------------------------------------------------------------------------------------

    def send(self, original: Any, endpoint: Endpoint, request: Any, operation_model: Any, context: Any) -> Any:
        """Botocore's attempt to send a request, after the faults have had their say."""
        if self._clock is None:
            return original(endpoint, request, operation_model, context)
        caller, operation = function_of(invocation.get()), operation_model.name
        self._counts[caller, operation] += 1
        self._counts[caller, "*"] += 1
        if caller != OUTSIDE and self.most_latency_ms:
            self._clock.sleep(self.random.randrange(1, self.most_latency_ms + 1) / 1000)
        counts = self._counts[caller, operation], self._counts[caller, "*"]
        self._interfere(caller, operation, counts, after=False)
        self._number += 1
        number, at = self._number, self._clock.now()
        token = _arrival.set(number)
        try:
            answer = original(endpoint, request, operation_model, context)
        finally:
            _arrival.reset(token)
        parsed = answer[0][1] if answer[0] is not None else {}
        done = answer[1] is None and "Error" not in parsed
        present = _invocation.get()
        service = operation_model.service_model.service_name
        self.arrivals.append(
            Arrival(number, at, caller, present.number if present else None, service, operation, done=done)
        )
        if done and operation == "GetItem" and caller != OUTSIDE:
            self._show_the_past(at, json.loads(request.body), parsed)
        if done and service == "dynamodb" and operation in _WRITES:
            self._note_items(number, at, caller, json.loads(request.body))
        self._interfere(caller, operation, counts, after=True)
        return answer

    def _interfere(self, caller: str, operation: str, counts: tuple[int, int], *, after: bool) -> None:
        for act in list(self._at_calls):
            when = act.when
            assert isinstance(when, AtCall)
            count = counts[1] if when.operation == "*" else counts[0]
            if (
                when.caller == caller
                and when.operation in ("*", operation)
                and (count, after) == (when.nth, when.after)
            ):
                self._at_calls.remove(act)
                self._act(act)

    def _act(self, act: Act) -> None:
        assert self._clock is not None
        assert self._perform is not None
        self.done.append((self._clock.now(), act))
        if act.what is What.CRASH:
            raise SystemExit("the function died")
        if act.what is What.COLD_START:
            raise RuntimeFailure(act.details["error"], "no environment could be made")
        if act.what is What.HANG:
            self._clock.sleep(LONGER_THAN_ANY_FUNCTION_SECONDS)
            return
        perform = self._perform
        self._clock.spawn(lambda: perform(act), f"act {act.what}")
        for _ in range(HOPS):
            self._clock.sleep(0)

    def _show_the_past(self, now: datetime, request: Json, answer: Json) -> None:
        """What a read shows that does not ask for consistency: DynamoDB promises only that it is true some time later
        ("usually within one second or less").
        """
        if request.get("ConsistentRead"):
            return
        place, moment = (request["Key"]["pk"]["S"], request["Key"]["sk"]["S"]), now - self._read_lag
        writes = [write for write in self.item_writes if (write.pk, write.sk) == place]
        if writes and writes[-1].at > moment:
            shown = next((write.item for write in reversed(writes) if write.at <= moment), None)
            answer.pop("Item", None)
            if shown is not None:
                answer["Item"] = shown

    @property
    def _read_lag(self) -> timedelta:
        return timedelta(seconds=self.read_lag_seconds)

    # --- what was written ----------------------------------------------------------------------------------

    def _note_items(self, number: int, at: datetime, caller: str, request: Json) -> None:
        for one in request.get("TransactItems", [{"": request}]):
            for action, write in one.items():
                if action == "ConditionCheck":
                    continue
                place = write.get("Key") or write["Item"]
                pk, sk = place["pk"]["S"], place["sk"]["S"]
                self.item_writes.append(ItemWrite(number, at, caller, pk, sk, stored_item(write["TableName"], pk, sk)))

    # --- functions -----------------------------------------------------------------------------------------

    def handler(self, name: str) -> Callable[[Any, Any], Any]:
        """The handler of this name ("analyze.handler"), with a note of each of its invocations."""

        def traced(event: Any, context: Any) -> Any:
            module, _, function = name.rpartition(".")
            handle = getattr(importlib.import_module(module), function)
            clock = self._clock
            if clock is None:
                return handle(event, context)
            present = Invocation(len(self.invocations), function_of(context.function_name), clock.now(), event)
            self.invocations.append(present)
            token = _invocation.set(present)
            self._counts[present.function, START] += 1
            try:
                self._interfere(present.function, START, (self._counts[present.function, START], 0), after=False)
                present.answer = handle(event, context)
            except BaseException as error:
                present.error = f"{type(error).__name__}: {error}"
                raise
            finally:
                present.ended = clock.now()
                _invocation.reset(token)
            return present.answer

        return traced


class Handlers(dict[str, Callable[[Any, Any], Any]]):
    """Every handler there may be, traced."""

    def __init__(self, recorder: CallRecorder) -> None:
        super().__init__()
        self._border = recorder

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> Callable[[Any, Any], Any]:
        return self._border.handler(name)


def function_of(caller: str) -> str:
    """The function's logical name without its suffix: "ShiftTraffic"; other callers as they are."""
    return caller.rpartition("-")[2].removesuffix("Function") if caller.endswith("Function") else caller


def stored_item(table: str, pk: str, sk: str) -> Mapping[str, Any] | None:
    """The item as it is stored now, in DynamoDB's own JSON; no call is made for it."""
    item = dynamodb_backends[ACCOUNT][REGION].get_item(table, {"pk": {"S": pk}, "sk": {"S": sk}})
    return None if item is None else dict(item.to_json()["Attributes"])


def stored_items(table: str) -> Iterator[Mapping[str, Any]]:
    """Every item of the table."""
    for item in dynamodb_backends[ACCOUNT][REGION].tables[table].all_items():
        yield item.to_json()["Attributes"]


@contextmanager
def opened(recorder: CallRecorder) -> Iterator[CallRecorder]:
    """Let every call pass the recorder; to be opened before the embedded AWS, whose faults come on top."""
    original = Endpoint._do_get_response  # type: ignore[attr-defined]

    def send(endpoint: Endpoint, request: Any, operation_model: Any, context: Any) -> Any:
        return recorder.send(original, endpoint, request, operation_model, context)

    with _ENDPOINT(_do_get_response=send):
        yield recorder
