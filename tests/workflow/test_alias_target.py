"""A Lambda alias through the real workflow: calls that fail, people who interfere, executions that die.

After each run the alias is on one version without weights, and that is the one that the outcome says.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from rollout_simulator.simulation import Result, opened
from tests.workflow.world import scenario, world

BASE, CANDIDATE, OTHER, PUBLISHED = "1", "2", "3", "4"
PROMOTED = ("PROMOTED", CANDIDATE, None)
ROLLED_BACK = ("ROLLED_BACK", BASE, None)
PUBLISH: dict[str, Any] = {"candidate": {}}


def rollout(**fields: Any) -> Result:
    """A short one."""
    with opened(scenario(target="lambda-alias", **fields)) as simulation:
        return simulation.run()


def came_of(result: Result) -> tuple[str, str, Any]:
    """The outcome, and the alias's version and weights."""
    alias = result.final_stage or {}
    return result.outcome, alias["FunctionVersion"], alias.get("RoutingConfig")


@pytest.mark.parametrize(
    ("function", "mode"),
    [("CreateCanary", "after"), ("Promote", "before"), ("Promote", "after"), ("Promote", "duplicate")],
)
def test_a_change_of_the_alias_that_fails_is_made_up_for_by_the_retry(function: str, mode: str) -> None:
    fault = {"service": "lambda", "operation": "UpdateAlias", "mode": mode, "times": 1, "error": "ServiceException"}
    result = rollout(faults=[{**fault, "function": f"rollout-pilot-{function}Function"}])
    assert PROMOTED == came_of(result), result.reason


@pytest.mark.parametrize("mode", ["after", "duplicate"])
def test_a_version_is_published_once_however_often_the_answer_is_lost(mode: str) -> None:
    fault = {"service": "lambda", "operation": "PublishVersion", "mode": mode, "times": 1, "error": "ServiceException"}
    with opened(scenario(target="lambda-alias", faults=[fault], request=PUBLISH)) as simulation:
        result = simulation.run()
        versions = simulation.aws.client("lambda").list_versions_by_function(FunctionName="orders")["Versions"]
    assert ("PROMOTED", PUBLISHED, None) == came_of(result), result.reason
    assert ["$LATEST", "1", "2", "3", "4"] == [version["Version"] for version in versions]


def test_a_rollback_that_is_throttled_is_tried_until_it_is_done() -> None:
    fault = {
        "service": "lambda",
        "operation": "UpdateAlias",
        "from_minute": 4,
        "minutes": 2,
        "error": "ServiceException",
    }
    assert ROLLED_BACK == came_of(rollout(candidate={"error_percent": 100.0}, faults=[fault]))


@pytest.mark.parametrize("command", ["abort", "stop-execution"])
def test_a_person_may_end_it(command: str) -> None:
    assert ROLLED_BACK == came_of(rollout(signals=[{"at_minute": 3, "command": command}]))


def test_a_promotion_can_be_undone() -> None:
    result = rollout(signals=[{"at_minute": 30, "command": "rollback"}])
    assert ("PROMOTED", BASE, None) == came_of(result)


@pytest.mark.parametrize(
    "theirs",
    [
        {"FunctionVersion": OTHER, "RoutingConfig": {"AdditionalVersionWeights": {}}},
        {"RoutingConfig": {"AdditionalVersionWeights": {CANDIDATE: 0.9}}},
        {"RoutingConfig": {"AdditionalVersionWeights": {OTHER: 0.05}}},
        {"RoutingConfig": {"AdditionalVersionWeights": {}}},
    ],
    ids=["version", "weight", "third version", "weights cleared"],
)
def test_what_somebody_else_changes_stops_it_and_is_left_alone(theirs: dict[str, Any]) -> None:
    result = rollout(foreign_changes=[{"at_minute": 3, "update_alias": theirs}])
    alias = result.final_stage or {}
    assert "STOPPED" == result.outcome
    assert theirs.get("FunctionVersion", BASE) == alias["FunctionVersion"]
    weights = theirs["RoutingConfig"]["AdditionalVersionWeights"]
    assert weights == alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})


def test_a_new_description_of_the_alias_disturbs_nobody() -> None:
    described = {"at_minute": 3, "update_alias": {"Description": "the one that is live"}}
    assert PROMOTED == came_of(rollout(foreign_changes=[described]))


def test_an_alias_that_is_deleted_stops_it() -> None:
    result = rollout(foreign_changes=[{"at_minute": 3, "delete_alias": True}])
    assert ("STOPPED", None) == (result.outcome, result.final_stage)


def test_an_alarm_tagged_for_the_alias_rolls_it_back() -> None:
    alarm = {"name": "orders-errors", "tagged": True, "named_in_request": False, "fires_at_minute": 3}
    result = rollout(alarms=[alarm])
    assert ROLLED_BACK == came_of(result)
    assert "orders-errors" in result.reason


def test_a_request_for_what_is_live_already_has_nothing_to_do() -> None:
    with world(target="lambda-alias") as at:
        request = {**at.simulation.subject.request(), "candidate": {"version": BASE}}
        ended = at.ended(at.start(request))
        assert ("PROMOTED", []) == (json.loads(ended["output"])["outcome"], at.changes())


def test_an_alias_with_weights_of_somebody_else_is_refused() -> None:
    with world(target="lambda-alias") as at:
        weights = {"RoutingConfig": {"AdditionalVersionWeights": {OTHER: 0.1}}}
        at.client("lambda").update_alias(FunctionName="orders", Name="live", **weights)
        ended = at.ended(at.start(at.simulation.subject.request()))
    assert "already has a canary 3 at 10 %, and no rollout of it is running" in ended["cause"]
