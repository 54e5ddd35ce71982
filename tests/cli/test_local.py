"""`rollout local`: the whole main job from another process, by boto3 over HTTP."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from rollout_cli.main import app
from rollout_simulator.endpoint import PortUnavailable, listen
from rollout_simulator.template import load_template
from tests.cli.command import ENVIRONMENT, ROOT, started

Json = dict[str, Any]

SCENARIO = """
description = "A short plan, so that a test need not wait."

[traffic]
requests_per_second = 200

[[alarms]]
name = "orders-5xx"
threshold = 0.5

[request.plan]
steps = [{ weightPercent = 5, bakeMinutes = 2 }, { weightPercent = 50, bakeMinutes = 2 }]
watchMinutes = 1
"""
LONGEST_SECONDS = 120.0


@dataclass(frozen=True)
class Served:
    """A running `rollout local`, and what it printed first."""

    process: subprocess.Popen[str]
    introduction: str

    def fact(self, name: str) -> str:
        found = re.search(rf"^  {name}\s+(\S+)", self.introduction, re.MULTILINE)
        assert found, name
        return found[1]

    @property
    def url(self) -> str:
        return self.fact("endpoint")

    def commands(self, title: str) -> str:
        """The block of commands under a title that begins like this."""
        found = re.search(rf"^# {title}.*?\n(.*?)\n\n", self.introduction, re.MULTILINE | re.DOTALL)
        assert found, title
        return found[1]

    def client(self, service: str, region: str = "us-east-1") -> Any:
        make: Any = boto3.Session("any", "any", region_name=region).client
        return make(service, endpoint_url=self.url, config=Config(retries={"total_max_attempts": 1}))

    def stage(self) -> Json:
        where = {"restApiId": self.fact("API"), "stageName": self.fact("stage")}
        shown: Json = self.client("apigateway").get_stage(**where)
        return {name: value for name, value in shown.items() if name not in ("ResponseMetadata", "lastUpdatedDate")}

    def weights(self, rollout: str) -> list[float]:
        """The weights that the rollout's history tells of, in order, as the printed query reads it."""
        answer = self.client("dynamodb").query(
            TableName=self.fact("table"),
            KeyConditionExpression="pk = :id",
            ExpressionAttributeValues={":id": {"S": f"ROLLOUT#{rollout}"}},
        )
        entries = [json.loads(item["line"]["S"]) for item in answer["Items"] if "line" in item]
        return list(dict.fromkeys(entry["weightPercent"] for entry in entries))

    def ended(self, execution: str) -> Json:
        """The execution, once it is over."""
        states = self.client("stepfunctions")
        limit = time.monotonic() + LONGEST_SECONDS
        while time.monotonic() < limit:
            shown: Json = states.describe_execution(executionArn=execution)
            if shown["status"] != "RUNNING":
                return shown
        raise AssertionError(f"still running: {shown}")

    def until(self, happens: Callable[[], Any]) -> Any:
        """The first answer that is true."""
        limit = time.monotonic() + LONGEST_SECONDS
        while time.monotonic() < limit:
            if answer := happens():
                return answer
            time.sleep(0.01)
        raise AssertionError("it does not happen")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    scenario = tmp_path_factory.mktemp("local") / "short.toml"
    scenario.write_text(SCENARIO)
    with started("local", "--port", "0", "--speed", "1200", "--scenario", str(scenario), "--seed", "3") as process:
        yield Served(process, introduction(process))
        process.terminate()
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, output.splitlines()[-1], errors) == (0, "Stopped.", "")


def introduction(process: subprocess.Popen[str]) -> str:
    """What is printed before it serves."""
    assert process.stdout
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Ctrl-C"):
            return "".join(lines)
    assert process.stderr
    raise AssertionError(process.stderr.read())


def test_the_printed_commands_start_a_rollout_that_ramps_and_promotes(served: Served) -> None:
    before = served.stage()
    shell = subprocess.run(
        ["bash", "-ec", "\n".join([served.commands("In another terminal"), served.commands("With boto3")])],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    ended = served.ended(shell.stdout.strip())
    assert (ended["status"], json.loads(ended["output"])["outcome"]) == ("SUCCEEDED", "PROMOTED")
    assert served.weights(ended["name"]) == [5, 50, 95, 100]
    assert served.stage() == {
        **before,
        "deploymentId": served.fact("candidate"),
        "variables": {**before["variables"], "lambdaAlias": "next"},
    }


def test_a_rollout_requested_by_an_event_is_rolled_back_by_its_alarm(served: Served) -> None:
    # Another deployment of its own: which of the two tests comes first does not matter.
    candidate = served.client("apigateway").create_deployment(restApiId=served.fact("API"))["id"]
    before, arn = served.stage(), served.fact("state machine")
    request = {
        "target": {"type": "apigateway-stage", "restApiId": served.fact("API"), "stageName": served.fact("stage")},
        "candidate": {"deploymentId": candidate},
        "plan": {"steps": [{"weightPercent": 5, "bakeMinutes": 600}]},
        "alarms": ["orders-5xx"],
    }
    entry = {"Source": "rollout.pilot", "DetailType": "Rollout Requested", "Detail": json.dumps(request)}
    assert served.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0
    canary = served.until(lambda: served.stage().get("canarySettings"))
    assert (canary["deploymentId"], canary["percentTraffic"]) == (candidate, 5.0)
    running = served.client("stepfunctions").list_executions(stateMachineArn=arn, statusFilter="RUNNING")
    served.client("cloudwatch").set_alarm_state(AlarmName="orders-5xx", StateValue="ALARM", StateReason="by hand")
    ended = served.ended(running["executions"][0]["executionArn"])
    assert (ended["status"], ended["error"]) == ("FAILED", "RolledBack")
    assert "orders-5xx" in ended["cause"]
    assert served.stage() == before
    served.client("cloudwatch").set_alarm_state(AlarmName="orders-5xx", StateValue="OK", StateReason="over")


def test_the_sample_request_for_an_alias_works_as_it_is(served: Served) -> None:
    request = json.loads((ROOT / "events" / "request-alias.json").read_text())
    request["plan"] = {"steps": [{"weightPercent": 5, "bakeMinutes": 2}], "watchMinutes": 0}
    functions = served.client("lambda")
    alias = {"FunctionName": served.fact("function"), "Name": served.fact("alias")}
    started = served.client("stepfunctions").start_execution(
        stateMachineArn=served.fact("state machine"), input=json.dumps(request)
    )
    ended = served.ended(started["executionArn"])
    assert served.weights(ended["name"]) == [5, 100]
    assert json.loads(ended["output"])["outcome"] == "PROMOTED"
    assert functions.get_alias(**alias)["FunctionVersion"] == "2"


def test_a_task_token_can_be_answered_from_outside_once(served: Served) -> None:
    states, iam = served.client("stepfunctions"), served.client("iam")
    iam.create_role(RoleName="anybody", AssumeRolePolicyDocument="{}")
    served.client("sqs").create_queue(QueueName="tokens")
    queue = served.client("sqs").get_queue_url(QueueName="tokens")["QueueUrl"]
    wait = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Arguments": {"QueueUrl": queue, "MessageBody": "{% $states.context.Task.Token %}"},
        "End": True,
    }
    machine = states.create_state_machine(
        name="waits",
        roleArn="arn:aws:iam::123456789012:role/anybody",
        definition=json.dumps({"QueryLanguage": "JSONata", "StartAt": "Wait", "States": {"Wait": wait}}),
    )["stateMachineArn"]
    execution = states.start_execution(stateMachineArn=machine)["executionArn"]
    (message,) = served.until(lambda: served.client("sqs").receive_message(QueueUrl=queue).get("Messages"))
    token = message["Body"].strip('"')
    states.send_task_success(taskToken=token, output='{"answer": 42}')
    assert json.loads(served.ended(execution)["output"]) == {"answer": 42}
    with pytest.raises(ClientError) as refused:
        states.send_task_success(taskToken=token, output="{}")
    assert refused.value.response["Error"]["Code"] == "TaskTimedOut"


def test_an_empty_or_misspelt_request_is_rejected_with_the_fields_name(served: Served) -> None:
    before, states = served.stage(), served.client("stepfunctions")
    for request, named in (({}, "target"), ({"target": before["stageName"], "planet": {}}, "planet")):
        started = states.start_execution(stateMachineArn=served.fact("state machine"), input=json.dumps(request))
        ended = served.ended(started["executionArn"])
        assert (ended["status"], ended["error"]) == ("FAILED", "Rejected")
        assert named in ended["cause"]
    assert served.stage() == before


def test_the_control_planes_refusals_keep_their_codes_and_texts(served: Served) -> None:
    api = served.client("apigateway")
    name = api.create_rest_api(name="another")["id"]
    root = api.get_resources(restApiId=name)["items"][0]["id"]
    method = {"restApiId": name, "resourceId": root, "httpMethod": "GET"}
    api.put_method(**method, authorizationType="NONE")
    api.put_integration(**method, type="MOCK")
    live = api.create_deployment(restApiId=name, stageName="prod")["id"]
    next_one = api.create_deployment(restApiId=name)["id"]
    stage = {"restApiId": name, "stageName": "prod"}

    def patch(op: str, path: str, **others: str) -> Callable[[], Any]:
        return lambda: api.update_stage(**stage, patchOperations=[{"op": op, "path": path, **others}])

    promotion = patch("copy", "/deploymentId", **{"from": "/canarySettings/deploymentId"})
    bad: list[tuple[Callable[[], Any], str]] = [
        (
            patch("add", "/canarySettings/percentTraffic", value="5"),
            "Invalid add operation with path: /canarySettings/percentTraffic",
        ),
        (patch("replace", "/canarySettings/deploymentId", value="none"), "Deployment id does not exist"),
        (promotion, "Promotion not available. Canary does not exist."),
        (
            lambda: api.create_deployment(restApiId=name, stageName="none", canarySettings={"percentTraffic": 5.0}),
            "Stage none must already be created before making a canary release deployment",
        ),
        (
            lambda: api.delete_deployment(restApiId=name, deploymentId=live),
            "Active stages pointing to this deployment must be moved or deleted",
        ),
    ]
    missing: list[tuple[Callable[[], Any], str]] = [
        (lambda: api.get_stage(restApiId=name, stageName="none"), "Invalid stage identifier"),
        (lambda: api.get_deployment(restApiId=name, deploymentId="none"), "Invalid Deployment identifier"),
        (lambda: api.get_rest_api(restApiId="none"), "Invalid Rest API Id"),
    ]
    for call, text in bad:
        assert_refused(call, 400, "BadRequestException", text)
    for call, text in missing:
        assert_refused(call, 404, "NotFoundException", text)

    patch("replace", "/canarySettings/deploymentId", value=next_one)()
    assert_refused(
        lambda: api.create_deployment(**stage),
        400,
        "BadRequestException",
        "Non canary deployment not supported on stage prod because Canary is enabled",
    )
    assert_refused(
        lambda: api.delete_deployment(restApiId=name, deploymentId=next_one),
        400,
        "BadRequestException",
        "Active stages with canary settings pointing to this deployment must be moved or deleted",
    )
    assert_refused(patch("remove", "/canarySettings/stageVariableOverrides"), 400, "BadRequestException", "")
    promotion()
    assert api.get_stage(**stage)["deploymentId"] == next_one
    patch("remove", "/canarySettings")()
    assert "canarySettings" not in api.get_stage(**stage)


def assert_refused(call: Callable[[], Any], status: int, code: str, text: str) -> None:
    with pytest.raises(ClientError) as refused:
        call()
    answer = refused.value.response
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]) == (status, code)
    assert text in answer["Error"]["Message"]


def test_metrics_come_in_pages_and_alarms_are_described(served: Served) -> None:
    cloudwatch = served.client("cloudwatch")
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    metric = {
        "Namespace": "AWS/ApiGateway",
        "MetricName": "5XXError",
        "Dimensions": [{"Name": "ApiName", "Value": "orders"}, {"Name": "Stage", "Value": "prod"}],
    }
    query = {
        "MetricDataQueries": [{"Id": "n", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "SampleCount"}}],
        "StartTime": now - timedelta(minutes=100),
        "EndTime": now - timedelta(minutes=10),
        "MaxDatapoints": 40,
    }
    values: list[float] = []
    sizes: list[int] = []
    while True:
        page = cloudwatch.get_metric_data(**query)
        found = [value for result in page["MetricDataResults"] for value in result["Values"]]
        values, sizes = [*values, *found], [*sizes, len(found)]
        if "NextToken" not in page:
            break
        query["NextToken"] = page["NextToken"]
    assert (len(values), sizes) == (90, [40, 40, 10])
    assert all(9_000 < value < 15_000 for value in values)
    described = cloudwatch.describe_alarms(AlarmNames=["orders-5xx", "none"])["MetricAlarms"]
    assert [(alarm["AlarmName"], alarm["Threshold"]) for alarm in described] == [("orders-5xx", 0.5)]


def test_another_region_and_an_unsigned_request_are_refused_in_plain_words(served: Served) -> None:
    for service in ("apigateway", "cloudwatch", "sns"):
        client = served.client(service, "eu-central-1")
        call = {"apigateway": "get_rest_apis", "cloudwatch": "describe_alarms", "sns": "list_topics"}[service]
        assert_refused(getattr(client, call), 403, "InvalidSignatureException", "has only us-east-1, not eu-central-1")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(served.url)
    with refused.value as answer:
        assert (answer.code, json.loads(answer.read())["__type"]) == (403, "MissingAuthenticationToken")


def test_it_listens_on_this_machine_only(served: Served) -> None:
    assert served.url.startswith("http://127.0.0.1:")
    port = int(served.url.rpartition(":")[2])
    with socket.socket() as elsewhere:
        # 127.0.0.2 is this machine as well, but not the address that was asked for.
        assert elsewhere.connect_ex(("127.0.0.2", port)) != 0


def test_a_busy_port_is_named_with_the_way_out() -> None:
    with listen(0) as busy:
        port = busy.getsockname()[1]
        with pytest.raises(PortUnavailable, match=f"port {port}: address already in use; choose another with --port"):
            listen(port)
        result = CliRunner().invoke(app, ["local", "--port", str(port)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"rollout: port {port}: address already in use; choose another with --port\n"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--speed", "0"], "--speed 0"),
        (["--speed", "-3"], "--speed -3"),
        (["--speed", "nan"], "--speed nan"),
        (["--speed", "1e9"], "--speed 1e+09"),
        (["--port", "70000"], "--port 70000"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(arguments: list[str], named: str) -> None:
    result = CliRunner().invoke(app, ["local", *arguments])
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"rollout: {named}")


def test_a_scenario_that_cannot_be_is_answered_with_those_that_can() -> None:
    result = CliRunner().invoke(app, ["local", "--scenario", "unheard-of"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(
        "rollout: unheard-of: no such scenario. Name a .toml file, or one of these:\naborted"
    )


def test_it_prints_no_path_of_this_machine(served: Served) -> None:
    assert str(Path.home()) not in served.introduction
    assert str(Path(__file__).parents[2]) not in served.introduction


def test_sam_local_can_point_every_function_at_it(served: Served) -> None:
    # `sam local invoke` sets only variables that the template declares.
    declared = load_template()["Globals"]["Function"]["Environment"]["Variables"]
    assert declared["AWS_ENDPOINT_URL"] == {"Ref": "AWS::NoValue"}
    shell = served.commands("One function alone").splitlines()[0].rpartition(" > ")[0]
    written = subprocess.run(["bash", "-ec", shell], capture_output=True, text=True, check=True).stdout
    variables = json.loads(written)["Parameters"]
    assert variables["AWS_ENDPOINT_URL"] == served.url
    assert set(declared) <= set(variables)
    assert variables["TABLE_NAME"] == served.fact("table")
