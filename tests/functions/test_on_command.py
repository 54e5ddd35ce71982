"""On command: carry what a person wants to the rollout, or say at once why that cannot be."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest

import on_command
from rollout.core.signals import SignalKind
from rollout.core.target import Json
from tests.functions.world import EXECUTION, FOUND, PROMOTED, ROLLOUT, TARGET, World


def command(world: World, verb: str, **fields: Any) -> Json:
    """The controller's answer to the command."""
    document = {"rolloutId": ROLLOUT, "command": verb, "actor": "ada", "reason": "because", **fields}
    return send(world, {name: value for name, value in document.items() if value is not None})


def send(world: World, event: Json) -> Json:
    with patch("on_command.ports", lambda: world.fakes.ports):
        return on_command.handler(event, SimpleNamespace(function_name="on_command"))  # type: ignore[arg-type]


def ended_promoted(**fields: Any) -> World:
    world = World().watching(**fields)
    assert world.analyzed(minutes=10)["decision"] == "CLOSE"
    world.call("close")
    return world


def test_an_abort_is_recorded_with_actor_and_reason_and_wakes_the_workflow() -> None:
    world = World().baking()
    world.fakes.store.bake(ROLLOUT, "t-1", seen=0)
    assert command(world, "abort")["accepted"]
    signal = world.rollout.signals[0]
    assert (SignalKind.ABORT, "ada", "because") == (signal.kind, signal.source, signal.reason)
    assert ["t-1"] == world.fakes.waker.woken
    assert "ROLL_BACK" == world.call("analyze")["decision"]


def test_the_target_is_not_touched() -> None:
    world = World().baking()
    before = list(world.fakes.stage.history)
    command(world, "promote")
    assert before == world.fakes.stage.history


def test_an_event_carries_the_command_as_its_detail() -> None:
    world = World().baking()
    event = {"detail-type": "Rollout Command", "detail": {"rolloutId": ROLLOUT, "command": "pause"}}
    assert send(world, event)["accepted"]


def test_the_target_stands_for_the_rollout_that_holds_it() -> None:
    world = World().baking()
    assert ROLLOUT == command(world, "pause", rolloutId=None, target=TARGET.to_document())["rolloutId"]


def test_nothing_running_on_a_target_is_an_answer() -> None:
    answer = command(World(), "abort", rolloutId=None, target=TARGET.to_document())
    assert (False, f"no rollout is running on {TARGET.key}") == (answer["accepted"], answer["message"])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"rolloutId": "r-9"}, "there is no rollout r-9"),
        ({"command": "stop"}, "command: 'stop' is not one of abort"),
        ({"why": "so"}, "why: unknown field"),
        ({"expectedStep": -1}, "expectedStep: must be a whole number from 0"),
        ({"actor": 7}, "actor: must be a text"),
        ({"rolloutId": None, "target": "prod"}, "rolloutId: required"),
        ({"expectedStep": 1}, "step 1 has not been reached yet"),
    ],
)
def test_what_cannot_be_done_is_said_and_not_recorded(fields: Json, words: str) -> None:
    world = World().baking()
    answer = command(world, "advance", **fields)
    assert not answer["accepted"]
    assert words in answer["message"]
    assert () == world.rollout.signals


def test_a_step_that_has_been_passed_is_refused() -> None:
    world = World().advancing()
    world.call("shift_traffic")
    assert "step 0 has been passed already" in command(world, "advance", expectedStep=0)["message"]


def test_an_approval_names_the_step_it_approves_and_is_for_a_rollout_that_is_held() -> None:
    world = World().baking()
    assert "approve is for one that is held" in command(world, "approve", expectedStep=0)["message"]
    world.silence()
    world.analyzed(minutes=30)
    assert "HELD" == world.rollout.phase
    assert "an approval names the step" in command(world, "approve")["message"]
    assert command(world, "approve", expectedStep=0)["accepted"]
    assert "ADVANCE" == world.call("analyze")["decision"]


def test_a_rollout_that_has_ended_takes_no_command() -> None:
    assert "has ended already: rolled back" in command(World().closed(), "abort")["message"]


def test_resume_is_for_a_paused_rollout() -> None:
    world = World().baking()
    assert not command(world, "resume")["accepted"]
    command(world, "pause")
    assert "PAUSE" == world.call("analyze")["decision"]
    world.fakes.clock.pass_time(minutes=1)
    assert command(world, "resume")["accepted"]


def test_rollback_starts_an_execution_that_leads_back_to_the_stage_as_it_was() -> None:
    world = ended_promoted()
    answer = command(world, "rollback")
    assert answer["accepted"]
    ((name, document),) = world.fakes.executions.started
    assert ("r-1-undo", {"undo": ROLLOUT, "actor": "ada", "reason": "because"}) == (name, document)
    undoing = World(world.fakes, rollout_id=name)
    began = undoing.call("prepare", request=document, execution=EXECUTION + "-undo", startedAt=world.now.isoformat())
    assert "ROLL_BACK" == began["decision"]
    assert PROMOTED == undoing.stage
    undoing.roll_back()
    assert FOUND == undoing.stage


def undone(world: World) -> World:
    """The rollout that has been started to undo this one, ended."""
    ((name, document),) = world.fakes.executions.started
    undoing = World(world.fakes, rollout_id=name)
    undoing.call("prepare", request=document, execution=EXECUTION + "-undo", startedAt=world.now.isoformat())
    undoing.roll_back()
    undoing.call("close")
    return undoing


def test_a_rollback_that_was_done_is_refused_the_next_time_with_the_rollout_that_did_it() -> None:
    world = ended_promoted()
    command(world, "rollback", reason="customers complain")
    undone(world)
    before = world.rollout
    answer = command(world, "rollback", reason="they still do")
    assert not answer["accepted"]
    assert answer["message"] == (
        f"undone by rollout r-1-undo at {world.now:%Y-%m-%d %H:%M} UTC: "
        "rolled back after its promotion by ada: customers complain"
    )
    assert before == world.rollout


def test_a_rollback_that_was_itself_refused_says_so_and_does_not_claim_to_have_been_done() -> None:
    world = ended_promoted()
    command(world, "rollback")
    ((name, document),) = world.fakes.executions.started
    world.fakes.stage.deploy(TARGET, "dep-next")
    World(world.fakes, rollout_id="r-2").prepared(candidate={"deploymentId": "dep-next"})
    undoing = World(world.fakes, rollout_id=name)
    undoing.call("prepare", request=document, execution=EXECUTION + "-undo", startedAt=world.now.isoformat())
    message = command(world, "rollback", reason="again")["message"]
    assert message.startswith(f"not undone: rollout {name}, which was to do it, was rejected at ")
    assert "is held by rollout r-2" in message


@pytest.mark.parametrize(
    ("world", "words"),
    [
        (lambda: World().watching(), "still running; abort it instead"),
        (lambda: World().closed(), "only a promoted rollout"),
        (lambda: ended_promoted(undoMinutes=0), "more than 0 minutes ago"),
    ],
)
def test_rollback_has_its_time(world: Any, words: str) -> None:
    there = world()
    there.fakes.clock.pass_time(minutes=1)
    assert words in command(there, "rollback")["message"]
    assert [] == there.fakes.executions.started


def test_the_window_of_rollback_is_a_day() -> None:
    world = ended_promoted()
    world.fakes.clock.pass_time(minutes=timedelta(days=1) // timedelta(minutes=1) + 1)
    assert "roll out the previous deployment instead" in command(world, "rollback")["message"]


def test_a_storm_of_commands_is_refused_in_the_end_and_an_abort_is_not() -> None:
    world = World().baking()
    answers: list[Json] = []
    while not answers or answers[-1]["accepted"]:
        world.fakes.clock.pass_time(seconds=1)
        answers.append(command(world, "advance", reason="€" * 682))
    assert len(answers) > 36
    assert "takes no more of them; abort it" in answers[-1]["message"]
    assert command(world, "abort", reason="€" * 682)["accepted"]
    assert "ROLL_BACK" == world.call("analyze")["decision"]
