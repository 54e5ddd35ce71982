"""An AWS of its own for each simulation."""

from __future__ import annotations

import json
import os
import random
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from rollout_simulator.clock import DEFAULT_START
from rollout_simulator.embedded_aws import EmbeddedAws

TEMPLATE = """
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      BillingMode: PAY_PER_REQUEST
  AnalyzeFunction:
    Type: AWS::Serverless::Function
    Properties: {Handler: analyze.handler, Runtime: python3.13, Timeout: 10}
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: machine.asl.json
      DefinitionSubstitutions: {Table: !Ref Table, Analyze: !GetAtt AnalyzeFunction.Arn}
      Policies:
        - Statement: {Effect: Allow, Action: [lambda:InvokeFunction, dynamodb:UpdateItem], Resource: "*"}
      Events:
        Asked:
          Type: EventBridgeRule
          Properties: {Pattern: {source: [asked]}, InputPath: $.detail}
  Ended:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [aws.states], detail: {status: [SUCCEEDED, FAILED]}}
      Targets: [{Id: queue, Arn: !GetAtt Queue.Arn}]
  Queue: {Type: AWS::SQS::Queue}
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Namespace: Mine
      MetricName: Bad
      Statistic: Sum
      Period: 60
      EvaluationPeriods: 1
      Threshold: 1
      ComparisonOperator: GreaterThanOrEqualToThreshold
Outputs:
  Machine: {Value: !Ref Machine}
  Queue: {Value: !Ref Queue}
"""
MACHINE = {
    "QueryLanguage": "JSONata",
    "StartAt": "Begin",
    "States": {
        "Begin": {"Type": "Pass", "Assign": {"n": 0}, "Next": "Bake"},
        "Bake": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:dynamodb:updateItem.waitForTaskToken",
            "TimeoutSeconds": 60,
            "Arguments": {
                "TableName": "${Table}",
                "Key": {"id": {"S": "x"}},
                "UpdateExpression": "SET taskToken = :t",
                "ExpressionAttributeValues": {":t": {"S": "{% $states.context.Task.Token %}"}},
            },
            "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "Analyze"}],
            "Next": "Analyze",
        },
        "Analyze": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": {"FunctionName": "${Analyze}", "Payload": {"n": "{% $n %}"}},
            "Assign": {"n": "{% $states.result.Payload.n %}"},
            "Next": "Enough?",
        },
        "Enough?": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $n >= 40 %}", "Next": "Done"}],
            "Default": "Bake",
        },
        "Done": {"Type": "Succeed", "Output": "{% $n %}"},
    },
}


def count(event: Any, context: Any) -> Any:
    print(f"counted {event['n']}")  # noqa: T201
    return {"n": event["n"] + 1}


def opened(folder: Path, seed: int = 0) -> EmbeddedAws:
    (folder / "template.yaml").write_text(TEMPLATE)
    (folder / "machine.asl.json").write_text(json.dumps(MACHINE))
    return EmbeddedAws(
        seed=seed, template_file=folder / "template.yaml", functions=folder, handlers={"analyze.handler": count}
    )


def run(aws: EmbeddedAws) -> str:
    """One execution from its request to its end; its ARN."""
    entry = {"Source": "asked", "DetailType": "x", "Detail": '{"why": "test"}'}
    aws.client("events").put_events(Entries=[entry])
    aws.clock.run_until(lambda: any(one.status == "SUCCEEDED" for one in aws.executions.all()))
    return str(aws.executions.all()[0].execution_arn)


def test_from_a_request_to_the_event_of_its_end(tmp_path: Path) -> None:
    with opened(tmp_path) as aws:
        execution = run(aws)
        assert aws.executions.status(execution) == "SUCCEEDED"
        assert aws.clock.now() == DEFAULT_START + timedelta(minutes=40)
        assert aws.output.lines("rollout-pilot-AnalyzeFunction")[-1] == "counted 39"
        aws.clock.sleep(1)
        messages = aws.client("sqs").receive_message(QueueUrl=aws.deployment.outputs["Queue"])["Messages"]
        assert json.loads(messages[0]["Body"])["detail"]["executionArn"] == execution


def test_forty_minutes_take_less_than_three_seconds(tmp_path: Path) -> None:
    began = time.process_time()  # of this process alone: the machine may be busy with others
    with opened(tmp_path) as aws:
        run(aws)
    assert time.process_time() - began < 3


def test_the_same_seed_replays_the_same_world(tmp_path: Path) -> None:
    def world(seed: int) -> list[Any]:
        with opened(tmp_path, seed) as aws:
            execution = run(aws)
            history = aws.client("stepfunctions").get_execution_history(executionArn=execution, maxResults=1000)
            token = aws.client("dynamodb").get_item(TableName=aws.deployment.physical["Table"], Key={"id": {"S": "x"}})[
                "Item"
            ]
            return [execution, history["events"], token, aws.events.put, aws.faults.calls]

    assert world(1) == world(1)
    assert world(1) != world(2)


def test_each_call_has_its_caller(tmp_path: Path) -> None:
    with opened(tmp_path) as aws:
        run(aws)
        callers = {(call.caller, call.operation) for call in aws.faults.calls}
        assert {("state machine", "UpdateItem"), ("state machine", "Invoke"), ("outside", "PutEvents")} <= callers


def test_alarms_are_evaluated_each_minute(tmp_path: Path) -> None:
    with opened(tmp_path) as aws:
        aws.client("cloudwatch").put_metric_data(Namespace="Mine", MetricData=[{"MetricName": "Bad", "Value": 5}])
        aws.clock.sleep(180)
        states = [event["detail"]["state"]["value"] for event in aws.events.put if event["source"] == "aws.cloudwatch"]
        assert "ALARM" in states


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    environment, chance, threads = dict(os.environ), random.getstate(), threading.active_count()
    with opened(tmp_path) as aws:
        aws.client("stepfunctions").start_execution(stateMachineArn=aws.deployment.outputs["Machine"])
        aws.clock.sleep(90)
    assert (dict(os.environ), random.getstate()) == (environment, chance)
    for _ in range(200):
        if threading.active_count() <= threads:
            break
        time.sleep(0.01)
    assert threading.active_count() <= threads
    assert abs(time.time() - DEFAULT_START.timestamp()) > 60


def test_an_aws_without_a_template() -> None:
    with EmbeddedAws(template_file=None) as aws:
        assert aws.deployment.outputs == {}
        assert aws.client("lambda").list_functions()["Functions"] == []
