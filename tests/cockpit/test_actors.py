"""Each decision names the actor or the alarm that brought it about, on every screen, whatever others are called."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from rollout.cockpit.timeline import NOT_RECORDED
from rollout.cockpit.view import view_of
from rollout.core.rollout import Rollout
from rollout.core.signals import SignalKind
from rollout.core.target import Json
from rollout_cli.report_view import history_lines, report_lines
from rollout_cli.rollout_snapshot import RolloutSnapshot
from tests.cockpit.screens import SCREENS, command, decided, snapshot
from tests.functions.world import WATCHED, World

NAMES = [("ann", "anna"), ("anna", "ann"), ("ci", "ci-eu"), ("ci-eu", "ci"), ("ann", "judge"), ("ann", "alarm")]
GOLDEN = Path(__file__).resolve().parents[1] / "golden"


@cache
def aborted(first: str, second: str) -> World:
    """A rollout that `first` paused and resumed, and `second` paused and aborted."""
    world = World().baking()
    assert "PAUSE" == decided(world, "pause", first)
    assert decided(world, "resume", first) in ("CONTINUE", "EXTEND")
    assert "PAUSE" == decided(world, "pause", second)
    assert "ROLL_BACK" == decided(world, "abort", second)
    world.roll_back()
    world.call("close")
    return world


@pytest.mark.parametrize(("first", "second"), NAMES)
def test_the_history_stores_who_gave_each_command(first: str, second: str) -> None:
    history = json.loads(json.dumps(snapshot(aborted(first, second)).to_document()))["history"]
    causes = [line["cause"] for line in history]
    commands = [(cause["command"], cause["actor"]) for cause in causes if cause["kind"] == "COMMAND"]
    # Roll back and Close carry out what the abort decided, and have its cause.
    assert [("pause", first), ("resume", first), ("pause", second), *[("abort", second)] * 3] == commands


@pytest.mark.parametrize(("first", "second"), NAMES)
def test_the_table_of_decisions_names_the_right_actor(first: str, second: str) -> None:
    view = snapshot(aborted(first, second)).view()
    assert view
    named = [(row.word, row.who) for row in view.rows if row.marked]
    assert named == [
        ("create canary", "request"),
        ("pause", f"command by {first}"),
        ("continue", f"command by {first}"),
        ("pause", f"command by {second}"),
        ("roll back", f"command by {second}"),
    ]


@pytest.mark.parametrize(("first", "second"), NAMES)
@pytest.mark.parametrize("screen", SCREENS)
def test_every_screen_names_who_aborted(screen: str, first: str, second: str) -> None:
    shown = SCREENS[screen](aborted(first, second))
    assert f"abort by {second}" in shown or f"command by {second}" in shown
    assert f"abort by {first}\n" not in shown
    assert f"abort by {first};" not in shown


@pytest.mark.parametrize("name", ["judge", "alarm", "request"])
def test_an_actor_called_like_a_machine_is_not_taken_for_it(name: str) -> None:
    view = snapshot(aborted("ann", name)).view()
    assert view
    machines = {row.who for row in view.rows if row.cause and row.cause.kind != "COMMAND"}
    assert f"command by {name}" not in machines
    assert f"command by {name}: " in SCREENS["watch"](aborted("ann", name))


@pytest.mark.parametrize("screen", SCREENS)
def test_every_screen_names_the_alarm(screen: str) -> None:
    assert f"alarm {WATCHED}" in SCREENS[screen](alarmed())


@cache
def alarmed() -> World:
    """A rollout that an alarm rolled back, after an actor of the alarm's name had resumed it."""
    world = World().baking(alarms=[WATCHED])
    assert "PAUSE" == decided(world, "pause", f"alarm {WATCHED}")
    assert decided(world, "resume", f"alarm {WATCHED}") in ("CONTINUE", "EXTEND")
    world.alarm_event()
    assert "ROLL_BACK" == world.call("analyze")["decision"]
    world.roll_back()
    return world


def test_the_judges_rollback_is_not_credited_to_whoever_paused_at_the_same_time() -> None:
    world = World().baking()
    world.traffic(bad=1_500)
    assert command(world, "pause", "ann")["accepted"]
    assert "ROLL_BACK" == world.analyzed(minutes=10)["decision"]
    assert "JUDGE" == world.last_line["cause"]["kind"]


def test_an_approval_without_effect_is_not_the_cause_of_what_the_judge_decides() -> None:
    world = World().baking()
    world.signal(SignalKind.APPROVE, source="ann")
    world.analyzed(minutes=1)
    assert "JUDGE" == world.last_line["cause"]["kind"]


def test_a_rollout_that_stays_paused_does_so_because_of_whoever_paused_it() -> None:
    world = World().baking()
    decided(world, "pause", "ann", reason="customer demo")
    assert "PAUSE" == world.analyzed(minutes=1)["decision"]
    assert "PAUSE" == world.analyzed(minutes=1)["decision"]
    assert ("pause", "ann") == (world.last_line["cause"]["command"], world.last_line["cause"]["actor"])
    view = snapshot(world).view()
    assert view
    first, later = view.rows[-2:]
    assert ("customer demo" in first.reason, first.marked, first.times) == (True, True, 1)
    assert ("command by ann", later.marked, later.times) == (later.who, False, 2)
    assert 1 == SCREENS["watch in a pipe, simulate"](world).count("pause by ann")


def test_a_rollout_held_at_zero_by_an_alarm_is_not_credited_to_whoever_paused_it_before() -> None:
    world = World().baking(alarms=[WATCHED], onRegression="holdAtZero")
    decided(world, "pause", "ann")
    decided(world, "resume", "ann")
    world.alarm_event()
    assert "LOWER" == world.call("analyze")["decision"]
    world.call("shift_traffic")
    assert "HOLD" == world.analyzed(minutes=1)["decision"]
    assert ("ALARM", WATCHED) == (world.last_line["cause"]["kind"], world.last_line["cause"]["alarm"])
    assert f"Held: alarm {WATCHED} is firing" in SCREENS["status"](world)


def test_a_deadline_a_foreign_change_and_a_failed_task_are_causes_of_their_own() -> None:
    unanswered = World().baking(pauseMinutes=1_440)
    decided(unanswered, "pause", "ann")
    assert "ROLL_BACK" == unanswered.analyzed(minutes=25 * 60)["decision"]
    assert {"kind": "DEADLINE", "reason": "paused for 24 h and nobody answered"} == unanswered.last_line["cause"]

    failed = World().baking()
    failed.roll_back(failure="Shift traffic failed")
    assert {"kind": "TASK_FAILURE", "reason": "Shift traffic failed"} == failed.last_line["cause"]


# --- lines of earlier versions --------------------------------------------------------------------------------------


def recorded(path: Path) -> RolloutSnapshot:
    """The rollout of this golden record."""
    items = json.loads(path.read_text(encoding="utf-8"))
    record = next(item for item in items if item["sk"]["S"] == "RECORD")
    signals = [json.loads(signal["S"]) for signal in record["signals"]["L"]]
    rollout = Rollout.from_document(json.loads(record["document"]["S"]), signals, int(record["revision"]["N"]))
    lines: list[Json] = [json.loads(item["line"]["S"]) for item in items if item["sk"]["S"].startswith("HISTORY#")]
    return RolloutSnapshot(rollout.analyzed_at, rollout, lines, None)


WITH_HISTORY = [path for path in sorted(GOLDEN.glob("paused-*.json")) if "HISTORY#" in path.read_text()]


@pytest.mark.parametrize("path", WITH_HISTORY, ids=lambda path: path.stem)
def test_lines_of_an_earlier_version_are_shown_and_name_nobody(path: Path) -> None:
    old = recorded(path)
    assert old.rollout
    view = view_of(old.rollout, old.history, old.at)
    assert {NOT_RECORDED} == {row.who for row in view.rows}
    pause = next(row for row in view.rows if row.word == "pause")
    assert (1, True) == (pause.times, pause.marked)
    assert pause.reason.startswith("pause by ada: customer demo; ")
    assert len(old.history) == sum(row.times for row in view.rows)
    assert any("pause by ada: customer demo" in line for line in history_lines(old))
    assert any("pause by ada: customer demo" in line for line in report_lines(old))
    assert "pause by ada: customer demo" in old.page()
    assert "Paused by ada: customer demo" in view.remarks, "which the record's own fact says"
