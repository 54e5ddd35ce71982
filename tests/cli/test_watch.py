"""`rollout watch`: a picture in a terminal, lines in a pipe; and the errors of whoever asks in the wrong place."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from rollout.cockpit.view import RolloutView
from rollout_cli.exits import Exit
from rollout_cli.main import app
from rollout_cli.watch_view import picture
from rollout_simulator.scenario import SCENARIOS
from tests.cli.command import COMMAND, ENVIRONMENT, ROOT, closed_pipe, started
from tests.cli.terminal import Shown, shown_in_a_terminal
from tests.cockpit.lived import view

Json = dict[str, Any]

LONG = """
description = "A good candidate and a plan that outlasts the test."
[request.plan]
steps = [{ weightPercent = 10, bakeMinutes = 600 }]
"""
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def drawn(shown: RolloutView, width: int = 80, height: int | None = None, **options: Any) -> list[str]:
    """The picture's lines, as a terminal of this size gets them."""
    screen = StringIO()
    Console(file=screen, width=width, force_terminal=True, highlight=False, **options).print(picture(shown, height))
    return screen.getvalue().splitlines()


def plain(lines: Sequence[str]) -> list[str]:
    return [COLOURS.sub("", line).rstrip() for line in lines]


# --- the picture ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["promoted", "held", "errors-double", "aborted", "worse-after-promotion"])
@pytest.mark.parametrize("width", [80, 132])
def test_nothing_is_wider_than_the_terminal(name: str, width: int) -> None:
    assert max(map(len, plain(drawn(view(name), width)))) <= width


@pytest.mark.parametrize("name", ["held", "errors-double"])
def test_24_lines_are_enough(name: str) -> None:
    assert len(drawn(view(name), height=23)) <= 25


def test_a_conviction_is_told_in_numbers_bars_and_words() -> None:
    lines = "\n".join(plain(drawn(view("errors-double"))))
    for pattern in (
        r"^✕ Rolled back$",
        r"^5XX: canary 52/2217 \(2\.35%\)",
        r"^plan +5% → 10% → 25% → 50% → 95% → 100%$",
        r"^candidate +─+  0 % of the requests$",
        r"^5XX +2\.35% of 2,217 +[▁▂▃▄▅▆▇█]{7} +0\.98% of 42k +[▁▂▃▄▅▆▇█]{7} +1\.24%$",
        # What is worse is not shown as proven as well, however wide the gate is.
        r"^5XX +━{12} +115/100:1 +─{12} +– +✕ worse$",
        r"^4XX +─{12} +0\.29/100:1 .* ✓ proven$",
        r"^5XX: 1\.4 points worse \(0\.3 to 2\.5\)$",
        r"^12:11 +5 %  roll back",
    ):
        assert re.search(pattern, lines, re.MULTILINE), f"{pattern}\n{lines}"


def test_a_ramp_says_how_near_its_next_raise_is_and_what_for() -> None:
    shown = view("on-the-ramp")
    lines = plain(drawn(shown))
    [at] = [index for index, line in enumerate(lines) if line.startswith("next raise ")]
    assert re.search(r"[━─]+ +[\d.>kM⁹]+/20:1 to 95 %$", lines[at])
    assert lines[at + 1].strip() in (
        "when p_c < 2 x p_b + 0.5 points is proven",
        "p_c < 2 x p_b + 0.5 points is proven",
    )
    assert max(map(len, lines)) <= 80
    assert not [line for line in plain(drawn(view("promoted"))) if "next raise" in line]


def test_a_held_rollout_says_which_commands_help_each_whole() -> None:
    lines = plain(drawn(view("held")))
    assert lines[1].startswith("‖ Held for a person — 25 %, step 2 of 2")
    commands = [line.removeprefix("you can").strip() for line in lines if "rollout " in line[8:18]]
    verbs = [command.split()[1] for command in commands]
    assert ["approve", "advance", "promote", "abort"] == verbs
    assert commands[0].startswith("rollout approve held-rollout --step 2 ")


def test_an_alarm_that_fired_is_told() -> None:
    (line,) = [line for line in plain(drawn(view("alarm-fires"))) if line.startswith("alarm    ")]
    assert re.fullmatch(r"alarm +\S+  firing", line)


def test_without_colour_the_picture_says_the_same() -> None:
    coloured, colourless = drawn(view("errors-double")), drawn(view("errors-double"), no_color=True)
    assert plain(coloured) == plain(colourless)
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", "".join(colourless))
    assert re.search(r"\x1b\[[0-9;]*3[0-7]m", "".join(coloured))


def test_a_terminal_that_knows_only_ascii_gets_bars_of_ascii() -> None:
    console = Console(file=StringIO(), width=80)
    ascii_only = replace(console.options, encoding="ascii")
    text = "\n".join(
        "".join(each.text for each in line) for line in console.render_lines(picture(view("held")), ascii_only)
    )
    assert "#" in text
    assert not set("━─▁█") & set(text)


# --- against an AWS of this machine --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Local:
    """A running `rollout local`, and what it printed first."""

    url: str
    rollout: str

    def __call__(self, *arguments: str) -> Result:
        """The command, in this process, pointed there."""
        return CliRunner().invoke(app, [*arguments, "--endpoint-url", self.url])


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    """An AWS of this machine with a rollout that runs."""
    folder: Path = tmp_path_factory.mktemp("local")
    scenario = folder / "long.toml"
    scenario.write_text(LONG)
    with started("local", "--port", "0", "--speed", "60", "--scenario", str(scenario), "--json") as process:
        assert process.stdout
        told = json.loads(process.stdout.readline())
        (folder / "request.json").write_text(json.dumps(told["request"]))
        here = Local(told["endpointUrl"], "watched")
        begun = here("start", str(folder / "request.json"), "--name", "watched", "--json")
        assert json.loads(begun.stdout) == {"rolloutId": "watched"}
        yield here
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


@pytest.fixture(scope="module")
def watched(local: Local) -> Shown:
    """What a terminal of 80 columns and 40 lines, without colours, was shown until somebody aborted the rollout."""

    def abort() -> None:
        assert local("abort", "watched", "--reason", "wrong branch").exit_code == 0

    return shown_in_a_terminal(
        *("watch", "watched", "--interval", "0.2", "--endpoint-url", local.url),
        columns=80,
        rows=40,
        environment={"NO_COLOR": "1"},
        when=("step 1 of 2", abort),
    )


def test_a_rollout_is_watched_in_a_terminal_until_its_end(watched: Shown) -> None:
    assert watched.code == 3
    assert max(len(line.rstrip()) for line in watched.lines) <= 80
    last = "\n".join(watched.last_picture("watched  orders / prod"))
    assert "✕ Rolled back" in last
    assert re.search(r"^abort by .*: wrong branch$", last, re.MULTILINE)
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", watched.raw)


def test_the_picture_was_drawn_while_the_rollout_ran(watched: Shown) -> None:
    assert any(line.startswith("● Baking — 10 %, step 1 of 2") for line in watched.lines)
    assert any("rollout pause watched" in line for line in watched.lines)


def test_in_a_pipe_every_decision_is_a_line_that_is_not_cut_off(local: Local, watched: Shown) -> None:
    answer = local("watch", "watched")
    legend, *lines = answer.stdout.splitlines()
    assert (answer.exit_code, answer.stderr) == (3, "")
    assert legend.startswith("(worse: rolled back at odds of ")
    assert re.match(r" +0\.\d min +10 %  create canary  canary at 10 %, step 1 of 2", lines[0])
    assert lines[-1].startswith("ROLLED BACK: abort by ")
    assert "…" not in answer.stdout
    assert "\x1b" not in answer.stdout


def test_json_is_the_history_line_by_line(local: Local, watched: Shown) -> None:
    answer = local("watch", "watched", "--json")
    told = [json.loads(line) for line in answer.stdout.splitlines()]
    assert answer.exit_code == 3
    assert [told[0]["state"], told[-1]["state"]] == ["Create canary", "Close"]


def test_an_aws_of_this_machine_needs_no_credentials_and_no_region(local: Local, watched: Shown) -> None:
    assert not [name for name in ENVIRONMENT if name.startswith("AWS_") and name != "AWS_EC2_METADATA_DISABLED"]
    with started("status", "watched", "--json", "--endpoint-url", local.url) as process:
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert json.loads(output)["state"] == "ROLLED_BACK"


def test_in_a_pipe_the_list_has_a_whole_line_for_each_rollout(local: Local, watched: Shown) -> None:
    (line,) = local("list").stdout.splitlines()
    assert ["watched", "apigateway-stage/a1b2c3d4e5/prod", "ROLLED_BACK"] == line.split("\t")[:3]


def test_a_list_that_nobody_reads_on_ends_without_a_word(local: Local, watched: Shown) -> None:
    with closed_pipe() as output:
        ended = subprocess.run(
            [*COMMAND, "list", "--endpoint-url", local.url],
            cwd=ROOT,
            env=ENVIRONMENT,
            stdout=output,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (Exit.PIPE_CLOSED, b"") == (ended.returncode, ended.stderr)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["watch", "nobody"], "there is no rollout nobody; `rollout list` shows the latest"),
        (["status", "nobody"], "there is no rollout nobody; `rollout list` shows the latest"),
        (["status", "watched", "--stack", "nobodys"], "no controller named nobodys in us-east-1: "),
        (["abort", "nobody"], "there is no rollout nobody"),
        (["abort", "watched"], "the rollout has ended already: rolled back"),
        (["start", "events/no-such-file.json"], "events/no-such-file.json: No such file or directory"),
    ],
)
def test_a_users_mistake_is_one_line_and_exit_code_2(
    local: Local, watched: Shown, arguments: list[str], said: str
) -> None:
    answer = local(*arguments)
    assert (answer.exit_code, answer.stdout) == (2, "")
    (line,) = answer.stderr.splitlines()
    assert line.startswith(f"rollout: {said}")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--region", "eu-west-1"], "no AWS credentials: log in, or name a profile with --profile"),
        ([], "no AWS region: name one with --region, or set AWS_DEFAULT_REGION"),
        (["--profile", "nobodys"], "The config profile (nobodys) could not be found; name one of yours with --profile"),
        (["--endpoint-url", "nowhere"], "no AWS region"),
        (["--endpoint-url", "nowhere", "--region", "eu-west-1"], "Invalid endpoint: nowhere; an endpoint is a URL"),
        (["--endpoint-url", "http://127.0.0.1:1"], 'Could not connect to the endpoint URL: "http://127.0.0.1:1/"'),
    ],
)
def test_whoever_asks_in_the_wrong_place_is_told_so(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in [name for name in os.environ if name.startswith(("AWS_", "ROLLOUT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    answer = CliRunner().invoke(app, ["status", "r-1", *arguments])
    assert (answer.exit_code, answer.stdout) == (2, "")
    (line,) = answer.stderr.splitlines()
    assert line.startswith(f"rollout: {said}")


@pytest.mark.slow
def test_a_shell_completes_commands_and_scenarios() -> None:
    def completed(words: str) -> list[str]:
        asked = {"_ROLLOUT_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
        with subprocess.Popen(
            ["rollout"], env={**ENVIRONMENT, **asked}, cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as process:
            return process.communicate(timeout=60)[0].split()

    assert completed("rollout wa") == ["watch"]
    assert completed("rollout simulate alarm") == sorted(path.stem for path in SCENARIOS.glob("alarm*.toml"))
