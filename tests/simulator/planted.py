"""Bugs planted for the tests: each takes one guard out of the controller. The law that must notice goes with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from rollout import wiring
from rollout.adapters import apigateway_stage, dynamodb_items, dynamodb_store, stage_transition_path
from rollout.adapters.apigateway_stage import ApiGatewayStage
from rollout.adapters.dynamodb_store import DynamoDbStore
from rollout.adapters.lambda_alias import LambdaAlias
from rollout.adapters.stepfunctions import StepFunctionsExecutions, StepFunctionsWaker
from rollout.core import certainty
from rollout.core import rollout as rollout_module
from rollout.core.decision import Assessment, Decision
from rollout.core.judge import Action
from rollout.core.minutes import Calendar, minute_of
from rollout.core.rollout import Outcome, Rollout
from rollout.core.target import Target, TargetState
from rollout.errors import ForeignChange
from rollout.ports import ExecutionState
from rollout.request import validation
from rollout.tasks import (
    analyze,
    close,
    fence,
    observe,
    on_alarm,
    prepare,
    promote,
    raise_weight,
    record,
    recover,
    shift_traffic,
)
from rollout.tasks.task_result import acting
from rollout_simulator.chaos import Law, RunPlan, What
from rollout_simulator.permissions.enforcement import Permissions

Patch = pytest.MonkeyPatch


@dataclass(frozen=True, slots=True)
class Planted:
    """A bug, the law that it breaks, and seeds with which it does, by the kind of target that they roll out.

    needs: what a plan must have for the bug to make any difference at all.
    """

    plant: Callable[[Patch], None]
    law: Law
    seeds: Mapping[str, tuple[int, ...]]
    needs: Callable[[RunPlan], bool] = lambda _: True


def raises_despite_a_stop_signal(patch: Patch) -> None:
    """The intent to raise is written whatever has been signalled, and nobody looks."""
    _save_whatever_was_signalled(patch)
    for module in (raise_weight, shift_traffic, promote):
        patch.setattr(module, "overtaken", lambda *_: None)


def ends_despite_a_stop_signal(patch: Patch) -> None:
    """Success is final, although a signal has come since the rollout was read."""
    _save_whatever_was_signalled(patch)


def _save_whatever_was_signalled(patch: Patch) -> None:
    save = DynamoDbStore.save

    def saved(store: DynamoDbStore, rollout: Rollout, *, entry: Any = None, unless_signalled: bool = False) -> Rollout:
        return save(store, rollout, entry=entry)

    patch.setattr(DynamoDbStore, "save", saved)


def takes_silence_for_proof(patch: Patch) -> None:
    """A bake that is over is a proof, whether anything was measured, or could be read, or not."""
    over = (Action.EXTEND, Action.HOLD)
    findings = {
        action: Assessment.PROVEN if action in over else found for action, found in analyze._ASSESSMENTS.items()
    }
    patch.setattr(analyze, "_ASSESSMENTS", findings)
    patch.setattr(analyze, "MOST_UNREAD_MINUTES", 1_000_000)


def counts_a_minute_again(patch: Patch) -> None:
    """The next analysis begins with the minute that was counted last."""
    count = observe._count

    def counted(rollout: Rollout, raw: Any, *said: list[str]) -> Any:
        after, document = count(rollout, raw, *said)
        return replace(after, next_minute=raw.minute), document

    patch.setattr(observe, "_count", counted)


def counts_a_minute_before_its_time(patch: Patch) -> None:
    """The metric lag is not waited for."""
    patch.setattr(Calendar, "last_closed", lambda _, now: minute_of(now) - 1)


def counts_minutes_across_a_change(patch: Patch) -> None:
    """The minute in which the weight was changed counts."""
    patch.setattr(Calendar, "first_countable", lambda _, changed_at: minute_of(changed_at))


def trusts_the_target_unread(patch: Patch) -> None:
    """The fence lets everything pass."""
    patch.setattr(fence, "_is_expected", lambda *_: True)


def leaves_what_it_brought_back(patch: Patch) -> None:
    """A shift that made a canary out of nothing is not looked at."""

    def shift(stage: ApiGatewayStage, target: Any, seen: Any, wanted: Any) -> TargetState:
        where = {"restApiId": target.ids["restApiId"], "stageName": target.ids["stageName"]}
        weight = {"op": "replace", "path": "/canarySettings/percentTraffic", "value": str(wanted.weight_percent)}
        return apigateway_stage._state(stage._client.update_stage(**where, patchOperations=[weight]))  # type: ignore

    patch.setattr(ApiGatewayStage, "_shift", shift)
    patch.setattr(fence, "_is_brought_back", lambda *_: False)
    patch.setattr(fence, "is_ours", lambda rollout, seen: seen.canary == rollout.last_confirmed.canary is not None)


def forgets_what_may_land(patch: Patch) -> None:
    """The lock is released although a write may still land."""
    patch.setattr(Rollout, "quiet_seconds", lambda *_: 0)


def calls_what_is_seen_once_foreign(patch: Patch) -> None:
    """One look is enough, and what we left ourselves is somebody's change."""
    patch.setattr(fence, "_is_stale", lambda *_: False)
    doubt = fence._doubt

    def certain(rollout: Rollout, seen: TargetState, now: Any) -> Any:
        return ForeignChange(str(doubt(rollout, seen, now)))

    patch.setattr(fence, "_doubt", certain)


def believes_a_read_that_shows_nothing_to_do(patch: Patch) -> None:
    """A rollback that finds the base there writes nothing, and does not look again."""
    patch.setattr(Rollout, "may_have_written", False)


def leaves_its_own_canary_to_others(patch: Patch) -> None:
    """When somebody has changed the target, the rollout goes and leaves its canary serving."""
    patch.setattr(fence, "clear_away", lambda _ports, _rollout, seen: seen)


def acts_before_it_says_so(patch: Patch) -> None:
    """What is about to be done is not written down before."""
    patch.setattr(Rollout, "with_intent", lambda rollout, *_: rollout)


def moves_aliases_under_the_base(patch: Patch) -> None:
    """The live aliases are moved while the stage is on them."""
    patch.setattr(
        apigateway_stage,
        "transition_path",
        lambda behind, *states: stage_transition_path.transition_path(replace(behind, variables={}), *states),
    )


def changes_the_alias_whoever_changed_it(patch: Patch) -> None:
    """The alias is neither read before it is changed, nor is its revision named."""

    def change(alias: LambdaAlias, target: Target, seen: TargetState, wanted: TargetState) -> None:
        canary = wanted.canary
        weights = {canary.revision: float(canary.weight_percent / 100)} if canary else {}
        alias._client.update_alias(
            FunctionName=target.ids["functionName"],
            Name=target.ids["aliasName"],
            FunctionVersion=wanted.base,
            RoutingConfig={"AdditionalVersionWeights": weights},
        )

    patch.setattr(LambdaAlias, "change", change)


def recovers_what_is_alive(patch: Patch) -> None:
    """Recovery takes every execution for dead."""
    patch.setattr(StepFunctionsExecutions, "state", lambda *_: ExecutionState("ABORTED"))


def lets_the_alarm_handler_write(patch: Patch) -> None:
    """The handler of alarms removes the canary itself, to be quick, and its role allows that."""
    signal = on_alarm._signal

    def signalled(ports: Any, rollout_id: str, name: str, event: Any) -> bool:
        rollout = ports.store.load(rollout_id)
        if rollout is not None and rollout.last_confirmed.canary is not None:
            ports.shifter(rollout.settings.target).change(
                rollout.settings.target, rollout.last_confirmed, rollout.original
            )
        return signal(ports, rollout_id, name, event)

    patch.setattr(on_alarm, "_signal", signalled)
    patch.setattr(Permissions, "allow", lambda *_: True)


def keeps_the_lock(patch: Patch) -> None:
    """The end is recorded, and the target is not released."""
    patch.setattr(DynamoDbStore, "close", lambda store, rollout, *, entry: store.save(rollout, entry=entry))


def calls_every_end_a_success(patch: Patch) -> None:
    """The workflow is told that the rollout was promoted, however it ended."""
    ended = close.close

    def closed(*args: Any, **fields: Any) -> Any:
        return replace(ended(*args, **fields), outcome=Outcome.PROMOTED.value)

    import close as handler  # noqa: PLC0415 - the function's own module

    patch.setattr(handler, "close", closed)


def tells_nobody(patch: Patch) -> None:
    """Events are struck out without having been sent."""

    def announced(ports: Any, rollout: Rollout) -> Rollout:
        return ports.store.save(replace(rollout, pending_events=())) if rollout.pending_events else rollout

    patch.setattr(record, "announce", announced)


def forgets_signals(patch: Patch) -> None:
    """A person is answered, and nothing is written down."""
    patch.setattr(DynamoDbStore, "signal", lambda *_: None)


def sleeps_through_signals(patch: Patch) -> None:
    """The signal is recorded, and nobody is woken."""
    patch.setattr(StepFunctionsWaker, "wake", lambda *_: None)


def waits_five_seconds_for_what_may_land(patch: Patch) -> None:
    """A task whose execution is over is given five seconds, and so is a write that nobody waits for."""
    short = timedelta(seconds=5)
    patch.setattr(recover, "LONGEST_TASK", short)
    patch.setattr(certainty, "QUIET", short)


def reads_without_consistency(patch: Patch) -> None:
    """Reads of the table do not ask for consistency."""
    make = wiring._client

    def client(service: str) -> Any:
        made = make(service)
        if service == "dynamodb":
            get = made.get_item
            made.get_item = lambda **fields: get(**{**fields, "ConsistentRead": False})
        return made

    patch.setattr(wiring, "_client", client)


def forgets_what_it_may_have_done(patch: Patch) -> None:
    """A rollback knows of the state that was confirmed last, and of no other."""
    begin = fence.begin

    def begun(ports: Any, rollout: Rollout, wanted: TargetState, **fields: Any) -> Rollout:
        known = rollout.expected_states if fields else rollout.expected_states[:1]
        return begin(ports, replace(rollout, expected_states=known), wanted, **fields)

    patch.setattr(fence, "begin", begun)


def fills_its_record_with_commands(patch: Patch) -> None:
    """No room is kept for a stop signal, and what is not ASCII is escaped."""
    patch.setattr(dynamodb_store, "room_for", lambda _: 10**9)
    for module in (dynamodb_store, dynamodb_items):
        patch.setattr(module, "text_of", json.dumps)


def obeys_requests(patch: Patch) -> None:
    """What a request says of undoing and going on is believed."""
    patch.setattr(prepare, "_order", lambda _ports, document, _name: document if isinstance(document, dict) else {})
    patch.setattr(
        prepare, "_carry_on", lambda ports, rollout_id, _: acting(ports.store.load(rollout_id), Decision.CONTINUE)
    )


def keeps_a_refusal_to_itself(patch: Patch) -> None:
    """A refusal is as long as what it refuses, and so is what is told of it."""
    patch.setattr(validation, "_cut", lambda text: text)
    patch.setattr(record, "fitted", lambda text, *_: text)


def names_executions_alike(patch: Patch) -> None:
    """The name of the next execution is the rollout's, cut short."""
    patch.setattr(rollout_module, "handed_over_name", lambda rollout_id, _, number: f"{rollout_id[:75]}-p{number}")


def answers_a_used_name_with_the_old_record(patch: Patch) -> None:
    """Whatever is stored by the execution's name is taken for its own."""
    patch.setattr(prepare, "LONGEST_SKEW", timedelta(days=10_000))


def sweeps_no_lock_without_a_record(patch: Patch) -> None:
    """What holds a target and has no record is not recovery's business."""
    patch.setattr(DynamoDbStore, "release", lambda *_: False)


def knows_alarms_by_name_alone(patch: Patch) -> None:
    """Wherever an alarm has fired, its name counts."""
    import on_alarm as handler  # noqa: PLC0415 - the function's own module

    patch.setattr(handler, "names_of", lambda arn, _: (arn.split(":", 6)[6], arn))


def leaves_what_lands_on_a_held_canary(patch: Patch) -> None:
    """A raise that lands while the canary is held at zero is noted, and stays."""
    patch.setattr(analyze, "_is_raised_again", lambda *_: False)


def uncertain(plan: RunPlan) -> bool:
    """Whether what becomes of a call of the controller may be unknown to it."""
    failing = {What.CRASH, What.HANG, What.COLD_START, What.STOP_EXECUTION}
    return bool(plan.faults) or any(act.what in failing for act in plan.acts)


def late_while_held(plan: RunPlan) -> bool:
    """Whether a write may land late while the canary is held at zero."""
    policy = plan.scenario["request"]["onRegression"]
    return policy == "holdAtZero" and any(fault.mode in ("late", "slow") for fault in plan.faults)


def does(what: What, kind: str = "") -> Callable[[RunPlan], bool]:
    """Whether somebody does this in the run; of this kind, where there are several."""
    return lambda plan: any(act.what is what and kind in ("", act.details.get("kind")) for act in plan.acts)


STAGE, ALIAS = "apigateway-stage", "lambda-alias"

PLANTED = {
    "raises despite a stop signal": Planted(
        raises_despite_a_stop_signal, Law.STOP, {STAGE: (197, 1231), ALIAS: (977, 25430)}
    ),
    "ends despite a stop signal": Planted(ends_despite_a_stop_signal, Law.STOP, {STAGE: (189,)}),
    "takes silence for proof": Planted(takes_silence_for_proof, Law.SILENCE, {STAGE: (4,), ALIAS: (86,)}),
    "counts a minute again": Planted(counts_a_minute_again, Law.MINUTES, {STAGE: (0,), ALIAS: (64,)}),
    "counts a minute before its time": Planted(counts_a_minute_before_its_time, Law.MINUTES, {STAGE: (6,)}),
    "counts minutes across a change": Planted(counts_minutes_across_a_change, Law.MINUTES, {STAGE: (0,), ALIAS: (64,)}),
    "trusts the target unread": Planted(trusts_the_target_unread, Law.FENCE, {STAGE: (13,), ALIAS: (119,)}),
    "leaves what it brought back": Planted(leaves_what_it_brought_back, Law.FENCE, {STAGE: (77, 554)}),
    "forgets what may land": Planted(forgets_what_may_land, Law.ONE_WRITER, {STAGE: (44,)}, uncertain),
    "calls what is seen once foreign": Planted(
        calls_what_is_seen_once_foreign, Law.END, {STAGE: (110,), ALIAS: (2088,)}, uncertain
    ),
    "believes a read that shows nothing to do": Planted(
        believes_a_read_that_shows_nothing_to_do, Law.END, {STAGE: (300,), ALIAS: (1692,)}, uncertain
    ),
    "leaves its own canary to others": Planted(
        leaves_its_own_canary_to_others, Law.END, {STAGE: (13,), ALIAS: (119,)}, does(What.FOREIGN_CHANGE)
    ),
    "acts before it says so": Planted(acts_before_it_says_so, Law.INTENT, {STAGE: (0,), ALIAS: (9,)}),
    "moves aliases under the base": Planted(moves_aliases_under_the_base, Law.MIX, {STAGE: (5,)}),
    "changes the alias whoever changed it": Planted(changes_the_alias_whoever_changed_it, Law.FENCE, {ALIAS: (878,)}),
    "recovers what is alive": Planted(recovers_what_is_alive, Law.ONE_WRITER, {STAGE: (0,), ALIAS: (64,)}),
    "lets the alarm handler write": Planted(lets_the_alarm_handler_write, Law.ONE_WRITER, {STAGE: (1,), ALIAS: (42,)}),
    "keeps the lock": Planted(keeps_the_lock, Law.END, {STAGE: (0,), ALIAS: (9,)}),
    "calls every end a success": Planted(calls_every_end_a_success, Law.END, {STAGE: (0,)}),
    "tells nobody": Planted(tells_nobody, Law.END, {STAGE: (0,)}),
    "forgets signals": Planted(forgets_signals, Law.HEARD, {STAGE: (14, 21), ALIAS: (174,)}),
    "waits five seconds for what may land": Planted(
        waits_five_seconds_for_what_may_land, Law.ONE_WRITER, {ALIAS: (53,)}
    ),
    "reads without consistency": Planted(reads_without_consistency, Law.END, {STAGE: (1,), ALIAS: (75,)}),
    "forgets what it may have done": Planted(forgets_what_it_may_have_done, Law.END, {}, uncertain),
    "fills its record with commands": Planted(
        fills_its_record_with_commands, Law.HEARD, {STAGE: (26,), ALIAS: (262,)}, does(What.STORM)
    ),
    "obeys requests": Planted(obeys_requests, Law.END, {STAGE: (25,), ALIAS: (361,)}, does(What.FORGERY)),
    "refuses at any length": Planted(
        keeps_a_refusal_to_itself, Law.END, {STAGE: (143,), ALIAS: (1032,)}, does(What.FORGERY, "240 KB")
    ),
    "names executions alike": Planted(
        names_executions_alike, Law.END, {STAGE: (137,), ALIAS: (713,)}, lambda plan: bool(plan.prefix)
    ),
    "answers a used name with the old record": Planted(
        answers_a_used_name_with_the_old_record, Law.END, {STAGE: (36,), ALIAS: (702,)}, does(What.REUSED_NAME)
    ),
    "sweeps no lock without a record": Planted(
        sweeps_no_lock_without_a_record, Law.END, {STAGE: (5,), ALIAS: (31,)}, does(What.STRAY_LOCK)
    ),
    "knows alarms by name alone": Planted(
        knows_alarms_by_name_alone, Law.HEARD, {STAGE: (15,), ALIAS: (427,)}, does(What.ALARM_ELSEWHERE)
    ),
    "leaves what lands on a held canary": Planted(
        leaves_what_lands_on_a_held_canary, Law.STOP, {STAGE: (88,)}, late_while_held
    ),
    "sleeps through signals": Planted(sleeps_through_signals, Law.AWAKE, {STAGE: (89,), ALIAS: (383,)}),
}
