"""An AWS of its own for each simulation: moto with its patches, one simulated clock, the product deployed.

    with EmbeddedAws(seed=1) as aws:
        aws.client("stepfunctions").start_execution(stateMachineArn=aws.deployment.outputs["StateMachineArn"], …)
        aws.clock.run_until(lambda: aws.executions.status(arn) != "RUNNING")

Whatever is drawn at random comes from `seed`, so the same seed replays the same world to the last identifier.
"""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from moto import mock_aws
from moto.moto_api._internal import mock_random
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from rollout_simulator import account_limits, faults
from rollout_simulator.account_limits import AccountLimits
from rollout_simulator.clients import client, session
from rollout_simulator.clock import DEFAULT_START, SimulatedClock
from rollout_simulator.faults import Faults
from rollout_simulator.moto_patches import (
    apigateway_canary,
    apigateway_exports,
    apigateway_integrations,
    apigateway_tags,
    cloudwatch_alarms,
    cloudwatch_metrics,
    dynamodb_items,
    dynamodb_queries,
    dynamodb_transactions,
    eventbridge_targets,
    lambda_alias,
    lambda_in_process,
    lambda_permissions,
    log_events,
    shortcuts,
    sns_publications,
    stepfunctions,
)
from rollout_simulator.moto_patches.alarm_board import AlarmBoard
from rollout_simulator.moto_patches.eventbridge_targets import EventBridge
from rollout_simulator.moto_patches.lambda_alias import AliasHistory
from rollout_simulator.moto_patches.lambda_in_process import Handler
from rollout_simulator.moto_patches.lambda_output import Output
from rollout_simulator.moto_patches.log_events import LogShelf
from rollout_simulator.moto_patches.metric_store import MetricStore
from rollout_simulator.moto_patches.patching import replaced
from rollout_simulator.moto_patches.sns_publications import Publication
from rollout_simulator.moto_patches.stage_control_plane import StageControlPlane
from rollout_simulator.permissions import enforcement
from rollout_simulator.permissions.enforcement import Permissions
from rollout_simulator.template import ACCOUNT, REGION, ROOT, Deployment, Stack, load_template

Json = dict[str, Any]

STACK = "rollout-pilot"
SECONDS_PER_MINUTE = 60


class Executions:
    """What has become of executions, without a call that would be counted as one."""

    def status(self, arn: str) -> str:
        """As DescribeExecution gives it."""
        return str(self.get(arn).status)

    def get(self, arn: str) -> Any:
        """moto's own execution.

        Raises: ExecutionDoesNotExist.
        """
        return stepfunctions_parser_backends[ACCOUNT][REGION].describe_execution(arn)

    def all(self) -> list[Any]:
        """Every execution of every state machine, in the order of their starts."""
        machines = stepfunctions_parser_backends[ACCOUNT][REGION].state_machines
        return sorted((one for machine in machines for one in machine.executions), key=lambda one: one.start_date)


class EmbeddedAws:
    """A context manager; all below is there while it is open.

    `template_file=None` deploys nothing. `handlers` gives handler strings other functions than those of `functions`.
    """

    clock: SimulatedClock
    deployment: Deployment
    events: EventBridge
    executions: Executions
    faults: Faults
    limits: AccountLimits
    logs: LogShelf
    metrics: MetricStore
    permissions: Permissions
    alarms: AlarmBoard
    stages: StageControlPlane
    aliases: AliasHistory
    output: Output
    published: list[Publication]

    def __init__(
        self,
        *,
        seed: int = 0,
        start: datetime = DEFAULT_START,
        template_file: Path | None = ROOT / "template.yaml",
        parameters: Mapping[str, Any] | None = None,
        functions: Path = ROOT / "functions",
        handlers: Mapping[str, Handler] | None = None,
        event_delay_seconds: float = 0.0,
        stack_name: str = STACK,
    ) -> None:
        self._stack_name = stack_name
        self._seed = seed
        self._start = start
        self._template_file = template_file
        self._parameters = dict(parameters or {})
        self._functions = functions
        self._handlers = handlers
        self._event_delay_seconds = event_delay_seconds
        self._stack = ExitStack()
        self._last_decisions: dict[str, str] = {}
        self._read_events = 0

    def __enter__(self) -> EmbeddedAws:
        with ExitStack() as stack:
            self._open(stack)
            self._stack = stack.pop_all()
        _keep_what_is_loaded()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @property
    def last_decisions(self) -> Mapping[str, str]:
        """The last decision that each rollout announced, by its id."""
        for event in self.events.put[self._read_events :]:
            if event["detail-type"] == "Rollout State Changed":
                self._last_decisions[event["detail"]["rolloutId"]] = event["detail"]["decision"]
        self._read_events = len(self.events.put)
        return self._last_decisions

    def client(self, service: str) -> Any:
        """A client of the embedded AWS that does not retry."""
        return client(service, REGION)

    def deploy(self, stack_name: str, parameters: Mapping[str, Any]) -> Deployment:
        """Deploy the template, once more or for the first time, as a stack of this name; its policies are enforced."""
        if self._template_file is None:
            return Deployment(stack_name)
        written, root = load_template(self._template_file), self._template_file.parent
        deployment = Stack(written, self.client, name=stack_name, parameters=parameters, root=root).deploy()
        self.permissions.apply(deployment)
        return deployment

    # --- inside --------------------------------------------------------------------------------------------

    def _open(self, stack: ExitStack) -> None:
        enter: Callable[[Any], Any] = stack.enter_context
        self._seed_chance(stack)
        enter(mock_aws(config=stepfunctions.MOTO_CONFIG))
        enter(replaced(boto3, "DEFAULT_SESSION", session()))
        enter(shortcuts.taken())
        clock = self.clock = enter(SimulatedClock(self._start))
        self.metrics = enter(cloudwatch_metrics.patched())
        self.stages = enter(apigateway_canary.patched())
        enter(apigateway_exports.patched())
        enter(apigateway_integrations.patched())
        enter(apigateway_tags.patched())
        self.aliases = enter(lambda_alias.patched())
        enter(dynamodb_items.patched())
        enter(dynamodb_queries.patched())
        enter(dynamodb_transactions.patched())
        enter(lambda_permissions.patched())
        self.logs = enter(log_events.patched(lambda: int(clock.timestamp() * 1000)))
        self.events = enter(eventbridge_targets.patched(clock, ACCOUNT, REGION, self._event_delay_seconds, self._seed))
        self.published = enter(sns_publications.patched())
        self.alarms = enter(cloudwatch_alarms.patched(self.events.emit, self.metrics))
        self.output = enter(lambda_in_process.patched(clock, self._functions, self._handlers, self._seed))
        enter(stepfunctions.patched(clock, self.events.emit, self._seed))
        self.limits = enter(account_limits.patched(clock))
        self.faults = enter(faults.patched(clock, random.Random(self._seed)))
        self.faults.past.follow(self.stages, self.aliases)
        self.permissions = enter(enforcement.patched(ACCOUNT, REGION))
        # First of all to end are the tasks that still wait: what they find on their way out must be in place.
        stack.callback(clock.unwind)
        self.executions = Executions()
        self.deployment = self.deploy(self._stack_name, self._parameters)
        clock.call_every(
            SECONDS_PER_MINUTE, lambda: self.alarms.evaluate_alarms(clock.now()), "alarms", first=_next_minute(clock)
        )

    def _seed_chance(self, stack: ExitStack) -> None:
        """moto's identifiers, and botocore's pauses between retries, which ask the process's own chance."""
        stack.callback(random.setstate, random.getstate())
        stack.callback(mock_random.setstate, mock_random.getstate())
        random.seed(self._seed)
        mock_random.seed(self._seed)


@cache
def _keep_what_is_loaded() -> None:
    """Spare the garbage collector moto and the service descriptions: looking through them takes a sixth of a
    simulation's time, and they stay until the process ends. Once per process.
    """
    gc.collect()
    gc.freeze()


def _next_minute(clock: SimulatedClock) -> datetime:
    seconds = clock.timestamp()
    return datetime.fromtimestamp(seconds - seconds % SECONDS_PER_MINUTE + SECONDS_PER_MINUTE, clock.now().tzinfo)
