"""The AWS calls that a state machine makes.

moto makes a client per task, fails for services that spell parameters in small letters, lets `States.ALL` match every
error, and counts what is not ASCII by its escapes. AWS:

- Parameters and answers of every SDK integration are spelled in PascalCase (documented), also where the service's
  own are not (`states:startExecution`, `aws-sdk:sfn`, `aws-sdk:apigateway`).
- An error is named `<Service>.<Exception>`; a call without an answer is `<Service>.SdkClientException` (documented
  for Lambda).
- Inputs and results may have 256 KiB "of data as a UTF-8 encoded string" (documented).
- `States.ALL` does not match `States.Runtime` and `States.DataLimitExceeded` (documented).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any, cast

from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape
from moto.stepfunctions.parser import quotas
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_aws_sdk
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import (
    StateTaskService,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.utils import boto_client
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

from rollout_simulator.clients import client
from rollout_simulator.moto_patches.patching import replacements

_CLIENTS = replacements(boto_client, boto3="makes a new client for each task")
_SERVICE = replacements(
    StateTaskService,
    _SERVICE_NAME_SFN_TO_BOTO_OVERRIDES="does not know all names of services",
    _normalise_parameters="fails for services whose parameters begin with small letters",
    _normalise_response="fails for services whose answers begin with small letters",
)
_CALLBACK = replacements(
    StateTaskServiceCallback, _from_error="calls a lost call States.Runtime, which no Catch can match"
)
_SDK = replacements(state_task_service_aws_sdk, _SERVICE_ERROR_NAMES="does not know the names of all services")
_SIZES = replacements(quotas, to_json_str="escapes what is not ASCII, which is up to thrice as long")
_ERROR_EQUALS = replacements(ErrorEqualsDecl, _eval_body="lets States.ALL match States.Runtime")

_ERROR_NAMES = {
    "apigateway": "ApiGateway",
    "cloudwatch": "CloudWatch",
    "dynamodb": "DynamoDb",
    "eventbridge": "EventBridge",
    "lambda": "Lambda",
    "sfn": "Sfn",
    "sns": "Sns",
    "sqs": "Sqs",
    "ssm": "Ssm",
    "states": "StepFunctions",
}
_CLIENT_NAMES = {"sfn": "stepfunctions", "states": "stepfunctions", "eventbridge": "events", "cloudwatchlogs": "logs"}
_NEVER_MATCHED_BY_ALL = {"States.Runtime", "States.DataLimitExceeded"}


@contextmanager
def patched() -> Iterator[None]:
    """Let state machines make their AWS calls as on AWS for as long as this is open."""

    def client_for(service_name: str, region_name: str, **_: Any) -> Any:
        # Step Functions itself neither checks parameters nor retries; the state machine says what is retried.
        return client(service_name, region_name, validated=False)

    with ExitStack() as stack:
        for patch in (
            _CLIENTS(boto3=SimpleNamespace(client=client_for)),
            _SERVICE(
                _SERVICE_NAME_SFN_TO_BOTO_OVERRIDES=_CLIENT_NAMES,
                _normalise_parameters=_to_client_spelling,
                _normalise_response=_to_state_machine_spelling,
            ),
            _CALLBACK(_from_error=_naming_lost_calls(StateTaskServiceCallback._from_error)),
            _SIZES(to_json_str=text_of),
            _SDK(_SERVICE_ERROR_NAMES=_ERROR_NAMES),
            _ERROR_EQUALS(_eval_body=_terminal_errors_apart(ErrorEqualsDecl._eval_body)),
        ):
            stack.enter_context(patch)
        yield


def text_of(value: Any) -> str:
    """The value as Step Functions counts it."""
    return json.dumps(json.loads(to_json_str(value)), ensure_ascii=False).encode("utf-8", "replace").decode()


def _operation(state: Any, service: str | None, action: str | None) -> Any:
    described = client(state._get_boto_service_name(service), "us-east-1", validated=False)
    method = state._get_boto_service_action(action)
    name = described.meta.method_to_api_mapping.get(method)
    return None if name is None else described.meta.service_model.operation_model(name)


def _to_client_spelling(
    state: Any, parameters: Any, boto_service_name: str | None = None, service_action_name: str | None = None
) -> None:
    operation = _operation(state, boto_service_name, service_action_name)
    if operation is not None and operation.input_shape is not None:
        spelled = _spelled(parameters, operation.input_shape)
        parameters.clear()
        parameters.update(spelled)


def _spelled(value: Any, shape: Shape) -> Any:
    match shape:
        case StructureShape() if isinstance(value, dict):
            names = {member[:1].upper() + member[1:]: member for member in shape.members}
            return {
                (member := names.get(name, name)): _spelled(part, shape.members[member])
                if member in shape.members
                else part
                for name, part in value.items()
            }
        case ListShape() if isinstance(value, list):
            return [_spelled(part, shape.member) for part in value]
        case MapShape() if isinstance(value, dict):
            return {name: _spelled(part, shape.value) for name, part in value.items()}
        case StringShape() if not isinstance(value, str):
            return to_json_str(value, separators=(",", ":"))
    return value


def _to_state_machine_spelling(
    state: Any, response: Any, boto_service_name: str | None = None, service_action_name: str | None = None
) -> None:
    operation = _operation(state, boto_service_name, service_action_name)
    if operation is not None and operation.output_shape is not None and isinstance(response, dict):
        spelled = _spelled_back(response, operation.output_shape)
        response.clear()
        response.update(spelled)


def _spelled_back(value: Any, shape: Shape) -> Any:
    match shape:
        case StructureShape() if isinstance(value, dict):
            return {
                name[:1].upper() + name[1:]: _spelled_back(part, shape.members[name]) if name in shape.members else part
                for name, part in value.items()
            }
        case ListShape() if isinstance(value, list):
            return [_spelled_back(part, shape.member) for part in value]
        case MapShape() if isinstance(value, dict):
            return {name: _spelled_back(part, shape.value) for name, part in value.items()}
    return value


def _naming_lost_calls(from_error: Any) -> Any:
    def named(state: Any, env: Any, ex: Exception) -> Any:
        if isinstance(ex, ClientError) or not isinstance(ex, BotoCoreError):
            return from_error(state, env=env, ex=ex)
        service = state.resource.api_name if state.resource.service_name == "aws-sdk" else state.resource.service_name
        error = f"{_ERROR_NAMES.get(service, service)}.SdkClientException"
        details = TaskFailedEventDetails(
            error=error,
            cause=str(ex),
            resource=state._get_sfn_resource(),
            resourceType=state._get_sfn_resource_type(),
        )
        return FailureEvent(
            env=env,
            error_name=CustomErrorName(error),
            event_type=HistoryEventType.TaskFailed,
            event_details=cast(Any, {"taskFailedEventDetails": details}),
        )

    return named


def _terminal_errors_apart(evaluate: Any) -> Any:
    def matched(declaration: Any, env: Any) -> None:
        error = env.stack[-1]
        named = {name.error_name for name in declaration.error_names}
        if getattr(error, "error_name", None) in _NEVER_MATCHED_BY_ALL and "States.ALL" in named:
            env.stack.pop()
            env.stack.append(False)
            return
        evaluate(declaration, env)

    return matched
