"""A rollout as one value: its document, its intents, and what it says of itself."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import get_args

import pytest

from rollout.core.base_semantics import BaseSemantics, BaseSetting
from rollout.core.decision import Decision, Phase, Policy
from rollout.core.events import State
from rollout.core.judge import Count, MinuteReading, Moments, Pair, Step, observe
from rollout.core.measures import Measure
from rollout.core.minutes import Calendar
from rollout.core.rollout import Candidate, Outcome, Rollout, Settings
from rollout.core.signals import Signal, SignalKind
from rollout.core.target import Canary
from rollout.request.judge import parse_judge
from tests.rollouts import FOUND, JUDGE, NOON, PLAN, rollout, settings

WITH_CANARY = replace(FOUND, canary=Canary("dep-new", Decimal(5), {"lambdaAlias": "next"}))
ABORT = Signal(SignalKind.ABORT, NOON.isoformat(), "ada", "looks wrong")

FULL_SETTINGS = settings(
    candidate=Candidate(None, {"lambdaAlias": "next"}, use_stage_cache=True),
    plan=(Step(Decimal("0.1"), 60), Step(Decimal("12.5"), 5)),
    judge=parse_judge({"preset": "tolerant", "alpha": 0.02, "metrics": [{"name": "5XXError"}, {"name": "Latency"}]}),
    policy=Policy("rollback", "hold"),
    calendar=Calendar(1, 2, 3, 4),
    alarms=("orders-5xx", "orders-slow"),
)


def full() -> Rollout:
    """A rollout in which nothing has its default any more."""
    reading = MinuteReading(100, 0, {"5XXError": Pair(Count(50, 1), Count(950, 3))})
    return rollout(
        settings=replace(settings(), alarms=("orders-5xx",)),
        expected_states=(WITH_CANARY, FOUND),
        measures=(Measure("5XXError"), Measure("Latency.p90", 12.5)),
        semantics=BaseSemantics(BaseSetting.AUTO, -1.25),
        evidence=observe(rollout().evidence, reading, JUDGE, PLAN),
        phase=Phase.HELD,
        phase_since=NOON + timedelta(seconds=1.5),
        step=0,
        pending_decision=Decision.ADVANCE,
        changed_at=NOON + timedelta(minutes=1),
        next_minute=101,
        watch_limits={"5XXError": 0.01},
        learned={"5XXError": 2.5},
        request_id="build-7",
        would_have_convicted={"4XXError": Pair(Count(50, 20), Count(950, 9)), "Order": Pair(Moments(3, 1.5), None)},
        reason="because",
        outcome=Outcome.STOPPED,
        ended_at=NOON + timedelta(hours=1),
        signals=(ABORT,),
        signals_seen=1,
        pending_events=({"eventId": "r-1/1/HELD"},),
        revision=7,
    )


# --- documents ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("original", [rollout(), full()], ids=["new", "full"])
def test_a_rollout_comes_back_from_its_document_as_it_was(original: Rollout) -> None:
    document = json.loads(json.dumps(original.to_document()))
    signals = [signal.to_document() for signal in original.signals]
    assert original == Rollout.from_document(document, signals, original.revision)


@pytest.mark.parametrize("original", [settings(), FULL_SETTINGS], ids=["defaults", "full"])
def test_settings_come_back_from_their_document_as_they_were(original: Settings) -> None:
    assert original == Settings.from_document(json.loads(json.dumps(original.to_document())))


def test_the_document_leaves_out_what_other_writers_append_to() -> None:
    assert "signals" not in full().to_document()


# --- intents -----------------------------------------------------------------------------------------------------


def test_an_intent_is_added_to_what_may_be_there() -> None:
    assert (FOUND, WITH_CANARY) == rollout().with_intent(WITH_CANARY).expected_states


def test_the_same_intent_again_adds_nothing() -> None:
    intending = rollout().with_intent(WITH_CANARY)
    assert intending == intending.with_intent(WITH_CANARY)
    assert intending == intending.with_intent(FOUND)


def test_what_was_confirmed_last_stays_first() -> None:
    assert FOUND == rollout().with_intent(WITH_CANARY).last_confirmed


# --- what it says of itself --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (rollout(), 0),
        (rollout(expected_states=(WITH_CANARY,)), 5),
        (rollout(expected_states=(WITH_CANARY, WITH_CANARY.with_weight(Decimal(50)))), 5),
        (rollout(expected_states=(WITH_CANARY.promoted(),), phase=Phase.WATCHING), 100),
        (rollout(expected_states=(WITH_CANARY.promoted(),), phase=Phase.ENDED, outcome=Outcome.PROMOTED), 100),
        (rollout(expected_states=(WITH_CANARY.promoted(),), phase=Phase.ENDED, outcome=Outcome.STOPPED), 100),
        (rollout(phase=Phase.ENDED, outcome=Outcome.PROMOTED), 100),
        (rollout(phase=Phase.ENDED, outcome=Outcome.ROLLED_BACK), 0),
    ],
    ids=["none", "canary", "rising", "watching", "promoted", "stopped while watched", "nothing to do", "rolled back"],
)
def test_the_candidates_share_is_what_was_confirmed_last(stored: Rollout, expected: int) -> None:
    assert Decimal(expected) == stored.weight_percent


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (rollout(phase=Phase.HELD), "HELD"),
        (rollout(phase=Phase.BAKING, outcome=Outcome.ROLLED_BACK), "BAKING"),
        (rollout(phase=Phase.ENDED, outcome=Outcome.ROLLED_BACK), "ROLLED_BACK"),
    ],
)
def test_its_state_is_its_phase_until_it_has_ended_and_its_outcome_then(stored: Rollout, expected: str) -> None:
    assert expected == stored.state


def test_every_state_that_a_rollout_can_be_in_is_one_that_the_world_can_be_told() -> None:
    running = {rollout(phase=phase).state for phase in Phase if phase is not Phase.ENDED}
    ended = {rollout(phase=Phase.ENDED, outcome=outcome).state for outcome in Outcome}
    assert running | ended | {"PREPARED", "ROLLING_BACK"} == set(get_args(State))


def test_signals_are_pending_until_they_have_been_seen() -> None:
    later = replace(ABORT, source="bob")
    assert [later] == list(rollout(signals=(ABORT, later), signals_seen=1).pending_signals)


@pytest.mark.parametrize(("step", "expected"), [(-1, False), (0, False), (1, True)])
def test_the_last_step_is_the_plans_last(step: int, expected: bool) -> None:
    assert expected == rollout(step=step).on_last_step


def test_the_variables_that_are_watched_are_those_that_are_overridden() -> None:
    assert frozenset({"lambdaAlias"}) == settings().watched_variables


def test_two_rollouts_whose_names_begin_alike_are_handed_over_to_two_executions() -> None:
    names = {rollout("x" * 79 + end).handed_over().execution_name for end in "ab"}
    assert (2, True) == (len(names), all(len(name) <= 80 for name in names))


def test_the_next_execution_has_a_name_that_nobody_gives_by_hand() -> None:
    first, again = rollout("r-1").handed_over(), rollout("r-1").handed_over()
    assert first.execution_name == again.execution_name
    assert first.execution_name.startswith("r-1-p2-")
