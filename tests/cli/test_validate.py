"""`rollout validate`: what is no request is said in one line; with traffic, what the plan can prove."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from rollout.request.judge import parse_judge
from rollout_cli.main import app
from rollout_cli.validate import steady_traffic

ROOT = Path(__file__).resolve().parents[2]
TARGET = {"type": "apigateway-stage", "restApiId": "a1b2c3d4e5", "stageName": "prod"}


def validated(document: object, *options: str) -> Result:
    text = document if isinstance(document, str) else json.dumps(document)
    return CliRunner().invoke(app, ["validate", "-", *options], input=text)


def a_request(**changes: Any) -> dict[str, Any]:
    return {"target": TARGET, **changes}


@pytest.mark.parametrize("path", sorted((ROOT / "events").glob("request*.json")), ids=lambda path: path.stem)
def test_the_sample_requests_are_valid(path: Path) -> None:
    result = CliRunner().invoke(app, ["validate", str(path), "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["valid"] is True


NO_REQUESTS: list[tuple[object, str]] = [
    ("{", "not JSON"),
    ('{"holdMinutes": ' + "9" * 5_000 + "}", "a number of 5000 digits"),
    ([], "JSON object"),
    ({}, "target: required"),
    (a_request(judge={"alfa": 1}), "judge.alfa: unknown field"),
    (
        a_request(judge={"preset": "[red]wild[/]"}),
        "judge.preset: input should be 'sensitive', 'balanced' or 'tolerant', got '[red]wild[/]'",
    ),
    (a_request(plan={"steps": [{"weightPercent": 0, "bakeMinutes": 1}]}), "plan.steps[0].weightPercent"),
    (a_request(holdMinutes=10**400), "holdMinutes: input should be a whole number from 1 to 43200"),
]


@pytest.mark.parametrize(("document", "problem"), NO_REQUESTS, ids=[problem for _, problem in NO_REQUESTS])
@pytest.mark.parametrize("options", [[], ["--traffic", "100"]])
def test_what_is_no_request_is_one_clear_line(document: object, problem: str, options: list[str]) -> None:
    result = validated(document, *options)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert problem in line


@pytest.mark.parametrize(("document", "problem"), NO_REQUESTS, ids=[problem for _, problem in NO_REQUESTS])
def test_as_json_what_is_no_request_is_one_object(document: object, problem: str) -> None:
    result = validated(document, "--json")
    assert (result.exit_code, result.stderr) == (2, "")
    shown = json.loads(result.stdout)
    (only,) = shown["problems"]
    assert shown["valid"] is False
    assert problem in f"{only['path']}: {only['problem']}"


MISTAKEN = a_request(
    plan={"steps": [{"weightPercent": 5, "bakeMinute": 1}]},
    judge={"preset": "balancd", "beta": 2},
    metric=[],
    holdMinutes=0,
    undoMinutes="1_0",
    onConflict="superseed",
)
"""Seven mistakes, one of which makes another field missing."""


def test_every_mistake_is_a_line_with_its_path_and_what_is_probably_meant() -> None:
    lines = validated(MISTAKEN).stderr.splitlines()
    paths = [line.removeprefix("rollout: -: ").partition(":")[0] for line in lines]
    assert paths == [
        "plan.steps[0].bakeMinutes",
        "plan.steps[0].bakeMinute",
        "judge.preset",
        "judge.beta",
        "holdMinutes",
        "undoMinutes",
        "onConflict",
        "metric",
    ]
    meant = [line.partition("did you mean ")[2] for line in lines]
    assert meant == ["", "'bakeMinutes'?", "'balanced'?", "", "", "", "'supersede'?", "'metrics'?"]


def test_as_json_every_mistake_has_its_path_and_what_is_allowed() -> None:
    problems = json.loads(validated(MISTAKEN, "--json").stdout)["problems"]
    found = {problem["path"]: problem for problem in problems}
    assert len(found) == len(problems) == 8
    assert found["onConflict"]["allowed"] == ["reject", "supersede"]
    assert found["onConflict"]["didYouMean"] == "supersede"
    assert found["plan.steps[0].bakeMinute"]["allowed"] == ["weightPercent", "bakeMinutes"]
    assert found["holdMinutes"]["allowed"] == ["a whole number from 1 to 43200"]
    assert found["plan.steps[0].bakeMinutes"] == {"path": "plan.steps[0].bakeMinutes", "problem": "required"}


@pytest.mark.parametrize("traffic", ["-1", "nan", "inf", "many"])
def test_traffic_that_cannot_be_is_refused(traffic: str) -> None:
    assert validated(a_request(), "--traffic", traffic).exit_code == 2


def test_the_preview_has_every_step_and_metric() -> None:
    shown = json.loads(validated(a_request(), "--traffic", "1200", "--error-percent", "1", "--json").stdout)
    assert [step["step"] for step in shown["steps"]] == [0, 1, 2, 3, 4]
    for step in shown["steps"]:
        assert [metric["metric"] for metric in step["metrics"]] == [
            "5XXError",
            "Latency.p90",
            "Latency.p99",
            "4XXError",
        ]
        assert step["warnings"] == []
    (errors, *_) = shown["steps"][4]["metrics"]
    assert (None, None) == (errors["requestsForProof"], errors["minutesToProof"])  # the control proves nothing
    (errors, *_) = shown["steps"][3]["metrics"]
    assert (errors["requestsForProof"], errors["minutesToProof"]) == (183, 3)
    assert 0.02 < errors["smallestRegressionRate"] < 0.03
    assert errors["smallestRegressionFactor"] == pytest.approx(100 * errors["smallestRegressionRate"])


@pytest.mark.parametrize("traffic", ["0", "20"])
def test_a_plan_that_cannot_protect_is_warned_of(traffic: str) -> None:
    steps = [{"weightPercent": weight, "bakeMinutes": 10} for weight in (5, 10, 25, 50)]
    result = validated(a_request(plan={"steps": steps}), "--traffic", traffic)
    assert result.exit_code == 0
    said = " ".join(result.stdout.split())
    assert f"at {traffic} requests a minute this step will hold" in said
    assert [said.count(f"step {number}:") for number in (1, 2, 3, 4)] == [1, 1, 1, 1]


@pytest.mark.parametrize(("traffic", "first"), [("120000", "0.1 %"), ("8000", "2 %"), ("20", "5 %")])
def test_a_ramp_is_shown_from_the_weight_at_which_this_traffic_begins(traffic: str, first: str) -> None:
    said = validated(a_request(plan={"ramp": "auto"}), "--traffic", traffic).stdout
    [row, *_] = [line for line in said.splitlines() if "×" in line]
    assert row.startswith(f"{first} × ")


def test_a_plan_without_steps_is_made_of_the_traffic() -> None:
    said = validated(a_request(), "--traffic", "20").stdout
    assert ("25 % ×" in said, "50 % ×" in said, "5 % × 10 min" in said, "will hold" in said) == (
        True,
        True,
        False,
        False,
    )


def test_what_the_columns_assume_is_said_below_them() -> None:
    lines = validated(a_request(), "--traffic", "1200").stdout.splitlines()
    table = max(index for index, line in enumerate(lines) if "4XX" in line)
    assert lines[table + 2] == "requests: if none of the canary's is bad; minutes: if it is as good as the base"
    assert max(map(len, lines)) <= 80
    assert "requests: if" not in validated(a_request()).stdout


def test_an_error_rate_that_nobody_said_is_marked_as_assumed() -> None:
    assert "0.5 % of them failing (assumed" in validated(a_request(), "--traffic", "1200").stdout
    assert "assumed" not in validated(a_request(), "--traffic", "1200", "--error-percent", "0.5").stdout


def test_the_table_fits_into_80_columns() -> None:
    result = validated(a_request(), "--traffic", "1200")
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert result.stdout.count("5XXError") == 5


def test_a_latency_counts_what_is_above_its_quantile_and_business_is_left_out() -> None:
    settings = parse_judge(
        {"metrics": [{"name": "5XXError"}, {"name": "Latency"}, {"name": "Orders", "kind": "businessCount"}]}
    )
    traffic = steady_traffic(settings, 60.0, 0.02)
    assert {name: round(each.bad_rate, 9) for name, each in traffic.items()} == {
        "5XXError": 0.02,
        "Latency.p90": 0.1,
        "Latency.p99": 0.01,
    }
