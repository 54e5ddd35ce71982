"""The page of permissions, from the template: what each role may do, and on what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rollout_simulator.template import load_template

_SHARED = re.compile(r"^arn:\$\{AWS::Partition\}:(\w+):\$\{AWS::Region\}:(\$\{AWS::AccountId\})?:")

ROLES = ("AWS::Serverless::Function", "AWS::Serverless::StateMachine")

HEAD = """\
# Permissions

Generated from `template.yaml` by `python docs/generate.py`. Each function has a role of its own, and so has the
workflow. The embedded AWS refuses what these policies do not allow, in every scenario and test; another test shows
that each permission is needed.

*If opted in* stands for the condition that the tag `rollout-pilot` (`aws:ResourceTag/rollout-pilot`) is `managed` or
the stack's name. It applies while the parameter `RestApiId` (for functions: `FunctionName`) is `*`; with one API named
there, that API alone may be changed, tag or not. A stage and a deployment inherit the tags of their API for access
control, and a stage's own tag comes before the inherited one ([API Gateway resources that can be
tagged](https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-tagging-supported-resources.html)).
Reading is not narrowed by tag, because the tag of a stage that was deleted is gone too, and a rollout must be able to
tell "deleted" from "forbidden".

Writes to the table are narrowed by partition key (`dynamodb:LeadingKeys`), which begins with the kind of what is kept:
`ROLLOUT#` a rollout's record and history, `TARGET#` a target's lock and lessons, `ALARM#` who watches an alarm,
`REQUEST#` requests made before, `EXECUTION#` what an execution was started for, `NOTIFIED` what people were told. A
record and its history share a partition, so these two cannot be told apart. A function that writes several kinds in
one transaction may write each of them.
"""

FOOT = """\
## What SAM adds

To every function's role: `AWSLambdaBasicExecutionRole` (its log lines), `AWSXrayWriteOnlyAccess` (its traces), and
because it may be put into a VPC, `AWSLambdaVPCAccessExecutionRole` (network interfaces). To those with a dead-letter
queue: sending to it. EventBridge's rules may start this state machine, and invoke the functions that they name. Those
who want none of the managed policies pass a `PermissionsBoundaryArn` that leaves them out.
"""


def permissions_page() -> str:
    """The whole page, in Markdown."""
    resources: dict[str, Any] = load_template()["Resources"]
    parts = [HEAD]
    for logical_id, resource in resources.items():
        if resource["Type"] in ROLES:
            parts.append("\n".join(_table(logical_id, resource["Properties"])))
    return "\n".join([*parts, FOOT])


def _table(logical_id: str, properties: dict[str, Any]) -> Iterator[str]:
    yield f"## {logical_id}\n"
    yield "| to | may | on | |"
    yield "|---|---|---|---|"
    for policy in properties.get("Policies", []):
        for written in policy["Statement"]:
            optional = "Fn::If" in written
            statement = written["Fn::If"][1] if optional else written
            purpose = re.sub(r"(?<!^)(?=[A-Z])", " ", statement["Sid"]).lower()
            actions = "<br>".join(f"`{action}`" for action in _listed(statement["Action"]))
            resources = "<br>".join(f"`{_text(each)}`" for each in _listed(statement["Resource"]))
            condition = f"`{written['Fn::If'][0]}`" if optional else _condition(statement.get("Condition"))
            yield f"| {purpose} | {actions} | {resources} | {condition} |"
    yield ""


def _condition(condition: Any) -> str:
    if condition is None:
        return ""
    if "Fn::If" in condition:
        return "if opted in"
    tests = [(key, value) for tests in condition.values() for key, value in tests.items()]
    return "; ".join(f"`{key}`: {', '.join(f'`{each}`' for each in _listed(value))}" for key, value in tests)


def _text(value: Any) -> str:
    """A resource as the template names it, shortened by what all ARNs here share."""
    if isinstance(value, str):
        return value
    ((function, argument),) = value.items()
    match function:
        case "Fn::GetAtt":
            return ".".join(argument)
        case "Fn::Sub":
            return re.sub(
                r"^arn:\$\{AWS::Partition\}:(\w+):\$\{AWS::Region\}:(\$\{AWS::AccountId\})?:", r"\1: ", argument
            )
        case _:
            return str(argument)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
