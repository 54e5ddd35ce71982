"""What `Clock` promises, kept by the system's clock and by its fake."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rollout.ports import Clock
from rollout.wiring import SystemClock
from rollout_simulator.fakes import START, FakeClock


@pytest.fixture(params=[SystemClock(), FakeClock(START)], ids=["system", "fake"])
def clock(request: pytest.FixtureRequest) -> Clock:
    either: Clock = request.param
    return either


def test_the_present_has_a_time_zone(clock: Clock) -> None:
    assert timedelta(0) == clock.now().utcoffset()


def test_time_does_not_run_backwards(clock: Clock) -> None:
    assert clock.now() <= clock.now()


def test_the_twin_moves_only_when_told_to() -> None:
    clock = FakeClock(START)
    clock.pass_time(minutes=1, seconds=30)
    assert START + timedelta(seconds=90) == clock.now()
