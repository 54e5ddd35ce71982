"""Why it failed, through the real workflow: the planted cause is named, and what cannot be read changes no outcome."""

from __future__ import annotations

import json
from html import unescape
from typing import Any

import pytest
from typer.testing import CliRunner

from rollout.tasks import explain
from rollout_cli.main import app
from rollout_cli.rollout_snapshot import look
from rollout_simulator.chaos.plan import What
from rollout_simulator.faults import Fault
from rollout_simulator.scenario import parse_scenario
from rollout_simulator.simulation import Result, Simulation, opened
from tests.workflow.test_dashboard import asked
from tests.workflow.trouble import after, final, is_base, outcome, ran
from tests.workflow.world import World, scenario

Json = dict[str, Any]

LOGGING = {"access_log": True}
ROUTES = [
    {"name": "POST /orders", "share_percent": 40, "candidate_error_percent": 9},
    {"name": "GET /orders/{id}", "share_percent": 50},
]

CAUSES: dict[str, tuple[Json, str]] = {
    "a missing key on one route": (
        {
            "routes": ROUTES,
            "candidate": {"failures": [{"message": "KeyError: 'sku'", "route": "POST /orders"}]},
        },
        "POST /orders 502, KeyError: 'sku' (base: 0 of ",
    ),
    "a missing environment variable": (
        {"candidate": {"error_percent": 40, "failures": [{"message": "KeyError: 'TABLE_NAME'", "source": "start"}]}},
        "GET / 502, KeyError: 'TABLE_NAME' (base: 0 of ",
    ),
    "a time-out": (
        {"candidate": {"error_percent": 9, "failures": [{"message": "timed out", "source": "timeout", "seconds": 6}]}},
        "GET / 502, Task timed out after # seconds (base: 0 of ",
    ),
    "a permission that is missing": (
        {
            "candidate": {
                "error_percent": 9,
                "failures": [
                    {
                        "message": "ClientError: An error occurred (AccessDeniedException) when calling the PutItem "
                        "operation: User: arn:aws:sts::123456789012:assumed-role/orders/orders-7 is not authorized to "
                        "perform: dynamodb:PutItem",
                        "log_format": "JSON",
                    }
                ],
            }
        },
        "GET / 502, ClientError: An error occurred (AccessDeniedException) when calling the PutItem operation: ",
    ),
    "a request that validation refuses": (
        {
            "candidate": {
                "client_error_percent": 22,
                "failures": [
                    {
                        "status": 400,
                        "source": "gateway",
                        "error_type": "BAD_REQUEST_BODY",
                        "message": "Invalid request body",
                    }
                ],
            }
        },
        "GET / 400, BAD_REQUEST_BODY: Invalid request body (base: 0 of ",
    ),
    "an integration that may not be called": (
        {
            "candidate": {
                "error_percent": 9,
                "failures": [
                    {
                        "status": 403,
                        "source": "gateway",
                        "error_type": "ACCESS_DENIED",
                        "message": "User is not authorized to access this resource",
                    },
                    {"status": 500, "source": "gateway", "error_type": "API_CONFIGURATION_ERROR"},
                ],
            }
        },
        "GET / 500, API_CONFIGURATION_ERROR (base: 0 of ",
    ),
    "a process that is killed": (
        {
            "candidate": {
                "error_percent": 9,
                "failures": [{"message": "Runtime exited with error: signal: killed", "source": "exit"}],
            }
        },
        "GET / 502, Runtime exited with error: signal: killed (base: 0 of ",
    ),
}


def lived(**fields: Any) -> tuple[Simulation, Result]:
    with opened(scenario(api=LOGGING, **fields)) as simulation:
        return simulation, simulation.run()


def why(rollout_id: str, *options: str) -> str:
    """What `rollout why` prints."""
    told = CliRunner().invoke(app, ["why", rollout_id, *options, "--region", "us-east-1"])
    assert told.exit_code == 0, told.output
    return told.stdout


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_rollout_why_names_the_planted_cause(cause: str, seed: int) -> None:
    fields, named = CAUSES[cause]
    with opened(scenario(api=LOGGING, seed=seed, **fields)) as simulation:
        result = simulation.run()
        shown = why(simulation.rollout_id)
        document = json.loads(why(simulation.rollout_id, "--json"))
    assert "ROLLED_BACK" == result.outcome
    first, *others = shown.splitlines()
    assert named in first
    assert " failures: " in first
    group = document["groups"][0]
    assert group["canary"] > group["canaryOf"] / 2
    assert 1 <= len(group["samples"]) <= 3
    assert all(sample["requestId"] and sample["traceId"] for sample in group["samples"])
    assert group["samples"][0]["requestId"] in others[0]
    assert any(named in message.text for message in result.messages if message.state == "ROLLED_BACK")


def test_every_screen_shows_what_failed() -> None:
    fields, named = CAUSES["a missing key on one route"]
    with opened(scenario(api=LOGGING, **fields)) as simulation:
        simulation.run()
        rollout = simulation.store.load(simulation.rollout_id)
        seen = look(simulation.store, simulation.rollout_id)
        screens = {
            name: CliRunner().invoke(app, [*words, simulation.rollout_id, "--region", "us-east-1"]).stdout
            for name, words in {"status": ["status"], "report": ["report"], "json": ["status", "--json"]}.items()
        }
        widget = asked(World(simulation), rollout=simulation.rollout_id)
    assert rollout is not None
    assert seen is not None
    assert f"Why it failed: {rollout.why.groups[0]}" in screens["status"] if rollout.why else False
    assert named in screens["report"]
    assert "KeyError: 'sku'" == json.loads(screens["json"])["why"]["groups"][0]["message"]
    page = unescape(seen.page())
    assert "<h2>What failed</h2>" in page
    assert named in page
    assert named in unescape(widget)


def test_of_a_rollout_that_is_not_there_nothing_is_told() -> None:
    with opened(scenario()):
        told = CliRunner().invoke(app, ["why", "nobody", "--region", "us-east-1"])
    assert told.exit_code == 2
    assert "there is no rollout nobody" in told.stderr


def test_an_alias_is_told_by_its_versions_lines() -> None:
    failing = {"error_percent": 9, "failures": [{"message": "KeyError: 'sku'"}]}
    with opened(scenario(target="lambda-alias", candidate=failing)) as simulation:
        result = simulation.run()
        shown = why(simulation.rollout_id)
    assert "ROLLED_BACK" == result.outcome
    assert "errors in the function's log: KeyError: 'sku' (base: 0 of " in shown.splitlines()[0]


def test_without_an_access_log_the_functions_log_still_names_the_cause() -> None:
    failing = {"error_percent": 9, "failures": [{"message": "KeyError: 'sku'"}]}
    with opened(scenario(candidate=failing)) as simulation:
        simulation.run()
        shown = why(simulation.rollout_id)
    assert "errors in the function's log: KeyError: 'sku' (base: 0 of " in shown.splitlines()[0]
    assert explain.NO_ACCESS_LOG in shown


def test_a_regression_after_the_promotion_is_compared_with_what_served_before() -> None:
    failing = {"error_percent": 40, "from_minute": 16, "failures": [{"message": "KeyError: 'sku'"}]}
    plan = {"steps": [{"weightPercent": 5, "bakeMinutes": 3}], "watchMinutes": 30, "control": 0}
    alarm = {"name": "orders-5xx", "threshold": 0.2}
    with opened(scenario(api=LOGGING, candidate=failing, alarms=[alarm], request={"plan": plan})) as simulation:
        result = simulation.run()
        shown = why(simulation.rollout_id)
    assert ("ROLLED_BACK", 100.0) == (result.outcome, result.max_weight_percent)
    assert "failures: GET / 502, KeyError: 'sku' (base: 0 of " in shown.splitlines()[0]


def test_a_running_rollout_is_read_with_ones_own_permissions_and_nothing_is_stored() -> None:
    failing = {"error_percent": 9, "failures": [{"message": "KeyError: 'sku'"}]}
    with opened(scenario(api=LOGGING, candidate=failing, request={"onRegression": "hold"})) as simulation:
        result = simulation.run()
        shown = why(simulation.rollout_id)
        stored = simulation.store.load(simulation.rollout_id)
    assert "HELD" == result.outcome
    assert "failures: GET / 502, KeyError: 'sku' (base: 0 of " in shown.splitlines()[0]
    assert stored is not None
    assert stored.why is None


# --- what cannot be read -----------------------------------------------------------------------------------------

FAILING = {"error_percent": 9, "failures": [{"message": "KeyError: 'sku'"}]}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"error": "AccessDeniedException"}, "AccessDeniedException"),
        ({"error": "ThrottlingException"}, "ThrottlingException"),
        ({"error": "ServiceUnavailableException"}, "ServiceUnavailableException"),
        ({"mode": "slow", "seconds": 100.0}, "Read timeout"),
    ],
)
def test_logs_that_cannot_be_read_change_no_outcome_and_why_is_said(fault: Json, said: str) -> None:
    broken = {"service": "logs", "operation": "FilterLogEvents", **fault}
    _, sound = lived(candidate=FAILING)
    _, result = lived(candidate=FAILING, faults=[broken])
    ended = [message.text for message in result.messages if message.state == "ROLLED_BACK"]
    assert (sound.outcome, sound.reason, sound.final_stage) == (result.outcome, result.reason, result.final_stage)
    assert result.simulated_minutes - sound.simulated_minutes <= 1.05
    assert (1, False) == (len(ended), result.lock_held)
    assert said in ended[0]


@pytest.mark.parametrize("what", [What.CRASH, What.HANG])
@pytest.mark.parametrize(
    ("operation", "explained"), [("GetItem", False), ("FilterLogEvents", False), ("UpdateItem", True)]
)
def test_a_task_that_dies_or_is_never_answered_ends_within_a_minute_and_the_rollout_is_closed(
    operation: str, explained: bool, what: What
) -> None:
    recorded = ran(after("Explain", operation, what), scenario={"candidate": {"error_percent": 100.0}})
    assert "ROLLED_BACK" == outcome(recorded)
    assert is_base(final(recorded), recorded)
    events = [event["detail"] for event in recorded.events if event["detail"].get("state") == "ROLLED_BACK"]
    why = events[-1]["why"]
    assert explained == bool(why["groups"])
    assert explained or "Explain failed" in why["notes"][0]


def test_what_the_controller_could_not_read_is_read_by_the_person_who_asks() -> None:
    denied = Fault("logs", "FilterLogEvents", error="AccessDeniedException", caller="Explain")
    with opened(scenario(api=LOGGING, candidate=FAILING)) as simulation:
        simulation.aws.faults.inject(denied)
        result = simulation.run()
        assert result.rollout is not None
        assert result.rollout.why is not None
        assert () == result.rollout.why.groups
        assert " failures: " in why(simulation.rollout_id)


def test_the_base_serves_before_any_log_is_read() -> None:
    simulation, _ = lived(candidate=FAILING)
    operations = [call.operation for call in simulation.aws.faults.calls]
    searched = [number for number, operation in enumerate(operations) if operation == "FilterLogEvents"]
    written = [number for number, operation in enumerate(operations) if operation == "UpdateStage"]
    assert written[-1] < searched[0]
    assert len(searched) <= explain.MOST_CALLS / 4


def test_switched_off_nothing_is_read_and_nothing_may_be() -> None:
    chosen = parse_scenario({"name": "off", "api": LOGGING, "candidate": FAILING}, "test")
    with opened(chosen) as simulation:
        deployment = simulation.aws.deploy("quiet", {"LogGroupName": ""})
        statements = simulation.aws.permissions.roles["quiet/ExplainFunction"]
        variables = deployment.resources["ExplainFunction"]["Environment"]["Variables"]
    assert "" == variables["LOG_GROUP_NAME"]
    assert not [each for each in statements if any("logs:" in action for action in each.actions)]


@pytest.mark.parametrize("on_promotion", ["mergeVariables", "moveAliases"])
def test_versions_that_the_rollout_points_aliases_to_itself_are_told_apart(on_promotion: str) -> None:
    """After the rollback the alias is on the old version again; the candidate's is in the record."""
    with opened(scenario(api={"on_promotion": on_promotion}, candidate=FAILING)) as simulation:
        result = simulation.run()
        shown = why(simulation.rollout_id)
    assert "ROLLED_BACK" == result.outcome
    assert "errors in the function's log: KeyError: 'sku' (base: 0 of " in shown.splitlines()[0]
