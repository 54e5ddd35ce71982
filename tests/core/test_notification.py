"""A transition in words for people: what happened, why, the numbers, and what can be done now."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.core.commands import objection
from rollout.core.decision import Phase
from rollout.core.events import StateChanged
from rollout.core.notification import LONGEST_SUBJECT, Notification, Place, notification
from rollout.core.signals import SignalKind
from rollout.core.target import Json
from rollout.core.why import Group, Sample, Why
from rollout_simulator.samples import FOLDER
from tests.cli.command import understood
from tests.rollouts import rollout

PLACE = Place("rollout-pilot", "eu-central-1")
SAMPLES = sorted(FOLDER.glob("*.json"))
LONGEST_DESCRIPTION = 8_000
"""Of a chat message (documented)."""


def sample(state: str) -> StateChanged:
    event = json.loads((FOLDER / f"{state.lower().replace('_', '-')}.json").read_text(encoding="utf-8"))
    return cast("StateChanged", event["detail"])


def told(state: str, place: Place = PLACE, **fields: Any) -> Notification:
    return notification(cast("StateChanged", {**sample(state), **fields}), place)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_every_transition_says_what_happened_to_what_and_why(path: Any) -> None:
    detail = json.loads(path.read_text(encoding="utf-8"))["detail"]
    words = notification(detail, PLACE)
    target = f"{detail['target']['restApiId']}/{detail['target']['stageName']}"
    assert target in words.subject
    assert detail["rolloutId"] in words.text
    assert detail["reason"] in words.text
    assert detail["eventId"] == words.event_id


def test_a_rollout_that_is_held_shows_the_numbers_and_how_to_let_it_go_on() -> None:
    words = told("HELD")
    assert "Rollout held, needs you: " in words.subject
    assert "5XXError: undecided; canary 0 of 4 (0.00%), base 1 of 102 (0.98%), allowed 1.25%" in words.text
    assert "rollout approve low-traffic-rollout --step 1 --region eu-central-1" in words.text


@pytest.mark.parametrize("state", ["HELD", "PAUSED"])
def test_a_rollout_that_waits_for_a_person_says_until_when(state: str) -> None:
    words = told(state, answerDue="2026-03-09T12:09:00+00:00")
    said = "If nobody answers by 2026-03-09 12:09 UTC, it is rolled back."
    assert said in words.text
    assert said in words.chat["content"]["description"]


def test_the_numbers_say_how_large_the_effect_is_where_that_is_known() -> None:
    verdict = sample("HELD")["evidence"][0]
    measured = {**verdict, "effect": {"difference": 0.031, "low": 0.02, "high": 0.044}}
    text = told("HELD", evidence=[measured]).text
    assert "allowed 1.25%; 3.1 points worse (2.0 to 4.4)\n" in text
    assert "3.1 points worse (2.0 to 4.4)" in told("HELD", evidence=[measured]).chat["content"]["description"]
    of_before = {name: value for name, value in verdict.items() if name != "effect"}
    for silent in (of_before, {**verdict, "effect": None}):
        assert "allowed 1.25%\n" in told("HELD", evidence=[silent]).text


def test_a_long_reason_keeps_its_beginning_and_its_end() -> None:
    reason = f"aborted by kim; {'5XX: and so on; ' * 200}4XX is shown only, and would have rolled back"
    text = told("HELD", reason=reason).text
    assert "Why\n  aborted by kim; " in text
    assert "…" in text
    assert "4XX is shown only, and would have rolled back\n" in text


def test_a_metric_that_decides_nothing_is_marked_as_shown_only() -> None:
    (refused,) = (verdict for verdict in sample("HELD")["evidence"] if verdict["metric"] == "4XXError")
    assert "4XXError: undecided, shown only;" in told("HELD", evidence=[{**refused, "dryRun": True}]).text
    assert "4XXError: undecided; " in told("HELD", evidence=[refused]).text


def test_warnings_of_preflight_are_told_with_their_remedy_and_errors_only_as_the_reason() -> None:
    found = {"code": "weak-step", "severity": "warning", "what": "too few requests", "why": "", "fix": "bake longer"}
    error = {**found, "severity": "error", "what": "no such stage"}
    text = told("PREPARED", findings=[found, error]).text
    assert "Warnings\n  too few requests. bake longer.\n" in text
    assert "no such stage" not in text


def why(message: str) -> Json:
    sample = Sample("2026-03-02T12:01:19.000+00:00", "r-1", "1-5e-1")
    group = Group("POST /orders", 502, message, 84, 91, 0, 2_735, (sample,))
    return Why((group,) * 6, "2026-03-02T12:00:00+00:00", "2026-03-02T12:05:00+00:00", ("a note",)).to_document()


def test_what_failed_is_told_with_requests_to_look_up() -> None:
    words = told("ROLLED_BACK", why=why("KeyError: 'sku'"))
    assert "  84 of 91 failures: POST /orders 502, KeyError: 'sku' (base: 0 of 2,735)\n" in words.text
    assert "    2026-03-02 12:01:19 UTC, request r-1, trace 1-5e-1\n" in words.text
    assert "a note" in words.text
    assert "*What failed:*\n• 84 of 91 failures: POST /orders 502, KeyError" in words.chat["content"]["description"]
    assert "What failed" not in told("PROMOTED").text


@pytest.mark.parametrize("message", ["<!channel> @here", "x" * 240, "[a](http://b)", "&" * 240, "://" * 80])
def test_a_message_of_a_log_calls_nobody_in_a_chat_and_leaves_it_short_enough(message: str) -> None:
    description = told("ROLLED_BACK", why=why(message), reason="x" * 10_000).chat["content"]["description"]
    assert not [mark for mark in ("<!", "@", "](", "://") if mark in description]
    assert len(description) <= LONGEST_DESCRIPTION


def test_a_business_value_and_a_silent_arm_have_their_own_words() -> None:
    verdict = sample("HELD")["evidence"][0]
    orders = {
        **verdict,
        "metric": "OrderValue",
        "canary": {"samples": 4, "total": 90.0},
        "base": {"samples": 0, "total": 0},
    }
    silent = {**verdict, "canary": {"requests": 0, "bad": 0}, "allowedRate": None, "effect": None}
    text = told("HELD", evidence=[orders, silent]).text
    assert "canary 22.5 on average of 4, base no samples" in text
    assert "5XXError: undecided; canary 0 of 0, base 1 of 102 (0.98%)\n" in text


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.ENDED])
def test_only_commands_that_the_rollout_would_take_are_suggested(phase: Phase) -> None:
    state = sample(phase.value)
    suggested = [step.split("`")[1].split()[1] for step in told(phase.value).chat["content"]["nextSteps"]]
    assert len(suggested) > 1
    running = rollout(phase=phase, step=state["step"], pending_decision=None)
    for command in suggested:
        if command not in ("status", "why"):
            assert objection(running, SignalKind(command.upper()), state["step"]) is None


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_every_suggested_command_is_one_that_the_command_line_takes(path: Any) -> None:
    words = notification(json.loads(path.read_text(encoding="utf-8"))["detail"], Place("team-a", "eu-central-1"))
    steps = words.chat["content"]["nextSteps"]
    assert steps
    for step in steps:
        understood(step.split("`")[1])


def test_a_controller_of_another_name_is_named_in_the_commands() -> None:
    assert "--stack team-a --region" in told("HELD", Place("team-a", "eu-central-1")).text
    assert "--stack" not in told("HELD").text


def test_in_a_chat_a_rollouts_messages_stay_together_and_nobody_is_called_by_what_others_wrote() -> None:
    chat = told("STOPPED", reason="aborted by <!here>").chat
    assert ("1.0", "custom") == (chat["version"], chat["source"])
    assert sample("STOPPED")["rolloutId"] == chat["metadata"]["threadId"]
    assert "<" not in chat["content"]["description"]


@pytest.mark.parametrize("target", [None, "prod", {}, {"type": "apigateway-stage"}])
def test_a_request_that_named_no_target_is_told_of_all_the_same(target: Any) -> None:
    assert "Rollout rejected: no target" == told("REJECTED", target=target).subject


@given(
    reason=st.text(max_size=6_000), name=st.text(max_size=300), state=st.sampled_from([path.stem for path in SAMPLES])
)
def test_whatever_is_told_fits_a_subject_and_a_chat_message(reason: str, name: str, state: str) -> None:
    target = {"type": "apigateway-stage", "restApiId": name, "stageName": "prod"}
    words = told(state, reason=reason, target=target)
    assert words.subject.isascii()
    assert words.subject.isprintable()
    assert len(words.subject) <= LONGEST_SUBJECT
    assert len(words.chat["content"]["description"]) <= LONGEST_DESCRIPTION
    assert json.loads(json.dumps(words.chat)) == words.chat
