"""The commands that an actor can give a rollout: what each does, and in which phase it is accepted.

Law: a command that cannot be carried out is refused at once, with the reason. It is not recorded.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from rollout.core.decision import Decision, Phase
from rollout.core.rollout import Outcome, Rollout
from rollout.core.signals import SignalKind

COMMANDS = tuple(kind.value.lower() for kind in SignalKind if kind is not SignalKind.ALARM)
"""abort, promote, pause, advance, approve, resume: what a running rollout understands."""

ROLLBACK = "rollback"
"""The one command for a rollout that has been promoted and is over."""

_PURPOSES: dict[str, str] = {
    "approve": "go on to the next step although it is not proven",
    "resume": "go on after the pause",
    "pause": "do not raise the weight; the judge and the alarms go on",
    "advance": "go on to the next step now",
    "promote": "give the candidate all requests now",
    "abort": "give the base all requests again now",
    ROLLBACK: "undo the promotion: put the base back",
}
_PURPOSES_WHILE_WATCHING = {"advance": "end the watch now", "abort": _PURPOSES[ROLLBACK]}

_FITTING: dict[SignalKind, frozenset[Phase]] = {
    SignalKind.ABORT: frozenset({Phase.BAKING, Phase.HELD, Phase.PAUSED, Phase.WATCHING}),
    SignalKind.PROMOTE: frozenset({Phase.BAKING, Phase.HELD, Phase.PAUSED}),
    SignalKind.PAUSE: frozenset({Phase.BAKING}),
    SignalKind.ADVANCE: frozenset({Phase.BAKING, Phase.HELD, Phase.PAUSED, Phase.WATCHING}),
    SignalKind.APPROVE: frozenset({Phase.HELD}),
    SignalKind.RESUME: frozenset({Phase.PAUSED}),
}
_PHASES = {
    Phase.BAKING: "baking",
    Phase.HELD: "held for a person",
    Phase.PAUSED: "paused",
    Phase.WATCHING: "promoted and being watched",
    Phase.ENDED: "over",
}


def purpose(command: str, state: str = "") -> str:
    """What the command does, as words that follow "you can"; in this state of a rollout, if one is given."""
    special = _PURPOSES_WHILE_WATCHING if state == Phase.WATCHING else {}
    return special.get(command, _PURPOSES[command])


def objection(rollout: Rollout, kind: SignalKind, expected_step: int | None) -> str | None:
    """Why this rollout does not accept this command now; None when it does. Steps count from 0."""
    if rollout.phase is Phase.ENDED:
        outcome = rollout.outcome.value.lower().replace("_", " ") if rollout.outcome else "over"
        return f"the rollout has ended already: {outcome}"
    if rollout.pending_decision in (Decision.ROLL_BACK, Decision.STOP, Decision.CLOSE):
        return f"the rollout is ending already: {rollout.reason}"
    if rollout.phase not in _FITTING[kind]:
        fitting = " or ".join(_PHASES[phase] for phase in Phase if phase in _FITTING[kind])
        return f"the rollout is {_PHASES[rollout.phase]}; {kind.value.lower()} is for one that is {fitting}"
    if kind is SignalKind.APPROVE and expected_step is None:
        return f"an approval names the step it approves: expectedStep {rollout.step} is the present one"
    if expected_step is not None and expected_step != rollout.step:
        passed = "has been passed already" if expected_step < rollout.step else "has not been reached yet"
        return f"step {expected_step} {passed}; the present one is {rollout.step}"
    return None


def concerns(step: int | None, rollout: Rollout) -> bool:
    """Whether a recorded signal is for the present step of the rollout, or for any."""
    return step is None or step == rollout.step


def undo_objection(rollout: Rollout, now: datetime) -> str | None:
    """Why the promotion of this rollout cannot be undone, or not any more; None when it can."""
    if rollout.ended_at is None:
        return "the rollout is still running; abort it instead"
    if rollout.outcome is not Outcome.PROMOTED:
        return "only a promoted rollout can be rolled back"
    if rollout.last_confirmed == rollout.original:
        return "the rollout changed nothing"
    window = rollout.settings.undo_minutes
    if now > rollout.ended_at + timedelta(minutes=window):
        return f"it was promoted more than {window} minutes ago; roll out the previous deployment instead"
    return None
