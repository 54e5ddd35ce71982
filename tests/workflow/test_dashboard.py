"""The dashboard's widget in the embedded AWS: what CloudWatch would show, and what its buttons do."""

from __future__ import annotations

import json
import re
from typing import Any

from rollout_simulator.template import load_template
from tests.workflow.world import World, sample, world


def asked(at: World, **event: Any) -> str:
    """The function's answer, as CloudWatch invokes it."""
    name = at.simulation.aws.deployment.outputs["DashboardFunctionName"]
    payload = json.dumps({**sample("dashboard"), **event})
    answer = at.client("lambda").invoke(FunctionName=name, Payload=payload)
    assert "FunctionError" not in answer
    return str(json.loads(answer["Payload"].read()))


def test_a_rollout_is_paused_and_resumed_by_its_buttons_and_promoted() -> None:
    with world() as at:
        execution = at.start(at.request())
        at.until_canary()
        button = next(each for each in payloads(asked(at)) if each.get("command", {}).get("command") == "pause")
        assert "pause recorded" in asked(at, **button)
        at.simulation.clock.run_until(lambda: any(event["state"] == "PAUSED" for event in at.told()))
        (resume,) = (each for each in payloads(asked(at)) if each.get("command", {}).get("command") == "resume")
        asked(at, **resume)
        assert at.ended(execution)["status"] == "SUCCEEDED"
        assert "promoted" in asked(at)
        assert "pause by the dashboard" in asked(at, rollout="r-1")


def payloads(page: str) -> list[dict[str, Any]]:
    """What the page's actions would send."""
    return [json.loads(text) for text in re.findall(r"<cwdb-action [^>]*>(.*?)</cwdb-action>", page)]


def test_the_function_is_named_as_cloudwatch_wants_and_the_dashboard_shows_it() -> None:
    resources = load_template()["Resources"]
    assert resources["DashboardFunction"]["Properties"]["FunctionName"]["Fn::Sub"].startswith("customWidget")
    body = json.loads(resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])
    shown = {widget["type"]: widget["properties"] for widget in body["widgets"]}
    assert shown["custom"]["endpoint"] == "${DashboardFunction.Arn}"
    alarms = {name for name, each in resources.items() if each["Type"].endswith("Alarm")}
    assert {f"${{{name}.Arn}}" for name in alarms} == set(shown["alarm"]["alarms"])
