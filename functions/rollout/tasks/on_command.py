"""On command: tell a rollout what a person wants, or say at once why that cannot be.

Law: a handler never touches the target. It records the signal first and wakes the workflow after.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollout.core.commands import COMMANDS, objection, undo_objection
from rollout.core.rollout import Rollout
from rollout.core.signals import Signal, SignalKind
from rollout.core.target import Json, Target
from rollout.core.texts import checked, fitted
from rollout.core.undo import UNDO, undo_id_of
from rollout.errors import InvalidRequest, Refused
from rollout.tasks.undo import undo_of

if TYPE_CHECKING:
    from rollout.ports import Ports

ROLLBACK = "rollback"
FIELDS = frozenset({"rolloutId", "target", "command", "expectedStep", "actor", "reason"})
HIGHEST_STEP = 1_000
"""Of a command; no plan has so many steps."""
LONGEST_QUOTE = 64
"""Characters that a refusal repeats of what it refuses."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a command, for the person who gave it."""

    accepted: bool
    message: str
    rollout_id: str = ""

    def to_document(self) -> Json:
        """A JSON object."""
        return {"accepted": self.accepted, "message": self.message, "rolloutId": self.rollout_id}


def on_command(ports: Ports, document: Json, given_at: str | None = None) -> Answer:
    """Carry the command to its rollout. One that was `given_at` the same time by the same person is the same command.

    Raises: what the store, the waker and the executions raise when AWS fails; all else is an answer.
    """
    try:
        command, expected_step = _checked(document)
        actor = checked("actor", document.get("actor")) or "somebody"
        reason = checked("reason", document.get("reason"))
        rollout = _find(ports, document)
    except (InvalidRequest, Refused) as error:
        return Answer(False, str(error))
    if command == ROLLBACK:
        return _undo(ports, rollout, actor, reason)
    kind = SignalKind(command.upper())
    if (problem := objection(rollout, kind, expected_step)) is not None:
        return Answer(False, problem, rollout.rollout_id)
    step = rollout.step if kind in (SignalKind.APPROVE, SignalKind.ADVANCE) else None
    signal = Signal(kind, given_at or ports.clock.now().isoformat(), actor, reason, step)
    try:
        token = ports.store.signal(rollout.rollout_id, signal)
    except Refused as error:
        return Answer(False, str(error), rollout.rollout_id)
    if token is not None:
        ports.waker.wake(token)
    return Answer(True, f"{command} recorded for rollout {rollout.rollout_id}", rollout.rollout_id)


def _undo(ports: Ports, rollout: Rollout, actor: str, reason: str) -> Answer:
    """Put the previous deployment back, by an execution of its own, while the request's window is open."""
    if (problem := undo_objection(rollout, ports.clock.now())) is not None:
        return Answer(False, problem, rollout.rollout_id)
    name = undo_id_of(rollout.rollout_id)
    try:
        ports.store.order(name, {UNDO: rollout.rollout_id, "actor": actor, "reason": reason})
        ports.executions.start(name, {UNDO: rollout.rollout_id, "actor": actor, "reason": reason})
    except Refused as error:
        undo = undo_of(ports.store, rollout)
        return Answer(False, str(undo or error), rollout.rollout_id)
    return Answer(True, f"rolling back {rollout.rollout_id} by execution {name}", name)


def _checked(document: Json) -> tuple[str, int | None]:
    unknown = sorted(set(document) - FIELDS)
    if unknown:
        raise InvalidRequest(
            f"{fitted(unknown[0], LONGEST_QUOTE)}: unknown field; allowed are {', '.join(sorted(FIELDS))}"
        )
    command = document.get("command")
    allowed = (*COMMANDS, ROLLBACK)
    if command not in allowed:
        raise InvalidRequest(f"command: {fitted(repr(command), LONGEST_QUOTE)} is not one of {', '.join(allowed)}")
    step = document.get("expectedStep")
    if step is not None and (not isinstance(step, int) or isinstance(step, bool) or not 0 <= step <= HIGHEST_STEP):
        raise InvalidRequest(f"expectedStep: must be a whole number from 0 to {HIGHEST_STEP}")
    checked("rolloutId", document.get("rolloutId"))
    return str(command), step


def _find(ports: Ports, document: Json) -> Rollout:
    """The rollout by its id, or by the target that it holds."""
    rollout_id = document.get("rolloutId")
    if rollout_id is None:
        target = _target(document.get("target"))
        rollout_id = ports.store.holder(target)
        if rollout_id is None:
            raise Refused(f"no rollout is running on {target.key}")
    rollout = ports.store.load(rollout_id)
    if rollout is None:
        raise Refused(f"there is no rollout {rollout_id}")
    return rollout


def _target(document: object) -> Target:
    is_target = isinstance(document, dict) and "type" in document
    if not is_target or not all(isinstance(value, str) for value in document.values()):  # type: ignore[attr-defined]
        raise InvalidRequest("rolloutId: required, or a target as in a request")
    return Target.from_document(document)  # type: ignore[arg-type]
