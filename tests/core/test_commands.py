"""What a person may tell a rollout: in every phase, and of every decision that is being carried out."""

from __future__ import annotations

from itertools import product

import pytest

from rollout.core.commands import COMMANDS, concerns, objection
from rollout.core.decision import TABLE, Assessment, Decision, Phase
from rollout.core.rollout import Outcome
from rollout.core.signals import SignalKind
from tests.rollouts import rollout

GIVEN = [kind for kind in SignalKind if kind is not SignalKind.ALARM]
"""An alarm is no command."""
RUNNING = [phase for phase in Phase if phase is not Phase.ENDED]
ENDING = {Decision.ROLL_BACK, Decision.STOP, Decision.CLOSE}


def test_there_is_a_command_for_every_signal_but_an_alarm() -> None:
    assert {kind.value.lower() for kind in GIVEN} == set(COMMANDS)


@pytest.mark.parametrize("kind", GIVEN)
@pytest.mark.parametrize("phase", RUNNING)
def test_a_command_is_taken_exactly_where_it_changes_a_decision(phase: Phase, kind: SignalKind) -> None:
    """By the decision table. A command that is taken and changes nothing would be recorded and forgotten."""
    changes = any(TABLE[phase, kind, seen] is not TABLE[phase, None, seen] for seen in Assessment)
    running = rollout(phase=phase, step=0, pending_decision=None)
    assert changes == (objection(running, kind, 0) is None)


@pytest.mark.parametrize("kind", GIVEN)
@pytest.mark.parametrize("phase", RUNNING)
def test_an_objection_says_in_which_phase_the_rollout_is_and_for_which_the_command_is(
    phase: Phase, kind: SignalKind
) -> None:
    words = objection(rollout(phase=phase, step=0, pending_decision=None), kind, 0)
    if words is not None:
        assert words.startswith("the rollout is ")
        assert f"{kind.value.lower()} is for one that is " in words


@pytest.mark.parametrize(("kind", "outcome"), list(product(GIVEN, [*Outcome, None])))
def test_a_rollout_that_has_ended_takes_no_command(kind: SignalKind, outcome: Outcome | None) -> None:
    words = objection(rollout(phase=Phase.ENDED, outcome=outcome, pending_decision=None), kind, 0)
    assert (words or "").startswith("the rollout has ended already: ")


@pytest.mark.parametrize(("phase", "kind", "decision"), list(product(RUNNING, GIVEN, Decision)))
def test_a_rollout_that_is_ending_takes_no_command_and_any_other_decision_hinders_none(
    phase: Phase, kind: SignalKind, decision: Decision
) -> None:
    deciding = rollout(phase=phase, step=0, pending_decision=decision, reason="because")
    if decision in ENDING:
        assert "the rollout is ending already: because" == objection(deciding, kind, 0)
    else:
        undecided = rollout(phase=phase, step=0, pending_decision=None, reason="because")
        assert objection(undecided, kind, 0) == objection(deciding, kind, 0)


@pytest.mark.parametrize("kind", GIVEN)
@pytest.mark.parametrize(("step", "words"), [(0, "has been passed already"), (2, "has not been reached yet")])
def test_a_command_for_another_step_is_refused(kind: SignalKind, step: int, words: str) -> None:
    fitting = next(phase for phase in RUNNING if objection(rollout(phase=phase, step=1), kind, 1) is None)
    refused = objection(rollout(phase=fitting, step=1), kind, step)
    assert f"step {step} {words}; the present one is 1" == refused


def test_only_an_approval_has_to_name_its_step() -> None:
    nameless = {kind for kind, phase in product(GIVEN, RUNNING) if objection(rollout(phase=phase), kind, None) is None}
    assert set(GIVEN) - {SignalKind.APPROVE} == nameless


@pytest.mark.parametrize(("step", "expected"), [(None, True), (1, True), (0, False), (2, False)])
def test_a_signal_concerns_the_step_it_names_and_without_one_every_step(step: int | None, expected: bool) -> None:
    assert expected == concerns(step, rollout(step=1))
