"""The simulated clock: one thing at a time, in one order, and hours in no time."""

from __future__ import annotations

import os
import random
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from rollout_simulator.clock import DEFAULT_START, ClockError, GoalNotReachedError, SimulatedClock


def test_everybody_reads_the_same_simulated_time() -> None:
    with SimulatedClock() as clock:
        clock.sleep(3600)
        assert clock.now() == datetime.now(UTC) == DEFAULT_START + timedelta(hours=1)
        assert time.time() == clock.timestamp()


def test_hours_pass_without_waiting() -> None:
    began = time.perf_counter()
    with SimulatedClock() as clock:
        clock.spawn(lambda: clock.sleep(86_400))
        clock.run_until_idle()
        assert clock.now() == DEFAULT_START + timedelta(days=1)
    assert time.perf_counter() - began < 1


def test_real_durations_stay_real() -> None:
    with SimulatedClock() as clock:
        began = time.perf_counter(), time.monotonic()
        clock.sleep(1e6)
        assert time.perf_counter() - began[0] < 10
        assert time.monotonic() - began[1] < 10


def test_sleep_is_simulated_for_the_simulation_only() -> None:
    real: list[float] = []

    def outside() -> None:
        began = time.monotonic()
        time.sleep(0.01)
        real.append(time.monotonic() - began)

    with SimulatedClock() as clock:
        clock.spawn(lambda: time.sleep(3600))
        clock.run_until_idle()
        assert clock.now() == DEFAULT_START + timedelta(hours=1)
        stranger = threading.Thread(target=outside)
        stranger.start()
        stranger.join()
    assert real[0] >= 0.01


def test_a_moment_is_settled_when_all_that_happens_at_it_has_happened() -> None:
    with SimulatedClock() as clock:
        clock.call_later(5, lambda: clock.call_later(0, lambda: None))
        clock.call_later(6, lambda: None)
        unsettled = 0

        def is_past_it() -> bool:
            nonlocal unsettled
            unsettled += not clock.is_settled()
            return clock.now() >= DEFAULT_START + timedelta(seconds=5) and clock.is_settled()

        clock.run_until(is_past_it)
        assert clock.now() == DEFAULT_START + timedelta(seconds=5)
        assert unsettled > 0


def test_ready_tasks_run_first_come_first_served_and_timers_by_time_then_making() -> None:
    order: list[str] = []
    with SimulatedClock() as clock:
        clock.call_later(5, lambda: order.append("five, made first"))
        clock.call_later(5, lambda: order.append("five, made second"))
        clock.call_later(1, lambda: order.append("one"))
        clock.spawn(lambda: order.append("ready first"))
        clock.spawn(lambda: order.append("ready second"))
        clock.run_until_idle()
    assert order == ["ready first", "ready second", "one", "five, made first", "five, made second"]


def test_a_signal_wakes_at_the_moment_it_is_set() -> None:
    woken: list[tuple[bool, float]] = []
    with SimulatedClock() as clock:
        signal = clock.signal()
        start = clock.timestamp()
        clock.spawn(lambda: woken.append((signal.wait(60), clock.timestamp() - start)))
        clock.spawn(lambda: woken.append((signal.wait(5), clock.timestamp() - start)))
        clock.call_later(10, signal.set)
        clock.run_until_idle()
    assert woken == [(False, 5), (True, 10)]


def test_the_first_of_several_signals_is_told() -> None:
    with SimulatedClock() as clock:
        early, late = clock.signal(), clock.signal()
        clock.call_later(1, early.set)
        clock.call_later(2, late.set)
        assert clock.wait(late, early) is early
        assert clock.wait(late, timeout=0.5) is None


def test_the_main_thread_waits_while_the_world_runs() -> None:
    seen: list[float] = []
    with SimulatedClock() as clock:
        clock.call_every(60, lambda: seen.append(clock.timestamp()))
        clock.sleep(180)
    assert len(seen) == 3


def test_periodic_calls_alone_do_not_keep_the_world_busy() -> None:
    with SimulatedClock() as clock:
        clock.call_every(60, lambda: None)
        clock.call_later(150, lambda: None)
        clock.run_until_idle()
        assert clock.now() == DEFAULT_START + timedelta(seconds=150)


def test_a_cancelled_timer_does_not_fire() -> None:
    fired: list[int] = []
    with SimulatedClock() as clock:
        clock.call_later(1, lambda: fired.append(1)).cancel()
        periodic = clock.call_every(1, lambda: fired.append(2))
        clock.sleep(2.5)
        periodic.cancel()
        clock.sleep(10)
    assert fired == [2, 2]


def test_what_a_task_raises_surfaces_where_the_world_is_run() -> None:
    def fails() -> None:
        clock.sleep(5)
        raise LookupError("lost")

    with SimulatedClock() as clock:
        clock.spawn(fails, "seeker")
        with pytest.raises(LookupError, match="lost") as caught:
            clock.run_until_idle()
        clock.run_until_idle()
    assert "seeker" in caught.value.__notes__[0]


def test_a_goal_that_cannot_be_reached_is_an_error() -> None:
    with SimulatedClock() as clock:
        with pytest.raises(GoalNotReachedError):
            clock.run_until(lambda: False)
        with pytest.raises(GoalNotReachedError):
            clock.signal().wait()


def test_a_task_cannot_run_the_world() -> None:
    with SimulatedClock() as clock:
        clock.spawn(clock.run_until_idle)
        clock.spawn(lambda: clock.run_until(lambda: True))
        with pytest.raises(ClockError):
            clock.run_until_idle()


def test_a_deadline_ends_a_wait() -> None:
    with SimulatedClock() as clock, clock.deadline(3, lambda: TimeoutError("three seconds")):
        clock.sleep(2)
        with pytest.raises(TimeoutError, match="three seconds"):
            clock.sleep(2)
        assert clock.now() == DEFAULT_START + timedelta(seconds=3)


def test_what_is_in_place_while_running_is_away_while_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHO", "nobody")
    seen: list[str] = []

    def named(name: str) -> None:
        def begin() -> None:
            os.environ["WHO"] = name

        def end() -> None:
            os.environ["WHO"] = "nobody"

        with clock.while_running(begin, end):
            seen.append(os.environ["WHO"])
            clock.sleep(1)
            seen.append(os.environ["WHO"])

    with SimulatedClock() as clock:
        clock.spawn(lambda: named("a"))
        clock.spawn(lambda: seen.append(os.environ["WHO"]))
        clock.spawn(lambda: named("b"))
        clock.run_until_idle()
    assert seen == ["a", "nobody", "b", "a", "b"]
    assert os.environ["WHO"] == "nobody"


def test_waiting_tasks_are_unwound_when_the_clock_closes() -> None:
    unwound: list[str] = []

    def waits() -> None:
        try:
            clock.sleep(1e9)
        finally:
            unwound.append("done")

    before = threading.active_count()
    with SimulatedClock() as clock:
        clock.spawn(waits)
        clock.sleep(1)
    assert unwound == ["done"]
    for _ in range(100):
        if threading.active_count() <= before:
            break
        time.sleep(0.01)
    assert threading.active_count() <= before


def test_what_tasks_say_on_their_way_out_is_not_heard() -> None:
    def waits() -> None:
        try:
            clock.sleep(1e9)
        finally:
            raise LookupError("too late")

    with SimulatedClock() as clock:
        clock.spawn(waits)
        clock.spawn(waits)
        clock.sleep(1)


@pytest.mark.parametrize("seed", range(3))
def test_one_program_gives_one_order(seed: int) -> None:
    assert _trace(seed) == _trace(seed)
    assert _trace(seed) != _trace(seed + 1)


def _trace(seed: int) -> list[tuple[float, int]]:
    chance = random.Random(seed)
    trace: list[tuple[float, int]] = []
    with SimulatedClock() as clock:
        doors = [clock.signal() for _ in range(5)]

        def wanders(number: int) -> None:
            for _ in range(10):
                trace.append((clock.timestamp(), number))
                match chance.randrange(4):
                    case 0:
                        clock.sleep(chance.randrange(5))
                    case 1:
                        chance.choice(doors).wait(chance.randrange(10))
                    case 2:
                        chance.choice(doors).set()
                    case _:
                        chance.choice(doors).clear()

        for number in range(20):
            clock.spawn(lambda number=number: wanders(number))  # type: ignore[misc]
        clock.run_until_idle()
    return trace


def test_thousands_of_hand_overs_take_moments_and_a_thousand_tasks_may_wait() -> None:
    def naps() -> None:
        for _ in range(5):
            clock.sleep(1)

    began = time.perf_counter()
    with SimulatedClock() as clock:
        for _ in range(1000):
            clock.spawn(naps)
        clock.run_until_idle()
    assert time.perf_counter() - began < 5


def test_a_paced_clock_lets_strangers_in_one_at_a_time() -> None:
    inside = 0
    most = 0
    waited: list[float] = []
    stop = threading.Event()

    def visits() -> None:
        nonlocal inside, most
        with clock.entered():
            inside += 1
            most = max(most, inside)
            inside -= 1
            began = clock.timestamp()
            clock.sleep(30)
            waited.append(clock.timestamp() - began)

    with SimulatedClock() as clock:
        driver = threading.Thread(target=clock.run_paced, args=(1000, stop))
        driver.start()
        visitors = [threading.Thread(target=visits) for _ in range(8)]
        for visitor in visitors:
            visitor.start()
        for visitor in visitors:
            visitor.join(5)
        stop.set()
        driver.join(5)
    assert (most, waited) == (1, [30] * 8)


def test_the_thread_that_opened_a_paced_clock_sleeps_for_real() -> None:
    stop = threading.Event()
    with SimulatedClock() as clock:
        driver = threading.Thread(target=clock.run_paced, args=(1000, stop))
        driver.start()
        time.sleep(0.1)
        stop.set()
        driver.join(5)
        assert clock.now() > DEFAULT_START + timedelta(seconds=50)


def test_a_stranger_may_not_wait_on_a_clock_that_another_drives() -> None:
    refused: list[ClockError] = []

    def strays() -> None:
        try:
            clock.sleep(1)
        except ClockError as error:
            refused.append(error)

    def starts_a_stray() -> None:
        stray = threading.Thread(target=strays)
        stray.start()
        stray.join()

    with SimulatedClock() as clock:
        clock.spawn(starts_a_stray)
        clock.run_until_idle()
    assert len(refused) == 1


def test_a_paced_clock_that_cannot_keep_up_falls_behind_and_so_stops_when_told() -> None:
    stop = threading.Event()
    beats = 0

    def beat() -> None:
        nonlocal beats
        beats += 1
        if beats == 1:
            threading.Event().wait(0.4)  # 4,000 simulated seconds at this speed
        if beats == 50:
            stop.set()

    with SimulatedClock() as clock:
        clock.call_every(1, beat)
        clock.run_paced(1e4, stop)
        assert clock.now() < DEFAULT_START + timedelta(seconds=1500)
