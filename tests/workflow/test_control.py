"""Trouble around the control, the step in which the base keeps five percent before the promotion."""

from __future__ import annotations

from typing import Any

from rollout_simulator.chaos import Recorded
from rollout_simulator.chaos.plan import Act, AwsFault, What
from tests.workflow.trouble import (
    ALARM,
    after,
    at,
    before,
    command,
    fault,
    final,
    is_base,
    is_promoted,
    outcome,
    ran,
    reason,
    weights,
)

PLAN = {"steps": [{"weightPercent": 50, "bakeMinutes": 1}], "watchMinutes": 2, "afterMinutes": 4}
IN_CONTROL = 210.0
"""Seconds after the start at which the base keeps its control."""
AFTER_PROMOTION = 420.0


def controlled(*acts: Act, faults: tuple[AwsFault, ...] = (), **request: Any) -> Recorded:
    """The rollout 50 % → 95 % → 100 % with these acts and faults; no law is broken."""
    return ran(*acts, faults=faults, **{"plan": PLAN, **request})


def test_the_base_keeps_its_control_before_the_promotion() -> None:
    recorded = controlled()
    assert ("PROMOTED", [0, 50, 95, 0]) == (outcome(recorded), weights(recorded))
    assert is_promoted(final(recorded), recorded)


def test_an_abort_in_the_midst_of_the_raise_to_the_control_wins() -> None:
    recorded = controlled(after("ShiftTraffic", "UpdateStage", What.COMMAND, **command("abort")))
    assert ("ROLLED_BACK", True) == (outcome(recorded), is_base(final(recorded), recorded))


def test_an_alarm_in_the_control_rolls_back() -> None:
    recorded = controlled(at(IN_CONTROL, What.ALARM_EVENT, name=ALARM, state="ALARM", before="OK"), alarms=[ALARM])
    assert ("ROLLED_BACK", 95, True) == (outcome(recorded), max(weights(recorded)), is_base(final(recorded), recorded))


def test_an_alarm_after_the_promotion_rolls_back() -> None:
    event = at(AFTER_PROMOTION, What.ALARM_EVENT, name=ALARM, state="ALARM", before="OK")
    recorded = controlled(event, alarms=[ALARM])
    assert ("ROLLED_BACK", [0, 50, 95, 0]) == (outcome(recorded), weights(recorded))
    assert is_base(final(recorded), recorded)


def test_an_execution_that_dies_in_the_control_leaves_the_base() -> None:
    recorded = controlled(at(IN_CONTROL, What.STOP_EXECUTION))
    assert ("ROLLED_BACK", True) == (outcome(recorded), is_base(final(recorded), recorded))


def test_a_canary_that_somebody_removes_in_the_control_is_not_made_again() -> None:
    recorded = controlled(at(IN_CONTROL, What.FOREIGN_CHANGE, kind="canary removed"))
    assert ("STOPPED", [0, 50, 95, 0]) == (outcome(recorded), weights(recorded))


def test_a_task_that_dies_while_it_raises_to_the_control_raises_once() -> None:
    recorded = controlled(before("ShiftTraffic", "UpdateItem", What.CRASH, 2))
    assert ("PROMOTED", [0, 50, 95, 0]) == (outcome(recorded), weights(recorded))


def test_a_control_whose_metrics_cannot_be_read_is_not_promoted() -> None:
    down = fault(
        "cloudwatch", "GetMetricData", since_seconds=IN_CONTROL - 30, for_seconds=7_200.0, error="InternalServiceFault"
    )
    recorded = controlled(faults=(down,))
    assert ("ROLLED_BACK", True) == (outcome(recorded), is_base(final(recorded), recorded))
    assert "held for" in reason(recorded)
