"""The decision table, cell by cell, and the laws that it keeps."""

from __future__ import annotations

from itertools import product

import pytest

from rollout.core.decision import TABLE, WAITING, Assessment, Decision, Phase, Policy, decide
from rollout.core.signals import STOP_SIGNALS, SignalKind

LIVING = [phase for phase in Phase if phase is not Phase.ENDED]
SIGNALS = [None, *SignalKind]
RISES = {Decision.CREATE, Decision.ADVANCE, Decision.PROMOTE}
POLICIES = [Policy(*each) for each in product(("hold", "rollback"), ("rollback", "hold"))]
EVERY_CALL = list(product(LIVING, Assessment, SIGNALS, (False, True), POLICIES))
ASKED_FOR = {SignalKind.PROMOTE, SignalKind.ADVANCE, SignalKind.APPROVE}
"""A person who gives one of these takes the decision to rise."""


def decided(
    phase: Phase,
    assessment: Assessment,
    signal: SignalKind | None = None,
    *,
    last_step: bool = False,
    on_inconclusive: str = "hold",
    on_regression: str = "rollback",
) -> Decision:
    return decide(phase, assessment, signal, last_step=last_step, policy=Policy(on_inconclusive, on_regression))


# --- the table ---------------------------------------------------------------------------------------------------


def test_the_table_has_a_cell_for_every_living_phase_signal_and_finding_and_no_other() -> None:
    assert set(product(LIVING, SIGNALS, Assessment)) == set(TABLE)


EXPECTED = """
    BAKING    -        CONTINUE  EXTEND    ADVANCE   HOLD      ROLL_BACK
    BAKING    ABORT    ROLL_BACK ROLL_BACK ROLL_BACK ROLL_BACK ROLL_BACK
    BAKING    ALARM    ROLL_BACK ROLL_BACK ROLL_BACK ROLL_BACK ROLL_BACK
    BAKING    PROMOTE  PROMOTE   PROMOTE   PROMOTE   PROMOTE   ROLL_BACK
    BAKING    PAUSE    PAUSE     PAUSE     PAUSE     PAUSE     ROLL_BACK
    BAKING    ADVANCE  ADVANCE   ADVANCE   ADVANCE   ADVANCE   ROLL_BACK
    BAKING    APPROVE  CONTINUE  EXTEND    ADVANCE   HOLD      ROLL_BACK
    BAKING    RESUME   CONTINUE  EXTEND    ADVANCE   HOLD      ROLL_BACK
    HELD      -        HOLD      HOLD      HOLD      HOLD      ROLL_BACK
    HELD      ABORT    ROLL_BACK ROLL_BACK ROLL_BACK ROLL_BACK ROLL_BACK
    HELD      ALARM    ROLL_BACK ROLL_BACK ROLL_BACK ROLL_BACK ROLL_BACK
    HELD      PROMOTE  PROMOTE   PROMOTE   PROMOTE   PROMOTE   ROLL_BACK
    HELD      PAUSE    HOLD      HOLD      HOLD      HOLD      ROLL_BACK
    HELD      ADVANCE  ADVANCE   ADVANCE   ADVANCE   ADVANCE   ROLL_BACK
    HELD      APPROVE  ADVANCE   ADVANCE   ADVANCE   ADVANCE   ROLL_BACK
    HELD      RESUME   HOLD      HOLD      HOLD      HOLD      ROLL_BACK
    PAUSED    -        PAUSE     PAUSE     PAUSE     PAUSE     ROLL_BACK
    PAUSED    ABORT    ROLL_BACK ROLL_BACK ROLL_BACK ROLL_BACK ROLL_BACK
    PAUSED    ALARM    ROLL_BACK ROLL_BACK ROLL_BACK ROLL_BACK ROLL_BACK
    PAUSED    PROMOTE  PROMOTE   PROMOTE   PROMOTE   PROMOTE   ROLL_BACK
    PAUSED    PAUSE    PAUSE     PAUSE     PAUSE     PAUSE     ROLL_BACK
    PAUSED    ADVANCE  ADVANCE   ADVANCE   ADVANCE   ADVANCE   ROLL_BACK
    PAUSED    APPROVE  PAUSE     PAUSE     PAUSE     PAUSE     ROLL_BACK
    PAUSED    RESUME   CONTINUE  EXTEND    CONTINUE  HOLD      ROLL_BACK
    WATCHING  -        CONTINUE  CONTINUE  CLOSE     CLOSE     ROLL_BACK
    WATCHING  ABORT    ROLL_BACK ROLL_BACK ROLL_BACK ROLL_BACK ROLL_BACK
    WATCHING  ALARM    ROLL_BACK ROLL_BACK ROLL_BACK ROLL_BACK ROLL_BACK
    WATCHING  PROMOTE  CONTINUE  CONTINUE  CLOSE     CLOSE     ROLL_BACK
    WATCHING  PAUSE    CONTINUE  CONTINUE  CLOSE     CLOSE     ROLL_BACK
    WATCHING  ADVANCE  CLOSE     CLOSE     CLOSE     CLOSE     ROLL_BACK
    WATCHING  APPROVE  CONTINUE  CONTINUE  CLOSE     CLOSE     ROLL_BACK
    WATCHING  RESUME   CONTINUE  CONTINUE  CLOSE     CLOSE     ROLL_BACK
"""
_ROWS = [line.split() for line in EXPECTED.strip().splitlines()]
_ASSESSMENTS = (Assessment.UNPROVEN, Assessment.OVERDUE, Assessment.PROVEN, Assessment.INCONCLUSIVE, Assessment.HARMFUL)
CELLS = [
    (Phase(phase), None if signal == "-" else SignalKind(signal), assessment, Decision(decision))
    for phase, signal, *decisions in _ROWS
    for assessment, decision in zip(_ASSESSMENTS, decisions, strict=True)
]


@pytest.mark.parametrize(("phase", "signal", "assessment", "expected"), CELLS)
def test_each_cell_is_as_it_was_reviewed(
    phase: Phase, signal: SignalKind | None, assessment: Assessment, expected: Decision
) -> None:
    assert expected is TABLE[phase, signal, assessment]
    assert expected is decide(phase, assessment, signal, last_step=False, policy=Policy())


# --- the laws ----------------------------------------------------------------------------------------------------


def test_a_stop_signal_never_leads_to_a_rise() -> None:
    rises = [call for call in EVERY_CALL if call[2] in STOP_SIGNALS and _call(call) in RISES]
    assert [] == rises


def test_an_abort_always_rolls_back_whatever_the_policy() -> None:
    assert {Decision.ROLL_BACK} == {_call(call) for call in EVERY_CALL if call[2] is SignalKind.ABORT}


def test_an_alarm_rolls_back_or_holds() -> None:
    decisions = {_call(call) for call in EVERY_CALL if call[2] is SignalKind.ALARM}
    assert {Decision.ROLL_BACK, Decision.HOLD} == decisions


@pytest.mark.parametrize("assessment", [Assessment.UNPROVEN, Assessment.OVERDUE, Assessment.INCONCLUSIVE])
def test_silence_never_advances_unless_a_person_says_so(assessment: Assessment) -> None:
    rises = [call for call in EVERY_CALL if call[1] is assessment and call[2] not in ASKED_FOR and _call(call) in RISES]
    assert [] == rises


def test_a_harmful_canary_never_advances_unless_a_person_says_so_to_whom_it_is_held() -> None:
    rises = {
        (phase, signal in ASKED_FOR, policy.on_regression)
        for phase, assessment, signal, last_step, policy in EVERY_CALL
        if assessment is Assessment.HARMFUL and _call((phase, assessment, signal, last_step, policy)) in RISES
    }
    assert {(Phase.HELD, True, "hold")} == rises


def test_a_rise_without_a_person_needs_a_proof_and_an_undisturbed_bake() -> None:
    rises = {
        (phase, assessment)
        for phase, assessment, signal, last_step, policy in EVERY_CALL
        if signal not in ASKED_FOR and _call((phase, assessment, signal, last_step, policy)) in RISES
    }
    assert {(Phase.BAKING, Assessment.PROVEN)} == rises


def test_a_promoted_canary_is_never_held_paused_or_promoted_again() -> None:
    decisions = {_call(call) for call in EVERY_CALL if call[0] is Phase.WATCHING}
    assert {Decision.CONTINUE, Decision.CLOSE, Decision.ROLL_BACK} == decisions


def test_only_a_promoted_canary_is_closed_by_the_judge() -> None:
    assert {Phase.WATCHING} == {call[0] for call in EVERY_CALL if _call(call) is Decision.CLOSE}


def test_a_held_rollout_goes_nowhere_by_itself() -> None:
    alone = {_call(call) for call in EVERY_CALL if call[0] is Phase.HELD and call[2] is None}
    assert {Decision.HOLD, Decision.ROLL_BACK} == alone


def test_waiting_decisions_lead_back_to_the_bake_and_no_other_does() -> None:
    assert {Decision.CONTINUE, Decision.EXTEND, Decision.HOLD, Decision.PAUSE} == WAITING


def _call(call: tuple[Phase, Assessment, SignalKind | None, bool, Policy]) -> Decision:
    phase, assessment, signal, last_step, policy = call
    return decide(phase, assessment, signal, last_step=last_step, policy=policy)


# --- the last step and the policies ------------------------------------------------------------------------------


@pytest.mark.parametrize("signal", [None, SignalKind.ADVANCE, SignalKind.APPROVE])
def test_after_the_last_step_an_advance_is_the_promotion(signal: SignalKind | None) -> None:
    assert Decision.PROMOTE is decided(Phase.BAKING, Assessment.PROVEN, signal, last_step=True)


def test_at_the_last_step_nothing_else_changes() -> None:
    differing = {
        (_call((*call[:3], False, call[4])), _call((*call[:3], True, call[4])))
        for call in EVERY_CALL
        if _call((*call[:3], False, call[4])) is not _call((*call[:3], True, call[4]))
    }
    assert {(Decision.ADVANCE, Decision.PROMOTE)} == differing


@pytest.mark.parametrize(("phase", "signal"), [(Phase.BAKING, None), (Phase.PAUSED, SignalKind.RESUME)])
def test_an_inconclusive_step_is_rolled_back_if_the_request_says_so(phase: Phase, signal: SignalKind | None) -> None:
    assert Decision.HOLD is decided(phase, Assessment.INCONCLUSIVE, signal)
    assert Decision.ROLL_BACK is decided(phase, Assessment.INCONCLUSIVE, signal, on_inconclusive="rollback")


@pytest.mark.parametrize(
    "assessment", [assessment for assessment in Assessment if assessment is not Assessment.HARMFUL]
)
def test_what_is_held_already_stays_held_whatever_is_inconclusive(assessment: Assessment) -> None:
    assert Decision.HOLD is decided(Phase.HELD, assessment, on_inconclusive="rollback")


@pytest.mark.parametrize("phase", [Phase.BAKING, Phase.HELD, Phase.PAUSED])
@pytest.mark.parametrize(
    ("assessment", "signal"),
    [(Assessment.HARMFUL, None), (Assessment.UNPROVEN, SignalKind.ALARM)],
    ids=["harm", "alarm"],
)
def test_a_regression_is_held_if_the_request_says_so(
    phase: Phase, assessment: Assessment, signal: SignalKind | None
) -> None:
    assert Decision.HOLD is decided(phase, assessment, signal, on_regression="hold")


@pytest.mark.parametrize("signal", [None, SignalKind.ALARM])
def test_after_the_promotion_there_is_nothing_to_hold(signal: SignalKind | None) -> None:
    assert Decision.ROLL_BACK is decided(Phase.WATCHING, Assessment.HARMFUL, signal, on_regression="hold")
