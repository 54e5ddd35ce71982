"""Which permissions an API call needs: IAM's actions and resources, by operation and parameters.

From the Service Authorization Reference, for the services that are called. A call of another service raises
`UnknownCall`: add the service here, then write the policy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.model import OperationModel

from rollout_simulator.permissions.policies import EVENT_DETAIL_TYPE, EVENT_SOURCE, LEADING_KEYS, Permission

Parameters = Mapping[str, Any]
TRANSACTED = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
INVOKE = "InvokeFunction"
PARTITION_KEY = "pk"


class UnknownCall(ValueError):
    """It is not known here which permission the call needs."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the calls are made."""

    account: str
    region: str
    state_machine: str = "*"
    """The state machine whose task tokens are answered: a token does not name its own."""

    def arn(self, service: str, resource: str) -> str:
        """`resource` as it ends the ARN; what is an ARN already is given back."""
        if resource.startswith("arn:"):
            return resource
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"


def needed_by(operation: OperationModel, parameters: Parameters, place: Place) -> list[Permission]:
    """The permissions that the call needs, all of them.

    Raises: UnknownCall.
    """
    service = operation.service_model.service_name
    if service not in _NEEDS:
        raise UnknownCall(f"{service}:{operation.name}: say in {__name__} which permission it needs")
    return _NEEDS[service](operation, parameters, place)


def _apigateway(operation: OperationModel, parameters: Parameters, place: Place) -> list[Permission]:
    """The action is the HTTP method, the resource the path; that of HTTP APIs without its `/v2`."""
    path: str = operation.http["requestUri"].partition("?")[0].removeprefix("/v2")
    members: Mapping[str, Any] = operation.input_shape.members if operation.input_shape else {}
    for name, shape in members.items():
        if shape.serialization.get("location") == "uri":
            path = path.replace("{" + shape.serialization["name"] + "}", str(parameters[name]))
    return [Permission(f"apigateway:{operation.http['method']}", f"arn:aws:apigateway:{place.region}::{path}")]


def _dynamodb(operation: OperationModel, parameters: Parameters, place: Place) -> list[Permission]:
    """A transaction needs what its parts need; an index is a resource of its own.

    Unknown: whether each part of a transaction is checked with its own partition key or with those of all. Here it is
    the stricter: a policy that passes so passes either way.
    """

    def on(action: str, part: Parameters, *others: Parameters) -> Permission:
        index = part.get("IndexName")
        resource = place.arn("dynamodb", f"table/{part['TableName']}") + (f"/index/{index}" if index else "")
        keys = tuple(sorted({key for each in (part, *others) for key in _leading_keys(each)}))
        return Permission(f"dynamodb:{action}", resource, ((LEADING_KEYS, keys),) if keys else ())

    match operation.name:
        case "TransactWriteItems":
            parts = [next(iter(item.items())) for item in parameters["TransactItems"]]
            whole = [part for _, part in parts]
            return [on(TRANSACTED[kind], part, *whole) for kind, part in parts]
        case "TransactGetItems":
            return [on("GetItem", item["Get"]) for item in parameters["TransactItems"]]
        case name if name.startswith("Batch"):
            return [on(name, {"TableName": table}) for table in parameters["RequestItems"]]
        case name:
            return [on(name, parameters)]


def _leading_keys(part: Parameters) -> tuple[str, ...]:
    """The partition that an item is of."""
    item = part.get("Key") or part.get("Item") or {}
    return tuple(str(value) for value in item.get(PARTITION_KEY, {}).values())


def _events(operation: OperationModel, parameters: Parameters, place: Place) -> list[Permission]:
    """PutEvents needs its permission on each bus, with the sources and detail types that go there."""
    if operation.name != "PutEvents":
        raise UnknownCall(f"events:{operation.name}: say in {__name__} which permission it needs")
    needed = []
    for bus in sorted({entry.get("EventBusName", "default") for entry in parameters["Entries"]}):
        there = [entry for entry in parameters["Entries"] if entry.get("EventBusName", "default") == bus]
        keys = [
            (key, tuple(sorted({str(entry[member]) for entry in there if member in entry})))
            for key, member in ((EVENT_SOURCE, "Source"), (EVENT_DETAIL_TYPE, "DetailType"))
        ]
        needed.append(Permission("events:PutEvents", place.arn("events", f"event-bus/{bus}"), tuple(keys)))
    return needed


def _lambda(operation: OperationModel, parameters: Parameters, place: Place) -> list[Permission]:
    """The function; with a qualifier, that version or alias of it."""
    action = INVOKE if operation.name == "Invoke" else operation.name
    name = str(parameters.get("FunctionName") or parameters.get("Resource") or "*")
    if name == "*":
        return [Permission(f"lambda:{action}", name)]
    function = name if name.startswith("arn:") else place.arn("lambda", f"function:{name}")
    qualifier = parameters.get("Qualifier") or (parameters.get("Name") if operation.name.endswith("Alias") else None)
    return [Permission(f"lambda:{action}", f"{function}:{qualifier}" if qualifier else function)]


def _states(operation: OperationModel, parameters: Parameters, place: Place) -> list[Permission]:
    """SendTaskSuccess and its sisters need a permission on the state machine that the token is of (so say AWS's own
    refusals)."""
    if operation.name.startswith("SendTask"):
        return [Permission(f"states:{operation.name}", place.state_machine)]
    resource = parameters.get("executionArn") or parameters.get("stateMachineArn") or "*"
    return [Permission(f"states:{operation.name}", resource)]


def _sns(operation: OperationModel, parameters: Parameters, _: Place) -> list[Permission]:
    return [Permission(f"sns:{operation.name}", str(parameters.get("TopicArn", "*")))]


def _ssm(operation: OperationModel, parameters: Parameters, place: Place) -> list[Permission]:
    names = [parameters["Name"]] if "Name" in parameters else parameters.get("Names", ["*"])
    return [Permission(f"ssm:{operation.name}", place.arn("ssm", f"parameter/{name.lstrip('/')}")) for name in names]


def _logs(operation: OperationModel, parameters: Parameters, place: Place) -> list[Permission]:
    """The group's ARN ends in `:*` for every action but tagging (documented: LogGroup's `arn`)."""
    group = parameters.get("logGroupName") or parameters.get("logGroupNamePrefix") or "*"
    return [Permission(f"logs:{operation.name}", place.arn("logs", f"log-group:{group}:*"))]


def _unnarrowed(prefix: str) -> Callable[[OperationModel, Parameters, Place], list[Permission]]:
    """Services whose reading calls are allowed for all resources or for none."""
    return lambda operation, _, __: [Permission(f"{prefix}:{operation.name}", "*")]


_NEEDS: Mapping[str, Callable[[OperationModel, Parameters, Place], list[Permission]]] = {
    "apigateway": _apigateway,
    "apigatewayv2": _apigateway,
    "cloudwatch": _unnarrowed("cloudwatch"),
    "dynamodb": _dynamodb,
    "events": _events,
    "lambda": _lambda,
    "logs": _logs,
    "resourcegroupstaggingapi": _unnarrowed("tag"),
    "sns": _sns,
    "ssm": _ssm,
    "stepfunctions": _states,
}
