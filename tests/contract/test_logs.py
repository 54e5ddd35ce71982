"""What `Logs` promises, kept by the CloudWatch Logs adapter and by its fake."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import timedelta
from typing import Any, Protocol

import pytest

from rollout.adapters.cloudwatch_logs import CloudWatchLogs
from rollout.core.target import Target
from rollout.core.why.function_log import LogLine
from rollout.core.why.logs import Called, FunctionLog, Search, StageLog
from rollout.errors import NotAllowed, Refused, RolloutError, TargetMissing, Unavailable
from rollout.ports import Logs
from rollout_simulator.fakes import FakeLogs
from rollout_simulator.moto_patches import apigateway_canary, log_events
from rollout_simulator.moto_patches.lambda_code import zipped
from rollout_simulator.moto_patches.log_events import LogEvent
from tests.contract.aws import NOW, REGION, client, in_trouble, refusing

GROUP, STREAM = "/aws/lambda/orders", "2026/03/02/[1]abc"
FUNCTION = f"arn:aws:lambda:{REGION}:123456789012:function:orders"
FORMAT = '{"status":$context.status}'
VARIABLES = {"lambdaAlias": "live"}


class World(Protocol):
    """A stage whose one route calls the function `orders` by the alias that `lambdaAlias` names; `live` is on 1."""

    @property
    def logs(self) -> Logs: ...

    @property
    def target(self) -> Target: ...

    def write(self, number: int, message: str, seconds: float) -> None: ...

    def failing(self, error: type[RolloutError]) -> AbstractContextManager[None]: ...


class OverAws:
    def __init__(self, shelf: log_events.LogShelf) -> None:
        self._lines: list[LogEvent] = []
        shelf.follow(GROUP, lambda minute: [each for each in self._lines if each.at // 60_000 == minute])
        apigateway, functions = client("apigateway"), client("lambda")
        role = client("iam").create_role(RoleName="orders", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        code = {"ZipFile": zipped()}
        functions.create_function(FunctionName="orders", Runtime="python3.13", Role=role, Handler="i.h", Code=code)
        functions.publish_version(FunctionName="orders")
        functions.create_alias(FunctionName="orders", Name="live", FunctionVersion="1")
        api = apigateway.create_rest_api(name="orders")["id"]
        root = apigateway.get_resources(restApiId=api)["items"][0]["id"]
        where: Any = {"restApiId": api, "resourceId": root, "httpMethod": "POST"}
        apigateway.put_method(**where, authorizationType="NONE")
        called = f"{FUNCTION}:${{stageVariables.lambdaAlias}}"
        uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{called}/invocations"
        apigateway.put_integration(**where, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
        deployment = apigateway.create_deployment(restApiId=api)["id"]
        apigateway.create_stage(restApiId=api, stageName="prod", deploymentId=deployment, variables=VARIABLES)
        group = f"arn:aws:logs:{REGION}:123456789012:log-group:access"
        operations = [
            {"op": "replace", "path": "/accessLogSettings/destinationArn", "value": group},
            {"op": "replace", "path": "/accessLogSettings/format", "value": FORMAT},
        ]
        apigateway.update_stage(restApiId=api, stageName="prod", patchOperations=operations)
        self.target = Target("apigateway-stage", {"restApiId": api, "stageName": "prod"})
        self.logs = CloudWatchLogs(client("logs"), apigateway, functions)

    def write(self, number: int, message: str, seconds: float) -> None:
        at = int((NOW + timedelta(seconds=seconds)).timestamp() * 1000)
        self._lines += [LogEvent(at, STREAM, message)] * number

    @contextmanager
    def failing(self, error: type[RolloutError]) -> Iterator[None]:
        code, status = {NotAllowed: ("AccessDeniedException", 403), Unavailable: ("ThrottlingException", 400)}[error]
        with ExitStack() as stack:
            for service in ("logs", "apigateway", "lambda"):
                stack.enter_context(refusing(service, code, status))
            yield


class InMemory:
    def __init__(self) -> None:
        self.fake = FakeLogs()
        self.fake.stage = StageLog("access", FORMAT, VARIABLES)
        self.fake.functions = [Called("POST /", FUNCTION, "lambdaAlias")]
        self.fake.versions = {("orders", "live"): "1"}
        self.fake.lines = {GROUP: []}
        self.logs: Logs = self.fake
        self.target = Target("apigateway-stage", {"restApiId": "a1", "stageName": "prod"})

    def write(self, number: int, message: str, seconds: float) -> None:
        for _ in range(number):
            self.fake.write(GROUP, STREAM, NOW + timedelta(seconds=seconds), message)

    def failing(self, error: type[RolloutError]) -> AbstractContextManager[None]:
        return in_trouble(self.fake, error)


@pytest.fixture
def over_aws(aws: None) -> Iterator[OverAws]:
    later = int((NOW + timedelta(hours=1)).timestamp() * 1000)
    with apigateway_canary.patched(), log_events.patched(lambda: later) as shelf:
        yield OverAws(shelf)


@pytest.fixture(params=["adapter", "fake"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "fake":
        return InMemory()
    made: OverAws = request.getfixturevalue("over_aws")
    return made


def search(pattern: str = "", *, group: str = GROUP, first: float = 0, last: float = 60) -> Search:
    return Search(group, pattern, NOW + timedelta(seconds=first), NOW + timedelta(seconds=last))


def found(world: World, wanted: Search) -> list[str]:
    """The messages of all pages."""
    messages, token = list[str](), ""
    while True:
        page = world.logs.page(wanted, token)
        messages += [line.message for line in page.lines]
        token = page.token
        if not token:
            return messages


def test_a_stage_says_what_it_writes(world: World) -> None:
    assert StageLog("access", FORMAT, VARIABLES) == world.logs.of_stage(world.target)


def test_a_route_calls_the_function_that_the_stages_variables_name(world: World) -> None:
    assert [Called("POST /", FUNCTION, "live")] == list(world.logs.called(world.target, VARIABLES))
    assert [Called("POST /", FUNCTION, "next")] == list(world.logs.called(world.target, {"lambdaAlias": "next"}))


def test_a_function_says_where_it_writes_and_what_an_alias_stands_for(world: World) -> None:
    assert FunctionLog(GROUP, "1") == world.logs.of_function(FUNCTION, "live")
    assert FunctionLog(GROUP, "$LATEST") == world.logs.of_function("orders", "")


def test_a_search_finds_what_fits_in_its_time_oldest_first(world: World) -> None:
    for message, seconds in (
        ("bad, too late", 61),
        ("bad two", 60),
        ("good", 1),
        ("bad one", 0),
        ("bad, too early", -1),
    ):
        world.write(1, message, seconds)
    assert ["bad one", "bad two"] == found(world, search("?bad"))
    assert ["bad one", "good", "bad two"] == found(world, search())
    line = world.logs.page(search("good")).lines[0]
    assert LogLine(STREAM, int((NOW + timedelta(seconds=1)).timestamp() * 1000), "good") == line


def test_many_lines_come_page_by_page_each_once(world: World) -> None:
    world.write(7_000, "bad", 10)
    world.write(1, "the last", 20)
    messages = found(world, search())
    assert (7_001, "the last") == (len(messages), messages[-1])
    assert world.logs.page(search()).token != ""


def test_fields_are_compared_in_json_lines(world: World) -> None:
    for status in (200, 404, 502):
        world.write(1, json.dumps({"status": status}), status / 100)
    assert ['{"status": 502}'] == found(world, search("{ ($.status >= 500) }"))


def test_a_group_that_is_not_there_is_missing(world: World) -> None:
    with pytest.raises(TargetMissing, match="nowhere"):
        world.logs.page(search(group="nowhere"))


@pytest.mark.parametrize("error", [NotAllowed, Unavailable])
def test_every_call_says_whether_trying_again_can_help(world: World, error: type[RolloutError]) -> None:
    calls = (
        lambda: world.logs.of_stage(world.target),
        lambda: world.logs.called(world.target, {}),
        lambda: world.logs.of_function("orders", ""),
        lambda: world.logs.page(search()),
    )
    with world.failing(error):
        for call in calls:
            with pytest.raises(error):
                call()


def test_what_is_not_there_is_missing(over_aws: OverAws) -> None:
    with pytest.raises(TargetMissing):
        over_aws.logs.of_stage(
            Target("apigateway-stage", {"restApiId": over_aws.target.ids["restApiId"], "stageName": "x"})
        )
    with pytest.raises(TargetMissing):
        over_aws.logs.of_function("nobody", "")


def test_a_pattern_that_aws_refuses_is_told_apart(over_aws: OverAws) -> None:
    with pytest.raises(Refused):
        over_aws.logs.page(search("{ $.a = "))


def test_a_log_group_of_the_functions_own_is_taken(over_aws: OverAws) -> None:
    """moto shows no LoggingConfig."""

    def add(parsed: Any, **_: Any) -> None:
        parsed["LoggingConfig"] = {"LogFormat": "JSON", "LogGroup": "mine"}

    events = client("lambda").meta.events
    events.register("after-call.lambda.GetFunctionConfiguration", add)
    try:
        assert "mine" == over_aws.logs.of_function("orders", "").group
    finally:
        events.unregister("after-call.lambda.GetFunctionConfiguration", add)
