"""`rollout judge`: the judge over recorded minutes, with the settings it had or with others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console

from rollout.core.judge import Action, InvalidInput, JudgeSettings, parse_recording, replay
from rollout.core.judge.checks import check_settings
from rollout_cli.documents import read_json, refuse
from rollout_cli.exits import Exit
from rollout_cli.judge_view import show_replay

EXITS = {Action.PROMOTE: Exit.PROMOTED, Action.ROLL_BACK: Exit.ROLLED_BACK}
"""Anything else is no verdict: the same as a hold."""


def judge(
    readings: Annotated[str, typer.Argument(help="The recorded minutes (JSON); - reads standard input.")],
    alpha: Annotated[
        float | None, typer.Option(help="How often a rollout within tolerance may be rolled back, at most.")
    ] = None,
    beta: Annotated[float | None, typer.Option(help="How often an unsafe step may be taken for safe, at most.")] = None,
    preset: Annotated[
        str | None, typer.Option(help="sensitive, balanced or tolerant; a tolerance that the file names stays.")
    ] = None,
    max_bake_factor: Annotated[
        float | None, typer.Option(help="How many times its bake a step may last before it holds.")
    ] = None,
    gate_relative: Annotated[
        float | None, typer.Option(help="The margin of the proof of safety: times the base.")
    ] = None,
    gate_absolute: Annotated[
        float | None, typer.Option(help="The margin of the proof of safety: plus so much.")
    ] = None,
    cap_share: Annotated[
        float | None, typer.Option(help="The share of a conviction that a single minute may bring.")
    ] = None,
    dispersion: Annotated[float | None, typer.Option(help="How clumped the counts of each metric are, from 1.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Judge recorded minutes again: what would the judge have done, and why?

    The options override the recording's own settings.

    Exit code: 0 promoted, 3 rolled back, 4 held or no verdict, 2 readings or settings that cannot be.
    """
    from rollout.errors import InvalidRequest  # noqa: PLC0415
    from rollout.request.judge import parse_judge  # noqa: PLC0415

    given = {"preset": preset, "alpha": alpha, "beta": beta, "maxBakeFactor": max_bake_factor, "capShare": cap_share}
    gate = {"relative": gate_relative, "absolute": gate_absolute}
    try:
        recording = parse_recording(_overridden(read_json(readings), given, gate), parse_judge)
        if dispersion is not None:
            recording = recording._replace(settings=_dispersed(recording.settings, dispersion))
        replayed = replay(*recording)
    except (InvalidInput, InvalidRequest) as error:
        refuse(str(error))
    if as_json:
        typer.echo(json.dumps(replayed.to_dict(), indent=2, allow_nan=False))
    else:
        show_replay(Console(highlight=False), recording, replayed)
    raise typer.Exit(EXITS.get(replayed.verdict, Exit.HELD))


def _overridden(document: Any, given: Mapping[str, Any], gate: Mapping[str, Any]) -> Any:
    """The document with what the options say instead; one that is no recording is left to be refused."""
    if not isinstance(document, dict):
        return document
    block = document.get("judge")
    if block is not None and not isinstance(block, dict):
        return document
    block = {**(block or {}), **_said(given)}
    if said := _said(gate):
        own = block.get("gate")
        block["gate"] = {**own, **said} if isinstance(own, dict) else said
    return {**document, "judge": block}


def _said(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _dispersed(settings: JudgeSettings, dispersion: float) -> JudgeSettings:
    changed = settings._replace(metrics=tuple(each._replace(dispersion=dispersion) for each in settings.metrics))
    check_settings(changed)
    return changed
