"""Carry a person's command to a rollout, and answer at once what became of it."""

from aws_lambda_powertools.utilities.typing import LambdaContext

from rollout.core.target import Json
from rollout.logs import log_about
from rollout.tasks.on_command import on_command
from rollout.wiring import ports


def handler(event: Json, _context: LambdaContext) -> Json:
    """Event: a command, as the command line sends it, or a `Rollout Command` event that carries one as its detail."""
    by_event = "detail-type" in event
    command = event["detail"] if by_event else event
    # An event may be delivered again; its time, unlike the clock, stays the same.
    answer = on_command(ports(), command, event.get("time") if by_event else None).to_document()
    meant = command.get("rolloutId") if isinstance(command, dict) else None
    log_about(ports(), str(meant or answer["rolloutId"]), "command", command=command, answer=answer)
    return answer
