"""Signals: which of several decides, and how they read."""

from __future__ import annotations

from itertools import permutations

import pytest

from rollout.core.signals import STOP_SIGNALS, Signal, SignalKind, deciding, overtaking, stopping


def signal(kind: SignalKind, source: str = "ada", reason: str = "", step: int | None = None) -> Signal:
    return Signal(kind, "2026-03-02T12:00:00+00:00", source, reason, step)


ALL = [signal(kind) for kind in SignalKind]


def test_precedence_is_abort_alarm_promote_pause_advance_approve_resume() -> None:
    names = ", ".join(kind.value for kind in SignalKind)
    assert "ABORT, ALARM, PROMOTE, PAUSE, ADVANCE, APPROVE, RESUME" == names


@pytest.mark.parametrize(("first", "second"), list(permutations(SignalKind, 2)))
def test_of_two_the_one_of_precedence_decides_whichever_came_first(first: SignalKind, second: SignalKind) -> None:
    order = list(SignalKind)
    expected = min(first, second, key=order.index)
    found = deciding([signal(first), signal(second)])
    assert found is not None
    assert expected is found.kind


def test_of_several_of_a_kind_the_earliest_decides() -> None:
    assert signal(SignalKind.ABORT, "ada") == deciding(
        [signal(SignalKind.ABORT, "ada"), signal(SignalKind.ABORT, "bob")]
    )


def test_of_none_none_decides() -> None:
    assert deciding([]) is None


@pytest.mark.parametrize("kind", SignalKind)
def test_aborts_and_alarms_stop_and_nothing_else_does(kind: SignalKind) -> None:
    assert (kind in {SignalKind.ABORT, SignalKind.ALARM}) == (stopping([signal(kind)]) is not None)
    assert (kind in STOP_SIGNALS) == (stopping([signal(kind)]) is not None)


def test_a_stop_signal_is_found_among_others() -> None:
    assert signal(SignalKind.ABORT) == stopping(list(reversed(ALL)))


@pytest.mark.parametrize("half_done", [True, False])
@pytest.mark.parametrize("kind", sorted(STOP_SIGNALS))
def test_a_stop_signal_overtakes_a_rise_at_any_time(kind: SignalKind, half_done: bool) -> None:
    assert signal(kind) == overtaking([signal(SignalKind.PAUSE), signal(kind)], half_done=half_done)


def test_a_pause_overtakes_a_rise_that_has_not_been_begun() -> None:
    assert signal(SignalKind.PAUSE) == overtaking([signal(SignalKind.PAUSE)], half_done=False)
    assert overtaking([signal(SignalKind.PAUSE)], half_done=True) is None


@pytest.mark.parametrize("kind", sorted(set(SignalKind) - STOP_SIGNALS - {SignalKind.PAUSE}))
def test_nothing_else_overtakes_a_rise(kind: SignalKind) -> None:
    assert overtaking([signal(kind)], half_done=False) is None


@pytest.mark.parametrize("step", [None, 0, 3])
@pytest.mark.parametrize("kind", SignalKind)
def test_it_comes_back_from_its_document_as_it_was(kind: SignalKind, step: int | None) -> None:
    sent = signal(kind, reason="because", step=step)
    assert sent == Signal.from_document(sent.to_document())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (signal(SignalKind.ALARM, "orders-5xx", "6 errors"), "alarm orders-5xx is firing: 6 errors"),
        (signal(SignalKind.ALARM, "orders-5xx"), "alarm orders-5xx is firing"),
        (signal(SignalKind.ABORT, "ada", "looks wrong"), "abort by ada: looks wrong"),
        (signal(SignalKind.PROMOTE, "ada"), "promote by ada"),
    ],
)
def test_it_says_who_wants_what_and_why(given: Signal, words: str) -> None:
    assert words == str(given)
