"""Preflight's warnings stay visible while the rollout runs, and a held rollout says which of them explains it."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest

from rollout.cockpit.view import warnings_of
from rollout.core.controllers import tag_command
from rollout.core.findings import Finding, Severity
from rollout.core.judge import MetricKind, MetricSettings, Standing, Tolerance
from rollout.core.notification import Place, notification
from rollout.core.preflight.checks import CHECKS
from rollout.core.preflight.explaining import EXPLAINS, explaining
from rollout.core.target import Json, Target
from tests.functions.world import World

SHORT = {"steps": [{"weightPercent": 5, "bakeMinutes": 2}, {"weightPercent": 50, "bakeMinutes": 2}]}


def warned(world: World, *codes: str, **fields: Any) -> World:
    """A rollout that bakes, of which preflight warned so."""
    world.baking(plan=SHORT, **fields)
    warnings = tuple(Finding(code, Severity.WARNING, f"{code} seen", "why", f"mend {code}") for code in codes)
    world.fakes.store.save(replace(world.rollout, warnings=warnings))
    return world


def held(world: World) -> Json:
    """The event of the hold, after so long without any data."""
    world.silence()
    while world.analyzed(minutes=1)["decision"] != "HOLD":
        pass
    (event,) = [each for each in world.fakes.notifier.told.values() if each["state"] == "HELD"]
    return event


def test_a_hold_for_want_of_data_names_the_warning_that_explains_it(world: World) -> None:
    event = held(warned(world, "long-timeout", "canary-unseen"))
    assert ["canary-unseen"] == event["explains"]
    assert {"long-timeout", "canary-unseen"} == {found["code"] for found in event["findings"]}
    text = notification(event, Place("rollout-pilot", "eu-central-1")).text  # type: ignore[arg-type]
    assert "Preflight warned of it\n  canary-unseen seen. mend canary-unseen." in text
    assert "Warnings\n  long-timeout seen. mend long-timeout." in text


def test_a_command_stands_in_a_line_of_its_own_in_the_message(world: World) -> None:
    world.baking(plan=SHORT)
    warning = Finding("canary-unseen", Severity.WARNING, "unseen", "why", "turn it on: aws x --y 'z'", "aws x --y 'z'")
    world.fakes.store.save(replace(world.rollout, warnings=(warning,)))
    text = notification(held(world), Place("rollout-pilot", "eu-central-1")).text  # type: ignore[arg-type]
    assert "  unseen. turn it on:\n  aws x --y 'z'\n" in text


def test_the_message_of_a_refusal_has_the_commands_that_mend_it(world: World) -> None:
    assert "REJECTED" == world.prepare(alarms=["gone"])["outcome"]
    (event,) = [each for each in world.fakes.notifier.told.values() if each["state"] == "REJECTED"]
    text = notification(event, Place("rollout-pilot", "eu-central-1")).text  # type: ignore[arg-type]
    assert "To mend it\n  aws cloudwatch describe-alarms --query '*[].AlarmName' --output text\n" in text


def test_a_hold_that_no_warning_explains_shows_them_all_the_same(world: World) -> None:
    event = held(warned(world, "override-unused"))
    assert "explains" not in event
    text = notification(event, Place("rollout-pilot", "eu-central-1")).text  # type: ignore[arg-type]
    assert "Warnings\n  override-unused seen. mend override-unused." in text


def test_a_warning_about_another_metric_explains_nothing(world: World) -> None:
    """5XXError is what was not measured."""
    silent = replace(warned(world, "no-recent-data").rollout.warnings[0], metrics=("Latency.p99",))
    world.fakes.store.save(replace(world.rollout, warnings=(silent, replace(silent, metrics=("5XXError",)))))
    event = held(world)
    assert ["no-recent-data"] == event["explains"]
    assert (replace(silent, metrics=("5XXError",)),) == explaining(world.rollout)


def test_the_warning_of_a_metric_without_data_names_it(world: World) -> None:
    world.prepared(plan=SHORT)
    (silent,) = [finding for finding in world.rollout.warnings if finding.code == "no-recent-data"]
    assert ("5XXError",) == silent.metrics
    assert silent == Finding.from_document(silent.to_document())


def test_only_warnings_explain_a_hold() -> None:
    severities = {check.code: check.severity for check in CHECKS}
    assert {Severity.WARNING} == {severities[code] for code in EXPLAINS}


@pytest.mark.parametrize("code", ["weak-step", "no-recent-data", "cache-unused", "override-unused"])
def test_what_is_worse_by_its_failures_is_explained_by_no_warning(world: World, code: str) -> None:
    warned(world, code, onRegression="hold").traffic(bad=500)
    assert "HOLD" == world.analyzed(minutes=8)["decision"]
    assert () == explaining(world.rollout)


def test_what_is_slower_than_a_base_that_has_a_cache_is_explained_by_that(world: World) -> None:
    warned(world, "weak-step", "cache-unused")
    harmful = SimpleNamespace(name="Latency.p99", verdict=Standing.HARMFUL, required=False, dry_run=False)
    unproven = SimpleNamespace(name="5XXError", verdict=Standing.UNDECIDED, required=True, dry_run=False)
    latency = MetricSettings("Latency.p99", MetricKind.LATENCY, Tolerance(0.25, 0.01))
    rollout = world.rollout
    settings = replace(rollout.settings, judge=rollout.settings.judge._replace(metrics=(latency,)))
    judged = SimpleNamespace(verdicts=[harmful, unproven])
    with patch("rollout.core.preflight.explaining.judge", lambda *_: judged):
        assert ["cache-unused"] == [each.code for each in explaining(replace(rollout, settings=settings))]


def test_status_watch_and_report_show_the_warnings_while_it_bakes(world: World) -> None:
    assert ["Preflight warned: weak-step seen; mend weak-step"] == list(warnings_of(warned(world, "weak-step").rollout))


def test_status_watch_and_report_say_which_explains_a_hold(world: World) -> None:
    held(warned(world, "override-unused", "weak-step"))
    lines = list(warnings_of(world.rollout))
    assert "Held, as preflight warned: weak-step seen; mend weak-step" in lines
    assert "Preflight warned: override-unused seen; mend override-unused" == lines[-1]


def test_little_traffic_explains_no_rollback(world: World) -> None:
    warned(world, "weak-step").traffic(bad=500)
    assert "ROLL_BACK" == world.analyzed(minutes=8)["decision"]
    assert () == explaining(world.rollout)


@pytest.mark.parametrize(
    ("target", "named"),
    [
        (
            Target("apigateway-stage", {"restApiId": "a1b2c3d4e5", "stageName": "prod"}),
            "/restapis/a1b2c3d4e5/stages/prod",
        ),
        (Target("lambda-alias", {"functionName": "orders", "aliasName": "live"}), "--function-name orders "),
    ],
)
def test_the_tag_command_is_a_line_that_a_shell_takes(target: Target, named: str) -> None:
    command = tag_command(target)
    assert named in command
    assert command.endswith(" --tags rollout-pilot=managed")
    subprocess.run(["bash", "-n", "-c", command], check=True)
