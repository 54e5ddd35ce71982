"""What the pages tell to type exists, alarms and outcomes have their sections, and "Get started" works line by line."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name
from botocore.exceptions import UnknownServiceError
from typer.testing import CliRunner

from rollout.core.rollout import Outcome
from rollout.request import parse_request
from rollout_cli import rollouts
from rollout_cli.main import app
from rollout_simulator.scenario import SCENARIOS
from rollout_simulator.template import REGION, load_template
from tests.cli.command import ROOT, started, understood
from tests.workflow.world import world

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
SAM_COMMANDS = frozenset({"build", "deploy", "validate", "local"})
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
FASTER = 20
"""How much faster than on the page time passes here; the day for the way back must outlast the lines before it."""
SPEED = 120
PORT = "4566"
LONG = {"request": {"plan": {"steps": [{"weightPercent": 5, "bakeMinutes": 30}], "watchMinutes": 0}}}
SILENT = {"traffic": {"requests_per_second": 0.01}, "request": {"judge": {"maxBakeFactor": 1}}}
"""A rollout that soon waits for a person."""
PARTS = frozenset({"target", "candidate", "plan", "judge"})
"""Of a request, by which it is known."""
TARGET = {"type": "apigateway-stage", "restApiId": "a1b2c3d4e5", "stageName": "prod"}


def consoles(text: str) -> list[str]:
    """The lines to type, without comments."""
    blocks = re.findall(r"^ *```console\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    typed = [re.findall(r"^\$ (.*)$", block, re.MULTILINE) or block.splitlines() for block in blocks]
    lines = [re.sub(r"\s+#.*", "", line).strip() for block in typed for line in block]
    return [line for line in lines if line]


def commands() -> Iterator[tuple[str, str]]:
    """Every line that a page tells to type, with its page."""
    for page in PAGES:
        for line in consoles(page.read_text(encoding="utf-8")):
            yield str(page.relative_to(DOCS)), line


COMMANDS = list(commands())


def known_to_aws(line: str) -> None:
    """See that AWS has this operation, with these options."""
    _, service, operation, *words = shlex.split(line)
    try:
        model = botocore.session.get_session().get_service_model(service)
    except UnknownServiceError as error:
        raise AssertionError(line) from error
    names = {xform_name(name, "-"): name for name in model.operation_names}
    shape = model.operation_model(names[operation]).input_shape
    allowed = {f"--{xform_name(member, '-')}" for member in shape.members} if shape else set()
    assert {word for word in words if word.startswith("--")} <= allowed, line


@pytest.mark.parametrize(("page", "line"), COMMANDS, ids=[f"{page}: {line[:50]}" for page, line in COMMANDS])
def test_what_a_page_tells_to_type_exists(page: str, line: str) -> None:
    program, *words = line.split()
    if program == "rollout":
        understood(line)
    elif program == "aws":
        known_to_aws(line)
    elif program == "sam":
        assert words[0] in SAM_COMMANDS
    elif program == "make":
        assert re.search(rf"^{words[0]}:", MAKEFILE, re.MULTILINE)
    elif program.startswith("./"):
        assert (ROOT / "examples" / "orders-api" / program).exists()
    else:
        assert program in ("export", "unset"), f"{page}: nobody knows how to check {line!r}"


RUNNABLE = sorted(
    {line for _, line in COMMANDS if re.match(r"rollout (validate|judge|schema) ", f"{line} ")},
)
ENDS = {"judge": {0, 3, 4}}
"""The exit codes of what ends in a verdict."""
SIMULATED = sorted({line.split()[2] for _, line in COMMANDS if line.startswith("rollout simulate ")})


@pytest.mark.parametrize("line", RUNNABLE)
def test_what_a_page_tells_to_type_about_files_and_scenarios_runs(line: str) -> None:
    if "REQUEST" in line:
        line = line.replace("REQUEST", "events/request.json").replace(" N", " 1200")
    words = shlex.split(line)[1:]
    answer = CliRunner().invoke(app, words)
    assert answer.exit_code in ENDS.get(words[0], {0}), answer.output


@pytest.mark.parametrize("name", SIMULATED)
def test_a_scenario_that_a_page_names_comes_with_the_product(name: str) -> None:
    assert (SCENARIOS / f"{name}.toml").exists()  # and is run by the workflow's tests


GIVEN = sorted(
    {
        re.sub(r"--reason \".*\"", '--reason "because"', line)
        for _, line in COMMANDS
        if re.match(r"rollout \w+ ROLLOUT", line)
    }
)


@pytest.mark.parametrize("line", GIVEN)
def test_what_a_page_tells_to_type_to_a_rollout_is_accepted_when_it_stands_so(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # what a command writes is not ours to keep
    verb = line.split()[1]
    silent = verb in ("approve", "promote")  # what waits for a person
    with world(**SILENT if silent else LONG) as at:
        execution = at.start(at.request(), name="ROLLOUT")
        at.until_canary()
        if silent:
            at.simulation.clock.run_until(lambda: "HELD" in [event["state"] for event in at.told()])
        if verb == "resume":
            typed("rollout pause ROLLOUT")
            at.simulation.clock.run_until(lambda: "PAUSED" in [event["state"] for event in at.told()])
        if verb == "rollback":
            typed("rollout promote ROLLOUT")
            at.ended(execution)
        typed(re.sub(r"--step \d+", "--step 1", line))


def typed(line: str) -> None:
    """The command line takes it, and the rollout does too."""
    answer = CliRunner().invoke(app, [*shlex.split(line)[1:], "--region", REGION])
    assert answer.exit_code == 0, f"{line}\n{answer.output}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_every_request_that_a_page_shows_is_valid(page: Path) -> None:
    for block in re.findall(r"^```json\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        if "…" in block or "$context" in block:  # a part of one, or a log's format
            continue
        shown = json.loads(block)
        if isinstance(shown, dict) and shown.keys() & PARTS:
            parse_request({"target": TARGET, **shown})


def anchors(path: Path) -> set[str]:
    """What a link may point to in a page."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"https?:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_every_page_is_found_from_the_first() -> None:
    seen, todo = set(), [DOCS / "README.md"]
    while todo:
        page = todo.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        links = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
        todo += [path for link in links if (path := (page.parent / link).resolve()).is_file()]
    decisions = set((DOCS / "decisions").glob("*.md"))
    assert set(PAGES) - seen - decisions == set()


def headings() -> list[str]:
    return re.findall(r"^### (.+)$", (DOCS / "operations.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_every_alarm_of_the_stack_has_a_section_in_the_runbook() -> None:
    kinds = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    alarms = {name for name, each in load_template()["Resources"].items() if each["Type"] in kinds}
    assert alarms
    assert alarms - set(headings()) == set()


def test_every_way_to_stand_or_to_end_has_a_section_in_the_runbook() -> None:
    ends = [outcome.value.replace("_", " ").capitalize() for outcome in Outcome]
    assert [name for name in (*ends, "Held", "Paused", "Rollback failed") if name not in headings()] == []


@pytest.fixture
def typing_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder like a checkout's, an environment without AWS, and a look every tenth of a second."""
    shutil.copytree(ROOT / "events", tmp_path / "events")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(rollouts, "SECONDS_BETWEEN_LOOKS", 0.1)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    return tmp_path


@pytest.mark.slow
def test_who_follows_get_started_line_by_line_succeeds(typing_at: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (DOCS / "get-started.md").read_text(encoding="utf-8")
    serving, *lines = consoles(text[text.index("## On this machine") : text.index("## The controller")])
    assert serving == f"rollout local --speed {SPEED}"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    with started("local", "--speed", str(SPEED * FASTER), "--port", port) as process:
        try:
            assert process.stdout
            assert any(line.startswith("Ctrl-C") for line in process.stdout)
            for line in lines:
                program, *words = shlex.split(line.replace(PORT, port))
                if program == "export":
                    for word in words:
                        monkeypatch.setenv(*word.split("=", 1))
                    continue
                answer = CliRunner().invoke(app, words)
                assert answer.exit_code == 0, f"{line}\n{answer.output}"
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
    assert "<html" in (typing_at / "first.html").read_text(encoding="utf-8")
