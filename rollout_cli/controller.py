"""Finding the deployed controller, and talking to it.

`--stack` names it. Its SSM parameter `/rollout-pilot/<stack>/controller` says where the state machine, the table and
the command function are; where that cannot be read, the outputs of the CloudFormation stack do.
"""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from rollout_cli.exits import fail

DEFAULT_STACK = "rollout-pilot"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
LOCAL_REGION = "us-east-1"
"""The one region of `rollout local`."""

Json = dict[str, Any]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def _connection(
    stack: Annotated[str, typer.Option(envvar="ROLLOUT_STACK", help="The controller's stack.")] = DEFAULT_STACK,
    region: Annotated[str | None, typer.Option(help="The AWS region; the environment's by default.")] = None,
    profile: Annotated[str | None, typer.Option(help="The AWS profile; the environment's by default.")] = None,
    endpoint_url: Annotated[
        str | None, typer.Option(envvar="ROLLOUT_ENDPOINT_URL", help="Another AWS: see `rollout local`.")
    ] = None,
) -> Controller:
    """The controller that these options name."""
    return Controller(stack, region, profile, endpoint_url)


def with_controller(command: Callable[..., None]) -> Callable[..., None]:
    """A command that takes `controller` and `as_json`, for Typer: both are made of the options that all such commands
    have, which stand behind the command's own.
    """
    connection = inspect.signature(_connection, eval_str=True).parameters
    own = inspect.signature(command, eval_str=True)
    as_json = inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=AsJson)

    @wraps(command)
    def with_options(**given: Any) -> None:
        controller = _connection(**{name: given.pop(name) for name in connection})
        command(controller=controller, **given)

    parameters = [each for name, each in own.parameters.items() if name not in ("controller", "as_json")]
    parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*parameters, *connection.values())]
    with_options.__signature__ = own.replace(parameters=[*parameters, as_json])  # type: ignore[attr-defined]
    return with_options


@dataclass(frozen=True)
class Controller:
    """One deployed controller, by the options that every command takes."""

    stack: str = DEFAULT_STACK
    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None

    def client(self, service: str) -> Any:
        """A boto3 client in the chosen region, for the chosen profile and endpoint."""
        from botocore.config import Config  # noqa: PLC0415

        make: Any = self._session.client
        config = Config(connect_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
        try:
            return make(service, endpoint_url=self.endpoint_url, config=config)
        except ValueError as error:
            fail(f"{error}; an endpoint is a URL, such as http://127.0.0.1:4566")

    def client_of_role(self, credentials: Mapping[str, Any], service: str) -> Any:
        """The same with the credentials that AssumeRole gave."""
        import boto3  # noqa: PLC0415

        session: Any = boto3.Session(
            credentials["AccessKeyId"],
            credentials["SecretAccessKey"],
            credentials["SessionToken"],
            self._session.region_name,
        )
        return session.client(service, endpoint_url=self.endpoint_url)

    @cached_property
    def store(self) -> Any:
        """The controller's table, read as the controller itself reads it."""
        from rollout.adapters.dynamodb_store import DynamoDbStore  # noqa: PLC0415 - boto3 is slow to import

        return DynamoDbStore(self.client("dynamodb"), self.resources["table"], history_days=90)

    @cached_property
    def environment(self) -> Any:
        """What the template tells the controller's functions."""
        from rollout.wiring import Environment  # noqa: PLC0415 - boto3 is slow to import

        known = self.resources
        scope = {"rest_api": known["restApiId"], "functions": known["functionName"]}
        return Environment(known["table"], known["eventBus"], 90, known["stateMachineArn"], **scope)

    def command(self, document: Json) -> Json:
        """What the controller answers to this command."""
        answer = self.client("lambda").invoke(
            FunctionName=self.resources["commandFunction"], Payload=json.dumps(document).encode()
        )
        payload: Json = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            fail(f"the controller failed: {payload.get('errorMessage', payload)}")
        return payload

    def start(self, name: str, request: Json) -> str:
        """Start a rollout of this name; the execution's ARN."""
        workflow = self.client("stepfunctions")
        try:
            answer = workflow.start_execution(
                stateMachineArn=self.resources["stateMachineArn"], name=name, input=json.dumps(request)
            )
        except workflow.exceptions.ExecutionAlreadyExists:
            fail(f"a rollout named {name} exists already")
        return str(answer["executionArn"])

    def execution(self, arn: str) -> Json:
        """The execution as DescribeExecution shows it."""
        return dict(self.client("stepfunctions").describe_execution(executionArn=arn))

    @cached_property
    def resources(self) -> Json:
        """Where the state machine, the table and the command function are, and what the controller may roll out."""
        from botocore.exceptions import ClientError  # noqa: PLC0415

        name = f"/rollout-pilot/{self.stack}/controller"
        try:
            parameter = self.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
            return dict(json.loads(parameter))
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("ParameterNotFound", "AccessDeniedException"):
                raise
        return self._outputs()

    def _outputs(self) -> Json:
        from botocore.exceptions import ClientError  # noqa: PLC0415

        try:
            stack = self.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"][0]
        except ClientError as error:
            region = self._session.region_name
            fail(
                f"no controller named {self.stack} in {region}: {error.response['Error']['Message']}; "
                "name its stack with --stack and its region with --region"
            )
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        given = {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", [])}
        try:
            return {
                "stateMachineArn": outputs["StateMachineArn"],
                "commandFunction": outputs["OnCommandFunctionName"],
                "table": outputs["TableName"],
                "eventBus": outputs["EventBusName"],
                "restApiId": given.get("RestApiId", "*"),
                "functionName": given.get("FunctionName", "*"),
            }
        except KeyError as missing:
            fail(f"stack {self.stack} is no Rollout Pilot: it has no output {missing}")

    @cached_property
    def _session(self) -> Any:
        import boto3  # noqa: PLC0415
        from botocore.exceptions import ProfileNotFound  # noqa: PLC0415

        try:
            session = boto3.Session(
                **{"region_name": self.region, "profile_name": self.profile, **self._of_this_machine()}
            )
        except ProfileNotFound as error:
            fail(f"{error}; name one of yours with --profile")
        if session.region_name is None:
            fail("no AWS region: name one with --region, or set AWS_DEFAULT_REGION")
        return session

    def _of_this_machine(self) -> Json:
        """An AWS on this machine takes any credentials; nobody's own are sent to it, and none need to be there."""
        if self.profile is not None or urlsplit(self.endpoint_url or "").hostname not in LOOPBACK:
            return {}
        region = {} if self.region else {"region_name": os.environ.get("AWS_DEFAULT_REGION", LOCAL_REGION)}
        return {"aws_access_key_id": "any", "aws_secret_access_key": "any", **region}


@contextmanager
def friendly_errors() -> Iterator[None]:
    """AWS's and the network's errors in one line each; anything else is a defect and keeps its traceback."""
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError  # noqa: PLC0415

    from rollout.errors import RolloutError  # noqa: PLC0415

    try:
        yield
    except NoCredentialsError:
        fail("no AWS credentials: log in, or name a profile with --profile")
    except ClientError as error:
        fail(f"{error.operation_name}: {error.response['Error']['Code']}: {error.response['Error']['Message']}")
    except (BotoCoreError, RolloutError) as error:
        fail(str(error))
