"""A team's own alarm takes the canary away at once, however it is found and however often it is told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.workflow.world import World, world

Json = dict[str, Any]

LONG = {"plan": {"steps": [{"weightPercent": 5, "bakeMinutes": 600}]}}
NAMED = {"name": "orders-5xx", "threshold": 0.9}
TAGGED = {"name": "orders-5xx", "threshold": 0.9, "named_in_request": False, "tagged": True}
LONGEST_SECONDS = 10.0
"""Of wall time, from the alarm's event to the canary's removal."""


@pytest.fixture
def baking(request: pytest.FixtureRequest) -> Iterator[World]:
    """A rollout in the middle of its bake, with an alarm."""
    with world(alarms=[getattr(request, "param", NAMED)], request=LONG) as at:
        at.start(at.request())
        at.until_canary()
        at.simulation.clock.sleep(210)
        yield at


def fire(at: World, reason: str = "6 errors") -> None:
    at.client("cloudwatch").set_alarm_state(AlarmName="orders-5xx", StateValue="ALARM", StateReason=reason)


def test_no_simulated_time_passes_between_the_alarm_and_the_canarys_removal(
    baking: World, record_property: Any
) -> None:
    clock = baking.simulation.clock
    fired, began = clock.now(), time.perf_counter()
    fire(baking)
    clock.run_until(lambda: "canarySettings" not in baking.stage())
    took = time.perf_counter() - began
    record_property("seconds from the alarm's event to the canary's removal", took)
    assert clock.now() == fired
    assert took < LONGEST_SECONDS


@pytest.mark.parametrize("baking", [NAMED, TAGGED], ids=["named in the request", "found by its tag"], indirect=True)
def test_an_alarm_rolls_back_and_is_named_as_the_reason(baking: World) -> None:
    fire(baking)
    (execution,) = [baking.ended(one["executionArn"]) for one in baking.executions()]
    assert (execution["status"], execution["error"]) == ("FAILED", "RolledBack")
    assert "orders-5xx" in execution["cause"]
    assert "6 errors" in execution["cause"]
    assert baking.holder() is None


def test_a_composite_alarm_is_an_alarm_like_any_other() -> None:
    with world(alarms=[NAMED | {"named_in_request": False}], request=LONG) as at:
        at.client("cloudwatch").put_composite_alarm(AlarmName="checkout", AlarmRule='ALARM("orders-5xx")')
        at.simulation.prepare_alarms()
        execution = at.start(at.request(alarms=["checkout"]))
        at.until_canary()
        at.simulation.clock.sleep(90)
        fire(at)
        ended = at.ended(execution)
    assert "RolledBack" == ended["error"]
    assert "alarm checkout" in ended["cause"]


def test_an_event_that_comes_again_and_again_changes_nothing_more(baking: World) -> None:
    fire(baking)
    bus = baking.simulation.aws.events
    (event,) = [each for each in bus.put if each["detail-type"] == "CloudWatch Alarm State Change"][-1:]
    for _ in range(3):
        bus.emit(event)
    (execution,) = baking.executions()
    baking.ended(execution["executionArn"])
    for _ in range(3):
        bus.emit(event)
    baking.simulation.clock.sleep(600)
    assert list(baking.changes()) == ["UpdateStage", "UpdateStage"]  # the canary was made, and removed
    assert [detail["state"] for detail in baking.told()][-2:] == ["ROLLING_BACK", "ROLLED_BACK"]
    assert len(baking.executions()) == 1


def test_an_alarm_of_others_does_not_concern_the_rollout(baking: World) -> None:
    cloudwatch = baking.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="payments-5xx",
        Namespace="AWS/ApiGateway",
        MetricName="5XXError",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName="payments-5xx", StateValue="ALARM", StateReason="theirs")
    baking.simulation.clock.sleep(120)
    (execution,) = baking.executions()
    assert execution["status"] == "RUNNING"
    assert "canarySettings" in baking.stage()


def test_an_alarm_that_fires_already_rejects_unless_told_to_ignore_it() -> None:
    burning = {"error_percent": 95.0}
    with world(alarms=[NAMED | {"firing_at_start": True}], base=burning, request=LONG) as at:
        before = at.stage()
        refused = at.ended(at.start(at.request(), "refused"))
        assert refused["error"] == "Rejected"
        assert "orders-5xx is already firing" in refused["cause"]
        assert (at.stage(), at.changes()) == (before, [])

        ignoring = at.start(at.request(ignoreAlarmsAlreadyFiring=True), "ignoring")
        at.until_canary()
        at.simulation.clock.sleep(300)
        assert at.status(ignoring) == "RUNNING"
        # It flaps, as it did before, and the candidate is like the base: it is not the candidate's doing.
        at.client("cloudwatch").set_alarm_state(AlarmName="orders-5xx", StateValue="OK", StateReason="over")
        fire(at, "again")
        at.simulation.clock.sleep(600)
        assert at.status(ignoring) == "RUNNING"
