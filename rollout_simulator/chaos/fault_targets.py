"""What there is to aim at, by the kind of target: its metrics, its calls, and what other people do to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

THROTTLED = "ThrottlingException"

CALLERS = (
    "Prepare",
    "CreateCanary",
    "CreateCanary",
    "Analyze",
    "Analyze",
    "ShiftTraffic",
    "ShiftTraffic",
    "Promote",
    "Promote",
    "RollBack",
    "RollBack",
    "Close",
    "OnAlarm",
    "OnCommand",
    "Recover",
    "state machine",
)

MOVERS = ("CreateCanary", "ShiftTraffic", "Promote", "RollBack")
"""The tasks that change the target."""

Service = tuple[str, tuple[str, ...], tuple[str, ...]]
"""Its name, the operations that fail ("*": any), and with what."""


@dataclass(frozen=True, slots=True)
class FaultTargets:
    """A kind of target, seen by whoever means it harm. What is listed twice happens twice as often."""

    service: str
    errors: str
    latency: str
    reads: str
    writes: str
    foreign: tuple[str, ...]
    services: tuple[Service, ...]

    @property
    def operations(self) -> Mapping[str, tuple[str, ...]]:
        """The calls of a function that are worth meeting; any, of one that is not named."""
        changing = (self.writes, self.reads, "UpdateItem", "TransactWriteItems", "*")
        return {
            **dict.fromkeys(("CreateCanary", "ShiftTraffic", "Promote", "RollBack"), changing),
            "Recover": (self.writes, self.reads, "TransactWriteItems", "*"),
            "state machine": ("UpdateItem", "Invoke", "*"),
            "OnAlarm": ("UpdateItem", "SendTaskSuccess", "*"),
            "OnCommand": ("UpdateItem", "SendTaskSuccess", "*"),
        }


DYNAMODB: Service = (
    "dynamodb",
    ("*", "UpdateItem", "TransactWriteItems", "GetItem", "Query"),
    (THROTTLED, "InternalServerError"),
)
CLOUDWATCH: Service = (
    "cloudwatch",
    ("*", "GetMetricData", "DescribeAlarms"),
    ("ThrottlingException", "InternalServiceFault"),
)
EVENTS: Service = ("events", ("PutEvents",), (THROTTLED, "InternalServerError"))
WORKFLOW: Service = (
    "stepfunctions",
    ("*", "SendTaskSuccess", "DescribeExecution"),
    (THROTTLED, "InternalServerError"),
)
SNS: Service = ("sns", ("Publish",), (THROTTLED,))
LAMBDA_ERRORS = ("TooManyRequestsException", "ServiceException")

STAGE = FaultTargets(
    service="apigateway",
    errors="5XXError",
    latency="Latency",
    reads="GetStage",
    writes="UpdateStage",
    foreign=(
        "weight",
        "weight to nothing",
        "canary's deployment",
        "override",
        "another override",
        "variable",
        "unwatched variable",
        "base",
        "canary removed",
        "canary removed",
        "promoted by hand",
        "plain deployment",
        "stage deleted",
    ),
    services=(
        DYNAMODB,
        ("apigateway", ("*", "UpdateStage", "GetStage"), ("TooManyRequestsException", "ServiceUnavailableException")),
        CLOUDWATCH,
        EVENTS,
        WORKFLOW,
        ("lambda", ("Invoke",), LAMBDA_ERRORS),
        SNS,
    ),
)
ALIAS = FaultTargets(
    service="lambda",
    errors="Errors",
    latency="Duration",
    reads="GetAlias",
    writes="UpdateAlias",
    foreign=(
        "weight",
        "weight to nothing",
        "canary's version",
        "base",
        "canary removed",
        "canary removed",
        "promoted by hand",
        "plain deployment",
        "description",
        "alias deleted",
        "alias made anew",
    ),
    services=(
        DYNAMODB,
        ("lambda", ("*", "UpdateAlias", "UpdateAlias", "GetAlias", "PublishVersion"), LAMBDA_ERRORS),
        CLOUDWATCH,
        EVENTS,
        WORKFLOW,
        ("lambda", ("Invoke",), LAMBDA_ERRORS),
        SNS,
    ),
)
FAULT_TARGETS = {"apigateway-stage": STAGE, "lambda-alias": ALIAS}
