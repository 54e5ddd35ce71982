"""`rollout probe` against the embedded AWS, with each answer played both ways."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from moto.apigateway.models import apigateway_backends
from moto.awslambda.models import lambda_backends
from moto.iam.models import iam_backends
from typer.testing import CliRunner, Result

from rollout_cli import probe
from rollout_cli.account_probe.access import Access
from rollout_cli.account_probe.answer import Value
from rollout_cli.account_probe.metrics import observed_traffic
from rollout_cli.account_probe.questions import OF_RESOURCES, OF_TRAFFIC, QUESTIONS
from rollout_cli.account_probe.removal import PREFIX, ROLE_PATH, TAG
from rollout_cli.account_probe.subject import Subject
from rollout_cli.main import app
from rollout_simulator.embedded_aws import EmbeddedAws
from rollout_simulator.faults import Fault, Mode
from rollout_simulator.invoked_stages import InvokedStages
from rollout_simulator.permissions.policies import LEADING_KEYS, Permission
from rollout_simulator.scenario import Metrics
from rollout_simulator.template import ACCOUNT, REGION

TABLE = "rollouts"
NAME_HERE = f"{PREFIX}0123abcd"
PUNCTUAL = {"late_percent": 0.0, "revised_percent": 0.0, "latest_seconds": 150.0}


def access_to(aws: EmbeddedAws, **how: Any) -> Access:
    """The embedded AWS as a probe sees it; its CloudWatch behaves as `how` says."""
    stages = InvokedStages(aws, Metrics.model_validate({**PUNCTUAL, **how}))

    def client_of_role(credentials: Any, service: str) -> Any:
        session: Any = boto3.Session(
            credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"], REGION
        )
        return session.client(service)

    return Access(aws.client, client_of_role, lambda: datetime.now(UTC), aws.clock.sleep, stages.invoke)


# --- questions about what the probe has made ----------------------------------------------------------------------


def stage_rule(**rules: str) -> Callable[[EmbeddedAws], None]:
    def set_rules(aws: EmbeddedAws) -> None:
        for name, value in rules.items():
            setattr(aws.stages.rules, name, value)

    return set_rules


def as_it_is(aws: EmbeddedAws) -> None:
    """What the embedded AWS does unless it is told otherwise."""


def stale_reads(aws: EmbeddedAws) -> None:
    aws.faults.inject(Fault("apigateway", "GetStage", Mode.STALE, seconds=4.0))


def four_decimals(aws: EmbeddedAws) -> None:
    aws.aliases.weight_decimals = 4


def new_resources_inherit_no_tags(aws: EmbeddedAws) -> None:
    aws.permissions.new_resources_inherit = False


PLAYED: tuple[tuple[str, Callable[[EmbeddedAws], None], Value], ...] = (
    ("promotion-by-copies", as_it_is, "promotes"),
    ("promotion-by-copies", stage_rule(copies_alone="refused"), "refused"),
    ("base-under-canary", as_it_is, "allowed"),
    ("base-under-canary", stage_rule(base_under_canary="refused"), "refused"),
    ("read-after-write", as_it_is, 0),
    ("read-after-write", stale_reads, 4),
    ("removing-twice", as_it_is, "refused"),
    ("removing-twice", stage_rule(removing_no_canary="ignored"), "ignored"),
    ("stage-weight-precision", as_it_is, "kept"),
    ("stage-weight-precision", stage_rule(third_decimal="rounded"), "rounded"),
    ("stage-weight-precision", stage_rule(third_decimal="refused"), "refused"),
    ("alias-weight-precision", as_it_is, "kept"),
    ("alias-weight-precision", four_decimals, "rounded"),
    ("tag-inheritance", as_it_is, "inherited"),
    ("tag-inheritance", new_resources_inherit_no_tags, "not inherited"),
)


@pytest.mark.parametrize(("question", "play", "value"), PLAYED, ids=[f"{each[0]}: {each[2]}" for each in PLAYED])
def test_a_question_about_resources_is_answered_by_what_the_account_does(
    question: str, play: Callable[[EmbeddedAws], None], value: Value
) -> None:
    asked = next(each for each in OF_RESOURCES if each.id == question)
    with EmbeddedAws(seed=1, template_file=None) as aws:
        subject = Subject(access_to(aws), NAME_HERE)
        subject.make()
        aws.clock.sleep(60)  # a stage that is just made has no earlier state to be shown
        aws.clock.sleep(60)  # a stage that is just made has no earlier state to be shown
        play(aws)
        answer = asked.ask(subject)
    assert value == answer.value, answer.detail


def test_every_question_is_played_with_two_answers_at_least() -> None:
    played = [(question, value) for question, _, value in PLAYED]
    played += [(question, value) for question, _, value in OBSERVED]
    for question in QUESTIONS:
        assert len({value for each, value in played if each == question.id}) >= 2, question.id


def test_tags_are_not_asked_about_with_a_role_of_somebody_elses() -> None:
    asked = next(each for each in OF_RESOURCES if each.id == "tag-inheritance")
    with EmbeddedAws(seed=1, template_file=None) as aws:
        role = aws.client("iam").create_role(RoleName="theirs", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        subject = Subject(access_to(aws), NAME_HERE, role)
        subject.make()
        assert asked.ask(subject).value is None
        assert {"theirs"} == {each.name for each in iam_backends[ACCOUNT]["aws"].get_roles()}


# --- questions about metrics ----------------------------------------------------------------------------------------

OBSERVED: tuple[tuple[str, dict[str, Any], Value], ...] = (
    ("canary-series", {}, "{stage}/Canary"),
    ("canary-series", {"canary_series_name": "{stage}-canary"}, "{stage}-canary"),
    ("canary-series", {"canary_series": False}, "none"),
    ("execution-logging", {}, "needed"),
    ("execution-logging", {"canary_series_needs_logging": False}, "not needed"),
    ("execution-logging", {"canary_series": False}, "no series"),
    ("base-semantics", {}, "inclusive"),
    ("base-semantics", {"base_semantics": "exclusive"}, "exclusive"),
    ("lateness", {"canary_series_needs_logging": False}, 3),
    ("lateness", {"canary_series_needs_logging": False, "late_minutes": 2.0}, 5),
)
HOWS = tuple({json.dumps(how): how for _, how, _ in OBSERVED}.values())


@pytest.mark.parametrize("how", HOWS, ids=json.dumps)
def test_a_question_about_metrics_is_answered_by_what_cloudwatch_shows(how: dict[str, Any]) -> None:
    with EmbeddedAws(seed=1, template_file=None) as aws:
        subject = Subject(access_to(aws, **how), NAME_HERE)
        subject.make()
        traffic = observed_traffic(subject)
        answers = {each.id: each.ask(traffic) for each in OF_TRAFFIC}
    expected = {question: value for question, each, value in OBSERVED if each == how}
    assert expected == {question: answers[question].value for question in expected}


# --- the command ----------------------------------------------------------------------------------------------------


def everything(_: EmbeddedAws) -> set[tuple[str, str]]:
    """What there is in the account of the kinds that a probe makes."""
    return {
        *(("api", each.name) for each in apigateway_backends[ACCOUNT][REGION].apis.values()),
        *(("function", each.function_name) for each in lambda_backends[ACCOUNT][REGION].list_functions()),
        *(("role", each.name) for each in iam_backends[ACCOUNT]["aws"].get_roles()),
    }


@dataclass(frozen=True)
class Call:
    service: str
    operation: str
    parameters: dict[str, Any]

    @property
    def writes(self) -> bool:
        return not self.operation.startswith(("Get", "List", "AssumeRole"))


@contextmanager
def calls(after: Callable[[Call], None] = lambda _: None) -> Iterator[list[Call]]:
    """Every AWS call from now on; `after` is called when one has been carried out, and may raise."""
    made: list[Call] = []
    original: Any = BaseClient._make_api_call  # type: ignore[attr-defined]

    def recorded(client: Any, operation: str, parameters: Any) -> Any:
        call = Call(client.meta.service_model.service_name, operation, dict(parameters))
        made.append(call)
        answer = original(client, operation, parameters)
        after(call)
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", recorded)
        yield made


@contextmanager
def account(**how: Any) -> Iterator[EmbeddedAws]:
    """An account with a controller's table in it, and things of other people with names like a probe's."""
    with EmbeddedAws(seed=1, template_file=None) as aws, pytest.MonkeyPatch.context() as patch:
        key = ("pk", "HASH"), ("sk", "RANGE")
        aws.client("dynamodb").create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in key],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in key],
            BillingMode="PAY_PER_REQUEST",
        )
        aws.client("ssm").put_parameter(
            Name="/rollout-pilot/rollout-pilot/controller", Type="String", Value=json.dumps({"table": TABLE})
        )
        patch.setattr(probe, "answer_of", access_to(aws, **how).invoke)
        gateway, iam = aws.client("apigateway"), aws.client("iam")
        gateway.create_rest_api(name="orders", tags={TAG: f"{PREFIX}00000000"})
        gateway.create_rest_api(name=f"{PREFIX}00000000")
        gateway.create_rest_api(name=f"{PREFIX}orders", tags={TAG: f"{PREFIX}orders"})
        iam.create_role(RoleName=f"{PREFIX}00000000", Path=ROLE_PATH, AssumeRolePolicyDocument="{}")
        yield aws


def run(*options: str, answer: str | None = None) -> Result:
    environment = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "COLUMNS": "160"}
    return CliRunner().invoke(app, ["probe", "--region", REGION, *options], input=answer, env=environment)


def stored(aws: EmbeddedAws) -> dict[str, Any] | None:
    """The document in the controller's table."""
    item = aws.client("dynamodb").get_item(TableName=TABLE, Key={"pk": {"S": "ACCOUNT"}, "sk": {"S": "PROBE"}})
    return json.loads(item["Item"]["document"]["S"]) if "Item" in item else None


def is_own(call: Call, name: str, ids: set[str]) -> bool:
    """Whether this call writes to nothing but what the probe of this name has made."""
    given = call.parameters
    match call.service:
        case "apigateway":
            return given["restApiId"] in ids if "restApiId" in given else given.get("name") == name
        case "lambda":
            return bool(given["FunctionName"] == name)
        case "iam":
            return bool(given["RoleName"] == name)
        case "logs":
            return any(given["logGroupName"].startswith(f"API-Gateway-Execution-Logs_{each}/probe") for each in ids)
        case "dynamodb":
            return bool(given["Item"]["pk"] == {"S": "ACCOUNT"})
    return False


def test_it_asks_everything_keeps_the_answers_and_leaves_nothing_else() -> None:
    ids: set[str] = set()

    def note_id(call: Call) -> None:
        if call.operation == "CreateRestApi":
            ids.update(each.id for each in apigateway_backends[ACCOUNT][REGION].apis.values() if each.tags)

    with account() as aws:
        before = everything(aws)
        before_ids = set(apigateway_backends[ACCOUNT][REGION].apis)
        with calls(note_id) as made:
            result = run("--yes", "--json")
        assert (0, before) == (result.exit_code, everything(aws))
        document = json.loads(result.stdout)
        assert {each.id for each in QUESTIONS} == document["answers"].keys()
        assert {key: document[key] for key in ("name", "probedAt", "answers")} == stored(aws)
    foreign = [each for each in made if each.writes and not is_own(each, document["name"], ids - before_ids)]
    assert foreign == []
    assert {"apigateway", "lambda", "iam", "logs", "dynamodb"} == {each.service for each in made if each.writes}


def test_what_differs_is_shown_with_what_it_changes() -> None:
    with account(base_semantics="exclusive", late_minutes=2.0) as aws:
        aws.stages.rules.removing_no_canary = "ignored"
        aws.permissions.new_resources_inherit = False
        result = run("--yes", "--json")
        shown = {each["id"]: each for each in json.loads(result.stdout)["questions"]}
    assert {"base-semantics", "lateness", "removing-twice", "tag-inheritance"} == {
        name for name, each in shown.items() if each["differs"]
    }
    assert "not subtracted" in shown["base-semantics"]["changes"]
    assert "name a deploymentId" in shown["tag-inheritance"]["changes"]
    assert shown["canary-series"]["changes"] == "nothing: it is as believed"


def test_nothing_is_made_unless_somebody_agrees() -> None:
    with account() as aws:
        before = everything(aws)
        with calls() as made:
            result = run(answer="n\n")
        assert (2, before, None) == (result.exit_code, everything(aws), stored(aws))
        assert "a REST API rollout-pilot-probe-" in result.output
        assert [] == [each for each in made if each.writes]


INTERRUPTED = (
    "CreateRole",
    "CreateFunction",
    "PublishVersion",
    "UpdateFunctionCode",
    "CreateAlias",
    "CreateRestApi",
    "PutMethod",
    "PutIntegrationResponse",
    "CreateDeployment",
    "CreateStage",
    "UpdateStage",
    "UpdateAlias",
    "PutRolePolicy",
    "AssumeRole",
    "GetMetricData",
    "ListMetrics",
)
"""An operation of each phase, and every one that makes something."""


@pytest.mark.parametrize("operation", INTERRUPTED)
def test_ctrl_c_leaves_nothing_even_where_the_answer_of_a_call_was_lost(operation: str) -> None:
    def interrupt(call: Call) -> None:
        if call.operation == operation:
            raise KeyboardInterrupt

    with account() as aws:
        before = everything(aws)
        with calls(interrupt):
            result = run("--yes")
        assert (130, before, None) == (result.exit_code, everything(aws), stored(aws)), result.output


def test_ctrl_c_between_requests_and_once_more_during_the_removal_leaves_nothing() -> None:
    def interrupted(_: str) -> str:
        raise KeyboardInterrupt

    def again(call: Call) -> None:
        if call.operation == "DeleteRestApi":
            signal.raise_signal(signal.SIGINT)

    with account() as aws, pytest.MonkeyPatch.context() as patch:
        patch.setattr(probe, "answer_of", interrupted)
        before = everything(aws)
        with calls(again):
            result = run("--yes")
        assert (130, before) == (result.exit_code, everything(aws))


def test_a_request_to_terminate_ends_it_as_ctrl_c_does() -> None:
    def terminate(call: Call) -> None:
        if call.operation == "CreateStage":
            signal.raise_signal(signal.SIGTERM)

    with account() as aws:
        before = everything(aws)
        with calls(terminate):
            result = run("--yes")
        assert (130, before) == (result.exit_code, everything(aws))


@pytest.mark.parametrize("operation", [*INTERRUPTED, "GetStage", "GetRestApis", "GetCallerIdentity", "GetItem"])
def test_a_denied_call_is_said_in_one_line_and_leaves_nothing(operation: str) -> None:
    with account() as aws:
        before = everything(aws)
        aws.faults.inject(Fault(operation=operation, error="AccessDeniedException", times=denials(operation)))
        result = run("--yes")
        if operation == "GetRestApis":  # only the removal asks for these
            assert result.exit_code == 5
            assert "rollout probe --clean-up" in result.stderr
            assert run("--clean-up").exit_code == 0
        else:
            assert result.exit_code == 2, result.output
            (complaint,) = (line for line in result.stderr.splitlines() if line.startswith("rollout:"))
            said = {"GetItem": "read ACCOUNT"}.get(operation, operation)
            assert f"{said}: AccessDeniedException" in complaint
        is_kept = operation == "GetRestApis"  # everything was asked by then
        assert (before, is_kept) == (everything(aws), stored(aws) is not None)


def denials(operation: str) -> int:
    """AssumeRole is tried again for two minutes, for IAM needs a while to know a new role."""
    return {"AssumeRole": 100}.get(operation, 1)


def test_what_a_killed_run_has_left_is_found_by_name_and_tag_and_removed() -> None:
    with account() as aws:
        before = everything(aws)
        name = f"{PREFIX}89abcdef"
        Subject(access_to(aws), name).make()
        assert {("api", name), ("function", name), ("role", name)} == everything(aws) - before
        result = run("--clean-up", "--json")
        assert (0, {"found": [name], "left": []}) == (result.exit_code, json.loads(result.stdout))
        assert before == everything(aws)
        assert "no probe has left anything" in run("--clean-up").stdout


def test_what_could_not_be_removed_is_said_and_removed_by_the_next_clean_up() -> None:
    with account() as aws:
        before = everything(aws)
        Subject(access_to(aws), NAME_HERE).make()
        aws.faults.inject(Fault("lambda", "DeleteFunction", error="AccessDeniedException", times=1))
        result = run("--clean-up")
        assert result.exit_code == 5
        assert f"not removed: function {NAME_HERE}" in result.stderr
        assert run("--clean-up").exit_code == 0
        assert before == everything(aws)


def test_a_question_that_aws_answers_in_an_unforeseen_way_stays_open_and_the_others_are_answered() -> None:
    with account() as aws:
        before = everything(aws)
        aws.faults.inject(Fault("lambda", "UpdateAlias", error="UnforeseenException", times=1))
        aws.faults.inject(Fault("cloudwatch", "ListMetrics", error="InvalidParameterCombination", times=1))
        result = run("--yes", "--json")
        shown = {each["id"]: each for each in json.loads(result.stdout)["questions"]}
        assert (0, before) == (result.exit_code, everything(aws))
    unknown = {name for name, each in shown.items() if each["answer"] is None}
    assert {"alias-weight-precision", *(each.id for each in OF_TRAFFIC)} == unknown
    assert "UnforeseenException" in shown["alias-weight-precision"]["detail"]
    assert {"nothing: it is as before the probe"} == {shown[name]["changes"] for name in unknown}


def test_where_executions_cannot_be_logged_and_no_series_is_there_it_is_not_known_whether_one_would_be() -> None:
    with account() as aws:
        aws.stages.rules.execution_logging = "refused"
        shown = {each["id"]: each for each in json.loads(run("--yes", "--json").stdout)["questions"]}
    assert shown["canary-series"]["answer"] is shown["execution-logging"]["answer"] is None
    assert "CloudWatch Logs role ARN must be set" in shown["execution-logging"]["detail"]
    assert shown["base-semantics"]["answer"] == "inclusive"


def test_an_api_is_removed_even_where_its_log_groups_may_not_be() -> None:
    with account() as aws:
        before = everything(aws)
        aws.faults.inject(Fault("logs", "DeleteLogGroup", error="AccessDeniedException"))
        result = run("--yes")
        assert (5, before) == (result.exit_code, everything(aws))
        assert "DeleteLogGroup" in result.stderr
        assert "inclusive" in result.stdout
        assert stored(aws) is not None, "what was asked for three quarters of an hour is kept all the same"


@pytest.mark.parametrize(("service", "operation"), [("iam", "CreateRole"), ("lambda", "CreateFunction")])
def test_what_was_made_by_a_call_that_the_client_sent_twice_is_removed(service: str, operation: str) -> None:
    with account() as aws:
        before = everything(aws)
        aws.faults.inject(Fault(service, operation, mode=Mode.DUPLICATE))
        result = run("--yes")
        assert (before, True) == (everything(aws), result.exit_code != 0), result.output


def test_an_aws_on_this_machine_is_not_probed() -> None:
    with account(), calls() as made:
        result = run("--yes", "--endpoint-url", "http://127.0.0.1:4566")
        assert (2, []) == (result.exit_code, made)


# --- what the guide says --------------------------------------------------------------------------------------------

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "guide" / "account-probe.md").read_text(encoding="utf-8")
NOT_A_CALL = {"iam:PassRole", "iam:TagRole", "lambda:TagResource"}
"""Needed besides by those that create (documented)."""
NEEDS_NONE = {"sts:GetCallerIdentity"}


def action_of(call: Call, aws: EmbeddedAws) -> str:
    """The IAM action; those of API Gateway are named for the HTTP method."""
    if call.service == "apigateway":
        operation = aws.client("apigateway").meta.service_model.operation_model(call.operation)
        return f"apigateway:{operation.http['method']}"
    return f"{call.service}:{call.operation}"


def test_the_policy_in_the_guide_allows_the_calls_that_are_made_and_no_other_action() -> None:
    (policy,) = re.findall(r"^```json\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    actions: set[str] = set()
    for statement in json.loads(policy)["Statement"]:
        given = statement["Action"]
        actions.update([given] if isinstance(given, str) else given)
    with account() as aws:
        Subject(access_to(aws), NAME_HERE).make()
        with calls() as made:
            assert run("--yes").exit_code == run("--clean-up").exit_code == 0
        assert actions == {action_of(call, aws) for call in made} - NEEDS_NONE | NOT_A_CALL


def test_the_guide_has_every_question_with_what_is_believed() -> None:
    for question in QUESTIONS:
        (row,) = (line for line in GUIDE.splitlines() if line.startswith(f"| `{question.id}`"))
        assert question.shown(question.believed) in row.split("|")[2].replace("`", "")


def test_no_role_of_the_controller_may_write_the_answers() -> None:
    with EmbeddedAws(seed=1) as aws:
        table = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{aws.deployment.outputs['TableName']}"
        rollout = Permission("dynamodb:PutItem", table, ((LEADING_KEYS, ("ROLLOUT#r-1",)),))
        prepare = aws.permissions.roles["PrepareFunction"]
        assert [each.sid for each in prepare if each.grants(rollout, lambda _: {})] == ["KeepTheRecord"]
        for role, found in aws.permissions.roles.items():
            for operation in ("PutItem", "UpdateItem", "DeleteItem"):
                needed = Permission(f"dynamodb:{operation}", table, ((LEADING_KEYS, ("ACCOUNT",)),))
                assert [] == [each for each in found if each.grants(needed, lambda _: {})], (role, operation)
