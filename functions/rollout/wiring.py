"""The only place that reads the environment and makes clients."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from rollout.adapters import apigateway_stage, lambda_alias
from rollout.adapters.access_log_metrics import AccessLogMetrics
from rollout.adapters.alias_inspector import AliasInspector
from rollout.adapters.alias_metrics import AliasMetrics
from rollout.adapters.apigateway_stage import ApiGatewayStage
from rollout.adapters.cloudwatch import CloudWatchReader
from rollout.adapters.cloudwatch_alarms import CloudWatchAlarms
from rollout.adapters.custom_metrics import WithCustomMetrics
from rollout.adapters.dynamodb_store import DynamoDbStore
from rollout.adapters.eventbridge import EventBridgeNotifier
from rollout.adapters.function_aliases import FunctionAliases
from rollout.adapters.lambda_alias import LambdaAlias
from rollout.adapters.stage_inspector import StageInspector
from rollout.adapters.stage_metrics import StageMetrics
from rollout.adapters.stepfunctions import StepFunctionsExecutions, StepFunctionsWaker
from rollout.adapters.throttling import wait_out_throttling
from rollout.core.measures import ACCESS_LOG
from rollout.core.notification import Place
from rollout.ports import Ports

if TYPE_CHECKING:
    from rollout.adapters.sns import SnsMessenger

CLIENT_CONFIG = Config(
    connect_timeout=3,
    read_timeout=8,
    retries={"mode": "standard", "total_max_attempts": 3},
)
"""Stated because botocore's defaults change. A call with all its retries ends well within a task's time-out, so no
call of a task that was given up can still be on its way when the next task begins."""

SENT_ONCE = CLIENT_CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}))
"""For the clients that change targets. A write whose answer was lost must not be sent again unseen: CreateDeployment
would make another deployment, and UpdateStage and UpdateAlias are fenced by the read before them. The workflow repeats
the whole task. Throttling alone is waited out: a throttled call was not carried out."""
CHANGE_TARGETS = frozenset({"apigateway", "lambda"})


@dataclass(frozen=True, slots=True)
class Environment:
    """What the template tells the functions."""

    table: str
    bus: str
    history_days: int
    state_machine: str

    @classmethod
    def read(cls) -> Environment:
        """From the process environment.

        Raises: KeyError (a variable that the template sets is missing).
        """
        return cls(
            table=os.environ["TABLE_NAME"],
            bus=os.environ["EVENT_BUS_NAME"],
            history_days=int(os.environ["HISTORY_DAYS"]),
            state_machine=os.environ["STATE_MACHINE_ARN"],
        )


class SystemClock:
    """Implements `Clock`."""

    def now(self) -> datetime:
        """The system's time, in UTC."""
        return datetime.now(UTC)


def ports() -> Ports:
    """The ports over AWS, made once per environment and kept for the next invocation."""
    return _ports(Environment.read())


def buttons() -> bool:
    """Whether the dashboard takes commands.

    Raises: KeyError (a variable that the template sets is missing).
    """
    return os.environ["DASHBOARD_BUTTONS"] == "true"


@cache
def _ports(environment: Environment) -> Ports:
    return ports_over(LazyClient, environment)


def ports_over(client: Callable[[str], Any], environment: Environment) -> Ports:
    """The ports over the AWS that these clients talk to; `client` makes one by the name of its service."""
    cloudwatch, workflow = client("cloudwatch"), client("stepfunctions")
    apigateway, functions = client("apigateway"), client("lambda")
    reader = CloudWatchReader(cloudwatch)
    return Ports(
        clock=SystemClock(),
        store=DynamoDbStore(client("dynamodb"), environment.table, environment.history_days),
        shifters={
            apigateway_stage.KIND: ApiGatewayStage(apigateway, FunctionAliases(functions)),
            lambda_alias.KIND: LambdaAlias(functions),
        },
        sources={
            apigateway_stage.KIND: WithCustomMetrics(StageMetrics(reader), reader, "5XXError"),
            lambda_alias.KIND: WithCustomMetrics(AliasMetrics(reader), reader, "Errors"),
            ACCESS_LOG: WithCustomMetrics(AccessLogMetrics(reader), reader, "5XXError"),
        },
        inspectors={
            apigateway_stage.KIND: StageInspector(apigateway, functions),
            lambda_alias.KIND: AliasInspector(functions),
        },
        alarms=CloudWatchAlarms(cloudwatch, client("resourcegroupstaggingapi")),
        notifier=EventBridgeNotifier(client("events"), environment.bus),
        waker=StepFunctionsWaker(workflow),
        executions=StepFunctionsExecutions(workflow, environment.state_machine),
    )


def place() -> Place:
    """Where this controller is."""
    return Place(stack=os.environ["STACK_NAME"], region=os.environ["AWS_REGION"])


def messenger() -> SnsMessenger:
    """Who tells people, made once per environment."""
    topic, message_format = os.environ["NOTIFICATION_TOPIC_ARN"], os.environ["NOTIFICATION_FORMAT"]
    return _messenger(topic, message_format, os.environ["TABLE_NAME"])


@cache
def _messenger(topic: str, message_format: str, table: str) -> SnsMessenger:
    from rollout.adapters.sns import SnsMessenger  # noqa: PLC0415 - for one function; the others start without it

    client: Callable[[str], Any] = LazyClient
    return SnsMessenger(client("sns"), topic, message_format, client("dynamodb"), table)


class LazyClient:
    """A client that is made when it is first used: most functions call three services of the seven."""

    def __init__(self, service: str) -> None:
        self._service = service

    @cached_property
    def _made(self) -> Any:
        make: Any = boto3.client
        if self._service in CHANGE_TARGETS:
            return wait_out_throttling(make(self._service, config=SENT_ONCE))
        return make(self._service, config=CLIENT_CONFIG)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made, name)
