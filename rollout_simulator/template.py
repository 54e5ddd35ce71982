"""The product's own template, deployed to the embedded AWS.

The same `template.yaml` that `sam deploy` takes is read here, so that names, environment, rules and policies are the
real ones. A small subset of CloudFormation and SAM is understood, all that the template uses; an unknown resource
type or function is an error, never ignored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from rollout_simulator.moto_patches.lambda_code import zipped

_PACKAGE = Path(__file__).resolve().parent
_PACKED = _PACKAGE / "application"
ROOT = _PACKED if _PACKED.exists() else _PACKAGE.parent
"""Where `template.yaml` is: packed into the installed package, or at the top of a checkout."""
ACCOUNT = "123456789012"
REGION = "us-east-1"
NO_VALUE = object()

WITHOUT_BEHAVIOUR = frozenset(
    {
        "AWS::SQS::QueuePolicy",
        "AWS::SNS::TopicPolicy",
        "AWS::SNS::Subscription",
        "AWS::CloudWatch::Dashboard",
        "AWS::IAM::Role",
        "AWS::IAM::ManagedPolicy",
        "AWS::Lambda::Permission",
        "AWS::Lambda::Version",
        "AWS::Lambda::Alias",
        "AWS::Lambda::EventInvokeConfig",
    }
)
"""Resource types that change nothing about what happens here."""

Json = dict[str, Any]
Clients = Callable[[str], Any]


class UnsupportedTemplate(ValueError):
    """The template uses something that the embedded AWS does not know."""


@dataclass(slots=True)
class Deployment:
    """What was deployed. `physical` maps logical ids to names or ARNs (what Ref gives), `attributes` to GetAtt's."""

    stack_name: str
    outputs: dict[str, str] = field(default_factory=dict)
    physical: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, dict[str, str]] = field(default_factory=dict)
    policies: dict[str, list[Json]] = field(default_factory=dict)
    resources: dict[str, Json] = field(default_factory=dict)


_FASTEST: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_FASTEST):  # type: ignore[misc]
    """YAML with CloudFormation's short function names."""


def _short_function(loader: _Loader, suffix: str, node: yaml.Node) -> Json:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {name: value}


_Loader.add_multi_constructor("!", _short_function)


def load_template(path: Path = ROOT / "template.yaml") -> Json:
    """The template as written, functions in their long form. The same text gives the same object: do not change it.

    Raises: UnsupportedTemplate.
    """
    try:
        return _parsed(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise UnsupportedTemplate(f"{path}: {error}") from error


@cache
def _parsed(text: str) -> Json:
    """Kept, for a template is read each time that an embedded AWS is opened, and reading it takes long."""
    return dict(yaml.load(text, Loader=_Loader))


class Stack:
    """Resolves a template's functions and deploys its resources in the order of their references."""

    def __init__(
        self, template: Json, clients: Clients, *, name: str, parameters: Mapping[str, Any], root: Path = ROOT
    ) -> None:
        self._template = template
        self._clients = clients
        self._root = root
        self._deployment = Deployment(name)
        self._values: dict[str, Any] = {
            "AWS::StackName": name,
            "AWS::Region": REGION,
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::NoValue": NO_VALUE,
        }
        declared = template.get("Parameters", {})
        unknown = set(parameters) - set(declared)
        if unknown:
            raise UnsupportedTemplate(f"parameters that the template does not have: {', '.join(sorted(unknown))}")
        for parameter, declaration in declared.items():
            value = parameters.get(parameter, declaration.get("Default", ""))
            is_list = declaration["Type"] == "CommaDelimitedList" and isinstance(value, str)
            self._values[parameter] = [part.strip() for part in value.split(",")] if is_list else value
        self._deploying: list[str] = []

    def deploy(self) -> Deployment:
        """Make every resource whose condition holds, and resolve the outputs.

        Raises: UnsupportedTemplate.
        """
        for logical_id in self._template["Resources"]:
            self._ensure(logical_id)
        for output, declaration in self._template.get("Outputs", {}).items():
            if self._holds(declaration.get("Condition")):
                self._deployment.outputs[output] = self._resolve(declaration["Value"])
        return self._deployment

    def _ensure(self, logical_id: str) -> None:
        """Make this resource, and before it those that it refers to."""
        resource = self._template["Resources"].get(logical_id)
        if resource is None:
            raise UnsupportedTemplate(f"there is no resource or parameter {logical_id}")
        if logical_id in self._deployment.physical or not self._holds(resource.get("Condition")):
            return
        if logical_id in self._deploying:
            raise UnsupportedTemplate(f"circular reference: {' → '.join([*self._deploying, logical_id])}")
        self._deploying.append(logical_id)
        properties = self._with_globals(resource["Type"], resource.get("Properties", {}))
        resolved = self._resolve(properties)
        self._deployment.resources[logical_id] = resolved
        self._make(logical_id, resource["Type"], resolved)
        self._deploying.pop()

    def _with_globals(self, kind: str, properties: Json) -> Json:
        """SAM's Globals under the resource's own properties; maps are merged, all else is replaced."""
        section = {"AWS::Serverless::Function": "Function", "AWS::Serverless::StateMachine": "StateMachine"}.get(kind)
        return _merged(self._template.get("Globals", {}).get(section, {}), properties) if section else properties

    def _holds(self, condition: str | None) -> bool:
        return condition is None or bool(self._resolve(self._template["Conditions"][condition]))

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, dict):
            if len(value) == 1:
                ((name, argument),) = value.items()
                if name == "Ref" or name.startswith("Fn::") or name == "Condition":
                    return self._call(name, argument)
            resolved = {key: self._resolve(item) for key, item in value.items()}
            return {key: item for key, item in resolved.items() if item is not NO_VALUE}
        if isinstance(value, list):
            return [item for item in (self._resolve(item) for item in value) if item is not NO_VALUE]
        return value

    def _call(self, name: str, argument: Any) -> Any:  # noqa: PLR0912 - one case per function
        match name:
            case "Ref":
                return self._reference(argument)
            case "Condition":
                return self._holds(argument)
            case "Fn::GetAtt":
                logical_id, attribute = argument
                self._ensure(logical_id)
                return self._deployment.attributes[logical_id][attribute]
            case "Fn::Sub":
                return self._substitute(argument)
            case "Fn::If":
                condition, then, otherwise = argument
                return self._resolve(then if self._holds(condition) else otherwise)
            case "Fn::Equals":
                left, right = self._resolve(argument)
                return str(left) == str(right)
            case "Fn::Not":
                return not self._resolve(argument)[0]
            case "Fn::And":
                return all(self._resolve(argument))
            case "Fn::Or":
                return any(self._resolve(argument))
            case "Fn::Join":
                separator, parts = argument
                return separator.join(str(part) for part in self._resolve(parts))
            case "Fn::FindInMap":
                table, row, column = self._resolve(argument)
                return self._template["Mappings"][table][row][column]
            case "Fn::Select":
                index, choices = argument
                return self._resolve(choices)[int(index)]
            case "Fn::Split":
                separator, text = argument
                return self._resolve(text).split(separator)
            case _:
                raise UnsupportedTemplate(f"function {name}")

    def _reference(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        resource, _, generated = name.partition(".")
        self._ensure(resource)
        if generated:  # what SAM makes beside a function: `!Ref Function.Version`
            return self._deployment.attributes[resource][generated]
        return self._deployment.physical.get(name, NO_VALUE)

    def _substitute(self, argument: Any) -> str:
        text, extra = argument if isinstance(argument, list) else (argument, {})

        def value(found: re.Match[str]) -> str:
            name = found.group(1)
            if name in extra:
                return str(self._resolve(extra[name]))
            if "." in name:
                return str(self._call("Fn::GetAtt", name.split(".", 1)))
            return str(self._reference(name))

        return re.sub(r"\$\{([^!}]+)\}", value, text).replace("${!", "${")

    def _make(self, logical_id: str, kind: str, properties: Json) -> None:
        if kind in WITHOUT_BEHAVIOUR:
            arn = f"arn:aws:iam::{ACCOUNT}:role/{self._physical_name(logical_id)}"
            self._made(logical_id, self._physical_name(logical_id), Arn=arn)
            return
        maker = _MAKERS.get(kind)
        if maker is None:
            raise UnsupportedTemplate(f"{logical_id}: resource type {kind}")
        maker(self, logical_id, properties)

    def _made(self, logical_id: str, reference: str, **attributes: str) -> None:
        self._deployment.physical[logical_id] = reference
        self._deployment.attributes[logical_id] = attributes

    def _physical_name(self, logical_id: str) -> str:
        return f"{self._deployment.stack_name}-{logical_id}"

    def _role(self, logical_id: str, properties: Json) -> str:
        """SAM's implicit role; its policies are kept for whoever checks permissions."""
        name = f"{self._physical_name(logical_id)}Role"
        self._clients("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")
        self._deployment.policies[logical_id] = list(properties.get("Policies", []))
        return f"arn:aws:iam::{ACCOUNT}:role/{name}"

    def _function(self, logical_id: str, properties: Json) -> None:
        name = properties.get("FunctionName", self._physical_name(logical_id))
        queue = properties.get("DeadLetterQueue", {}).get("TargetArn")
        arn = self._clients("lambda").create_function(
            FunctionName=name,
            Runtime=properties["Runtime"],
            Role=self._role(logical_id, properties),
            Handler=properties["Handler"],
            Code={"ZipFile": _CODE},
            Timeout=properties.get("Timeout", 3),
            MemorySize=properties.get("MemorySize", 128),
            Environment={
                "Variables": {
                    key: str(value) for key, value in properties.get("Environment", {}).get("Variables", {}).items()
                }
            },
            **({"DeadLetterConfig": {"TargetArn": queue}} if queue else {}),
        )["FunctionArn"]
        self._made(logical_id, name, Arn=arn, **self._published(name, properties.get("AutoPublishAlias")))
        self._events(logical_id, properties, arn)

    def _published(self, function: str, alias: str | None) -> dict[str, str]:
        """What SAM's AutoPublishAlias makes: a version and an alias of it, by the ARNs that Ref gives."""
        if alias is None:
            return {}
        client = self._clients("lambda")
        version = client.publish_version(FunctionName=function)
        made = client.create_alias(FunctionName=function, Name=alias, FunctionVersion=version["Version"])
        return {"Version": version["FunctionArn"], "Alias": made["AliasArn"]}

    def _state_machine(self, logical_id: str, properties: Json) -> None:
        definition = (self._root / properties["DefinitionUri"]).read_text()
        for placeholder, value in properties.get("DefinitionSubstitutions", {}).items():
            definition = definition.replace(f"${{{placeholder}}}", value)
        name = properties.get("Name", self._physical_name(logical_id))
        arn = self._clients("stepfunctions").create_state_machine(
            name=name,
            definition=definition,
            roleArn=self._role(logical_id, properties),
            tags=[{"key": key, "value": value} for key, value in properties.get("Tags", {}).items()],
        )["stateMachineArn"]
        self._made(logical_id, arn, Arn=arn, Name=name)
        self._events(logical_id, properties, arn)

    def _events(self, logical_id: str, properties: Json, target_arn: str) -> None:
        for event, declaration in properties.get("Events", {}).items():
            settings = declaration["Properties"]
            target = {"Id": event, "Arn": target_arn}
            target |= {
                key: settings[key]
                for key in ("InputPath", "Input", "InputTransformer", "RetryPolicy")
                if key in settings
            }
            if "DeadLetterConfig" in settings:
                target["DeadLetterConfig"] = settings["DeadLetterConfig"]
            if target_arn.startswith("arn:aws:states:"):
                target["RoleArn"] = f"arn:aws:iam::{ACCOUNT}:role/events"
            rule: Json = {
                "Name": f"{self._physical_name(logical_id)}{event}",
                "State": settings.get("State", "ENABLED"),
            }
            match declaration["Type"]:
                case "SNS":
                    topic = settings["Topic"]
                    self._clients("sns").subscribe(TopicArn=topic, Protocol="lambda", Endpoint=target_arn)
                    continue
                case "EventBridgeRule" | "CloudWatchEvent":
                    rule["EventPattern"] = json.dumps(settings["Pattern"])
                case "Schedule" | "ScheduleV2":
                    rule["ScheduleExpression"] = settings.get("Schedule") or settings["ScheduleExpression"]
                    rule["State"] = "ENABLED" if settings.get("Enabled", True) else "DISABLED"
                case unknown:
                    raise UnsupportedTemplate(f"{logical_id}: event type {unknown}")
            if "EventBusName" in settings:
                rule["EventBusName"] = settings["EventBusName"]
            self._rule(rule, [target])

    def _rule(self, rule: Json, targets: list[Json]) -> str:
        events = self._clients("events")
        arn: str = events.put_rule(**rule)["RuleArn"]
        bus = {"EventBusName": rule["EventBusName"]} if "EventBusName" in rule else {}
        events.put_targets(Rule=rule["Name"], Targets=targets, **bus)
        return arn

    def _event_rule(self, logical_id: str, properties: Json) -> None:
        targets = properties.pop("Targets", [])
        rule = {"Name": self._physical_name(logical_id), **properties}
        if "EventPattern" in rule:
            rule["EventPattern"] = json.dumps(rule["EventPattern"])
        self._made(logical_id, rule["Name"], Arn=self._rule(rule, targets))

    def _event_bus(self, logical_id: str, properties: Json) -> None:
        arn = self._clients("events").create_event_bus(Name=properties["Name"])["EventBusArn"]
        self._made(logical_id, properties["Name"], Arn=arn)

    def _table(self, logical_id: str, properties: Json) -> None:
        name = properties.get("TableName", self._physical_name(logical_id))
        keys = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
        answer = self._clients("dynamodb").create_table(
            TableName=name, **{key: properties[key] for key in keys if key in properties}
        )
        self._made(logical_id, name, Arn=answer["TableDescription"]["TableArn"])

    def _topic(self, logical_id: str, properties: Json) -> None:
        name = properties.get("TopicName", self._physical_name(logical_id))
        arn = self._clients("sns").create_topic(Name=name)["TopicArn"]
        self._made(logical_id, arn, TopicName=name, TopicArn=arn)

    def _queue(self, logical_id: str, properties: Json) -> None:
        name = properties.get("QueueName", self._physical_name(logical_id))
        url = self._clients("sqs").create_queue(QueueName=name)["QueueUrl"]
        self._made(logical_id, url, Arn=f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}", QueueName=name)

    def _log_group(self, logical_id: str, properties: Json) -> None:
        name = properties.get("LogGroupName", self._physical_name(logical_id))
        self._clients("logs").create_log_group(logGroupName=name)
        self._made(logical_id, name, Arn=f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}:*")

    def _alarm(self, logical_id: str, properties: Json) -> None:
        name = properties.get("AlarmName", self._physical_name(logical_id))
        self._clients("cloudwatch").put_metric_alarm(**{**properties, "AlarmName": name})
        self._made(logical_id, name, Arn=f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}")

    def _composite_alarm(self, logical_id: str, properties: Json) -> None:
        name = properties.get("AlarmName", self._physical_name(logical_id))
        self._clients("cloudwatch").put_composite_alarm(**{**properties, "AlarmName": name})
        self._made(logical_id, name, Arn=f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}")

    def _parameter(self, logical_id: str, properties: Json) -> None:
        name = properties["Name"]
        self._clients("ssm").put_parameter(Name=name, Type=properties["Type"], Value=properties["Value"])
        self._made(logical_id, name, Type=properties["Type"], Value=properties["Value"])


_MAKERS: Mapping[str, Callable[[Stack, str, Json], None]] = {
    "AWS::Serverless::Function": Stack._function,
    "AWS::Serverless::StateMachine": Stack._state_machine,
    "AWS::DynamoDB::Table": Stack._table,
    "AWS::Events::Rule": Stack._event_rule,
    "AWS::Events::EventBus": Stack._event_bus,
    "AWS::SNS::Topic": Stack._topic,
    "AWS::SQS::Queue": Stack._queue,
    "AWS::Logs::LogGroup": Stack._log_group,
    "AWS::CloudWatch::Alarm": Stack._alarm,
    "AWS::CloudWatch::CompositeAlarm": Stack._composite_alarm,
    "AWS::SSM::Parameter": Stack._parameter,
}

_CODE = zipped("# The handlers run in this process; see the Lambda patch.")


def _merged(defaults: Any, own: Any) -> Any:
    if isinstance(defaults, dict) and isinstance(own, dict):
        keys = [*defaults, *(key for key in own if key not in defaults)]
        return {
            key: _merged(defaults[key], own[key]) if key in defaults and key in own else own.get(key, defaults.get(key))
            for key in keys
        }
    return own
