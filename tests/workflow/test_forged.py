"""A request cannot command other rollouts, whatever it says that only the workflow may say."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rollout_simulator.faults import Fault
from tests.workflow.world import world

PLAN = {"steps": [{"weightPercent": 5, "bakeMinutes": 1}], "watchMinutes": 0}


@pytest.mark.parametrize("by_event", [True, False])
def test_a_forged_undo_undoes_nothing(*, by_event: bool) -> None:
    with world(request={"plan": PLAN}) as at:
        assert "SUCCEEDED" == at.ended(at.start(at.request(), "victim"))["status"]
        promoted = at.stage()
        forged = {"undo": "victim", "actor": "cto@example.com"}
        if by_event:
            at.put("Rollout Requested", forged)
            at.simulation.clock.run_until(at.simulation.clock.now() + timedelta(minutes=2))
        else:
            assert "Rejected" == at.ended(at.start(forged, "victim-undo"))["error"]
        assert promoted == at.stage()
        assert ["SUCCEEDED", "FAILED"] == [one["status"] for one in at.executions()]


def test_a_forged_continuation_whose_preparation_fails_touches_no_other_rollout() -> None:
    with world(request={"plan": {**PLAN, "steps": [{"weightPercent": 5, "bakeMinutes": 30}]}}) as at:
        victim = at.start(at.request(), "victim")
        at.until_canary()
        at.simulation.aws.faults.inject(Fault("dynamodb", caller="Prepare", error="InternalServerError"))
        at.put("Rollout Requested", {"continue": "victim"})
        at.simulation.clock.run_until(at.simulation.clock.now() + timedelta(minutes=10))
        assert ("RUNNING", "victim") == (at.status(victim), at.holder())
        assert 5 == at.stage()["canarySettings"]["percentTraffic"]
        assert [] == [event for event in at.told("victim") if event["state"] == "ROLLING_BACK"]
