"""`rollout judge`: the contract of its JSON, its exit codes, and what it says to a person."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from rollout_cli.judge_view import bar, short
from rollout_cli.main import app

ROOT = Path(__file__).resolve().parents[2]
CASES: list[Any] = json.loads((ROOT / "tests/core/judge/rollout_vectors.json").read_text(encoding="utf-8"))["cases"]
LOGS = ("logE", "logECapped", "logS")
NAME = "5XXError"

Json = dict[str, Any]


def judged(document: object, *options: str) -> Result:
    text = document if isinstance(document, str) else json.dumps(document)
    return CliRunner().invoke(app, ["judge", "-", *options], input=text)


def minute(canary: tuple[int, int], base: tuple[int, int], name: str = NAME) -> Json:
    arms = {"canary": canary, "base": base}
    return {name: {arm: {"requests": requests, "bad": bad} for arm, (requests, bad) in arms.items()}}


HEALTHY = minute((600, 6), (11400, 114))
WORSE = minute((600, 30), (11400, 114))


def recording(*minutes: Json, **changes: Any) -> Json:
    return {
        "plan": {"steps": [{"weightPercent": 5, "bakeMinutes": 2}, {"weightPercent": 50, "bakeMinutes": 2}]},
        "baseHistory": {NAME: {"requests": 360000, "bad": 3600}},
        "minutes": list(minutes),
    } | changes


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_it_agrees_with_the_vectors(case: Json) -> None:
    result = judged(case["input"], "--json")
    shown, expected = json.loads(result.stdout), case["expect"]
    for actual, minute in zip(shown["minutes"], expected["minutes"], strict=True):
        assert (actual["step"], actual["action"]) == (minute["step"], minute["action"])
        for name, metric in minute["metrics"].items():
            numbers = {part: pytest.approx(metric[part], rel=1e-9, abs=1e-12) for part in LOGS}
            assert actual["metrics"][name] == {**numbers, "verdict": metric["verdict"]}
    assert (shown["verdict"], shown["atMinute"]) == (expected["verdict"], expected["atMinute"])
    assert result.exit_code == {"promote": 0, "rollback": 3}.get(expected["verdict"], 4)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_what_it_shows_fits_into_80_columns(case: Json) -> None:
    result = judged(case["input"])
    *table, _ = (line for line in result.stdout.splitlines() if line)
    assert max(map(len, table)) <= 80
    assert "\x1b" not in result.stdout
    assert len([line for line in table if line[:3].strip().isdigit()]) == len(case["expect"]["minutes"])


def test_many_metrics_with_long_names_fit_as_well() -> None:
    names = ["5XXError", "IntegrationLatency.p99", "checkout-service-upstream-timeouts", "Latency.p90"]
    crowd = {name: minute((123456, 12345), (98765432, 9876543), name)[name] for name in names}
    result = judged({**recording(crowd, crowd), "baseHistory": {}})
    table = [line for line in result.stdout.splitlines() if line and ":1 against" not in line]
    assert max(map(len, table)) <= 80
    assert "upstream" in "".join(table)


def test_the_verdict_is_the_last_line_with_its_reason() -> None:
    result = judged(recording(*[WORSE] * 6))
    assert result.exit_code == 3
    *_, last = result.stdout.splitlines()
    assert last == (
        "ROLLBACK after 2 min: 5XX: canary 60/1200 (5.00%) vs base 228/22800 (1.00%), allowed 1.27%; "
        "136:1 against 'within tolerance' (limit 100:1) at 5% after 2 min; 4.0 points worse (2.1 to 5.9)"
    )


def test_a_healthy_recording_is_promoted() -> None:
    assert judged(recording(*[HEALTHY] * 9), "--json").exit_code == 0


@pytest.mark.parametrize(
    ("minutes", "verdict"), [([], "continue"), ([HEALTHY], "continue"), ([HEALTHY] * 2, "advance")]
)
def test_a_recording_that_ends_early_is_no_verdict(minutes: list[Json], verdict: str) -> None:
    result = judged(recording(*minutes), "--json")
    assert (json.loads(result.stdout)["verdict"], result.exit_code) == (verdict, 4)
    words = judged(recording(*minutes))
    assert words.exit_code == 4
    assert "no verdict" in words.stdout.lower()


def test_silence_holds() -> None:
    silent = {NAME: {"canary": None, "base": None}}
    result = judged(recording(*[silent] * 9), "--json")
    shown = json.loads(result.stdout)
    assert (shown["verdict"], shown["atMinute"], result.exit_code) == ("hold", 6, 4)
    assert shown["minutes"][0]["metrics"][NAME]["verdict"] == "unmeasured"


@pytest.mark.parametrize(
    ("options", "verdict"),
    [
        ([], "extend"),
        (["--alpha", "0.01"], "rollback"),
        (["--alpha", "0.01", "--dispersion", "10"], "extend"),
        (["--alpha", "0.005", "--preset", "tolerant"], "extend"),
        (["--alpha", "0.005", "--preset", "sensitive"], "rollback"),
        (["--alpha", "0.01", "--cap-share", "0.1"], "extend"),
        (["--gate-relative", "3"], "continue"),  # on to the next step after two minutes
        (["--gate-absolute", "0.003", "--beta", "0.5"], "continue"),
    ],
)
def test_options_override_the_recording(options: list[str], verdict: str) -> None:
    own = recording(
        *[minute((600, 15), (11400, 114))] * 3,
        judge={"alpha": 1e-9, "metrics": [{"name": NAME}], "gate": {"absolute": 0.001}},
    )
    assert json.loads(judged(own, "--json", *options).stdout)["verdict"] == verdict


def test_an_impossible_margin_holds_after_the_longest_bake() -> None:
    for factor, minutes in (("1", 2), ("2", 4)):
        options = ["--gate-relative", "1", "--gate-absolute", "1e-9", "--max-bake-factor", factor]
        shown = json.loads(judged(recording(*[HEALTHY] * 9), "--json", *options).stdout)
        assert (shown["verdict"], shown["atMinute"]) == ("hold", minutes)


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ("{", "standard input: not JSON: Expecting property name enclosed in double quotes at line 1, column 2"),
        ("", "standard input: not JSON: Expecting value at line 1, column 1"),
        ("[" * 100_000, "standard input: not a document of ours: nested too deeply"),
        ('{"a": 1, "a": 2}', "standard input: the field 'a' is there twice"),
        ("[]", "recording: found [] (allowed: an object)"),
        (recording(HEALTHY, extra=1), "recording.extra: unknown field (allowed: baseHistory, judge, minutes, plan)"),
        (recording(HEALTHY, judge=7), "judge: input should be an object, got 7"),
        (recording(minute((5, 6), (9, 0))), "minute 1, 5XXError, canary: 6 bad of only 5 requests"),
        (recording(minute((-5, 0), (9, 0))), "minute 1, 5XXError, canary: requests must not be negative, found -5"),
        (recording(HEALTHY, {NAME: {"canary": {"requests": 1}}}), "minutes[1].5XXError.canary: bad is missing"),
        (
            recording(HEALTHY, judge={"alpha": 2}),
            "judge.alpha: input should be a number from 0.000000001 to 0.5, got 2",
        ),
        (
            recording(HEALTHY, judge={"preset": "[red]"}),
            "judge.preset: input should be 'sensitive', 'balanced' or 'tolerant', got '[red]'",
        ),
        (
            '{"plan": {"steps": [{"weightPercent": 5, "bakeMinutes": 2}]}, "minutes": [{"5XXError": '
            '{"canary": {"requests": 10, "bad": NaN}, "base": null}}]}',
            "minute 1, 5XXError, canary: bad must be a whole number, found nan",
        ),
    ],
    ids=lambda value: None if isinstance(value, str) else "",
)
@pytest.mark.parametrize("options", [[], ["--json"], ["--alpha", "0.01"]])
def test_what_cannot_be_is_one_clear_line(document: object, problem: str, options: list[str]) -> None:
    if "--alpha" in options and "judge.alpha" in problem:
        return
    result = judged(document, *options)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"rollout: {problem}")


def test_bad_options_are_refused_by_name() -> None:
    for options, problem in (
        (["--alpha", "7"], "judge.alpha: input should be a number from 0.000000001 to 0.5, got 7.0"),
        (["--preset", "wild"], "judge.preset: input should be 'sensitive', 'balanced' or 'tolerant', got 'wild'"),
        (["--dispersion", "0.5"], "judge.metrics[0].dispersion: found 0.5 (allowed: at least 1, at most 100)"),
        (["--max-bake-factor", "nan"], "judge.maxBakeFactor: input should be a number from 1 to 100, got nan"),
    ):
        result = judged(recording(HEALTHY), *options)
        assert result.exit_code == 2
        assert result.stderr.startswith(f"rollout: {problem}")


def test_a_file_is_read_and_a_missing_one_is_said(tmp_path: Path) -> None:
    path = tmp_path / "readings.json"
    path.write_text(json.dumps(recording(*[WORSE] * 6)), encoding="utf-8-sig")
    assert CliRunner().invoke(app, ["judge", str(path)]).exit_code == 3
    missing = CliRunner().invoke(app, ["judge", str(tmp_path / "none.json")])
    assert missing.exit_code == 2
    assert missing.stderr == f"rollout: {tmp_path / 'none.json'}: No such file or directory\n"
    path.write_bytes(b"\xff\xfe\x00")
    assert CliRunner().invoke(app, ["judge", str(path)]).exit_code == 2


def test_the_example_in_the_documentation_is_what_it_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    page = (ROOT / "docs" / "judge.md").read_text(encoding="utf-8")
    command, _, shown = page.split("```console\n$ rollout ")[1].split("\n```")[0].partition("\n")
    printed = CliRunner().invoke(app, command.split()).stdout
    assert [line.rstrip() for line in printed.splitlines()] == shown.splitlines()


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def resources(value: object, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else [])
    return [at, *(place for key, child in children for place in resources(child, (*at, key)))]


def replaced(value: Any, at: tuple[Any, ...], new: object) -> Any:
    if not at:
        return new
    copy = value.copy()
    copy[at[0]] = replaced(value[at[0]], at[1:], new)
    return copy


WHOLE = recording(
    HEALTHY, judge={"preset": "tolerant", "metrics": [{"name": NAME, "tolerance": {"relative": 1.5}}], "gate": {}}
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(resources(WHOLE)), anything)
def test_whatever_stands_in_the_recording_there_is_an_answer(at: tuple[Any, ...], value: object) -> None:
    result = judged(replaced(WHOLE, at, value), "--json")
    assert result.exit_code in {2, 3, 4, 0}, result.exception
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert len(result.stderr.splitlines()) == (result.exit_code == 2)


@pytest.mark.parametrize(
    ("share", "shown"), [(-1, "·····"), (0, "·····"), (0.5, "██▌··"), (0.999, "████▉"), (2, "█████")]
)
def test_a_bar_is_full_only_at_the_limit(share: float, shown: str) -> None:
    assert bar(share) == shown


def test_a_bar_without_unicode() -> None:
    assert bar(0.5, ascii_only=True) == "##..."


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0"), (999, "999"), (1000, "1.0k"), (9949, "9.9k"), (9960, "10k"), (999_600, "1.0M"), (10**15, "1000T")],
)
def test_counts_are_shown_short(number: int, shown: str) -> None:
    assert short(number) == shown
