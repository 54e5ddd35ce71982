"""The template as a product: any partition, no event lost in silence, every number and word of a parameter bounded."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rollout_simulator.embedded_aws import EmbeddedAws
from rollout_simulator.template import load_template

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = load_template()
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
DEFINITION: dict[str, Any] = json.loads((ROOT / "statemachine" / "rollout.asl.json").read_text(encoding="utf-8"))
FUNCTIONS = {
    name: each["Properties"] for name, each in RESOURCES.items() if each["Type"] == "AWS::Serverless::Function"
}
STATES_LANGUAGE = "E3601"
"""cfn-lint's rule that checks a workflow's definition."""
NOT_KNOWN_TO_IT = "'{% $next.seconds %}' is not of type 'number'"
"""It knows JSONPath's Wait only; in JSONata the seconds of a Wait may be an expression."""
FREE = frozenset({"VpcSubnetIds", "VpcSecurityGroupIds"})
"""Lists of ids that CloudFormation itself checks when they are used."""

Json = dict[str, Any]


def events() -> Iterator[tuple[str, Json]]:
    """Every event of a function or of the workflow, named."""
    for name, resource in RESOURCES.items():
        for event, declaration in resource.get("Properties", {}).get("Events", {}).items():
            yield f"{name}.{event}", declaration


RULES = {name: event["Properties"] for name, event in events() if event["Type"] == "EventBridgeRule"}


def reachable(state: str, seen: set[str]) -> set[str]:
    """The states that can follow this one, itself included."""
    if state not in seen:
        seen.add(state)
        body = DEFINITION["States"][state]
        steps = [body, *body.get("Choices", []), *body.get("Catch", [])]
        for follower in [step["Next"] for step in steps if "Next" in step] + [body.get("Default")]:
            if follower is not None:
                reachable(follower, seen)
    return seen


@pytest.mark.parametrize("name", ["template.yaml", "statemachine/rollout.asl.json", "samconfig.toml"])
def test_no_partition_region_or_account_is_written_down(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert re.findall(r"arn:aws[a-z-]*:(?!\.|\[)[^ ]*|(?<![-\w])\d{12}(?!\d)", text) == []


def test_no_function_that_ships_writes_an_arn_by_itself() -> None:
    writing = [
        path for path in (ROOT / "functions").rglob("*.py") if re.search(r"['\"]arn:aws", path.read_text("utf-8"))
    ]
    assert writing == []


@pytest.mark.parametrize("name", TEMPLATE["Parameters"])
def test_every_parameter_has_bounds_and_says_what_it_is_for(name: str) -> None:
    parameter = TEMPLATE["Parameters"][name]
    assert parameter["Description"].endswith(".")
    bounds = {"Number": {"MinValue", "MaxValue"}}.get(parameter["Type"], {"AllowedPattern"})
    assert name in FREE or "AllowedValues" in parameter or bounds <= parameter.keys()


def test_every_parameter_stands_in_one_group_of_the_console() -> None:
    groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    shown = [name for group in groups for name in group["Parameters"]]
    assert sorted(shown) == sorted(TEMPLATE["Parameters"])


@pytest.mark.parametrize("name", RULES)
def test_a_rule_takes_events_of_one_source_and_kind_and_loses_none_in_silence(name: str) -> None:
    rule = RULES[name]
    assert len(rule["Pattern"]["source"]) == len(rule["Pattern"]["detail-type"]) == 1
    assert rule["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["UndeliveredEvents", "Arn"]}}
    assert rule["RetryPolicy"]["MaximumRetryAttempts"] > 0


@pytest.mark.parametrize("name", [name for name, properties in FUNCTIONS.items() if "Events" in properties])
def test_what_an_event_invokes_has_a_dead_letter_queue(name: str) -> None:
    assert FUNCTIONS[name]["DeadLetterQueue"]["TargetArn"] == {"Fn::GetAtt": ["UndeliveredEvents", "Arn"]}


def test_every_alarm_calls_somebody_and_says_what_it_means() -> None:
    alarms = {name: each["Properties"] for name, each in RESOURCES.items() if each["Type"] == "AWS::CloudWatch::Alarm"}
    assert alarms
    assert {name: alarm["AlarmActions"] for name, alarm in alarms.items()} == {
        name: [{"Ref": "OperationsTopic"}] for name in alarms
    }
    assert [name for name, alarm in alarms.items() if not alarm["AlarmDescription"].endswith(".")] == []


def test_the_application_repository_is_told_this_version_and_files_that_are_there() -> None:
    application = TEMPLATE["Metadata"]["AWS::ServerlessRepo::Application"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert application["SemanticVersion"] == project["version"]
    assert application["SpdxLicenseId"] == project["license"]
    assert all((ROOT / application[name]).exists() for name in ("LicenseUrl", "ReadmeUrl"))


PINNED = [name for name, each in FUNCTIONS.items() if "AutoPublishAlias" in each]
"""The functions of which the workflow invokes a version."""
IN_CONFIGURATION = ("Environment", "KmsKeyArn", "VpcConfig")
"""The properties, common ones included, of which Lambda makes a version's configuration."""


def parameters_in(properties: Any) -> set[str]:
    """The parameters that are referred to."""
    return set(re.findall(r"\b(?:" + "|".join(TEMPLATE["Parameters"]) + r")\b", json.dumps(properties)))


@pytest.mark.parametrize("name", PINNED)
def test_a_parameter_of_a_pinned_function_publishes_a_version_when_it_changes(name: str) -> None:
    both = TEMPLATE["Globals"]["Function"], FUNCTIONS[name]
    configured_by = parameters_in([properties.get(each) for properties in both for each in IN_CONFIGURATION])
    assert configured_by == parameters_in(FUNCTIONS[name]["VersionDescription"]) != set()


@pytest.mark.parametrize("name", PINNED)
def test_a_version_is_described_by_security_groups_only_where_the_function_has_them(name: str) -> None:
    """A changed description alone asks Lambda for a version of what has not changed, which fails the deployment."""

    def described(**parameters: str) -> str:
        with EmbeddedAws(parameters=parameters) as aws:
            return str(aws.deployment.resources[name]["VersionDescription"])

    assert described(VpcSecurityGroupIds="sg-1") == described()
    assert described(VpcSubnetIds="a", VpcSecurityGroupIds="sg-1") != described(VpcSubnetIds="a")


def test_what_outlives_the_stack_is_removed_again_when_its_creation_fails() -> None:
    kept = {name: each["DeletionPolicy"] for name, each in RESOURCES.items() if "DeletionPolicy" in each}
    assert kept == {"RolloutTable": "RetainExceptOnCreate"}


PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-eusc", "aws-of-tomorrow")


@pytest.mark.parametrize("partition", PARTITIONS)
def test_the_template_can_be_deployed_in_every_partition(partition: str) -> None:
    assert "Mappings" not in TEMPLATE, "a table of partitions fails in one that it does not list"
    conditions, url = TEMPLATE["Conditions"], TEMPLATE["Outputs"]["DashboardUrl"]

    def holds(condition: Any) -> bool:
        match condition:
            case {"Condition": name}:
                return holds(conditions[name])
            case {"Fn::Or": several}:
                return any(holds(each) for each in several)
            case {"Fn::Equals": [{"Ref": "AWS::Partition"}, value]}:
                return bool(value == partition)
        raise AssertionError(condition)

    assert holds({"Condition": url["Condition"]}) is (partition in PARTITIONS[:3])


@pytest.mark.parametrize("stack", ["aws-rollouts", "ssm-rollouts", "AWSRollouts"])
def test_a_stack_may_have_a_name_that_begins_with_aws_or_ssm(stack: str) -> None:
    """The name of a parameter may not: PutParameter's "Naming Constraints"."""
    with EmbeddedAws(stack_name=stack) as aws:
        name = aws.deployment.physical["ControllerParameter"]
        assert not re.match(r"/?(aws|ssm)", name, re.IGNORECASE)
        assert aws.client("ssm").get_parameter(Name=name)["Parameter"]["Value"].count(f':stateMachine:{stack}"') == 1


@pytest.mark.parametrize("name", PINNED)
def test_a_version_that_is_replaced_is_kept_for_the_rollouts_under_way(name: str) -> None:
    assert RESOURCES[name]["UpdateReplacePolicy"] == "Retain"
    assert "DeletionPolicy" not in RESOURCES[name], "SAM's own for versions is Retain, and this would take its place"


def test_every_state_can_be_reached_and_every_name_is_a_state() -> None:
    assert reachable(DEFINITION["StartAt"], set()) == DEFINITION["States"].keys()


def test_the_workflow_is_valid_amazon_states_language() -> None:
    from cfnlint.api import lint_all  # noqa: PLC0415 - takes a second, and only this test needs it

    def mistakes(definition: Json) -> list[str]:
        text = json.dumps(definition).replace("${Partition}", "aws")
        text = re.sub(r"\$\{\w+Arn\}", "arn:aws:lambda:us-east-1:123456789012:function:f:1", text)
        machine = {"RoleArn": "arn:aws:iam::123456789012:role/r", "Definition": json.loads(text)}
        resource = {"Type": "AWS::StepFunctions::StateMachine", "Properties": machine}
        found = lint_all(json.dumps({"Resources": {"Machine": resource}}))
        return [match.message for match in found if match.rule.id == STATES_LANGUAGE]

    broken = json.loads(json.dumps(DEFINITION))
    broken["States"]["Bake"].pop("Resource")
    assert len(mistakes(broken)) > 1
    assert mistakes(DEFINITION) == [NOT_KNOWN_TO_IT]
