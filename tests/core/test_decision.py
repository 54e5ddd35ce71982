"""The decision table, cell by cell for every policy, and the laws that it keeps."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import pytest

from rollout.core.decision import TABLE, WAITING, Assessment, Decision, Phase, Policy, decide
from rollout.core.signals import STOP_SIGNALS, SignalKind
from tests.rollouts import POLICIES

RUNNING = [phase for phase in Phase if phase is not Phase.ENDED]
SIGNALS = [None, *SignalKind]
RISES = {Decision.CREATE, Decision.ADVANCE, Decision.PROMOTE}
ENDINGS = {Decision.ROLL_BACK, Decision.STOP, Decision.EXPLAIN, Decision.CLOSE, Decision.REJECT}
NEITHER = {
    Decision.LOWER,
    Decision.REPEATED,
    Decision.PASS_OVER,
    Decision.WAIT,
    Decision.HAND_OVER,
    Decision.LOOK_AGAIN,
}
PROVEN = {Assessment.PROVEN}
HARMFUL = {Assessment.HARMFUL}
SILENCE = set(Assessment) - PROVEN - HARMFUL
ASKS_TO_RISE = {SignalKind.PROMOTE, SignalKind.ADVANCE, SignalKind.APPROVE}
"""With one of these a person takes the decision to raise the weight."""


class Call(NamedTuple):
    """One call of `decide`."""

    phase: Phase
    assessment: Assessment
    signal: SignalKind | None
    last_step: bool
    policy: Policy

    @property
    def decision(self) -> Decision:
        return decide(self.phase, self.assessment, self.signal, last_step=self.last_step, policy=self.policy)


EVERY_CALL = [Call(*each) for each in product(RUNNING, Assessment, SIGNALS, (False, True), POLICIES)]


# --- the table ---------------------------------------------------------------------------------------------------

LETTERS = {
    "C": Decision.CONTINUE,
    "E": Decision.EXTEND,
    "A": Decision.ADVANCE,
    "H": Decision.HOLD,
    "B": Decision.ROLL_BACK,
    "P": Decision.PROMOTE,
    "W": Decision.PAUSE,
    "L": Decision.LOWER,
    "X": Decision.CLOSE,
}
COLUMNS = (Assessment.UNPROVEN, Assessment.OVERDUE, Assessment.PROVEN, Assessment.INCONCLUSIVE, Assessment.HARMFUL)
"""The letters of each group of five, in this order."""
REVIEWED = """
    onInconclusive    hold      hold   hold        rollback  rollback  rollback
    onRegression      rollback  hold   holdAtZero  rollback  hold      holdAtZero
    BAKING   -        CEAHB     CEAHH  CEAHL       CEABB     CEABH     CEABL
    BAKING   ABORT    BBBBB     BBBBB  BBBBB       BBBBB     BBBBB     BBBBB
    BAKING   ALARM    BBBBB     HHHHH  LLLLL       BBBBB     HHHHH     LLLLL
    BAKING   PROMOTE  PPPPB     PPPPH  PPPPL       PPPPB     PPPPH     PPPPL
    BAKING   PAUSE    WWWWB     WWWWH  WWWWL       WWWWB     WWWWH     WWWWL
    BAKING   ADVANCE  AAAAB     AAAAH  AAAAL       AAAAB     AAAAH     AAAAL
    BAKING   APPROVE  CEAHB     CEAHH  CEAHL       CEABB     CEABH     CEABL
    BAKING   RESUME   CEAHB     CEAHH  CEAHL       CEABB     CEABH     CEABL
    HELD     -        HHHHB     HHHHH  HHHHH       HHHHB     HHHHH     HHHHH
    HELD     ABORT    BBBBB     BBBBB  BBBBB       BBBBB     BBBBB     BBBBB
    HELD     ALARM    BBBBB     HHHHH  LLLLL       BBBBB     HHHHH     LLLLL
    HELD     PROMOTE  PPPPB     PPPPP  PPPPP       PPPPB     PPPPP     PPPPP
    HELD     PAUSE    HHHHB     HHHHH  HHHHH       HHHHB     HHHHH     HHHHH
    HELD     ADVANCE  AAAAB     AAAAA  AAAAA       AAAAB     AAAAA     AAAAA
    HELD     APPROVE  AAAAB     AAAAA  AAAAA       AAAAB     AAAAA     AAAAA
    HELD     RESUME   HHHHB     HHHHH  HHHHH       HHHHB     HHHHH     HHHHH
    PAUSED   -        WWWWB     WWWWH  WWWWL       WWWWB     WWWWH     WWWWL
    PAUSED   ABORT    BBBBB     BBBBB  BBBBB       BBBBB     BBBBB     BBBBB
    PAUSED   ALARM    BBBBB     HHHHH  LLLLL       BBBBB     HHHHH     LLLLL
    PAUSED   PROMOTE  PPPPB     PPPPH  PPPPL       PPPPB     PPPPH     PPPPL
    PAUSED   PAUSE    WWWWB     WWWWH  WWWWL       WWWWB     WWWWH     WWWWL
    PAUSED   ADVANCE  AAAAB     AAAAH  AAAAL       AAAAB     AAAAH     AAAAL
    PAUSED   APPROVE  WWWWB     WWWWH  WWWWL       WWWWB     WWWWH     WWWWL
    PAUSED   RESUME   CECHB     CECHH  CECHL       CECBB     CECBH     CECBL
    WATCHING -        CCXXB     CCXXB  CCXXB       CCXXB     CCXXB     CCXXB
    WATCHING ABORT    BBBBB     BBBBB  BBBBB       BBBBB     BBBBB     BBBBB
    WATCHING ALARM    BBBBB     BBBBB  BBBBB       BBBBB     BBBBB     BBBBB
    WATCHING PROMOTE  CCXXB     CCXXB  CCXXB       CCXXB     CCXXB     CCXXB
    WATCHING PAUSE    CCXXB     CCXXB  CCXXB       CCXXB     CCXXB     CCXXB
    WATCHING ADVANCE  XXXXB     XXXXB  XXXXB       XXXXB     XXXXB     XXXXB
    WATCHING APPROVE  CCXXB     CCXXB  CCXXB       CCXXB     CCXXB     CCXXB
    WATCHING RESUME   CCXXB     CCXXB  CCXXB       CCXXB     CCXXB     CCXXB
"""
_INCONCLUSIVE, _REGRESSION, *_ROWS = [line.split() for line in REVIEWED.strip().splitlines()]
_POLICIES = list(zip(_INCONCLUSIVE[1:], _REGRESSION[1:], strict=True))
CELLS = {
    (phase, None if signal == "-" else signal, assessment, policy): LETTERS[letter]
    for phase, signal, *groups in _ROWS
    for policy, letters in zip(_POLICIES, groups, strict=True)
    for assessment, letter in zip(COLUMNS, letters, strict=True)
}


def test_the_table_has_a_cell_for_every_running_phase_signal_and_assessment_and_no_other() -> None:
    assert set(product(RUNNING, SIGNALS, Assessment)) == set(TABLE)


def test_every_cell_of_every_policy_has_been_reviewed() -> None:
    asked = [(policy.on_inconclusive, policy.on_regression) for policy in POLICIES]
    assert set(product(RUNNING, SIGNALS, Assessment, asked)) == set(CELLS)


@pytest.mark.parametrize("policy", POLICIES, ids=str)
@pytest.mark.parametrize("signal", SIGNALS, ids=str)
@pytest.mark.parametrize("phase", RUNNING)
def test_each_cell_is_as_it_was_reviewed(phase: Phase, signal: SignalKind | None, policy: Policy) -> None:
    asked = (policy.on_inconclusive, policy.on_regression)
    reviewed = [CELLS[phase, signal, assessment, asked] for assessment in COLUMNS]
    assert reviewed == [Call(phase, assessment, signal, False, policy).decision for assessment in COLUMNS]


def test_the_table_itself_is_that_of_the_default_policy() -> None:
    assert {key: Call(key[0], key[2], key[1], False, Policy()).decision for key in TABLE} == TABLE


def test_a_decision_raises_the_weight_or_waits_or_ends_the_rollout_or_is_known_to_do_neither() -> None:
    assert sorted(Decision) == sorted([*RISES, *WAITING, *ENDINGS, *NEITHER])


# --- the laws ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("signal", sorted(STOP_SIGNALS))
def test_a_stop_signal_never_lets_the_rollout_go_on(signal: SignalKind) -> None:
    stopped = {Decision.ROLL_BACK, Decision.HOLD, Decision.LOWER}
    assert [] == [call for call in EVERY_CALL if call.signal is signal and call.decision not in stopped]


def test_an_abort_always_rolls_back_whatever_the_policy() -> None:
    assert {Decision.ROLL_BACK} == {call.decision for call in EVERY_CALL if call.signal is SignalKind.ABORT}


@pytest.mark.parametrize("phase", RUNNING)
@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_an_alarm_does_what_the_policy_says_and_after_the_promotion_rolls_back(phase: Phase, policy: Policy) -> None:
    says = {"rollback": Decision.ROLL_BACK, "hold": Decision.HOLD, "holdAtZero": Decision.LOWER}
    expected = Decision.ROLL_BACK if phase is Phase.WATCHING else says[policy.on_regression]
    assert {expected} == {
        call.decision
        for call in EVERY_CALL
        if (call.phase, call.policy, call.signal) == (phase, policy, SignalKind.ALARM)
    }


@pytest.mark.parametrize("assessment", sorted(SILENCE))
def test_silence_never_advances_unless_a_person_says_so(assessment: Assessment) -> None:
    silent = [call for call in EVERY_CALL if call.assessment is assessment and call.signal not in ASKS_TO_RISE]
    assert [] == [call for call in silent if call.decision in RISES]


@pytest.mark.parametrize("assessment", sorted(set(Assessment) - HARMFUL - PROVEN - {Assessment.INCONCLUSIVE}))
def test_a_watch_that_is_not_over_is_closed_only_by_a_person(assessment: Assessment) -> None:
    closed = [call for call in EVERY_CALL if call.assessment is assessment and call.decision is Decision.CLOSE]
    assert {(Phase.WATCHING, SignalKind.ADVANCE)} == {(call.phase, call.signal) for call in closed}


def test_a_harmful_canary_never_advances_unless_a_person_says_so_to_whom_it_is_held() -> None:
    rises = [call for call in EVERY_CALL if call.assessment in HARMFUL and call.decision in RISES]
    assert set(product({Phase.HELD}, ASKS_TO_RISE, [policy for policy in POLICIES if policy.holds_regressions])) == {
        (call.phase, call.signal, call.policy) for call in rises
    }


def test_a_harmful_canary_never_just_bakes_on() -> None:
    harmful = [call for call in EVERY_CALL if call.assessment in HARMFUL]
    assert {Decision.CONTINUE, Decision.EXTEND, Decision.PAUSE, Decision.CLOSE}.isdisjoint(
        call.decision for call in harmful
    )


def test_a_rise_without_a_person_needs_a_proof_and_an_undisturbed_bake() -> None:
    rises = [call for call in EVERY_CALL if call.signal not in ASKS_TO_RISE and call.decision in RISES]
    assert {(Phase.BAKING, Assessment.PROVEN)} == {(call.phase, call.assessment) for call in rises}


def test_a_pause_never_leads_to_a_rise() -> None:
    pauses = [call for call in EVERY_CALL if call.signal is SignalKind.PAUSE]
    assert [] == [call for call in pauses if call.decision in RISES]


def test_a_promoted_canary_is_never_held_paused_or_promoted_again() -> None:
    decisions = {call.decision for call in EVERY_CALL if call.phase is Phase.WATCHING}
    assert {Decision.CONTINUE, Decision.CLOSE, Decision.ROLL_BACK} == decisions


def test_only_a_promoted_canary_is_closed_by_the_judge() -> None:
    assert {Phase.WATCHING} == {call.phase for call in EVERY_CALL if call.decision is Decision.CLOSE}


def test_a_held_rollout_goes_nowhere_by_itself() -> None:
    alone = {call.decision for call in EVERY_CALL if call.phase is Phase.HELD and call.signal is None}
    assert {Decision.HOLD, Decision.ROLL_BACK} == alone


def test_a_weight_is_lowered_only_for_a_regression_and_only_where_the_request_says_so() -> None:
    lowered = [call for call in EVERY_CALL if call.decision is Decision.LOWER]
    assert {"holdAtZero"} == {call.policy.on_regression for call in lowered}
    assert [] == [call for call in lowered if call.assessment not in HARMFUL and call.signal is not SignalKind.ALARM]
    assert Phase.WATCHING not in {call.phase for call in lowered}


def test_waiting_decisions_lead_back_to_the_bake_and_no_other_does() -> None:
    assert {Decision.CONTINUE, Decision.EXTEND, Decision.HOLD, Decision.PAUSE} == WAITING


# --- the last step and the policies ------------------------------------------------------------------------------


def test_after_the_last_step_an_advance_is_the_promotion_and_nothing_else_changes() -> None:
    earlier = [call for call in EVERY_CALL if not call.last_step]
    expected = [Decision.PROMOTE if call.decision is Decision.ADVANCE else call.decision for call in earlier]
    assert expected == [call._replace(last_step=True).decision for call in earlier]


def test_what_an_inconclusive_step_leads_to_changes_nothing_but_a_hold_that_begins() -> None:
    for call in EVERY_CALL:
        holding = call._replace(policy=Policy("hold", call.policy.on_regression)).decision
        rolling_back = call._replace(policy=Policy("rollback", call.policy.on_regression)).decision
        begins = call.phase is not Phase.HELD and call.assessment is Assessment.INCONCLUSIVE
        if begins and call.signal is not SignalKind.ALARM and holding is Decision.HOLD:
            assert rolling_back is Decision.ROLL_BACK, call
        else:
            assert rolling_back is holding, call


def test_what_a_regression_leads_to_changes_nothing_where_there_is_none() -> None:
    for call in EVERY_CALL:
        if call.assessment not in HARMFUL and call.signal is not SignalKind.ALARM:
            default = call._replace(policy=Policy(call.policy.on_inconclusive)).decision
            assert default is call.decision, call
