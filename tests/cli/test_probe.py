"""`rollout probe` against the embedded AWS, with each answer played both ways."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto.iam.models import iam_backends

from rollout_cli.account_probe.access import Access
from rollout_cli.account_probe.answer import Value
from rollout_cli.account_probe.metrics import observed_traffic
from rollout_cli.account_probe.questions import OF_RESOURCES, OF_TRAFFIC, QUESTIONS
from rollout_cli.account_probe.removal import PREFIX
from rollout_cli.account_probe.subject import Subject
from rollout_simulator.embedded_aws import EmbeddedAws
from rollout_simulator.faults import Fault, Mode
from rollout_simulator.invoked_stages import InvokedStages
from rollout_simulator.scenario import Metrics
from rollout_simulator.template import ACCOUNT, REGION

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
