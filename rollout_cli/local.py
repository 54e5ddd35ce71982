"""`rollout local`: an embedded AWS for boto3, the AWS CLI and `sam local invoke`, until it is stopped."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer

from rollout_cli.completion import scenarios
from rollout_cli.controller import AsJson
from rollout_cli.documents import refuse

HIGHEST_PORT = 65_535
FASTEST = 100_000


def local(
    port: Annotated[int, typer.Option(help="Where to listen, on 127.0.0.1 only; 0 takes a free port.")] = 4566,
    speed: Annotated[float, typer.Option(help="How many simulated seconds pass in a second.")] = 60.0,
    scenario: Annotated[
        str,
        typer.Option(
            help="How traffic and candidate behave: a scenario file, or the name of one.", autocompletion=scenarios
        ),
    ] = "healthy",
    seed: Annotated[int | None, typer.Option(help="Another draw of the same traffic.")] = None,
    as_json: AsJson = False,
) -> None:
    """Serve an embedded AWS with the controller deployed and an API under traffic, until it is stopped (Ctrl-C).

    Point boto3, the AWS CLI or `sam local invoke` at it: any credentials, region us-east-1.

    Nothing leaves this machine. With --json: a line of what is where, and one for each `Rollout State Changed` event.
    Exit code: 0 when stopped, 2 bad usage.
    """
    if not 0 <= port <= HIGHEST_PORT:
        refuse(f"--port {port}: must be between 0 and {HIGHEST_PORT:,}")
    if not 0 < speed <= FASTEST:
        refuse(f"--speed {speed:g}: must be above 0 and at most {FASTEST:,}")
    with _stopped_by_signals() as stop:
        _serve(stop, port, speed, scenario, seed, as_json=as_json)


def _serve(stop: threading.Event, port: int, speed: float, scenario: str, seed: int | None, *, as_json: bool) -> None:
    # The embedded AWS takes a second to import; nothing else of the command should wait for it.
    from rollout_cli.local_view import introduction, resources, state_line  # noqa: PLC0415
    from rollout_cli.scenarios import chosen_scenario  # noqa: PLC0415
    from rollout_simulator.endpoint import PortUnavailable  # noqa: PLC0415
    from rollout_simulator.local import opened  # noqa: PLC0415

    chosen = chosen_scenario(scenario)
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    try:
        with opened(chosen, port=port, seed=seed, start=now) as aws:
            typer.echo(json.dumps(resources(aws)) if as_json else introduction(aws, speed))
            aws.watch(lambda event: typer.echo(json.dumps(event) if as_json else state_line(event)))
            aws.serve(speed, stop, lambda error: typer.echo(f"rollout: {type(error).__name__}: {error}", err=True))
    except PortUnavailable as error:
        refuse(str(error))
    if not as_json:
        typer.echo("Stopped.")


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set, for as long as this is open."""
    stop = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: stop.set()) for number in numbers]
    try:
        yield stop
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
