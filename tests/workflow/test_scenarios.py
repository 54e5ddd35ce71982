"""Every scenario that comes with the product ends as it says, and leaves nothing loose behind."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rollout.core.controller_metrics import CONTROLLER_METRICS
from rollout.core.judge.plan import is_probe
from rollout.core.judge.ramp import WEIGHTS
from rollout.request.schemas import state_changed
from rollout_simulator.expectations import unmet
from rollout_simulator.samples import rounded, samples_of
from rollout_simulator.scenario import SCENARIOS, Scenario, load_scenario
from rollout_simulator.simulation import Result, Simulation, opened
from rollout_simulator.subjects import Alias
from tests.workflow.world import STATE_CHANGED, World, metrics_of, scenario, undated

PENDING = Path(__file__).parent / "pending"
NAMES = sorted(path.stem for path in SCENARIOS.glob("*.toml"))
LONG = frozenset(
    {
        "access-log-healthy",
        "access-log-stands-in",
        "alarm-after-the-control",
        "alarm-of-another-account",
        "alias-healthy",
        "alias-published",
        "alias-worse-after-promotion",
        "alias-worse-at-95-percent",
        "approved-when-held",
        "base-equally-bad",
        "blind-before-the-last-step",
        "business-metric-healthy",
        "business-metric-on-a-dry-run",
        "cloudwatch-down",
        "cold-starts-in-long-bakes",
        "derived-plan-at-0.05-rps-bad",
        "derived-plan-at-0.05-rps-good",
        "derived-plan-at-0.5-rps-good",
        "derived-plan-at-2-rps-good",
        "exclusive-base",
        "fix-for-a-base-that-fails-fast",
        "fix-for-a-dead-base",
        "flapping-alarm-and-its-fix",
        "hangs-as-the-base-does",
        "late-leak",
        "low-traffic",
        "no-traffic",
        "nobody-answers",
        "one-request-in-ten-minutes",
        "one-route-in-a-hundred",
        "only-at-25-percent",
        "paused-and-resumed",
        "points-a-quarter-of-an-hour-late-good",
        "promoted-at-once",
        "raise-throttled",
        "ramp-healthy",
        "ramp-healthy-under-heavy-traffic",
        "shared-outage",
        "shared-outage-before-the-promotion",
        "shared-outage-in-the-control",
        "shared-outage-in-the-watch",
        "stage-aliases-healthy",
        "stage-aliases-moved",
        "stage-aliases-two-functions",
        "stage-aliases-two-functions-worse",
        "stage-aliases-worse",
        "told-after-the-promotion",
        "traffic-stops",
        "undone",
        "warm-up-at-20-a-second",
        "warm-up-at-200-a-second",
        "worse-after-promotion",
        "worse-while-paused",
    }
)
"""Those with the most analyses; nine tenths of the time of all."""
TERMINAL = frozenset({"PROMOTED", "ROLLED_BACK", "STOPPED", "FAILED", "REJECTED"})
ERRORS = {
    "ROLLED_BACK": "RolledBack",
    "STOPPED": "Stopped",
    "REJECTED": "Rejected",
    "FAILED": "Failed",
}
TOLD = frozenset(
    {"eventId", "rolloutId", "execution", "target", "state", "decision", "reason", "evidence", "at", "startedAt"}
)
EVENT = state_changed(strict=True)
MOST_BYTES = 256 * 1024
"""Of an EventBridge entry."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ran:
    """A scenario that has been run: the result, the executions, all events and deliveries."""

    scenario: Scenario
    result: Result
    simulation: Simulation
    executions: Sequence[Json]

    @property
    def told(self) -> Sequence[Json]:
        """The `Rollout State Changed` events, whole."""
        return [event for event in self.simulation.aws.events.put if event["detail-type"] == STATE_CHANGED]

    @property
    def stopped_by_hand(self) -> bool:
        return any(signal.command == "stop-execution" for signal in self.scenario.signals)

    @property
    def undone(self) -> bool:
        return any(signal.command == "rollback" for signal in self.scenario.signals)


def test_the_long_ones_are_there() -> None:
    assert set() == LONG - set(NAMES)


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow if name in LONG else ()) for name in NAMES])
def test_every_scenario_ends_as_it_says_with_nothing_left_loose(name: str, caplog: pytest.LogCaptureFixture) -> None:
    chosen = load_scenario(SCENARIOS / f"{name}.toml")
    with opened(chosen) as simulation:
        result = simulation.run()
        simulation.aws.limits.enforced = False  # what the test asks is nobody's traffic
        ran = Ran(chosen, result, simulation, World(simulation).executions())
        the_outcome_is_the_expected_one(ran)
        the_target_is_as_the_outcome_says(ran)
        the_execution_tells_the_truth(ran)
        the_world_is_told_once_of_the_end(ran)
        every_event_is_one_that_eventbridge_takes(ran)
        every_event_is_as_its_schema_says(ran)
        the_samples_that_come_from_it_are_current(ran)
        nothing_is_undelivered(ran)
        nothing_is_called_without_permission(ran)
        every_log_line_names_its_rollout_target_and_step(ran, caplog.records)
        every_metric_is_one_of_those_that_are_documented(ran)


def the_outcome_is_the_expected_one(ran: Ran) -> None:
    result = ran.result
    assert list(unmet(ran.scenario.expected, result)) == []
    weights = [step["weightPercent"] for step in ran.scenario.request.get("plan", {}).get("steps", [])] or [
        5,
        10,
        25,
        50,
    ]
    weights.append(95)  # the control
    if ran.scenario.request.get("plan", {}).get("ramp"):
        weights += [float(weight) for weight in WEIGHTS]
    if result.rollout is not None and is_probe(result.rollout.settings.plan, 0):
        weights.append(float(result.rollout.settings.plan[0].weight_percent))
    assert result.max_weight_percent in {0, *weights, 100} | {90.0 for _ in ran.scenario.foreign_changes}


def the_target_is_as_the_outcome_says(ran: Ran) -> None:
    if ran.scenario.target == "lambda-alias":
        the_alias_is_as_the_outcome_says(ran)
    else:
        the_stage_is_as_the_outcome_says(ran)
    if ran.scenario.api.on_promotion is not None:
        the_aliases_are_as_the_outcome_says(ran)
    assert ran.result.lock_held == (ran.result.outcome == "HELD")


def the_alias_is_as_the_outcome_says(ran: Ran) -> None:
    before, after = ({**(one or {}), "RevisionId": ""} for one in (ran.result.initial_stage, ran.result.final_stage))
    subject = ran.simulation.subject
    assert isinstance(subject, Alias)
    candidate = "4" if ran.scenario.request.get("candidate") == {} else subject.function.candidate
    match ran.result.outcome:
        case "PROMOTED":
            assert after == {**before, "FunctionVersion": candidate}
        case "ROLLED_BACK" | "REJECTED":
            assert after == before
        case "STOPPED":
            # Somebody else's change is left alone.
            (change,) = ran.scenario.foreign_changes
            assert after == {**before, **change.update_alias}
        case outcome:
            pytest.fail(f"no scenario of an alias should end {outcome}")


def the_aliases_are_as_the_outcome_says(ran: Ran) -> None:
    """Those behind the stage, where the rollout moves them."""
    match ran.result.outcome, ran.scenario.api.on_promotion:
        case "PROMOTED", "mergeVariables":
            expected = {"live": "1", "next": "2"}
        case "PROMOTED", _:
            expected = {"live": "2", "next": "2"}
        case _:
            expected = {"live": "1", "next": "1"}
    client = ran.simulation.aws.client("lambda")
    for function in ran.simulation.api.functions:
        for alias, version in expected.items():
            shown = client.get_alias(FunctionName=function, Name=alias)
            assert (shown["FunctionVersion"], "RoutingConfig" in shown) == (version, False)


def the_stage_is_as_the_outcome_says(ran: Ran) -> None:
    before, after = undated(ran.result.initial_stage), undated(ran.result.final_stage)
    api, overrides = ran.simulation.api, dict(ran.scenario.api.candidate_variables)
    moves = ran.scenario.api.on_promotion == "moveAliases"
    variables = before["variables"] if moves else {**before["variables"], **overrides}
    promoted = {**before, "deploymentId": api.candidate, "variables": variables}
    match ran.result.outcome:
        case "PROMOTED":
            assert after == (before if ran.undone else promoted)
        case "ROLLED_BACK" | "REJECTED":
            assert after == before
        case "HELD":
            canary = after.pop("canarySettings")
            assert after == before
            assert (canary["deploymentId"], canary["stageVariableOverrides"]) == (api.candidate, overrides)
            assert canary["percentTraffic"] == ran.result.timeline[-1].weight_percent > 0
        case "STOPPED":
            # Somebody else's change is left alone.
            (change,) = ran.scenario.foreign_changes
            removed = change.delete_stage or (change.patch and change.patch[0]["op"] == "remove")
            assert ("canarySettings" in after) != removed
            assert bool(after) != change.delete_stage


def the_execution_tells_the_truth(ran: Ran) -> None:
    last, *others = ran.executions
    # An undo is a rollout of its own.
    assert [(one["status"], one.get("error")) for one in others] == ([("FAILED", "RolledBack")] if ran.undone else [])
    shown = (last["status"], last.get("error"))
    if ran.stopped_by_hand:
        assert shown == ("ABORTED", None)
    elif ran.result.outcome == "HELD":
        assert shown == ("RUNNING", None)
    elif ran.result.outcome == "PROMOTED":
        assert shown == ("SUCCEEDED", None)
        assert json.loads(last["output"])["outcome"] == "PROMOTED"
    else:
        assert shown == ("FAILED", ERRORS[ran.result.outcome])
        assert last["cause"] == ran.result.reason


def the_world_is_told_once_of_the_end(ran: Ran) -> None:
    ours = ran.simulation.rollout_id
    states = [event["detail"]["state"] for event in ran.told if event["detail"]["rolloutId"] == ours]
    ends = [] if ran.result.outcome == "HELD" else [ran.result.outcome]
    assert [state for state in states if state in TERMINAL] == ends
    assert states[-1] == (ends or ["HELD"])[0]


def every_event_is_one_that_eventbridge_takes(ran: Ran) -> None:
    ids = [event["detail"]["eventId"] for event in ran.told]
    assert len(ids) == len(set(ids))
    for event in ran.told:
        assert (event["source"], TOLD - event["detail"].keys()) == ("rollout.pilot", frozenset())
        assert event["detail"]["rolloutId"] in {one["name"] for one in ran.executions}
        assert event["detail"]["reason"]
        assert len(json.dumps(event["detail"]).encode()) < MOST_BYTES
    # Nobody but the notifier listens to what we tell: a rollout cannot set off another.
    delivered = ran.simulation.aws.events.delivered
    heard = {arn.rpartition(":")[2] for arn, event in delivered if event["detail-type"] == STATE_CHANGED}
    assert heard <= {"rollout-pilot-NotifyFunction"}


def every_event_is_as_its_schema_says(ran: Ran) -> None:
    for event in ran.told:
        EVENT.validate_python(event["detail"])


def the_samples_that_come_from_it_are_current(ran: Ran) -> None:
    for path, sample in samples_of(ran.simulation).items():
        assert rounded(json.loads(path.read_text(encoding="utf-8"))) == rounded(sample), (
            "run: python -m rollout_simulator.samples"
        )


def every_log_line_names_its_rollout_target_and_step(ran: Ran, log: Sequence[logging.LogRecord]) -> None:
    lines = [vars(record) for record in log if record.name == "rollout-pilot"]
    assert lines
    assert [line for line in lines if not line.get("rollout_id") or "step" not in line or "target" not in line] == []
    if ran.result.outcome != "REJECTED":
        assert [line for line in lines if not line["target"]] == []


def every_metric_is_one_of_those_that_are_documented(ran: Ran) -> None:
    for line in metrics_of(ran.simulation.aws):
        for directive in line["_aws"]["CloudWatchMetrics"]:
            for metric in directive["Metrics"]:
                known = CONTROLLER_METRICS[metric["Name"]]
                assert (metric["Unit"], directive["Namespace"]) == (known.unit, "RolloutPilot")
                assert [sorted(group) for group in directive["Dimensions"]] == [sorted(["service", *known.dimensions])]


def nothing_is_undelivered(ran: Ran) -> None:
    sqs, outputs = ran.simulation.aws.client("sqs"), ran.simulation.aws.deployment.outputs
    answer = sqs.receive_message(QueueUrl=outputs["UndeliveredEventsUrl"])
    assert answer.get("Messages", []) == []


def nothing_is_called_without_permission(ran: Ran) -> None:
    assert ran.simulation.aws.permissions.refused == []


@pytest.mark.slow
def test_a_rollback_that_cannot_be_done_pages_somebody_keeps_the_lock_and_is_called_failed() -> None:
    denied = {"service": "apigateway", "operation": "UpdateStage", "error": "AccessDeniedException", "from_minute": 3}
    failing = scenario(candidate={"error_percent": 100.0}, faults=[denied], horizon_minutes=30)
    with opened(failing) as simulation:
        queue = simulation.aws.client("sqs").create_queue(QueueName="pager")["QueueUrl"]
        simulation.aws.client("sns").subscribe(
            TopicArn=simulation.aws.deployment.outputs["OperationsTopicArn"],
            Protocol="sqs",
            Endpoint="arn:aws:sqs:us-east-1:123456789012:pager",
        )
        result = simulation.run()
        (execution,) = World(simulation).executions()
        pages = simulation.aws.client("sqs").receive_message(QueueUrl=queue).get("Messages", [])
    assert (execution["status"], execution["error"]) == ("FAILED", "RollbackFailed")
    assert (result.outcome, result.lock_held) == ("FAILED", True)
    assert "canarySettings" in (result.final_stage or {})
    assert "needs help" in pages[0]["Body"]


@pytest.mark.slow
def test_the_same_seed_replays_the_same_rollout_and_another_one_does_not() -> None:
    chosen = scenario(candidate={"error_percent": 3.0}, traffic={"requests_per_second": 50})

    def run(seed: int) -> Json:
        with opened(chosen, seed) as simulation:
            document = simulation.run().to_document()
        document.pop("wallSeconds")
        return document

    first = run(1)
    assert run(1) == first
    assert run(2) != first


def test_every_scenario_that_waits_for_its_rule_is_one_and_is_listed() -> None:
    waiting = sorted(PENDING.glob("*.toml"))
    assert [path.stem for path in waiting if not load_scenario(path).description] == []
    rows = (PENDING / "README.md").read_text(encoding="utf-8").partition("|---|")[2].splitlines()
    listed = [name for row in rows[1:] if row.startswith("|") for name in row.split(" | ")[0].strip("| ").split(", ")]
    assert sorted(listed) == [path.stem for path in waiting]
