"""What somebody sends is data: it is bounded, and nowhere becomes a log line, an expression or a command of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient

from rollout.core.texts import one_line
from rollout.errors import InvalidRequest
from rollout.request import parse_request
from rollout_simulator.moto_patches.patching import replaced
from tests.workflow.world import ROOT, World, sample, world

MARK = "MARK7"
HOSTILE = f'{MARK}"}}\n{{"level":"ERROR"}} {{% $eval("1/0") %}} \x1b[31m<script>alert(1)</script> #a :b ${{X}}'
SHORT = {"plan": {"steps": [{"weightPercent": 5, "bakeMinutes": 1}], "watchMinutes": 0}}
LONGEST_CAUSE = 32_768
"""Characters of a Fail state's cause, as Step Functions takes them."""

Json = dict[str, Any]


@contextmanager
def calls() -> Iterator[list[tuple[str, Json]]]:
    """Every call to AWS that is made while this is open: operation and parameters."""
    made: list[tuple[str, Json]] = []
    original: Any = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(client: Any, operation: str, parameters: Any) -> Any:
        made.append((operation, parameters))
        return original(client, operation, parameters)

    with replaced(BaseClient, "_make_api_call", call):
        yield made


def expressions(document: Any, name: str = "") -> Iterator[str]:
    """The texts in it that a service evaluates."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield from expressions(value, key)
    elif isinstance(document, list):
        for value in document:
            yield from expressions(value, name)
    elif isinstance(document, str) and name.endswith("Expression"):
        yield document


def commanded(at: World, **command: Any) -> Json:
    function = at.simulation.aws.deployment.outputs["OnCommandFunctionName"]
    answer = at.client("lambda").invoke(FunctionName=function, Payload=json.dumps(command))
    return dict(json.loads(answer["Payload"].read()))


def lines(at: World) -> list[str]:
    """All that the functions have printed."""
    functions = at.simulation.aws.deployment.physical
    return [line for name in functions.values() for line in at.simulation.aws.output.lines(name)]


def test_hostile_words_of_a_request_and_a_command_stay_words() -> None:
    alarm = {"name": HOSTILE, "threshold": 0.9}
    with calls() as made, world(alarms=[alarm], request=SHORT) as at:
        execution = at.start(at.request(alarms=[HOSTILE]), "r-1")
        at.until_canary()
        assert commanded(at, rolloutId="r-1", command="abort", actor=HOSTILE, reason=HOSTILE)["accepted"]
        ended = at.ended(execution)
        printed = lines(at)
    assert ended["error"] == "RolledBack"
    assert one_line(HOSTILE) in ended["cause"]
    assert printed
    assert [line for line in printed if not isinstance(json.loads(line), dict)] == []
    assert [line for line in printed if "\x1b" in line] == []
    evaluated = [text for _, parameters in made for text in expressions(parameters)]
    assert evaluated
    assert [text for text in evaluated if MARK in text] == []


def test_a_hostile_request_is_refused_in_few_words_however_large_it_is() -> None:
    huge = {
        "target": {"type": "apigateway-stage", "restApiId": "a", "stageName": HOSTILE * 500},
        HOSTILE: "x" * 100_000,
    }
    with world() as at:
        ended = at.ended(at.start(huge))
        assert (ended["error"], at.changes()) == ("Rejected", [])
        assert len(ended["cause"]) < LONGEST_CAUSE
        assert [line for line in lines(at) if not isinstance(json.loads(line), dict)] == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("target.stageName", "prod\n"),
        ("target.restApiId", "../../other"),
        ("target.stageName", "x" * 129),
        ("candidate.stageVariables.k", "a b"),
        ("candidate.stageVariables.k", "x" * 513),
        ("requestId", "a#b"),
        ("plan.steps", [{"weightPercent": n / 10 + 0.1, "bakeMinutes": 1} for n in range(201)]),
        ("plan.steps", [{"weightPercent": 5, "bakeMinutes": 10**9}]),
        ("alarms", ["x" * 256]),
        ("alarms", ["arn:aws:cloudwatch:eu-west-1:999999999999:alarm:" + "x" * 256]),
        ("alarms", [str(n) for n in range(101)]),
        ("judge.metrics", [{"name": f"M{n}"} for n in range(10_000)]),
        ("judge.alpha", 1e308),
        ("measurement.canarySeries", "x" * 129),
    ],
)
def test_every_field_has_a_bound(field: str, value: Any) -> None:
    request = sample("request-minimal")
    *path, last = field.split(".")
    place = request
    for part in path:
        place = place.setdefault(part, {})
    place[last] = value
    with pytest.raises(InvalidRequest) as refused:
        parse_request(request)
    assert len(str(refused.value)) < 2_000


def test_no_text_of_the_workflow_is_ever_evaluated() -> None:
    text = (ROOT / "statemachine" / "rollout.asl.json").read_text(encoding="utf-8")
    assert re.findall(r"\$(eval|formatNumber|replace|match)\b", text) == []


def test_no_secret_and_no_key_is_in_the_repository() -> None:
    secret = re.compile(
        r"AKIA[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY|aws_secret_access_key\s*=\s*['\"][A-Za-z0-9/+]{40}"
    )
    folders = ("functions", "rollout_cli", "rollout_simulator", "statemachine", "events", "docs", "benchmarks")
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    paths += [Path(ROOT / name) for name in ("template.yaml", "samconfig.toml", "README.md")]
    assert [path.name for path in paths if secret.search(path.read_text(encoding="utf-8", errors="replace"))] == []


# --- requests of 240 KB ------------------------------------------------------------------------------------------

LONG = "待" * 80_000
HUGE: dict[str, Json] = {
    "a name that nobody knows": {LONG: 1},
    "many names that nobody knows": {f"{number}{'待' * 1_000}": 1 for number in range(78)},
    "names within": {"plan": {"steps": [{LONG: 1}]}},
    "a target": {"target": {"type": "apigateway-stage", "restApiId": LONG, "stageName": "prod"}},
    "a kind of target": {"target": {"type": LONG}},
    "an alarm": {"alarms": [LONG]},
    "a text for a number": {"holdMinutes": LONG},
    "an id": {"requestId": LONG},
    "a forgery": {"undo": LONG},
}


@pytest.mark.parametrize("what", HUGE)
def test_a_refused_request_of_240_kb_is_told_once_in_a_few_words_and_pages_nobody(what: str) -> None:
    with world(request=SHORT) as at:
        request = {**at.request(), **HUGE[what]}
        assert len(json.dumps(request, ensure_ascii=False).encode()) > 234_000
        assert "Rejected" == at.ended(at.start(request, "huge"))["error"]
        told = at.told("huge")
        assert ["REJECTED"] == [event["state"] for event in told]
        assert len(json.dumps(told[0], ensure_ascii=False).encode()) < 20_000
        stored = at.client("dynamodb").get_item(
            TableName=at.simulation.aws.deployment.outputs["TableName"],
            Key={"pk": {"S": "ROLLOUT#huge"}, "sk": {"S": "RECORD"}},
        )["Item"]
        assert "REJECTED" == stored["state"]["S"]
        operations = at.simulation.aws.deployment.outputs["OperationsTopicArn"]
        assert [] == [one for one in at.simulation.aws.published if one.topic_arn == operations]
