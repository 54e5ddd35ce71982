"""Trouble around the self-driving ramp."""

from __future__ import annotations

from typing import Any

from rollout_simulator.chaos import Recorded
from rollout_simulator.chaos.plan import Act, What
from tests.workflow.trouble import after, at, before, command, final, is_base, is_promoted, outcome, ran, weights

PLAN = {"ramp": "auto", "soakMinutes": 1, "watchMinutes": 2, "afterMinutes": 2}


def ramped(*acts: Act, **request: Any) -> Recorded:
    """A ramp at 3,000 requests a second, with these acts; no law is broken."""
    return ran(*acts, plan=PLAN, **request)


def test_it_leaps_to_ten_percent_and_climbs_from_there() -> None:
    recorded = ramped()
    assert ("PROMOTED", [0, 0.1, 1, 10, 25, 50, 95, 0]) == (outcome(recorded), weights(recorded))
    assert is_promoted(final(recorded), recorded)


def test_a_task_that_dies_in_a_leap_leaps_once() -> None:
    recorded = ramped(after("ShiftTraffic", "UpdateStage", What.CRASH))
    assert ("PROMOTED", [0, 0.1, 1, 10, 25, 50, 95, 0]) == (outcome(recorded), weights(recorded))


def test_an_abort_before_a_leap_is_decided_wins() -> None:
    recorded = ramped(before("ShiftTraffic", "UpdateItem", What.COMMAND, **command("abort")))
    assert ("ROLLED_BACK", True) == (outcome(recorded), is_base(final(recorded), recorded))
    assert 0.1 == max(weights(recorded))


def test_a_person_who_advances_goes_one_rung() -> None:
    recorded = ramped(at(30, What.COMMAND, **command("advance")))
    assert [0, 0.1, 0.2] == weights(recorded)[:3]
