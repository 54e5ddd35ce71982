"""The cause of a decision: a stored fact, whose words never take one actor for another."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from rollout.core.cause import JUDGE, Cause, CauseKind, cause_in
from rollout.core.decision import Assessment, Phase, brought_about, decide
from rollout.core.decision import Policy as AnyPolicy
from rollout.core.rollout import Rollout
from rollout.core.signals import STOP_SIGNALS, Signal, SignalKind
from tests.rollouts import rollout

COMMAND = Cause(CauseKind.COMMAND, "ann", "advance", "2026-03-02T12:00:00+00:00", "because", 1)
CAUSES = [
    COMMAND,
    Cause(CauseKind.ALARM, "orders-5xx", "", "2026-03-02T12:00:00+00:00", "6 errors"),
    Cause(CauseKind.TASK_FAILURE, reason="Create canary failed"),
    *(Cause(kind) for kind in CauseKind if kind not in (CauseKind.COMMAND, CauseKind.ALARM)),
]


@pytest.mark.parametrize("cause", CAUSES, ids=str)
def test_a_cause_is_read_as_it_was_written(cause: Cause) -> None:
    assert cause == Cause.from_document(json.loads(json.dumps(cause.to_document())))


def test_every_kind_of_cause_is_written() -> None:
    assert set(CauseKind) == {cause.kind for cause in CAUSES}


def test_a_record_keeps_its_cause_and_one_without_a_cause_names_none() -> None:
    caused = replace(rollout(), cause=COMMAND)
    document = caused.to_document()
    assert COMMAND == Rollout.from_document(document, [], 0).cause
    del document["cause"]
    assert Rollout.from_document(document, [], 0).cause is None
    assert cause_in({}) is None


@pytest.mark.parametrize("kind", SignalKind)
def test_a_signal_becomes_a_cause_with_all_that_it_says(kind: SignalKind) -> None:
    signal = Signal(kind, "2026-03-02T12:00:00+00:00", "ci-eu", "because", 2 if kind is SignalKind.ADVANCE else None)
    cause = Cause.of_signal(signal)
    assert (signal.source, signal.at, signal.reason, signal.step) == (cause.source, cause.at, cause.reason, cause.step)
    assert str(signal) == str(cause)


@pytest.mark.parametrize("name", ["judge", "alarm", "alarm orders-5xx", "recovery", "deadline", "foreign change"])
def test_no_name_of_an_actor_passes_for_another_cause(name: str) -> None:
    by_command = replace(COMMAND, source=name)
    others = [cause.who for cause in CAUSES if cause is not COMMAND]
    assert by_command.who not in others
    assert f"command by {name}" == by_command.who


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.ENDED])
@pytest.mark.parametrize("assessment", Assessment)
@pytest.mark.parametrize("signal", SignalKind)
def test_a_decision_that_differs_from_the_judges_is_the_signals(
    phase: Phase, assessment: Assessment, signal: SignalKind
) -> None:
    alone, with_signal = (
        decide(phase, assessment, given, last_step=False, policy=AnyPolicy()) for given in (None, signal)
    )
    if with_signal != alone:
        assert brought_about(phase, assessment, signal)
    if assessment is Assessment.HARMFUL and signal not in STOP_SIGNALS:
        assert not brought_about(phase, assessment, signal)


def test_the_judge_has_no_name() -> None:
    assert ("judge", "judge") == (JUDGE.who, str(JUDGE))
