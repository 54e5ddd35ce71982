"""The template, read and deployed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rollout_simulator.embedded_aws import EmbeddedAws
from rollout_simulator.template import ACCOUNT, REGION, UnsupportedTemplate, load_template

HEAD = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {Type: String, Default: prod}
  Empty: {Type: String, Default: ""}
Mappings:
  Sizes: {prod: {memory: 512}, test: {memory: 128}}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  HasEmpty: !Not [!Equals [!Ref Empty, ""]]
  Both: !And [!Condition IsProd, !Condition HasEmpty]
  Either: !Or [!Condition IsProd, !Condition HasEmpty]
Globals:
  Function:
    Runtime: python3.13
    Timeout: 30
    Environment: {Variables: {STAGE: !Ref Stage, BOTH: !If [Both, "yes", "no"]}}
"""


@contextmanager
def deployed(folder: Path, resources: str, outputs: str = "{}", **parameters: Any) -> Iterator[EmbeddedAws]:
    file = folder / "template.yaml"
    file.write_text(f"{HEAD}\nResources:\n{resources}\nOutputs: {outputs}\n")
    handlers = {"takes.handler": lambda event, context: print(json.dumps(event))}  # noqa: T201
    with EmbeddedAws(template_file=file, parameters=parameters, functions=folder, handlers=handlers) as aws:
        yield aws


TAKES = """
  TakesFunction:
    Type: AWS::Serverless::Function
    Properties:
      Handler: takes.handler
      MemorySize: !FindInMap [Sizes, !Ref Stage, memory]
      Environment: {Variables: {QUEUE: !Ref Queue}}
      Policies:
        - {Version: "2012-10-17", Statement: [{Effect: Allow, Action: sqs:SendMessage, Resource: !GetAtt Queue.Arn}]}
      DeadLetterQueue: {Type: SQS, TargetArn: !GetAtt Queue.Arn}
      Events:
        Mine: {Type: EventBridgeRule, Properties: {Pattern: {source: [mine]}, InputPath: $.detail}}
        Sweep: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(5 minutes)}}
        Told: {Type: SNS, Properties: {Topic: !Ref Topic}}
  Queue: {Type: AWS::SQS::Queue}
  Topic: {Type: AWS::SNS::Topic}
"""


def test_a_function_has_the_globals_under_its_own_settings(tmp_path: Path) -> None:
    with deployed(tmp_path, TAKES) as aws:
        name = aws.deployment.physical["TakesFunction"]
        configuration = aws.client("lambda").get_function_configuration(FunctionName=name)
        assert name == "rollout-pilot-TakesFunction"
        assert (configuration["Timeout"], configuration["MemorySize"]) == (30, 512)
        assert configuration["Environment"]["Variables"] == {
            "STAGE": "prod",
            "BOTH": "no",
            "QUEUE": aws.deployment.physical["Queue"],
        }


def test_the_policies_are_kept_resolved(tmp_path: Path) -> None:
    with deployed(tmp_path, TAKES) as aws:
        (policy,) = aws.deployment.policies["TakesFunction"]
        assert policy["Statement"][0]["Resource"] == f"arn:aws:sqs:{REGION}:{ACCOUNT}:rollout-pilot-Queue"


def test_events_reach_the_function(tmp_path: Path) -> None:
    with deployed(tmp_path, TAKES) as aws:
        aws.client("events").put_events(Entries=[{"Source": "mine", "DetailType": "x", "Detail": '{"n": 1}'}])
        aws.client("sns").publish(TopicArn=aws.deployment.physical["Topic"], Message="hello")
        aws.clock.sleep(300)
        lines = [json.loads(line) for line in aws.output.lines("rollout-pilot-TakesFunction")]
        assert lines[0]["Records"][0]["Sns"]["Message"] == "hello"
        assert lines[1] == {"n": 1}
        assert lines[2]["detail-type"] == "Scheduled Event"


def test_parameters_and_conditions(tmp_path: Path) -> None:
    resources = """
  A: {Type: AWS::SNS::Topic, Condition: IsProd}
  B: {Type: AWS::SNS::Topic, Condition: Both}
  C: {Type: AWS::SNS::Topic, Condition: Either}
"""
    with deployed(tmp_path, resources) as aws:
        assert set(aws.deployment.physical) == {"A", "C"}
    with deployed(tmp_path, resources, Stage="test", Empty="x") as aws:
        assert set(aws.deployment.physical) == {"C"}
    with pytest.raises(UnsupportedTemplate, match="Nothing"), deployed(tmp_path, resources, Nothing=1):
        pass


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("!Sub '${AWS::StackName}/${Topic.TopicName}'", "rollout-pilot/rollout-pilot-Topic"),
        ("!Sub ['${x}-${Stage}', {x: !Ref Stage}]", "prod-prod"),
        ("!Join ['-', [a, !Ref Stage]]", "a-prod"),
        ("!Select [1, !Split ['/', 'a/b']]", "b"),
        ("!Ref Topic", f"arn:aws:sns:{REGION}:{ACCOUNT}:rollout-pilot-Topic"),
        ("!If [IsProd, one, two]", "one"),
    ],
)
def test_functions(tmp_path: Path, written: str, expected: str) -> None:
    with deployed(tmp_path, "  Topic: {Type: AWS::SNS::Topic}", f"{{Out: {{Value: {written}}}}}") as aws:
        assert aws.deployment.outputs["Out"] == expected


def test_what_is_unknown_is_an_error(tmp_path: Path) -> None:
    for resources in (
        "  A: {Type: AWS::EC2::Instance}",
        "  A: {Type: AWS::SNS::Topic, Properties: {TopicName: !Cidr [1]}}",
    ):
        with pytest.raises(UnsupportedTemplate), deployed(tmp_path, resources):
            pass


def test_the_products_template_is_deployed_whole() -> None:
    template = load_template()
    with EmbeddedAws() as aws:
        conditional = {name for name, one in template["Resources"].items() if "Condition" in one}
        assert set(template["Resources"]) - conditional <= set(aws.deployment.physical)
        assert set(template["Outputs"]) == set(aws.deployment.outputs)
        definition = aws.client("stepfunctions").describe_state_machine(
            stateMachineArn=aws.deployment.outputs["StateMachineArn"]
        )["definition"]
        assert "${" not in definition
