"""What a rollout costs: all that the real workflow does in the simulator, counted and priced by `prices.json`.

Counted are state transitions, invocations and their time, the size of every item that is read or written, every metric
that is asked for or told, events, log lines and traces. Every invocation is priced alike, and generously: see
`LAMBDA_MS`.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import Any

from botocore.client import BaseClient
from moto.dynamodb.models import dynamodb_backends

from rollout_simulator.moto_patches.invocations import OUTSIDE, invocation
from rollout_simulator.moto_patches.patching import replaced
from rollout_simulator.scenario import parse_scenario
from rollout_simulator.simulation import Simulation, opened
from rollout_simulator.template import ACCOUNT, REGION, load_template

PRICES: Mapping[str, Any] = json.loads(Path(__file__).with_name("prices.json").read_text())
MEMORY_GB = 0.5
LAMBDA_MS = 400.0
"""Priced for every invocation: many times what a warm one was measured to take, and as much as a cold one computes."""
HOURS_PER_MONTH = 730.0
KB = 1024
SWEEPS_PER_HOUR = 12
STATISTICS_PER_METRIC = 5
PLANS: Mapping[str, tuple[list[dict[str, Any]], int]] = {
    "1 hour": ([{"weightPercent": 5, "bakeMinutes": 10}, {"weightPercent": 25, "bakeMinutes": 20}], 15),
    "2 hours": (
        [
            {"weightPercent": 5, "bakeMinutes": 15},
            {"weightPercent": 10, "bakeMinutes": 20},
            {"weightPercent": 25, "bakeMinutes": 20},
            {"weightPercent": 50, "bakeMinutes": 20},
        ],
        25,
    ),
    "1 day": (
        [{"weightPercent": weight, "bakeMinutes": 330} for weight in (5, 10, 25, 50)],
        60,
    ),
    "14 days": (
        [{"weightPercent": weight, "bakeMinutes": 5_000} for weight in (5, 10, 25, 50)],
        60,
    ),
}

Json = dict[str, Any]


@dataclass(slots=True)
class Bill:
    """Amounts by what they are priced as, and how often each function was invoked."""

    amounts: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    invoked: Counter[str] = field(default_factory=Counter)

    def priced(self) -> dict[str, float]:
        """Dollars by what they are for."""
        return {name: amount * PRICES[name] for name, amount in self.amounts.items()}


def measured() -> Json:
    """A healthy rollout by each plan, and a month without any."""
    return {"rollouts": {name: _rollout(*plan) for name, plan in PLANS.items()}, "idleMonth": _idle()}


def _rollout(steps: list[Json], watch_minutes: int) -> Json:
    request = {"plan": {"steps": steps, "watchMinutes": watch_minutes}}
    scenario = parse_scenario({"name": "cost", "horizon_minutes": 60_000, "request": request}, "cost")
    with opened(scenario) as simulation:
        # What the simulation itself prepared is no part of the bill.
        bill = Bill()
        with _metered(bill):
            result = simulation.run()
        _count_executions(bill, simulation)
        _count_output(bill, simulation)
    prices = bill.priced()
    return {
        "outcome": result.outcome,
        "minutes": result.simulated_minutes,
        "amounts": {name: round(amount, 6) for name, amount in sorted(bill.amounts.items())},
        "invoked": dict(sorted(bill.invoked.items())),
        "dollars": {name: round(price, 6) for name, price in sorted(prices.items())},
        "total": round(sum(prices.values()), 5),
    }


@contextmanager
def _metered(bill: Bill) -> Iterator[None]:
    """Count every call of a function and of the workflow."""
    original: Any = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(client: Any, operation: str, parameters: Any) -> Any:
        answer = original(client, operation, parameters)
        if invocation.get() != OUTSIDE:
            _count_call(bill, client.meta.service_model.service_name, operation, parameters)
        return answer

    with replaced(BaseClient, "_make_api_call", call):
        yield


def _count_call(bill: Bill, service: str, operation: str, parameters: Any) -> None:
    match service, operation:
        case "lambda", "Invoke":
            bill.invoked[str(parameters["FunctionName"]).split(":")[6].rpartition("-")[2]] += 1
        case "dynamodb", "TransactWriteItems":
            for part in parameters["TransactItems"]:
                ((_, item),) = part.items()
                bill.amounts["dynamoDbWriteUnit"] += 2 * _units(item, KB)  # a transaction writes twice
        case "dynamodb", "GetItem" | "Query":
            bill.amounts["dynamoDbReadUnit"] += _units(parameters, 4 * KB)
        case "dynamodb", _:
            bill.amounts["dynamoDbWriteUnit"] += _units(parameters, KB)
        case "cloudwatch", "GetMetricData":
            bill.amounts["cloudWatchMetricRequested"] += _metrics_requested(parameters["MetricDataQueries"])
        case "cloudwatch", _:
            bill.amounts["cloudWatchApiCall"] += 1
        case "events", _:
            bill.amounts["eventBridgeEvent"] += len(parameters["Entries"])
        case "sns", _:
            bill.amounts["snsMessage"] += 1


def _metrics_requested(queries: Sequence[Mapping[str, Any]]) -> int:
    """Up to five statistics of one metric are charged as one metric (documented in CloudWatch's pricing)."""
    statistics = Counter(json.dumps(query["MetricStat"]["Metric"], sort_keys=True) for query in queries)
    return sum(ceil(count / STATISTICS_PER_METRIC) for count in statistics.values())


def _units(part: Mapping[str, Any], size: int) -> int:
    """Capacity units for the item as it now is; one more for a write, in case an index of the table follows."""
    key = part.get("Key") or {name: part.get("Item", {}).get(name) for name in ("pk", "sk")}
    table = dynamodb_backends[ACCOUNT][REGION].tables[part["TableName"]]
    found = None
    if key.get("pk") and key.get("sk"):
        found = table.items.get(_value(key["pk"]), {}).get(_value(key["sk"]))
    written = len(json.dumps(found.to_json()["Attributes"])) if found is not None else size
    return ceil(written / size) + (1 if size == KB else 0)


def _value(attribute: Mapping[str, str]) -> Any:
    from moto.dynamodb.models.dynamo_type import DynamoType  # noqa: PLC0415 - moto's key of a partition

    return DynamoType(dict(attribute))


def _count_executions(bill: Bill, simulation: Simulation) -> None:
    client = simulation.aws.client("stepfunctions")
    executions = simulation.aws.executions.all()
    for execution in executions:
        pages = client.get_paginator("get_execution_history").paginate(executionArn=execution.exec_arn)
        entered = sum(event["type"].endswith("StateEntered") for page in pages for event in page["events"])
        bill.amounts["stepFunctionsTransition"] += entered
    notified = sum(arn.endswith("NotifyFunction") for arn, _ in simulation.aws.events.delivered)
    bill.invoked["NotifyFunction"] += notified
    invoked = bill.invoked.total()
    bill.amounts["lambdaRequest"] += invoked
    bill.amounts["lambdaArmGbSecond"] += invoked * MEMORY_GB * LAMBDA_MS / 1000
    bill.amounts["xRayTrace"] += len(executions) + notified


def _count_output(bill: Bill, simulation: Simulation) -> None:
    """Log lines, and the metrics among them: a metric is charged for each hour in which it is told."""
    told: set[tuple[Any, ...]] = set()
    for name, physical in simulation.aws.deployment.physical.items():
        for line in simulation.aws.output.lines(physical) if name.endswith("Function") else ():
            bill.amounts["logsGbIngested"] += (len(line) + 300) / KB**3  # START, END and REPORT come to 300 bytes
            document = json.loads(line)
            for directive in document.get("_aws", {}).get("CloudWatchMetrics", ()):
                hour = datetime.fromtimestamp(document["_aws"]["Timestamp"] / 1000, UTC).replace(minute=0, second=0)
                for names in directive["Dimensions"]:
                    values = tuple(document[each] for each in names)
                    told.update((metric["Name"], values, hour.isoformat()[:13]) for metric in directive["Metrics"])
    bill.amounts["cloudWatchCustomMetricMonth"] += len(told) / HOURS_PER_MONTH


def _idle() -> Json:
    """The controller without rollouts: the sweep for lost locks every five minutes, and its alarms."""
    bill = Bill()
    sweeps = SWEEPS_PER_HOUR * HOURS_PER_MONTH
    bill.amounts["lambdaRequest"] = sweeps
    bill.amounts["lambdaArmGbSecond"] = sweeps * MEMORY_GB * LAMBDA_MS / 1000
    bill.amounts["dynamoDbReadUnit"] = 2 * sweeps
    bill.amounts["logsGbIngested"] = 500 * sweeps / KB**3
    bill.amounts["xRayTrace"] = sweeps
    resources = load_template()["Resources"].values()
    bill.amounts["cloudWatchAlarmMonth"] = sum(each["Type"] == "AWS::CloudWatch::Alarm" for each in resources)
    prices = bill.priced()
    return {
        "dollars": {name: round(price, 5) for name, price in sorted(prices.items())},
        "total": round(sum(prices.values()), 4),
    }
