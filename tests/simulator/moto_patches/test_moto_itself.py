"""What moto lacks without the patches: after an upgrade of moto, a test that fails here tells of a patch to delete.

Each test names the replaced attributes whose lack it shows; `test_patching` holds that no attribute is left out.
"""

from __future__ import annotations

import importlib
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from inspect import getsource, isgeneratorfunction
from types import SimpleNamespace
from typing import Any, TypeVar
from unittest.mock import patch

import boto3
import pytest
import time_machine
from botocore.endpoint import Endpoint
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.signers import RequestSigner
from botocore.useragent import UserAgentString
from moto import mock_aws
from moto.awslambda.models import lambda_backends
from moto.cloudwatch.models import cloudwatch_backends
from moto.core.serialize import AttributePicker, XFormedAttributePicker
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.parsing.ast_nodes import DepthFirstTraverser  # type: ignore[attr-defined]
from moto.sns.models import sns_backends
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from rollout_simulator.moto_patches.lambda_code import zipped
from rollout_simulator.moto_patches.stepfunctions import MOTO_CONFIG
from tests.contract.gateway import Gateway
from tests.simulator.moto_patches.conftest import NOW, REGION, client
from tests.simulator.moto_patches.test_lambda_alias import Function
from tests.simulator.moto_patches.world import ACCOUNT, ROLE

Json = dict[str, Any]
Test = TypeVar("Test", bound=Callable[..., None])

responses: Any = importlib.import_module("moto.core.responses")
preprocessor: Any = importlib.import_module("moto.stepfunctions.parser.asl.parse.preprocessor")

SHOWN: set[str] = set()
"""The replaced attributes that the tests here are about, each as `owner.attribute`."""


def lacking(*attributes: str) -> Callable[[Test], Test]:
    """Say which attributes a test is about."""
    SHOWN.update(attributes)
    return lambda test: test


# --- API Gateway -------------------------------------------------------------------------------------------------


@pytest.fixture
def gateway(aws: time_machine.Traveller) -> Gateway:
    return Gateway(client("apigateway"))


@lacking("APIGatewayResponse.get_export")
def test_an_export_tells_nothing_of_what_is_called(gateway: Gateway) -> None:
    answer = gateway.client.get_export(restApiId=gateway.api_id, stageName="prod", exportType="oas30")
    assert "x-amazon-apigateway-integration" not in answer["body"].read().decode()


@lacking("APIGatewayResponse.put_integration", "Integration.to_json")
def test_the_vpc_link_of_an_integration_is_forgotten(gateway: Gateway) -> None:
    put = gateway.client.put_integration(
        restApiId=gateway.api_id,
        resourceId=gateway.root_id,
        httpMethod="GET",
        type="HTTP_PROXY",
        integrationHttpMethod="GET",
        uri="http://x/",
        connectionType="VPC_LINK",
        connectionId="abc",
    )
    assert "connectionId" not in put


@lacking("APIGatewayBackend.update_stage")
def test_a_canary_overwrites_production(gateway: Gateway) -> None:
    gateway.patch(("replace", "/canarySettings/deploymentId", gateway.next))
    assert gateway.stage()["deploymentId"] == gateway.next


@lacking("APIGatewayBackend.update_stage")
def test_a_weight_is_ignored_with_a_success(gateway: Gateway) -> None:
    gateway.patch(("replace", "/canarySettings/percentTraffic", "5.0"))
    assert "canarySettings" not in gateway.stage()


@lacking("APIGatewayBackend.create_stage", "APIGatewayResponse.create_stage", "Stage.to_json")
def test_a_stage_is_created_without_its_canary_on_a_deployment_that_is_none(gateway: Gateway) -> None:
    canary = {"percentTraffic": 5.0, "deploymentId": gateway.next}
    made = gateway.client.create_stage(
        restApiId=gateway.api_id, stageName="other", deploymentId="none", canarySettings=canary
    )
    assert made.keys().isdisjoint({"canarySettings", "createdDate", "lastUpdatedDate"})


@lacking("APIGatewayBackend.create_deployment", "APIGatewayResponse.create_deployment")
def test_a_stage_that_is_deployed_to_again_loses_its_variables(gateway: Gateway) -> None:
    canary = {"percentTraffic": 5.0}
    made = gateway.deploy(stageName="prod", canarySettings=canary, stageDescription="mine")
    stage = gateway.stage()
    assert (stage["variables"], stage["deploymentId"], stage.get("description", "")) == ({}, made, "")


@lacking("APIGatewayBackend.get_deployment")
def test_a_deployment_that_is_none_is_an_internal_error(gateway: Gateway) -> None:
    with pytest.raises(KeyError):
        gateway.client.get_deployment(restApiId=gateway.api_id, deploymentId="none")


@lacking("APIGatewayResponse.get_deployment")
def test_a_deployment_has_no_summary(gateway: Gateway) -> None:
    shown = gateway.client.get_deployment(restApiId=gateway.api_id, deploymentId=gateway.base, embed=["apisummary"])
    assert "apiSummary" not in shown


@lacking("APIGatewayBackend.delete_deployment")
def test_a_deployment_that_a_stage_was_pointed_to_can_be_deleted(gateway: Gateway) -> None:
    gateway.client.delete_deployment(restApiId=gateway.api_id, deploymentId=gateway.base)
    assert gateway.stage()["deploymentId"] == gateway.base


@lacking("APIGatewayResponse.get_deployments")
def test_deployments_come_on_one_page(gateway: Gateway) -> None:
    shown = gateway.client.get_deployments(restApiId=gateway.api_id, limit=1)
    assert len(shown["items"]) == 2


@lacking("APIGatewayResponse.get_tags", "APIGatewayResponse.tag_resource", "APIGatewayResponse.untag_resource")
def test_an_api_cannot_be_tagged(gateway: Gateway) -> None:
    arn = f"arn:aws:apigateway:{REGION}::/restapis/{gateway.api_id}"
    with pytest.raises(ClientError, match="NotFoundException"):
        gateway.client.tag_resource(resourceArn=arn, tags={"a": "b"})
    with pytest.raises(ClientError, match="NotFoundException"):
        gateway.client.untag_resource(resourceArn=arn, tagKeys=["a"])
    with pytest.raises(ClientError, match="NotFoundException"):
        gateway.client.get_tags(resourceArn=arn)


@lacking("APIGatewayResponse.update_integration")
def test_an_integration_cannot_be_updated(gateway: Gateway) -> None:
    with pytest.raises(NotImplementedError):
        gateway.client.update_integration(
            restApiId=gateway.api_id, resourceId=gateway.root_id, httpMethod="GET", patchOperations=[]
        )


# --- CloudWatch --------------------------------------------------------------------------------------------------


@pytest.fixture
def cloudwatch(aws: time_machine.Traveller) -> Any:
    return client("cloudwatch")


def put_alarm(cloudwatch: Any, name: str = "a", **changes: Any) -> None:
    alarm = {
        "Namespace": "Orders",
        "MetricName": "Errors",
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 1.0,
        "EvaluationPeriods": 1,
        "Period": 60,
        "Statistic": "Sum",
    }
    cloudwatch.put_metric_alarm(AlarmName=name, **{**alarm, **changes})


def alarms(cloudwatch: Any, **asked: Any) -> list[tuple[str, str]]:
    shown = cloudwatch.describe_alarms(**asked)
    return [(alarm["AlarmName"], alarm["StateValue"]) for alarm in shown["MetricAlarms"]]


@lacking("CloudWatchBackend.put_metric_alarm")
def test_an_alarm_starts_in_ok_and_is_reset_by_a_change(cloudwatch: Any) -> None:
    put_alarm(cloudwatch)
    assert alarms(cloudwatch) == [("a", "OK")]
    cloudwatch.set_alarm_state(AlarmName="a", StateValue="ALARM", StateReason="test")
    put_alarm(cloudwatch, Threshold=2.0)
    assert alarms(cloudwatch) == [("a", "OK")]


@lacking("CloudWatchBackend.set_alarm_state")
def test_an_alarm_that_changes_sends_no_event(cloudwatch: Any) -> None:
    put_alarm(cloudwatch)
    sqs, events = client("sqs"), client("events")
    url = sqs.create_queue(QueueName="told")["QueueUrl"]
    events.put_rule(Name="alarms", EventPattern=json.dumps({"source": ["aws.cloudwatch"]}))
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:told"
    events.put_targets(Rule="alarms", Targets=[{"Id": "1", "Arn": arn}])
    cloudwatch.set_alarm_state(AlarmName="a", StateValue="ALARM", StateReason="test")
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


@lacking("CloudWatchResponse.describe_alarms")
def test_alarms_come_on_one_page_by_one_filter(cloudwatch: Any) -> None:
    for name in ("a", "b"):
        put_alarm(cloudwatch, name)
    assert len(alarms(cloudwatch, MaxRecords=1)) == 2
    assert len(alarms(cloudwatch, AlarmNamePrefix="a", StateValue="ALARM")) == 1


@lacking("CloudWatchResponse.put_composite_alarm")
def test_there_are_no_composite_alarms(cloudwatch: Any) -> None:
    with pytest.raises(NotImplementedError):
        cloudwatch.put_composite_alarm(AlarmName="any", AlarmRule="TRUE")


def put_values(cloudwatch: Any, namespace: str = "Orders", **datum: Any) -> None:
    given = {"MetricName": "Latency", "Timestamp": NOW - timedelta(minutes=1), **datum}
    cloudwatch.put_metric_data(Namespace=namespace, MetricData=[given])


def asked(cloudwatch: Any, stat: str = "Sum", **query: Any) -> list[float]:
    metric = {"Namespace": "Orders", "MetricName": "Latency", "Dimensions": [{"Name": "Api", "Value": "orders"}]}
    one = query or {"MetricStat": {"Metric": metric, "Period": 60, "Stat": stat}}
    shown = cloudwatch.get_metric_data(
        MetricDataQueries=[{"Id": "q", **one}], StartTime=NOW - timedelta(minutes=5), EndTime=NOW
    )
    values: list[float] = shown["MetricDataResults"][0]["Values"]
    return values


ORDERS = [{"Name": "Api", "Value": "orders"}]


@lacking("CloudWatchResponse.get_metric_data")
def test_there_are_no_percentiles(cloudwatch: Any) -> None:
    put_values(cloudwatch, Value=5.0, Dimensions=ORDERS)
    with pytest.raises(TypeError, match="NoneType"):
        asked(cloudwatch, "p99")


@lacking("CloudWatchResponse.get_metric_data")
def test_a_query_finds_the_values_of_other_namespaces(cloudwatch: Any) -> None:
    put_values(cloudwatch, "Other", Value=5.0, Dimensions=ORDERS)
    assert asked(cloudwatch) == [5.0]


@lacking("CloudWatchResponse.get_metric_statistics")
def test_extended_statistics_are_ignored(cloudwatch: Any) -> None:
    put_values(cloudwatch, Value=5.0)
    shown = cloudwatch.get_metric_statistics(
        Namespace="Orders",
        MetricName="Latency",
        StartTime=NOW - timedelta(minutes=5),
        EndTime=NOW,
        Period=60,
        Statistics=["Sum"],
        ExtendedStatistics=["p99"],
    )
    assert [point.get("ExtendedStatistics") for point in shown["Datapoints"]] == [None]


@lacking("CloudWatchResponse.list_metrics")
def test_metrics_are_listed_that_nobody_put(cloudwatch: Any) -> None:
    client("s3").create_bucket(Bucket="orders", CreateBucketConfiguration={"LocationConstraint": REGION})
    client("s3").put_object(Bucket="orders", Key="k", Body=b"x")
    assert cloudwatch.list_metrics()["Metrics"] != []


@lacking("CloudWatchBackend.put_metric_data")
def test_each_value_is_kept_by_itself(cloudwatch: Any) -> None:
    put_values(cloudwatch, Values=[1.0, 2.0], Counts=[1000.0, 1000.0])
    assert len(cloudwatch_backends[ACCOUNT][REGION].metric_data) == 2000


# --- DynamoDB ----------------------------------------------------------------------------------------------------


@pytest.fixture
def dynamodb(aws: time_machine.Traveller) -> Any:
    made = client("dynamodb")
    made.create_table(
        TableName="items",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )
    for name in ("a", "b", "c"):
        made.put_item(TableName="items", Item=key(name))
    return made


def key(name: str) -> Json:
    return {"pk": {"S": name}, "sk": {"S": "x"}}


@lacking("Table.query", "Table.all_items")
def test_a_query_looks_at_all_items(dynamodb: Any) -> None:
    seen: set[str] = set()
    equals = DynamoType.__eq__

    def comparing(one: DynamoType, other: DynamoType) -> bool:
        seen.add(one.value)
        return equals(one, other)

    with patch.object(DynamoType, "__eq__", comparing):
        dynamodb.query(
            TableName="items", KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": "a"}}
        )
    assert {"a", "b", "c"} <= seen


@lacking("DynamoDBBackend.transact_write_items", "models.copy")
def test_a_transaction_copies_the_whole_table(dynamodb: Any) -> None:
    def untouched() -> Any:
        return dynamodb_backends[ACCOUNT][REGION].get_item("items", key("c"))

    before = untouched()
    condition = {"TableName": "items", "Key": key("a"), "ConditionExpression": "attribute_exists(nothing)"}
    with pytest.raises(ClientError):
        dynamodb.transact_write_items(TransactItems=[{"ConditionCheck": condition}])
    assert untouched() is not before


def grow(dynamodb: Any, length: int, more: str = "") -> None:
    dynamodb.update_item(
        TableName="items",
        Key=key("a"),
        UpdateExpression=f"SET early = :early{more}, grown = :grown",
        ExpressionAttributeValues={":early": {"S": "written"}, ":grown": {"S": "x" * length}},
    )


@lacking("LimitedSizeDict.__setitem__", "DynamoDBBackend.update_item")
def test_an_update_counts_twice_and_leaves_a_part_of_it_when_it_is_refused(dynamodb: Any) -> None:
    grow(dynamodb, 210_000)
    with pytest.raises(ClientError, match="Item size to update has exceeded"):
        grow(dynamodb, 210_000, more=", extra = :early")
    assert "extra" in dynamodb.get_item(TableName="items", Key=key("a"))["Item"]


@lacking("Item.__init__")
def test_an_item_of_400_kb_is_refused(dynamodb: Any) -> None:
    with pytest.raises(ClientError, match="Item size has exceeded"):
        dynamodb.put_item(TableName="items", Item={**key("a"), "long": {"S": "x" * 409_000}})


@lacking("DynamoDBBackend.transact_write_items")
def test_an_update_that_is_too_large_does_not_cancel_its_transaction(dynamodb: Any) -> None:
    update = {
        "TableName": "items",
        "Key": key("a"),
        "UpdateExpression": "SET grown = :grown",
        "ExpressionAttributeValues": {":grown": {"S": "x" * 410_000}},
    }
    with pytest.raises(ClientError, match="ValidationException"):
        dynamodb.transact_write_items(TransactItems=[{"Update": update}])


# --- EventBridge -------------------------------------------------------------------------------------------------


@lacking("Rule.send_to_targets", "EventsBackend.put_events")
def test_an_event_cannot_reach_a_function(aws: time_machine.Traveller) -> None:
    events = client("events")
    events.put_rule(Name="rule", EventPattern=json.dumps({"source": ["mine"]}))
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
    events.put_targets(Rule="rule", Targets=[{"Id": "1", "Arn": arn}])
    with pytest.raises(NotImplementedError):
        events.put_events(Entries=[{"Source": "mine", "DetailType": "Done", "Detail": "{}"}])


@lacking("EventsBackend.put_rule")
def test_a_rule_with_a_schedule_never_fires(aws: time_machine.Traveller) -> None:
    events, sqs = client("events"), client("sqs")
    url = sqs.create_queue(QueueName="told")["QueueUrl"]
    events.put_rule(Name="rule", ScheduleExpression="rate(1 minute)")
    events.put_targets(Rule="rule", Targets=[{"Id": "1", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:told"}])
    aws.shift(timedelta(minutes=5))
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


# --- Lambda ------------------------------------------------------------------------------------------------------


@pytest.fixture
def function(aws: time_machine.Traveller) -> Function:
    return Function()


@lacking("LambdaBackend.update_alias", "LambdaResponse.update_alias")
def test_a_stale_revision_is_accepted_and_stays(function: Function) -> None:
    before = function.alias()["RevisionId"]
    function.update(FunctionVersion="2", RevisionId="stale")
    assert function.alias()["RevisionId"] == before


@lacking("LambdaBackend.update_alias", "LambdaBackend.create_alias")
def test_weights_beyond_all_bounds_are_stored(function: Function) -> None:
    weights = {"AdditionalVersionWeights": {"1": 0.5, "9": 7.0}}
    function.update(weights["AdditionalVersionWeights"])
    function.client.create_alias(FunctionName="orders", Name="other", FunctionVersion="1", RoutingConfig=weights)
    assert function.alias()["RoutingConfig"] == weights


@lacking("LambdaAlias.to_json")
def test_an_alias_without_weights_shows_an_empty_routing(function: Function) -> None:
    assert "RoutingConfig" in function.update({})


@lacking("LambdaFunction.invoke")
def test_a_function_only_echoes() -> None:
    with mock_aws(config={"lambda": {"use_docker": False}}):
        client("iam").create_role(RoleName="test", AssumeRolePolicyDocument="{}")
        client("lambda").create_function(
            FunctionName="f", Runtime="python3.13", Role=ROLE, Handler="f.handler", Code={"ZipFile": zipped()}
        )
        answer = client("lambda").invoke(FunctionName="f", Payload=b'{"a": 1}')
        assert json.loads(answer["Payload"].read()) == {"a": 1}


@lacking("LambdaFunction.__init__")
def test_a_dead_letter_queue_is_forgotten(function: Function) -> None:
    role = client("iam").get_role(RoleName="orders")["Role"]["Arn"]
    queue = {"TargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:dead"}
    made = function.client.create_function(
        FunctionName="f",
        Runtime="python3.13",
        Role=role,
        Handler="f.handler",
        Code={"ZipFile": zipped()},
        DeadLetterConfig=queue,
    )
    assert "DeadLetterConfig" not in made
    assert not hasattr(lambda_backends[ACCOUNT][REGION].get_function("f"), "dead_letter_config")


def permit(function: Function, qualifier: str, statement: str = "s") -> None:
    function.client.add_permission(
        FunctionName="orders",
        Qualifier=qualifier,
        StatementId=statement,
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
    )


@lacking("LambdaBackend.add_permission", "LambdaBackend.get_policy", "LambdaResponse.remove_permission")
def test_a_function_shares_one_policy_with_its_versions_and_aliases(function: Function) -> None:
    def statements(**qualifier: str) -> list[str]:
        policy = function.client.get_policy(FunctionName="orders", **qualifier)["Policy"]
        return [statement["Sid"] for statement in json.loads(policy)["Statement"]]

    permit(function, "live")
    permit(function, "live")
    assert [statements(), statements(Qualifier="live"), statements(Qualifier="3")] == [["s", "s"]] * 3
    function.client.remove_permission(FunctionName="orders", StatementId="s", Qualifier="2")
    assert statements(Qualifier="live") == ["s"]


@lacking("urls.url_paths")
def test_there_is_no_provisioned_concurrency(function: Function) -> None:
    with pytest.raises(ClientError):
        function.client.put_provisioned_concurrency_config(
            FunctionName="orders", Qualifier="1", ProvisionedConcurrentExecutions=1
        )


@lacking("urls.url_paths")
def test_there_is_no_runtime_management(function: Function) -> None:
    with pytest.raises(ClientError):
        function.client.get_runtime_management_config(FunctionName="orders")


# --- what is worked out anew for each call -----------------------------------------------------------------------


@lacking("responses.method_names_from_class", "UserAgentString.to_string")
def test_each_call_looks_methods_up_and_writes_its_user_agent(cloudwatch: Any) -> None:
    with (
        patch.object(responses, "method_names_from_class", wraps=responses.method_names_from_class) as looked_up,
        patch.object(UserAgentString, "to_string", autospec=True, side_effect=lambda _: "x") as written,
    ):
        for _ in range(3):
            cloudwatch.list_metrics()
    assert looked_up.call_count >= 3
    assert written.call_count >= 3


@lacking(
    "BaseBackend.urls",
    "AttributePicker.get_possible_keys",
    "XFormedAttributePicker.get_possible_keys",
    "RequestSigner.sign",
    "DepthFirstTraverser.traverse_node_recursively",
)
def test_each_call_is_signed_and_its_names_and_patterns_are_worked_out(cloudwatch: Any) -> None:
    sign: Any = RequestSigner.sign
    with patch.object(RequestSigner, "sign", autospec=True, side_effect=sign) as signed:
        for _ in range(3):
            cloudwatch.list_metrics()
    assert signed.call_count >= 3
    backend = cloudwatch_backends[ACCOUNT][REGION]
    assert backend.urls == backend.urls
    assert backend.urls is not backend.urls
    assert "_processing_map()" in getsource(DepthFirstTraverser.process), (
        "what a node is processed by is asked each time"
    )
    for picker in (AttributePicker, XFormedAttributePicker):
        assert isgeneratorfunction(picker.get_possible_keys), "the names are worked out while they are asked for"


# --- Simple Notification Service ---------------------------------------------------------------------------------


@lacking("SNSBackend.publish")
def test_a_notification_is_kept_without_its_time_and_publisher(aws: time_machine.Traveller) -> None:
    sns = client("sns")
    topic = sns.create_topic(Name="orders")["TopicArn"]
    sns.publish(TopicArn=topic, Subject="s", Message="m")
    (kept,) = sns_backends[ACCOUNT][REGION].topics[topic].sent_notifications
    assert ("m", "s") == (kept[1], kept[2])
    assert not any(isinstance(each, datetime | float) for each in kept)


# --- Step Functions ----------------------------------------------------------------------------------------------


class StateMachines:
    """moto's own interpreter, in real time and threads."""

    def __init__(self) -> None:
        self.client = client("stepfunctions")
        self._machines = 0

    def start(self, states: Json, given: Any = None, **top: Any) -> str:
        self._machines += 1
        definition = json.dumps({"StartAt": next(iter(states)), "States": states, **top})
        machine = self.client.create_state_machine(name=f"m{self._machines}", definition=definition, roleArn=ROLE)
        arn: str = self.client.start_execution(
            stateMachineArn=machine["stateMachineArn"], name="run", input=json.dumps(given or {})
        )["executionArn"]
        return arn

    def start_from_within(self, states: Json) -> Any:
        """Start an execution without a call of a client; moto's own execution."""
        definition = json.dumps({"StartAt": next(iter(states)), "States": states})
        backend = stepfunctions_parser_backends[ACCOUNT][REGION]
        machine = backend.create_state_machine(name="within", definition=definition, roleArn=ROLE)
        return backend.start_execution(machine.arn, "run", "{}")

    def ended(self, execution: str) -> Json:
        until(lambda: self.described(execution)["status"] != "RUNNING")
        return self.described(execution)

    def run(self, states: Json, given: Any = None, **top: Any) -> Json:
        return self.ended(self.start(states, given, **top))

    def described(self, execution: str) -> Json:
        shown: Json = self.client.describe_execution(executionArn=execution)
        return shown

    def events(self, execution: str) -> list[str]:
        """The types of the events of its history."""
        return [each["type"] for each in self.client.get_execution_history(executionArn=execution)["events"]]

    def errors(self, execution: str) -> list[str]:
        """The errors that its history tells of."""
        events = self.client.get_execution_history(executionArn=execution)["events"]
        details = [value for event in events for value in event.values() if isinstance(value, dict)]
        return [each["error"] for each in details if "error" in each]


def _worker() -> Any:
    """What works on the only execution there is."""
    (machine,) = stepfunctions_parser_backends[ACCOUNT][REGION].state_machines
    worker: Any = vars(machine.executions[0])["exec_worker"]
    return worker


def until(true: Callable[[], bool]) -> None:
    """Wait for one of moto's threads."""
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def machines() -> Iterator[StateMachines]:
    with mock_aws(config=MOTO_CONFIG):
        client("iam").create_role(RoleName="test", AssumeRolePolicyDocument="{}")
        yield StateMachines()


def asking(url: str, **settings: Any) -> Json:
    """A task that sends its token to a queue and waits for the answer."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": url, "MessageBody": {"token.$": "$$.Task.Token"}},
        **({} if "Next" in settings else {"End": True}),
        **settings,
    }


@pytest.fixture
def queue(machines: StateMachines) -> str:
    url: str = client("sqs").create_queue(QueueName="asked")["QueueUrl"]
    return url


def token(url: str) -> str:
    """The next token that was sent to the queue."""
    got: list[Json] = []

    def received() -> bool:
        got.extend(client("sqs").receive_message(QueueUrl=url).get("Messages", []))
        return bool(got)

    until(received)
    return str(json.loads(got[0]["Body"])["token"])


@lacking(
    "ExecutionWorker.start",
    "WaitFunction._wait_interval",
    "ExecutionState._evaluate_with_timeout",
    "StateTaskServiceCallback._eval_wait_for_task_token",
    "CallbackEndpoint.__init__",
    "HeartbeatEndpoint.__init__",
    "Environment.__init__",
    "Program.eval",
    "retrier_decl.time",
    "StateTask._from_error",
)
def test_all_waits_are_real_and_a_missing_heartbeat_is_a_time_out(machines: StateMachines, queue: str) -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    nowhere = asking("http://nowhere/none", Retry=retry)
    began = time.monotonic()
    executions = [
        machines.start({"Wait": {"Type": "Wait", "Seconds": 1, "End": True}}),
        machines.start({"Ask": asking(queue, TimeoutSeconds=1)}),
        machines.start({"Ask": asking(queue, TimeoutSeconds=60, HeartbeatSeconds=1)}),
        machines.start({"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}, TimeoutSeconds=1),
        machines.start({"Ask": nowhere}),
    ]
    assert sum(not thread.daemon or "Thread" in thread.name for thread in threading.enumerate()) > len(executions)
    statuses = []
    for execution in executions:
        statuses.append(machines.ended(execution)["status"])
        assert time.monotonic() - began >= 1
    assert statuses == ["SUCCEEDED", "FAILED", "FAILED", "TIMED_OUT", "FAILED"]
    assert "States.HeartbeatTimeout" not in machines.errors(executions[2])


@lacking(
    "branch_worker.threading",
    "branches_decl.threading",
    "inline_iteration_component.threading",
    "job.threading",
)
def test_branches_and_iterations_are_threads(machines: StateMachines) -> None:
    started: list[str] = []
    start = threading.Thread.start

    def counting(thread: threading.Thread) -> None:
        started.append(thread.name)
        start(thread)

    done = {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}}
    with patch.object(threading.Thread, "start", counting):
        machines.run({"Pass": {"Type": "Pass", "End": True}})
        alone = len(started)
        started.clear()
        machines.run({"Both": {"Type": "Parallel", "Branches": [done, done], "End": True}})
        branches = len(started)
        started.clear()
        machines.run({"Each": {"Type": "Map", "ItemsPath": "$.a", "ItemProcessor": done, "End": True}}, {"a": [1, 2]})
    assert (branches - alone >= 2, len(started) - alone >= 1) == (True, True)


@lacking("StringJSONata._eval_body", "StringVariableSample._eval_body")
def test_there_is_no_jsonata(machines: StateMachines) -> None:
    states = {
        "Assign": {"Type": "Pass", "Assign": {"a": 1}, "Next": "Put"},
        "Put": {"Type": "Pass", "Output": "{% $a + 1 %}", "End": True},
    }
    described = machines.run(states, QueryLanguage="JSONata")
    assert described["status"] == "FAILED"


@lacking("StepFunctionsParserBackend.send_task_failure", "StepFunctionResponse.send_task_failure")
def test_the_cause_of_a_failure_is_dropped(machines: StateMachines, queue: str) -> None:
    execution = machines.start({"Ask": asking(queue)})
    machines.client.send_task_failure(taskToken=token(queue), error="Mine", cause="because")
    assert "cause" not in machines.ended(execution)


@lacking(
    "StepFunctionsParserBackend.send_task_success",
    "StepFunctionsParserBackend.send_task_heartbeat",
    "StepFunctionsParserBackend.send_task_failure",
    "CallbackPoolManager.add",
)
def test_a_token_is_answered_twice(machines: StateMachines, queue: str) -> None:
    execution = machines.start(
        {"Ask": asking(queue, Next="Wait"), "Wait": {"Type": "Wait", "Seconds": 60, "End": True}}
    )
    given = token(queue)
    machines.client.send_task_success(taskToken=given, output="{}")
    until(lambda: "WaitStateEntered" in machines.events(execution))
    machines.client.send_task_success(taskToken=given, output="{}")
    machines.client.send_task_failure(taskToken=given)


@lacking("states.long_uid", "jitter_strategy_decl.random")
def test_tokens_and_jitter_have_no_seed_of_their_own() -> None:
    parser = "moto.stepfunctions.parser.asl"
    states: Any = importlib.import_module(f"{parser}.eval.states")
    jitter: Any = importlib.import_module(f"{parser}.component.common.retry.jitter_strategy_decl")
    tokens = []
    for _ in range(2):
        random.seed(1)
        tokens.append(states.long_uid())
    assert tokens[0] != tokens[1]
    assert jitter.random is random


@lacking("Execution.stop", "StepFunctionResponse.stop_execution", "BaseExecutionWorkerCommunication.terminated")
def test_why_an_execution_was_stopped_is_dropped(machines: StateMachines) -> None:
    execution = machines.start({"Wait": {"Type": "Wait", "Seconds": 60, "End": True}})
    until(lambda: len(machines.client.get_execution_history(executionArn=execution)["events"]) >= 2)
    machines.client.stop_execution(executionArn=execution, error="Mine", cause="because")
    assert "cause" not in machines.ended(execution)


@lacking("Environment.set_error", "Environment.set_timed_out")
def test_a_later_end_overwrites_an_earlier_one(machines: StateMachines) -> None:
    execution = machines.start({"Wait": {"Type": "Wait", "Seconds": 60, "End": True}})
    until(lambda: len(machines.client.get_execution_history(executionArn=execution)["events"]) >= 2)
    environment = _worker().env
    environment.set_stop(stop_date=NOW, cause="because", error="Mine")
    environment.set_timed_out()
    assert type(environment.program_state()).__name__ == "ProgramTimedOut"
    environment.set_error({"error": "Other"})
    assert type(environment.program_state()).__name__ == "ProgramError"


@lacking("Execution.start", "BaseExecutionWorkerCommunication.terminated")
def test_an_execution_sends_no_events(machines: StateMachines, queue: str) -> None:
    events = client("events")
    events.put_rule(Name="executions", EventPattern=json.dumps({"source": ["aws.states"]}))
    events.put_targets(Rule="executions", Targets=[{"Id": "1", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:asked"}])
    machines.run({"Pass": {"Type": "Pass", "End": True}})
    assert "Messages" not in client("sqs").receive_message(QueueUrl=queue)


@lacking("StepFunctionsParserBackend.start_execution")
def test_an_execution_that_another_service_starts_has_no_name(machines: StateMachines) -> None:
    machine = machines.described(machines.start({"Pass": {"Type": "Pass", "End": True}}))["stateMachineArn"]
    execution = stepfunctions_parser_backends[ACCOUNT][REGION].start_execution(machine)
    assert execution.exec_arn.endswith(":None")


@lacking("StepFunctionResponse.describe_execution")
def test_an_execution_that_timed_out_has_no_stop_date(machines: StateMachines) -> None:
    described = machines.run({"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}, TimeoutSeconds=1)
    assert (described["status"], "stopDate" in described) == ("TIMED_OUT", False)


@lacking("StepFunctionResponse.get_execution_history", "EventManager.add_event")
def test_a_history_comes_on_one_page_and_has_no_end(machines: StateMachines) -> None:
    execution = machines.start({"Pass": {"Type": "Pass", "End": True}})
    machines.ended(execution)
    shown = machines.client.get_execution_history(executionArn=execution, maxResults=1)
    assert len(shown["events"]) > 1
    manager = _worker().env.event_manager
    event = manager._history_event_list[-1]
    for _ in range(25_000):
        manager._history_event_list.append(event)
    manager.add_event(context=_worker().env.event_history_context, event_type=event["type"])
    assert len(manager._history_event_list) > 25_000


@lacking("boto_client.boto3")
def test_each_task_makes_a_client(machines: StateMachines, queue: str) -> None:
    send = {"Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {"QueueUrl": queue, "MessageBody": "x"}}
    states = {
        "One": {"Type": "Task", **send, "Next": "Two"},
        "Two": {"Type": "Task", **send, "End": True},
    }
    with patch.object(boto3, "client", wraps=boto3.client) as made:
        assert machines.run(states)["status"] == "SUCCEEDED"
    assert made.call_count >= 2


@lacking(
    "StateTaskService._normalise_parameters",
    "StateTaskService._normalise_response",
    "StateTaskService._SERVICE_NAME_SFN_TO_BOTO_OVERRIDES",
    "state_task_service_aws_sdk._SERVICE_ERROR_NAMES",
)
@pytest.mark.parametrize(
    ("resource", "parameters", "error"),
    [
        ("aws-sdk:sfn:describeStateMachine", {"StateMachineArn": "arn:aws:states:::none"}, "Sfn."),
        ("aws-sdk:apigateway:getRestApi", {"RestApiId": "none"}, "ApiGateway."),
        ("aws-sdk:cloudwatchlogs:describeLogGroups", {}, ""),
    ],
)
def test_services_that_spell_in_small_letters_fail(
    machines: StateMachines, resource: str, parameters: Json, error: str
) -> None:
    task = {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Parameters": parameters, "End": True}
    described = machines.run({"Ask": task})
    assert described["status"] == "FAILED"
    assert not error or not described["error"].startswith(error)


@lacking("StateTaskServiceCallback._from_error")
def test_a_call_without_an_answer_is_a_runtime_error(machines: StateMachines, queue: str) -> None:
    def lost(endpoint: Any, request: Any, *others: Any) -> Any:
        return None, ReadTimeoutError(endpoint_url=request.url)

    with patch.object(Endpoint, "_do_get_response", lost):
        execution = machines.start_from_within({"Ask": asking(queue)})
        until(lambda: execution.status != "RUNNING")
    assert execution.error == "States.Runtime"


@lacking("ErrorEqualsDecl._eval_body")
def test_all_catches_a_runtime_error(machines: StateMachines) -> None:
    states = {
        "Call": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:sqs:noSuchOperation",
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}],
            "End": True,
        },
        "Caught": {"Type": "Succeed"},
    }
    assert machines.run(states)["status"] == "SUCCEEDED"


@lacking("state_task_service_callback.time")
def test_a_sync_task_sleeps_in_real_time() -> None:
    service = "moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback"
    callback: Any = importlib.import_module(service)
    assert callback.time is time


@lacking("AmazonStateLanguageParser.parse")
def test_a_definition_is_parsed_anew_each_time() -> None:
    definition = json.dumps({"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}})
    first, second = (AmazonStateLanguageParser.parse(definition)[0] for _ in range(2))
    assert first is not second


@lacking("Preprocessor._inner_string_of", "preprocessor.from_string_literal")
def test_the_escapes_of_a_text_are_not_read_as_json(machines: StateMachines) -> None:
    execution = machines.start({'Say "hi"': {"Type": "Pass", "End": True}})
    machines.ended(execution)
    events = machines.client.get_execution_history(executionArn=execution)["events"]
    names = [each["stateEnteredEventDetails"]["name"] for each in events if "stateEnteredEventDetails" in each]
    written: Any = SimpleNamespace(getText=lambda: r'"\ud83d\ude00"')
    assert (names, preprocessor.from_string_literal(written)) == ([r"Say \"hi\""], "\ud83d\ude00")


@lacking("quotas.to_json_str")
def test_the_limit_of_a_states_data_counts_what_is_not_ascii_thrice() -> None:
    quotas = importlib.import_module("moto.stepfunctions.parser.quotas")
    assert not quotas.is_within_size_quota({"reason": "é" * 100_000})  # 200 KB of UTF-8, and 256 KiB are allowed


@lacking("LogsBackend.filter_log_events")
def test_log_events_come_stream_by_stream_and_a_pattern_for_json_finds_everything() -> None:
    with mock_aws():
        logs = client("logs")
        logs.create_log_group(logGroupName="g")
        now = int(time.time() * 1000)
        for stream, moments in (("one", (3, 1)), ("two", (2,))):
            logs.create_log_stream(logGroupName="g", logStreamName=stream)
            events = [{"timestamp": now - 1_000 * before, "message": str(before)} for before in moments]
            logs.put_log_events(logGroupName="g", logStreamName=stream, logEvents=events)
        found = logs.filter_log_events(logGroupName="g", filterPattern="{ $.status >= 500 }")["events"]
    assert ["3", "1", "2"] == [event["message"] for event in found]
