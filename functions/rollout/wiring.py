"""The only place that reads the environment and makes clients."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import boto3
from botocore.config import Config

from rollout.adapters.dynamodb_store import DynamoDbStore
from rollout.adapters.stepfunctions import StepFunctionsExecutions, StepFunctionsWaker
from rollout.adapters.throttling import wait_out_throttling
from rollout.core.controllers import EVERYTHING, Controller
from rollout.core.measures import ACCESS_LOG
from rollout.ports import Ports

if TYPE_CHECKING:
    from rollout.adapters.cloudwatch import CloudWatchReader
    from rollout.adapters.function_aliases import FunctionAliases
    from rollout.adapters.sns import SnsMessenger
    from rollout.core.notification import Place
    from rollout.ports import Alarms, Controllers, Logs, MetricSource, Notifier, TargetInspector, TrafficShifter

_T = TypeVar("_T")

APIGATEWAY_STAGE = "apigateway-stage"
LAMBDA_ALIAS = "lambda-alias"
"""The kinds of target, as requests call them."""

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

READ_ONCE = CLIENT_CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": 2}))
"""For reading logs, which has less than a minute in all: what is slow is left out."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What the template tells the functions."""

    table: str
    bus: str
    history_days: int
    state_machine: str
    rest_api: str = EVERYTHING
    functions: str = EVERYTHING
    log_groups: str = ""

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
            rest_api=os.environ.get("REST_API_ID", EVERYTHING),  # these two are Prepare's alone
            functions=os.environ.get("FUNCTION_NAME", EVERYTHING),
            log_groups=os.environ.get("LOG_GROUP_NAME", ""),  # this is Explain's alone
        )

    @property
    def controller(self) -> Controller:
        """This controller; its state machine has the stack's name."""
        home = self.state_machine
        return Controller(home.rpartition(":")[2], self.rest_api, self.functions, home)


class SystemClock:
    """Implements `Clock`."""

    def now(self) -> datetime:
        """The system's time, in UTC."""
        return datetime.now(UTC)


def ports() -> Ports:
    """The ports over AWS, made once per environment and kept for the next invocation."""
    return _ports(Environment.read())


def controller_arn() -> str:
    """The state machine's ARN, for the controller's partition, region and account.

    A function's own ARN does not tell them everywhere: `sam local invoke` makes one of an account of its own.

    Raises: KeyError (a variable that the template sets is missing).
    """
    return os.environ["STATE_MACHINE_ARN"]


def buttons() -> bool:
    """Whether the dashboard takes commands.

    Raises: KeyError (a variable that the template sets is missing).
    """
    return os.environ["DASHBOARD_BUTTONS"] == "true"


@cache
def _ports(environment: Environment) -> Ports:
    return ports_over(lazy_client, environment)


def ports_over(client: Callable[[str], Any], environment: Environment) -> Ports:
    """The ports over the AWS that these clients talk to; `client` makes one by the name of its service."""
    workflow, apigateway, functions = client("stepfunctions"), client("apigateway"), client("lambda")
    cloudwatch, tagging, events = client("cloudwatch"), client("resourcegroupstaggingapi"), client("events")
    aliases, reader = lazy(lambda: _function_aliases(functions)), lazy(lambda: _reader(cloudwatch))
    return Ports(
        clock=SystemClock(),
        store=DynamoDbStore(client("dynamodb"), environment.table, environment.history_days),
        shifters={
            APIGATEWAY_STAGE: lazy(lambda: _stage(apigateway, aliases)),
            LAMBDA_ALIAS: lazy(lambda: _alias(functions)),
        },
        sources={
            APIGATEWAY_STAGE: lazy(lambda: _stage_metrics(reader)),
            LAMBDA_ALIAS: lazy(lambda: _alias_metrics(reader)),
            ACCESS_LOG: lazy(lambda: _access_log_metrics(reader)),
        },
        inspectors={
            APIGATEWAY_STAGE: lazy(lambda: _stage_inspector(client, environment.state_machine)),
            LAMBDA_ALIAS: lazy(lambda: _alias_inspector(functions)),
        },
        alarms=lazy(lambda: _alarms(cloudwatch, tagging)),
        controllers=lazy(lambda: _controllers(tagging, environment)),
        notifier=lazy(lambda: _notifier(events, environment.bus)),
        waker=StepFunctionsWaker(workflow),
        executions=StepFunctionsExecutions(workflow, environment.state_machine),
        logs=lazy(lambda: _logs(client("logs"), apigateway, functions)) if environment.log_groups else None,
    )


def place() -> Place:
    """Where this controller is."""
    from rollout.core.notification import Place

    return Place(stack=os.environ["STACK_NAME"], region=os.environ["AWS_REGION"])


def messenger() -> SnsMessenger:
    """Who tells people, made once per environment."""
    topic, message_format = os.environ["NOTIFICATION_TOPIC_ARN"], os.environ["NOTIFICATION_FORMAT"]
    return _messenger(topic, message_format, os.environ["TABLE_NAME"])


@cache
def _messenger(topic: str, message_format: str, table: str) -> SnsMessenger:
    from rollout.adapters.sns import SnsMessenger

    return SnsMessenger(lazy_client("sns"), topic, message_format, lazy_client("dynamodb"), table)


# --- what is made when it is first used --------------------------------------------------------------------------


class _Lazy(Generic[_T]):
    """Stands for what `make` makes, and makes it at the first access to one of its attributes."""

    def __init__(self, make: Callable[[], _T]) -> None:
        self._make = make

    @cached_property
    def _made(self) -> _T:
        return self._make()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made, name)


def lazy(make: Callable[[], _T]) -> _T:
    """What `make` makes, made when it is first used.

    A function starts with what it needs: most call two or three services and one kind of target. So `make` imports the
    adapter itself. For the type checker this is the adapter: that it is what the port asks for is checked.
    """
    return cast("_T", _Lazy(make))


def lazy_client(service: str) -> Any:
    """A client for this service, by the settings above."""
    return lazy(lambda: _client(service))


def _client(service: str) -> Any:
    make: Any = boto3.client
    if service in CHANGE_TARGETS:
        return wait_out_throttling(make(service, config=SENT_ONCE))
    return make(service, config=READ_ONCE if service == "logs" else CLIENT_CONFIG)


def _stage(client: Any, aliases: FunctionAliases) -> TrafficShifter:
    from rollout.adapters.apigateway_stage import ApiGatewayStage

    return ApiGatewayStage(client, aliases)


def _function_aliases(client: Any) -> FunctionAliases:
    from rollout.adapters.function_aliases import FunctionAliases

    return FunctionAliases(client)


def _alias(client: Any) -> TrafficShifter:
    from rollout.adapters.lambda_alias import LambdaAlias

    return LambdaAlias(client)


def _reader(client: Any) -> CloudWatchReader:
    from rollout.adapters.cloudwatch import CloudWatchReader

    return CloudWatchReader(client)


def _stage_metrics(reader: CloudWatchReader) -> MetricSource:
    from rollout.adapters.stage_metrics import StageMetrics

    return _with_custom_metrics(StageMetrics(reader), reader, "5XXError")


def _alias_metrics(reader: CloudWatchReader) -> MetricSource:
    from rollout.adapters.alias_metrics import AliasMetrics

    return _with_custom_metrics(AliasMetrics(reader), reader, "Errors")


def _access_log_metrics(reader: CloudWatchReader) -> MetricSource:
    from rollout.adapters.access_log_metrics import AccessLogMetrics

    return _with_custom_metrics(AccessLogMetrics(reader), reader, "5XXError")


def _with_custom_metrics(source: MetricSource, reader: CloudWatchReader, errors: str) -> MetricSource:
    from rollout.adapters.custom_metrics import WithCustomMetrics

    return WithCustomMetrics(source, reader, errors)


def _stage_inspector(client: Callable[[str], Any], home: str) -> TargetInspector:
    from rollout.adapters.stage_inspector import StageInspector

    return StageInspector(client, home)


def _alias_inspector(client: Any) -> TargetInspector:
    from rollout.adapters.alias_inspector import AliasInspector

    return AliasInspector(client)


def _alarms(cloudwatch: Any, tagging: Any) -> Alarms:
    from rollout.adapters.cloudwatch_alarms import CloudWatchAlarms

    return CloudWatchAlarms(cloudwatch, tagging)


def _controllers(client: Any, environment: Environment) -> Controllers:
    from rollout.adapters.tagged_controllers import TaggedControllers

    return TaggedControllers(client, environment.controller, environment.bus)


def _logs(client: Any, apigateway: Any, functions: Any) -> Logs:
    from rollout.adapters.cloudwatch_logs import CloudWatchLogs

    return CloudWatchLogs(client, apigateway, functions)


def _notifier(client: Any, bus: str) -> Notifier:
    from rollout.adapters.eventbridge import EventBridgeNotifier

    return EventBridgeNotifier(client, bus)
