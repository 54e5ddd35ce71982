"""How a rollout is asked for: in the console, by an event; and what is refused, with nothing touched."""

from __future__ import annotations

import importlib
import json
from typing import Any

import pytest

from rollout.errors import InvalidRequest
from rollout.request import parse_request
from rollout_simulator.faults import Fault, Mode
from tests.workflow.world import EVENTS, ROOT, World, sample, world

Json = dict[str, Any]

REQUESTS = ("request", "request-minimal", "request-careful")
STATES = ("analyze", "close", "create_canary", "explain", "promote", "roll_back", "shift_traffic")
ALARM = {"name": "orders-5xx", "threshold": 0.9, "named_in_request": False}


def here(request: Json, at: World) -> Json:
    """A sample with the ids of this world's API."""
    own = at.request()["candidate"]["deploymentId"]
    found = {**request, "target": at.target()}
    if "deploymentId" in request.get("candidate", {}):
        found["candidate"] = {**request["candidate"], "deploymentId": own}
    return found


def test_every_sample_is_used_by_a_test() -> None:
    others = {"request-alias", "prepare", "put-events", "on_alarm", "on_command", "recover", "notify"}
    others |= {"dashboard", "dashboard-describe", "dashboard-button"}
    assert {path.stem for path in EVENTS.glob("*.json")} == {*REQUESTS, *STATES, *others}


@pytest.mark.parametrize("name", REQUESTS)
def test_every_sample_request_is_valid_and_starts_a_rollout_from_the_console(name: str) -> None:
    parse_request(sample(name))
    with world(alarms=[ALARM]) as at:
        request = here(sample(name), at)
        execution = at.start(request, "orders-2026-03-02")
        at.until_canary()
        weight = request.get("plan", {}).get("steps", [{"weightPercent": 5}])[0]["weightPercent"]
        assert at.stage()["canarySettings"]["percentTraffic"] == weight
        assert (at.status(execution), at.holder()) == ("RUNNING", "orders-2026-03-02")


def test_the_sample_request_for_an_alias_starts_a_rollout_from_the_console() -> None:
    parse_request(sample("request-alias"))
    alarm = {"name": "orders-errors", "threshold": 0.9, "named_in_request": False}
    with world(target="lambda-alias", alarms=[alarm]) as at:
        execution = at.start(sample("request-alias"), "orders-2026-03-02")
        at.until_canary()
        alias = at.client("lambda").get_alias(FunctionName="orders", Name="live")
        assert alias["RoutingConfig"]["AdditionalVersionWeights"] == {"2": 0.05}
        assert at.status(execution) == "RUNNING"


def test_the_sample_event_starts_the_same_rollout_through_the_rule() -> None:
    (entry,) = sample("put-events")
    assert json.loads(entry["Detail"]) == sample("request")
    with world(alarms=[ALARM]) as at:
        at.put(entry["DetailType"], here(json.loads(entry["Detail"]), at))
        at.until_canary()
        (execution,) = at.executions()
        assert json.loads(execution["input"])["detail"] == here(sample("request"), at)
        assert at.holder() == execution["name"]


def test_every_functions_sample_is_what_the_workflow_gives_it() -> None:
    definition = json.loads((ROOT / "statemachine" / "rollout.asl.json").read_text())["States"]
    for name in (*STATES, "prepare"):
        payload = definition[name.replace("_", " ").capitalize()]["Arguments"]["Payload"]
        assert sample(name).keys() == payload.keys()
    parse_request(sample("prepare")["request"])


def test_every_functions_sample_is_understood_by_its_function() -> None:
    with world(alarms=[ALARM]) as at:
        request = sample("prepare")
        request["request"] = here(request["request"], at)

        def invoked(name: str, event: Json) -> Any:
            function = "".join(part.capitalize() for part in name.split("_"))
            physical = at.simulation.aws.deployment.physical[f"{function}Function"]
            answer = at.client("lambda").invoke(FunctionName=physical, Payload=json.dumps(event))
            payload = json.loads(answer["Payload"].read())
            assert "FunctionError" not in answer, payload
            return payload

        decisions = [
            invoked(name, event)["decision"]
            for name, event in [("prepare", request), *((name, sample(name)) for name in ("create_canary", "analyze"))]
        ]
        assert decisions == ["CREATE", "CONTINUE", "CONTINUE"]
        # These are called when it is not their turn: they do nothing, and say what is.
        assert [invoked(name, sample(name))["decision"] for name in ("shift_traffic", "promote")] == ["CONTINUE"] * 2
        assert invoked("on_command", sample("on_command"))["accepted"]
        assert invoked("on_alarm", sample("on_alarm")) == {"signalled": ["orders-2026-03-02"]}
        assert invoked("analyze", sample("analyze"))["decision"] == "ROLL_BACK"
        assert invoked("roll_back", sample("roll_back"))["decision"] == "CLOSE"
        assert invoked("close", sample("close"))["outcome"] == "ROLLED_BACK"
        assert invoked("recover", sample("recover")) == {"recovered": []}


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({}, "target: required"),
        ({"candidat": {}}, "candidat: unknown field; allowed are target, candidate"),
        ({"plan": {"steps": [{"weightPercent": 5, "bakeMinuts": 10}]}}, "plan.steps[0].bakeMinuts: unknown field"),
        ({"plan": {"steps": [{"weightPercent": 100, "bakeMinutes": 1}]}}, "plan.steps[0].weightPercent"),
        ({"judge": {"metrics": [{"name": "5XXErrors", "tolerance": 3}]}}, "judge.metrics[0]"),
    ],
)
def test_a_request_that_cannot_be_understood_is_rejected_with_its_field_and_touches_nothing(
    wrong: Json, named: str
) -> None:
    with world() as at:
        before = at.stage()
        request = {"target": at.target(), **wrong} if wrong else {}
        with pytest.raises(InvalidRequest) as understood:
            parse_request(request)
        assert named in str(understood.value)
        ended = at.ended(at.start(request))
        assert (ended["status"], ended["error"]) == ("FAILED", "Rejected")
        assert named in ended["cause"]
        assert (at.stage(), at.holder(), at.changes()) == (before, None, [])
        assert [detail["state"] for detail in at.told()] == ["REJECTED"]


@pytest.mark.parametrize("request_document", [[], "rollout", 7, None, {"target": []}])
def test_whatever_json_is_sent_the_execution_ends_rejected(request_document: Any) -> None:
    with world() as at:
        ended = at.ended(at.start(request_document))
        assert (ended["status"], ended["error"], at.changes()) == ("FAILED", "Rejected", [])


def test_a_second_rollout_of_the_stage_is_rejected_naming_the_first_and_leaves_it_alone() -> None:
    with world(request={"plan": {"steps": [{"weightPercent": 5, "bakeMinutes": 60}]}}) as at:
        first = at.start(at.request(), "the-first")
        at.until_canary()
        stage = at.stage()
        second = at.ended(at.start(at.request(), "the-second"))
        assert (second["status"], second["error"]) == ("FAILED", "Rejected")
        assert "the-first" in second["cause"]
        assert (at.status(first), at.holder(), at.stage()) == ("RUNNING", "the-first", stage)
        assert [detail["state"] for detail in at.told("the-second")] == ["REJECTED"]


def test_a_stage_that_does_not_exist_is_a_reason_to_reject() -> None:
    with world() as at:
        ended = at.ended(at.start(at.request(target={**at.target(), "stageName": "none"})))
        assert ended["error"] == "Rejected"
        assert "none" in ended["cause"]


@pytest.mark.parametrize("lost_answers", [0, 1, 3, 4])
def test_without_a_deployment_the_api_is_deployed_exactly_once_whatever_answers_are_lost(lost_answers: int) -> None:
    with world() as at:
        if lost_answers:
            fault = Fault("apigateway", "CreateDeployment", Mode.AFTER, times=lost_answers)
            at.simulation.aws.faults.inject(fault)
        known = deployments(at)
        request = at.request(candidate={"stageVariables": {"lambdaAlias": "next"}})
        execution = at.start(request)
        at.until_canary()
        (made,) = deployments(at) - known
        assert at.stage()["canarySettings"]["deploymentId"] == made
        assert at.ended(execution)["status"] == "SUCCEEDED"
        assert at.stage()["deploymentId"] == made
        assert deployments(at) == known | {made}


def deployments(at: World) -> set[str]:
    answer = at.client("apigateway").get_deployments(restApiId=at.target()["restApiId"], limit=500)
    return {each["id"] for each in answer["items"]}


def test_every_module_named_by_a_sample_is_a_handler() -> None:
    for name in (*STATES, "prepare", "on_alarm", "on_command", "recover"):
        assert callable(importlib.import_module(name).handler)
